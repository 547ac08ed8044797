//! `filmgate reconcile` and `filmgate verify`: planted disagreements are found, left alone without `--fix`, and mended.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use filmgate::job::{JobId, Refs};
use filmgate::key::ObjectKey;
use filmgate::media::MediaKind;
use filmgate::outbox::Claimed;
use filmgate::publish::{Identity, Journal as _, Plan, SqliteJournal};
use filmgate::storage::{LocalStorage, MemorySource, PublishId, PutRequest, Storage as _, Unobserved};
use filmgate::url::UrlClass;
use filmgate_tests::bucket::TestBucket;
use filmgate_tests::cli::{Ended, Filmgate};
use filmgate_tests::garage::Garage;
use filmgate_tests::s3s::S3sServer;
use filmgate_tests::sample;
use serde_json::Value;
use sqlx::Connection as _;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// Where objects are, to plant in it behind the command's back.
enum Store {
    Local(PathBuf),
    Bucket(Box<TestBucket>, aws_sdk_s3::Client),
}

/// An object as it was.
struct Saved {
    bytes: Vec<u8>,
    content_type: Option<String>,
    metadata: Option<std::collections::HashMap<String, String>>,
    sidecar: Vec<u8>,
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
struct Bench {
    place: Filmgate,
    store: Store,
    prefix: String,
    runtime: Runtime,
}

impl Bench {
    fn local() -> Self {
        let place = Filmgate::new();
        let store = Store::Local(place.folder().join("filmgate-data/storage"));
        Self { place, store, prefix: String::new(), runtime: Runtime::new().expect("a runtime") }
    }

    fn bucket(bucket: TestBucket, prefix: &str) -> Self {
        let place = at(Filmgate::new(), &bucket, prefix);
        let client = bucket.observer();
        let store = Store::Bucket(Box::new(bucket), client);
        Self { place, store, prefix: prefix.to_owned(), runtime: Runtime::new().expect("a runtime") }
    }

    /// Publishes a video and answers its id and key.
    fn publish(&self) -> (String, String) {
        self.place.write("film.mp4", sample::whole("mp4", 1000));
        let ended = self.place.run(["publish", "film.mp4", "--user", "ana", "--ref", "session=s1", "--json"]);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let answer = ended.json();
        let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
        (text("publish_id"), text("key"))
    }

