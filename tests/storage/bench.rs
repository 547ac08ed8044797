//! What a test of a storage holds: the storage, a folder of its own, and a second pair of eyes on it.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use filmgate::checksum::Crc64Nvme;
use filmgate::key::ObjectKey;
use filmgate::limits::MIB;
use filmgate::storage::s3::S3Storage;
use filmgate::storage::{
    LocalStorage, MemorySource, ObjectInfo, Presence, PublishId, PutObserver, PutRequest, PutStep, Source, Storage,
    StorageError, Stored,
};
use filmgate_tests::bucket::TestBucket;
use filmgate_tests::garage::Garage;
use filmgate_tests::s3s::S3sServer;
use futures::TryStreamExt;
use tokio_util::sync::CancellationToken;

/// The smallest part S3 takes, so that parts are cheap to test.
pub const PART: u64 = 5 * MIB;

/// A storage under test.
pub struct Bench {
    pub storage: Arc<dyn Storage>,
    /// Where S3 is behind it.
    pub bucket: Option<TestBucket>,
    /// Whether a second writer of a key is refused by the store itself.
    pub guards_keys: bool,
    /// Whether the store lists open uploads.
    pub lists_uploads: bool,
    folder: String,
    _server: Box<dyn Any + Send + Sync>,
}

pub async fn local() -> Bench {
    let dir = tempfile::tempdir().expect("a directory");
    let storage = LocalStorage::open(dir.path().join("objects")).expect("open");
    Bench::new(Arc::new(storage), None, true, true, Box::new(dir))
}

pub async fn garage() -> Bench {
    let bucket = Garage::shared().bucket();
    let storage = connect(&bucket).await;
    Bench::new(Arc::new(storage), Some(bucket), false, true, Box::new(()))
}

pub async fn s3s() -> Bench {
    let server = S3sServer::start().await;
    let bucket = server.bucket();
    let storage = connect(&bucket).await;
    // s3s-fs answers 501 to ListMultipartUploads.
    Bench::new(Arc::new(storage), Some(bucket), true, false, Box::new(server))
}

/// With the smallest parts.
pub async fn connect(bucket: &TestBucket) -> S3Storage {
    let mut settings = bucket.settings();
    settings.upload.part_bytes = PART;
    settings.upload.multipart_threshold = PART;
    S3Storage::connect(settings).await.expect("connect")
}

impl Bench {
    fn new(
        storage: Arc<dyn Storage>,
        bucket: Option<TestBucket>,
        guards_keys: bool,
        lists_uploads: bool,
        server: Box<dyn Any + Send + Sync>,
    ) -> Self {
        let folder = PublishId::generate().to_string();
        Self { storage, bucket, guards_keys, lists_uploads, folder, _server: server }
    }

    /// A key nobody else uses.
    pub fn key(&self, name: &str) -> ObjectKey {
        key(&format!("{}/{name}", self.folder))
    }

    /// The prefix of all keys of this bench.
    pub fn prefix(&self) -> String {
        format!("{}/", self.folder)
    }

    /// Puts bytes without more ado.
    pub async fn put(&self, key: &ObjectKey, bytes: &Bytes) -> Result<Stored, StorageError> {
        Put::new(key, bytes).send(&*self.storage).await
    }

    pub async fn info(&self, key: &ObjectKey) -> Option<ObjectInfo> {
        match self.storage.head(key).await.expect("head") {
            Presence::Present(info) => Some(info),
            Presence::Absent => None,
            Presence::Unknown => panic!("these credentials may look"),
        }
    }

    pub async fn bytes(&self, key: &ObjectKey) -> Bytes {
        fetch(&*self.storage, key, None).await.expect("get")
    }

    /// Neither the object nor an open upload of it.
    pub async fn assert_nothing_left(&self, key: &ObjectKey) {
        assert_eq!(self.info(key).await, None, "an object is left");
        assert_eq!(self.open_uploads(key).await, Vec::<String>::new(), "an upload is left");
    }

