//! A host and what is behind it, to plant disagreements in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use filmgate_tests::bucket::TestBucket;
use filmgate_tests::cli::Filmgate;
use filmgate_tests::sample;
use serde_json::Value;
use sqlx::Connection as _;
use tokio::runtime::Runtime;

/// Where objects are, to plant in it behind the command's back.
pub(crate) enum Store {
    Local(PathBuf),
    Bucket(Box<TestBucket>, aws_sdk_s3::Client),
}

/// An object as it was.
pub(crate) struct Saved {
    pub(crate) bytes: Vec<u8>,
    pub(crate) content_type: Option<String>,
    pub(crate) metadata: Option<std::collections::HashMap<String, String>>,
    pub(crate) sidecar: Vec<u8>,
}

impl Store {
    async fn save(&self, key: &str) -> Saved {
        match self {
            Self::Local(root) => Saved {
                bytes: fs::read(root.join(key)).expect("read an object"),
                content_type: None,
                metadata: None,
                sidecar: fs::read(root.join(".filmgate/meta").join(key)).expect("read what belongs to it"),
            },
            Self::Bucket(bucket, client) => {
                let object = client.get_object().bucket(&bucket.name).key(key).send().await.expect("get an object");
                let (content_type, metadata) = (object.content_type().map(str::to_owned), object.metadata().cloned());
                let bytes = object.body.collect().await.expect("its bytes").to_vec();
                Saved { bytes, content_type, metadata, sidecar: Vec::new() }
            }
        }
    }

    async fn put(&self, key: &str, saved: &Saved) {
        match self {
            Self::Local(root) => {
                for (path, bytes) in
                    [(root.join(key), &saved.bytes), (root.join(".filmgate/meta").join(key), &saved.sidecar)]
                {
                    fs::create_dir_all(path.parent().expect("a folder")).expect("make a folder");
                    // Not through the file that is there: others may have it under another name.
                    let _ = fs::remove_file(&path);
                    if !bytes.is_empty() {
                        fs::write(path, bytes).expect("write a file");
                    }
                }
            }
            Self::Bucket(bucket, client) => {
                let put = client.put_object().bucket(&bucket.name).key(key).body(saved.bytes.clone().into());
                let put = put.set_metadata(saved.metadata.clone()).set_content_type(saved.content_type.clone());
                let checksum = aws_sdk_s3::types::ChecksumAlgorithm::Crc64Nvme;
                put.checksum_algorithm(checksum).send().await.expect("put an object");
            }
        }
    }

    async fn remove(&self, key: &str) {
        match self {
            Self::Local(root) => {
                fs::remove_file(root.join(key)).expect("remove an object");
                fs::remove_file(root.join(".filmgate/meta").join(key)).expect("remove what belongs to it");
            }
            Self::Bucket(bucket, client) => {
                client.delete_object().bucket(&bucket.name).key(key).send().await.expect("delete an object");
            }
        }
    }
}

/// One host and what is behind it.
pub(crate) struct Bench {
    pub(crate) place: Filmgate,
    pub(crate) store: Store,
    pub(crate) prefix: String,
    pub(crate) runtime: Runtime,
}

impl Bench {
    pub(crate) fn local() -> Self {
        let place = Filmgate::new();
        let store = Store::Local(place.folder().join("filmgate-data/storage"));
        Self { place, store, prefix: String::new(), runtime: Runtime::new().expect("a runtime") }
    }

    pub(crate) fn bucket(bucket: TestBucket, prefix: &str) -> Self {
        let place = at(Filmgate::new(), &bucket, prefix);
        let client = bucket.observer();
        let store = Store::Bucket(Box::new(bucket), client);
        Self { place, store, prefix: prefix.to_owned(), runtime: Runtime::new().expect("a runtime") }
    }

    /// Publishes a video and answers its id and key.
    pub(crate) fn publish(&self) -> (String, String) {
        self.place.write("film.mp4", sample::whole("mp4", 1000));
        let ended = self.place.run(["publish", "film.mp4", "--user", "ana", "--ref", "session=s1", "--json"]);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let answer = ended.json();
        let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
        (text("publish_id"), text("key"))
    }

    pub(crate) fn save(&self, key: &str) -> Saved {
        self.runtime.block_on(self.store.save(key))
    }

    pub(crate) fn put(&self, key: &str, saved: &Saved) {
        self.runtime.block_on(self.store.put(key, saved));
    }

    pub(crate) fn remove(&self, key: &str) {
        self.runtime.block_on(self.store.remove(key));
    }

    pub(crate) fn sql(&self, database: &str, statement: &str) {
        let path = self.place.folder().join("filmgate-data").join(database);
        let statement = statement.to_owned();
        self.runtime.block_on(async move {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("open a database");
            let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.expect("change it");
            assert_eq!(done.rows_affected(), 1);
            connection.close().await.expect("close it");
        });
    }

    pub(crate) fn forget_record(&self, id: &str) {
        self.sql("catalogue.db", &format!("DELETE FROM assets WHERE asset = x'{}'", id.replace('-', "")));
    }

    pub(crate) fn show(&self, id: &str) -> Value {
        let ended = self.place.run(["assets", "show", id, "--json"]);
        assert!(matches!(ended.code, Some(0 | 31)), "{ended:#?}");
        ended.json()
    }

    pub(crate) fn reconcile(&self, options: &[&str], exit: i32) -> Value {
        let ended = self.place.run(["reconcile", "--json"].iter().chain(options));
        assert_eq!(ended.code, Some(exit), "{ended:#?}");
        let answer = ended.json();
        assert_eq!(answer["exit_code"], exit);
        answer
    }

    /// Everything but the databases, as it lies there, and what is on record.
    pub(crate) fn snapshot(&self) -> (BTreeMap<PathBuf, Vec<u8>>, Value, Vec<String>) {
        let mut files = BTreeMap::new();
        let data = self.place.folder().join("filmgate-data");
        for folder in ["storage", "staging", "jobs"] {
            read_all(&data.join(folder), &mut files);
        }
        let objects = match &self.store {
            Store::Local(_) => Vec::new(),
            Store::Bucket(bucket, client) => self.runtime.block_on(async {
                let list = client.list_objects_v2().bucket(&bucket.name).prefix(&self.prefix).send().await;
                let uploads = client.list_multipart_uploads().bucket(&bucket.name).prefix(&self.prefix).send().await;
                let (list, uploads) = (list.expect("list objects"), uploads.expect("list uploads"));
                let objects = list.contents().iter().map(|object| format!("{:?} {:?}", object.key(), object.e_tag()));
                objects.chain(uploads.uploads().iter().map(|upload| format!("{upload:?}"))).collect()
            }),
        };
        (files, self.place.run(["assets", "list", "--json", "--limit", "1000"]).json(), objects)
    }
}

pub(crate) fn at(place: Filmgate, bucket: &TestBucket, prefix: &str) -> Filmgate {
    place.with_bucket(bucket).with("FILMGATE_S3_RETRIES", "0").with("S3_KEY_PREFIX", prefix)
}

fn read_all(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("list a folder").path();
        if path.is_dir() {
            files.insert(path.clone(), Vec::new());
            read_all(&path, files);
        } else {
            files.insert(path.clone(), fs::read(&path).expect("read a file"));
        }
    }
}