    fn sql(&self, database: &str, statement: &str) {
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

    fn forget_record(&self, id: &str) {
        self.sql("catalogue.db", &format!("DELETE FROM assets WHERE asset = x'{}'", id.replace('-', "")));
    }

    fn show(&self, id: &str) -> Value {
        let ended = self.place.run(["assets", "show", id, "--json"]);
        assert!(matches!(ended.code, Some(0 | 31)), "{ended:#?}");
        ended.json()
    }

    fn reconcile(&self, options: &[&str], exit: i32) -> Value {
        let ended = self.place.run(["reconcile", "--json"].iter().chain(options));
        assert_eq!(ended.code, Some(exit), "{ended:#?}");
        let answer = ended.json();
        assert_eq!(answer["exit_code"], exit);
        answer
    }

    /// Everything but the databases, as it lies there, and what is on record.
    fn snapshot(&self) -> (BTreeMap<PathBuf, Vec<u8>>, Value, Vec<String>) {
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

fn at(place: Filmgate, bucket: &TestBucket, prefix: &str) -> Filmgate {
    place
        .with("AWS_ACCESS_KEY_ID", &bucket.access_key_id)
        .with("AWS_SECRET_ACCESS_KEY", &bucket.secret_access_key)
        .with("AWS_REGION", &bucket.region)
        .with("S3_BUCKET_NAME", &bucket.name)
        .with("AWS_ENDPOINT_URL_S3", bucket.endpoint.as_str())
        .with("FILMGATE_S3_RETRIES", "0")
        .with("S3_KEY_PREFIX", prefix)
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

/// Kind and asset of every finding, in a fixed order, and the result of each.
fn findings(answer: &Value) -> Vec<(String, Option<String>, String)> {
    let list = answer["disagreements"].as_array().unwrap_or_else(|| panic!("no list in {answer}"));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut findings: Vec<_> = list
        .iter()
        .map(|one| {
            let result = text(&one["outcome"]["result"]).expect("a result");
            (text(&one["kind"]).expect("a kind"), text(&one["asset"]), result)
        })
        .collect();
    findings.sort();
    findings
}

/// A publish that its process has begun and left.
fn interrupt(bench: &Bench) -> PublishId {
    let film = bench.place.write("interrupted.mp4", sample::whole("mp4", 1000));
    let claimed = Claimed::open(&film, &CancellationToken::new()).expect("open it");
    let publish = PublishId::generate();
    let plan = Plan {
        identity: Identity { job: JobId::generate(), slot: "video".parse().expect("a slot"), sequence: None },
        publish,
        user: "ana".parse().expect("a user"),
        accepted_at: jiff::Timestamp::now(),
        refs: Refs::new(),
        plugin: None,
        key: ObjectKey::try_from(format!("{}videos/ana/interrupted.mp4", bench.prefix)).expect("a key"),
        kind: MediaKind::Mp4,
        facts: None,
        class: UrlClass::Final,
        metadata: BTreeMap::new(),
    };
    let intent = plan.intent(&claimed, true);
    drop(claimed);
    let journal =
        SqliteJournal::open(&bench.place.folder().join("filmgate-data/journal.db")).expect("open the journal");
    bench.runtime.block_on(journal.begin(plan.identity, publish, intent)).expect("begin");
    publish
}

/// Plants one of everything, finds it, sees that nothing was changed, mends it, and finds nothing any more.
fn every_disagreement(bench: &Bench) {
    let run = |future| bench.runtime.block_on::<std::pin::Pin<Box<dyn Future<Output = Saved> + '_>>>(future);
    let [missing, size, checksum, deleted, orphan, unknown, stale, healthy] = std::array::from_fn(|_| bench.publish());
    let store = &bench.store;
    bench.runtime.block_on(store.remove(&missing.1));

    let mut saved = run(Box::pin(store.save(&size.1)));
    saved.bytes.push(0);
    bench.runtime.block_on(store.put(&size.1, &saved));

    // Other bytes, or, where the bytes are not looked at, another checksum beside them.
    let mut saved = run(Box::pin(store.save(&checksum.1)));
    *saved.bytes.last_mut().expect("a byte") ^= 1;
    let known = bench.show(&checksum.0)["checksum"]["crc64nvme"].as_str().expect("a checksum").to_owned();
    saved.sidecar = String::from_utf8(saved.sidecar).expect("text").replace(&known, "0123456789abcdef").into();
    bench.runtime.block_on(store.put(&checksum.1, &saved));

    let saved = run(Box::pin(store.save(&deleted.1)));
    assert_eq!(bench.place.run(["assets", "delete", &deleted.0]).code, Some(0));
    bench.runtime.block_on(store.put(&deleted.1, &saved));

    let known: Vec<_> = [&orphan, &unknown, &stale].iter().map(|(id, _)| bench.show(id)).collect();
    for (id, _) in [&orphan, &unknown, &stale] {
        bench.forget_record(id);
    }
    bench.sql("journal.db", &format!("DELETE FROM publishes WHERE publish = '{}'", unknown.0));
    bench.sql("journal.db", &format!("UPDATE publishes SET catalogued = 0 WHERE publish = '{}'", stale.0));

    let foreign = Saved { bytes: b"x".to_vec(), content_type: None, metadata: None, sidecar: Vec::new() };
    bench.runtime.block_on(store.put(&format!("{}other/thing.bin", bench.prefix), &foreign));

    let data = bench.place.folder().join("filmgate-data");
    let staged = PublishId::generate();
    fs::write(data.join("staging").join(staged.to_string()), "x").expect("stage a file");
    fs::create_dir_all(data.join("jobs/dead/out")).expect("make a job's directory");
    fs::write(data.join("jobs/dead/out/film.mp4"), "x").expect("write a file");
    let interrupted = interrupt(bench).to_string();

    let mut expected = vec![
        ("missing-object", Some(missing.0.clone()), "mended"),
        ("size-mismatch", Some(size.0.clone()), "found"),
        ("checksum-mismatch", Some(checksum.0.clone()), "found"),
        ("deleted-object", Some(deleted.0.clone()), "mended"),
        ("orphan-object", Some(orphan.0.clone()), "mended"),
        ("orphan-object", Some(unknown.0.clone()), "mended"),
        ("stale-record", Some(stale.0.clone()), "mended"),
        ("foreign-object", None, "found"),
        ("orphan-file", Some(staged.to_string()), "mended"),
        ("orphan-file", None, "mended"),
        ("interrupted", Some(interrupted.clone()), "mended"),
    ];
    if let Store::Bucket(bucket, client) = store {
        let open = |key: String| {
            let create = client.create_multipart_upload().bucket(&bucket.name).key(key);
            bench.runtime.block_on(create.send()).expect("begin an upload");
        };
        open(healthy.1.clone());
        open(format!("{}other/upload.bin", bench.prefix));
        expected.push(("orphan-upload", Some(healthy.0.clone()), "mended"));
        expected.push(("foreign-upload", None, "found"));
    }
    let expected = |result: Option<&str>, with_checksum: bool| {
        let kinds = expected.iter().filter(|(kind, ..)| with_checksum || *kind != "checksum-mismatch");
        let mut all: Vec<_> =
            kinds.map(|(kind, id, then)| (kind.to_string(), id.clone(), result.unwrap_or(then).to_owned())).collect();
        all.sort();
        all
    };

    let before = bench.snapshot();
    let seen = bench.reconcile(&[], 20);
    assert_eq!(findings(&seen), expected(Some("found"), false), "{seen:#}");
    let seen = bench.reconcile(&["--checksums"], 20);
    assert_eq!(findings(&seen), expected(Some("found"), true), "{seen:#}");
    assert_eq!(bench.snapshot(), before, "a look changes something");
    let told = bench.place.run(["reconcile"]);
    let line = told.stdout.lines().find(|line| line.starts_with("missing-object")).expect("a line of it").to_owned();
    for part in [missing.0.as_str(), missing.1.as_str(), "recorded: stored, ", "--fix: the asset is marked gone"] {
        assert!(line.contains(part), "{part}: {line}");
    }

    let mended = bench.reconcile(&["--fix", "--checksums"], 20);
    assert_eq!(findings(&mended), expected(None, true), "{mended:#}");
    assert_eq!(mended["left"], 2, "{mended:#}");
    for (id, _) in [&size, &checksum] {
        assert_eq!(bench.place.run(["verify", id]).code, Some(20));
        assert_eq!(bench.place.run(["assets", "delete", id]).code, Some(0));
    }
    let again = bench.reconcile(&["--checksums"], 0);
    let left: Vec<_> = findings(&again).into_iter().map(|(kind, ..)| kind).collect();
    assert!(left.iter().all(|kind| kind.starts_with("foreign-")), "{again:#}");

    let gone = bench.show(&missing.0);
    assert_eq!((gone["state"].as_str(), gone["deletion"]["by"].as_str()), (Some("gone"), Some("reconcile")));
    for (before, (id, _)) in known.iter().zip([&orphan, &unknown, &stale]) {
        let now = bench.show(id);
        let fields = ["state", "user", "job", "session", "slot", "key", "place", "size", "content_type", "checksum"];
        for field in fields.into_iter().chain(["integrity", "durability", "class", "layout", "metadata"]) {
            assert_eq!(now[field], before[field], "{field} of {id}");
        }
    }
    assert_eq!(bench.show(&interrupted)["state"], "stored");
    assert!(!bench.place.folder().join("interrupted.mp4").exists(), "it was to go");
    assert_eq!(bench.place.run(["verify", "--all"]).code, Some(0));
    assert_eq!(fs::read_dir(data.join("staging")).expect("list").count(), 0);
    assert_eq!(fs::read_dir(data.join("jobs")).expect("list").count(), 0);
}

#[test]
fn c8_every_disagreement_is_found_and_mended_on_local_storage() {
    every_disagreement(&Bench::local());
}

#[test]
fn c8_every_disagreement_is_found_and_mended_on_s3() {
    every_disagreement(&Bench::bucket(Garage::shared().bucket(), "reconciled/"));
}

#[test]
fn c8_a_store_that_cannot_list_uploads_is_compared_all_the_same() {
    let serving = Runtime::new().expect("a runtime");
    let server = serving.block_on(S3sServer::start());
    let bench = Bench::bucket(server.bucket(), "reconciled/");
    let (id, key) = bench.publish();
    let clean = bench.reconcile(&[], 0);
    assert!(clean["uploads_unlisted"].as_str().is_some_and(|why| why.contains("list multipart uploads")), "{clean}");
    assert_eq!((&clean["compared"]["objects"], &clean["compared"]["records"]), (&1.into(), &1.into()), "{clean}");
    bench.runtime.block_on(bench.store.remove(&key));
    let seen = bench.reconcile(&[], 20);
    assert_eq!(findings(&seen), [("missing-object".to_owned(), Some(id), "found".to_owned())]);
}

#[test]
fn c8_an_empty_store_costs_no_record() {
    let bench = Bench::local();
    let (id, key) = bench.publish();
    bench.runtime.block_on(bench.store.remove(&key));
    let left = bench.reconcile(&["--fix"], 20);
    assert!(left["disagreements"][0]["outcome"]["detail"].as_str().expect("why").contains("mounted"), "{left}");
    assert_eq!(bench.show(&id)["state"], "stored");
}

#[test]
fn d6_a_catalogue_that_is_lost_is_made_anew_from_the_bucket() {
    let bucket = Garage::shared().bucket();
    let bench = Bench::bucket(bucket.clone(), "rebuilt/");
    let published: Vec<_> = (0..3).map(|_| bench.publish()).collect();
    let before: Vec<_> = published.iter().map(|(id, _)| bench.show(id)).collect();
    let other = Bench::bucket(bucket, "rebuilt/");
    let mended = other.reconcile(&["--fix"], 0);
    assert_eq!(mended["mended"], 3, "{mended}");
    for (before, (id, _)) in before.iter().zip(&published) {
        let now = other.show(id);
        for field in ["state", "user", "job", "session", "slot", "version", "key", "size", "checksum", "layout"] {
            assert_eq!(now[field], before[field], "{field}");
        }
    }
    let url = other.place.run(["assets", "url", &published[0].0]);
    assert!(url.last_line().contains("X-Amz-Signature"), "{url:#?}");
    other.reconcile(&[], 0);
}

#[test]
fn c8_two_thousand_objects_are_compared_page_by_page() {
    const COUNT: u64 = 2_000;
    let bench = Bench::local();
    let Store::Local(root) = &bench.store else { unreachable!("local") };
    let storage = LocalStorage::open(root).expect("open");
    bench.runtime.block_on(async {
        for number in 0..COUNT {
            let key = ObjectKey::try_from(format!("videos/ana/{number:05}.mp4")).expect("a key");
            let metadata = [("job", JobId::generate().to_string()), ("user", "ana".into()), ("slot", "video".into())];
            let metadata = metadata.into_iter().map(|(name, value)| (format!("filmgate-{name}"), value)).collect();
            let request = PutRequest {
                key: &key,
                file: std::sync::Arc::new(MemorySource(b"film".as_slice().into())),
                content_type: "video/mp4",
                user: None,
                publish_id: PublishId::generate(),
                metadata: &metadata,
                resume: None,
                observer: &Unobserved,
                cancel: &CancellationToken::new(),
            };
            storage.put(request).await.expect("put");
        }
    });
    let seen = bench.reconcile(&[], 20);
    assert_eq!((&seen["left"], &seen["found"]["orphan-object"]), (&COUNT.into(), &COUNT.into()));
    let mended = bench.reconcile(&["--fix"], 0);
    assert_eq!((&mended["mended"], &mended["compared"]["records"]), (&COUNT.into(), &0.into()));
    let clean = bench.reconcile(&["--checksums"], 0);
    assert_eq!((&clean["compared"]["objects"], &clean["compared"]["records"]), (&COUNT.into(), &COUNT.into()));
    assert_eq!(findings(&clean), []);
    let verified = bench.place.run(["verify", "--all", "--json"]);
    assert_eq!((verified.code, &verified.json()["verified"]), (Some(0), &COUNT.into()), "{:?}", verified.stderr);
}

fn assert_result(ended: &Ended, exit: i32, result: &str) {
    assert_eq!(ended.code, Some(exit), "{ended:#?}");
    assert_eq!(ended.json()["assets"][0]["result"], result, "{ended:#?}");
}

#[test]
fn c8_verify_reads_the_bytes_and_names_what_differs() {
    let bench = Bench::local();
    let Store::Local(root) = &bench.store else { unreachable!("local") };
    let [(whole, _), (flipped, flipped_key), (cut, cut_key), (lost, lost_key), (deleted, _)] =
        std::array::from_fn(|_| bench.publish());
    let verify = |names: &[&str]| bench.place.run(["verify", "--json"].iter().chain(names));
    let all = bench.place.run(["verify", "--all"]);
    assert_eq!(all.code, Some(0), "{all:#?}");
    assert!(all.last_line().starts_with("5 verified (") && all.last_line().ends_with(", 0 mismatches"), "{all:#?}");

    let mut bytes = fs::read(root.join(&flipped_key)).expect("read");
    bytes[500] ^= 0x10;
    fs::write(root.join(&flipped_key), &bytes).expect("write");
    fs::write(root.join(&cut_key), &bytes[..900]).expect("write");
    fs::remove_file(root.join(&lost_key)).expect("remove");
    assert_eq!(bench.place.run(["assets", "delete", &deleted]).code, Some(0));

    assert_result(&verify(&[&whole]), 0, "whole");
    assert_result(&verify(&[&flipped_key]), 20, "checksum-mismatch");
    assert_result(&verify(&[&cut]), 20, "size-mismatch");
    assert_result(&verify(&[&lost]), 20, "missing-object");
    let gone = verify(&[&deleted]);
    assert_eq!((gone.code, gone.json()["assets"][0]["code"].as_str()), (Some(31), Some("gone")), "{gone:#?}");
    let several = verify(&[&whole, "videos/none.mp4", &flipped]);
    assert_eq!(several.code, Some(30), "the first failure decides: {several:#?}");
    assert_eq!(several.json()["assets"].as_array().map(Vec::len), Some(3));

    let all = verify(&["--all"]);
    assert_eq!(all.code, Some(20), "{all:#?}");
    let answer = all.json();
    assert_eq!((answer["verified"].as_i64(), answer["mismatches"].as_i64()), (Some(1), Some(3)), "{answer}");
    let mut results: Vec<_> = answer["assets"].as_array().expect("a list").iter().map(|one| &one["result"]).collect();
    results.sort_by_key(|result| result.to_string());
    assert_eq!(results, ["checksum-mismatch", "missing-object", "size-mismatch"]);
    let none = bench.place.run(["verify"]);
    assert_eq!(none.code, Some(2), "{none:#?}");
}

#[test]
fn c8_a_store_that_is_away_ends_with_19_in_one_object() {
    let bench = Bench::bucket(Garage::shared().bucket(), "away/");
    let (id, _) = bench.publish();
    let away = Filmgate::new()
        .with("FILMGATE_S3_CONNECT_TIMEOUT", "1s")
        .with("FILMGATE_DATA_DIR", { bench.place.folder().join("filmgate-data").to_str().expect("a path") });
    let nowhere = TestBucket { endpoint: "http://127.0.0.1:1".parse().expect("a URL"), ..Garage::shared().bucket() };
    let away = at(away, &nowhere, "away/");
    for arguments in [vec!["verify", "--all"], vec!["reconcile"], vec!["reconcile", "--fix"], vec!["verify", &id]] {
        let ended = away.run(arguments.iter().copied().chain(["--json"]));
        assert_eq!(ended.code, Some(19), "{arguments:?}: {ended:#?}");
        let answer = ended.json();
        let problem = if arguments[1] == id { &answer["assets"][0] } else { &answer };
        assert_eq!((problem["code"].as_str(), problem["exit_code"].as_i64()), (Some("storage-unreachable"), Some(19)));
    }
    assert_eq!(bench.place.run(["verify", &id]).code, Some(0));
}

#[test]
fn a6_failed_publishes_are_listed_for_retry_and_discard() {
    let nowhere = TestBucket { endpoint: "http://127.0.0.1:1".parse().expect("a URL"), ..Garage::shared().bucket() };
    let place = at(Filmgate::new(), &nowhere, "failed/");
    assert_eq!(place.run(["assets", "list", "--failed"]).code, Some(0));
    assert!(!place.folder().join("filmgate-data").exists(), "a look made a data directory");
    for _ in 0..3 {
        place.write("film.mp4", sample::whole("mp4", 1000));
        assert_eq!(place.run(["publish", "film.mp4", "--user", "ana"]).code, Some(19));
    }
    let list = |more: &[&str]| {
        let ended = place.run(["assets", "list", "--failed", "--json"].iter().chain(more));
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        ended.json()
    };
    let all = list(&[]);
    let ids: Vec<_> = all["failed"].as_array().expect("a list").iter().map(|one| one["publish"].clone()).collect();
    assert_eq!(ids.len(), 3, "{all}");
    let first = &all["failed"][0];
    assert!(first["reason"].as_str().expect("a reason").contains("127.0.0.1:1"), "{first}");
    assert!(first["kept"].as_str().expect("a path").ends_with("film.mp4"), "{first}");
    let page = list(&["--limit", "2"]);
    let rest = list(&["--after", page["next"].as_str().expect("a next page")]);
    assert_eq!(rest["failed"][0]["publish"], ids[2]);
    let table = place.run(["assets", "list", "--failed"]);
    assert_eq!(table.stdout.lines().count(), 4, "{table:#?}");
    assert_eq!(place.run(["discard", ids[0].as_str().expect("an id")]).code, Some(0));
    assert_eq!(list(&[])["failed"].as_array().map(Vec::len), Some(2));
    assert_eq!(place.run(["assets", "list", "--failed", "--user", "ana"]).code, Some(2));
}