    /// Seen by the SDK, not by the code under test; empty where the store cannot say.
    pub async fn open_uploads(&self, key: &ObjectKey) -> Vec<String> {
        match &self.bucket {
            Some(bucket) if self.lists_uploads => open_uploads(bucket, key).await,
            _ => Vec::new(),
        }
    }
}

/// The open uploads of a key, seen by the SDK.
pub async fn open_uploads(bucket: &TestBucket, key: &ObjectKey) -> Vec<String> {
    let answer = bucket.observer().list_multipart_uploads().bucket(&bucket.name).prefix(key.as_str()).send().await;
    let answer = answer.expect("list multipart uploads");
    answer.uploads().iter().filter_map(|upload| upload.upload_id().map(str::to_owned)).collect()
}

pub async fn fetch(
    storage: &dyn Storage,
    key: &ObjectKey,
    range: Option<std::ops::Range<u64>>,
) -> Result<Bytes, StorageError> {
    let body = storage.get(key, range).await?;
    let pieces: Vec<Bytes> = body.bytes.try_collect().await?;
    Ok(pieces.concat().into())
}

pub fn key(text: &str) -> ObjectKey {
    ObjectKey::try_from(text.to_owned()).expect("a key")
}

/// Bytes without a pattern that a mix-up of parts could hide in.
pub fn noise(bytes: u64) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ bytes;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let length = usize::try_from(bytes).expect("fits memory");
    words.take(length.div_ceil(8)).flatten().take(length).collect()
}

/// A put with everything at hand; change what matters, then send.
pub struct Put<'a> {
    pub key: &'a ObjectKey,
    pub file: Arc<dyn Source>,
    pub content_type: &'a str,
    pub publish_id: PublishId,
    pub metadata: BTreeMap<String, String>,
    pub watcher: Watcher,
    pub cancel: CancellationToken,
}

impl<'a> Put<'a> {
    pub fn new(key: &'a ObjectKey, bytes: &Bytes) -> Self {
        Self::of(key, Arc::new(MemorySource(bytes.clone())))
    }

    pub fn of(key: &'a ObjectKey, file: Arc<dyn Source>) -> Self {
        Self {
            key,
            file,
            content_type: "video/mp4",
            publish_id: PublishId::generate(),
            metadata: BTreeMap::new(),
            watcher: Watcher::default(),
            cancel: CancellationToken::new(),
        }
    }

    pub async fn send(&self, storage: &dyn Storage) -> Result<Stored, StorageError> {
        storage
            .put(PutRequest {
                key: self.key,
                file: Arc::clone(&self.file),
                content_type: self.content_type,
                publish_id: self.publish_id,
                metadata: &self.metadata,
                observer: &self.watcher,
                cancel: &self.cancel,
            })
            .await
    }
}

/// Remembers what a put reports, and can refuse a step or cancel at the first bytes.
#[derive(Default)]
pub struct Watcher {
    pub steps: Mutex<Vec<PutStep>>,
    pub sent: Mutex<Vec<u64>>,
    pub refuse: Option<fn(&PutStep) -> bool>,
    pub cancel_at_first_bytes: Option<CancellationToken>,
}

impl Watcher {
    pub fn steps(&self) -> Vec<PutStep> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn sent(&self) -> Vec<u64> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl PutObserver for Watcher {
    async fn step(&self, step: PutStep) -> Result<(), StorageError> {
        let refused = self.refuse.is_some_and(|refuse| refuse(&step));
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(step);
        if refused {
            let fault = filmgate::storage::StorageFault::Journal;
            return Err(StorageError::new(fault, "note step", "journal", "the journal is full"));
        }
        Ok(())
    }

    fn sent(&self, bytes: u64) {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        if let Some(cancel) = &self.cancel_at_first_bytes {
            cancel.cancel();
        }
    }
}

/// The checksum an object should have.
pub fn checksum(bytes: &Bytes) -> Crc64Nvme {
    Crc64Nvme::of(bytes)
}
