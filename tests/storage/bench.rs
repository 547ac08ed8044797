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
    BothStorage, LocalStorage, MemorySource, Mode, ObjectInfo, Presence, PublishId, PutObserver, PutProgress,
    PutRequest, PutStep, Source, Storage, StorageError, Stored,
};
use filmgate_tests::bucket::TestBucket;
use filmgate_tests::garage::Garage;
use filmgate_tests::s3s::S3sServer;
use futures::TryStreamExt;
use tokio_util::sync::CancellationToken;

/// The smallest part S3 takes, so that parts are cheap to test.
pub(crate) const PART: u64 = 5 * MIB;

/// A storage under test.
pub(crate) struct Bench {
    pub(crate) storage: Arc<dyn Storage>,
    /// Where S3 is behind it.
    pub(crate) bucket: Option<TestBucket>,
    /// Whether a second writer of a key is refused by the store itself.
    pub(crate) guards_keys: bool,
    /// Whether what two writers of one key leave is the object of one of them.
    pub(crate) bears_races: bool,
    /// Whether the store lists open uploads.
    pub(crate) lists_uploads: bool,
    /// Whether the store checks parts and keeps the checksum of the whole.
    pub(crate) keeps_multipart_checksums: bool,
    /// The SDK's own client.
    pub(crate) observer: Option<aws_sdk_s3::Client>,
    folder: String,
    _server: Box<dyn Any + Send + Sync>,
}

pub(crate) async fn local() -> Bench {
    let dir = tempfile::tempdir().expect("a directory");
    let storage = LocalStorage::open(dir.path().join("objects")).expect("open");
    Bench::new(Arc::new(storage), None, Box::new(dir))
}

pub(crate) async fn garage() -> Bench {
    let bucket = Garage::shared().bucket();
    let storage = connect(&bucket).await;
    // Garage takes no notice of If-None-Match.
    Bench { guards_keys: false, ..Bench::new(Arc::new(storage), Some(bucket), Box::new(())) }
}

pub(crate) async fn s3s() -> Bench {
    let server = S3sServer::start().await;
    let bucket = server.bucket();
    let storage = connect(&bucket).await;
    let bench = Bench::new(Arc::new(storage), Some(bucket), Box::new(server));
    // s3s-fs answers 501 to ListMultipartUploads, takes no notice of checksums of parts, and looks at a key some time before
    // it writes bytes and metadata, each by itself.
    Bench { lists_uploads: false, keeps_multipart_checksums: false, bears_races: false, ..bench }
}

/// A directory and a bucket that is there.
pub(crate) async fn fallback() -> Bench {
    both(Mode::Fallback).await
}

/// The same as a mirror.
pub(crate) async fn mirror() -> Bench {
    both(Mode::Mirror).await
}

async fn both(mode: Mode) -> Bench {
    let bench = garage().await;
    let dir = tempfile::tempdir().expect("a directory");
    let local = LocalStorage::open(dir.path().join("objects")).expect("open");
    let storage = BothStorage::new(local, Arc::clone(&bench.storage), mode);
    Bench { storage: Arc::new(storage), _server: Box::new(dir), ..bench }
}

/// With the smallest parts.
pub(crate) async fn connect(bucket: &TestBucket) -> S3Storage {
    let mut settings = bucket.settings();
    settings.upload.part_bytes = PART;
    settings.upload.multipart_threshold = PART;
    S3Storage::connect(settings).await.expect("connect")
}

impl Bench {
    fn new(storage: Arc<dyn Storage>, bucket: Option<TestBucket>, server: Box<dyn Any + Send + Sync>) -> Self {
        Self {
            storage,
            observer: bucket.as_ref().map(TestBucket::observer),
            bucket,
            guards_keys: true,
            bears_races: true,
            lists_uploads: true,
            keeps_multipart_checksums: true,
            folder: PublishId::generate().to_string(),
            _server: server,
        }
    }

    /// A key nobody else uses.
    pub(crate) fn key(&self, name: &str) -> ObjectKey {
        key(&format!("{}/{name}", self.folder))
    }

    /// The prefix of all keys of this bench.
    pub(crate) fn prefix(&self) -> String {
        format!("{}/", self.folder)
    }

    /// Puts bytes without more ado.
    pub(crate) async fn put(&self, key: &ObjectKey, bytes: &Bytes) -> Result<Stored, StorageError> {
        Put::new(key, bytes).send(&*self.storage).await
    }

    pub(crate) async fn info(&self, key: &ObjectKey) -> Option<ObjectInfo> {
        match self.storage.head(key).await.expect("head") {
            Presence::Present(info) => Some(info),
            Presence::Absent => None,
            Presence::Unknown => panic!("these credentials may look"),
        }
    }

    pub(crate) async fn bytes(&self, key: &ObjectKey) -> Bytes {
        fetch(&*self.storage, key, None).await.expect("get")
    }

    /// Neither the object nor an open upload of it.
    pub(crate) async fn assert_nothing_left(&self, key: &ObjectKey) {
        assert_eq!(self.info(key).await, None, "an object is left");
        assert_eq!(self.open_uploads(key).await, Vec::<String>::new(), "an upload is left");
    }

    /// Seen by the SDK, not by the code under test; empty where the store cannot say.
    pub(crate) async fn open_uploads(&self, key: &ObjectKey) -> Vec<String> {
        match &self.bucket {
            Some(bucket) if self.lists_uploads => open_uploads(bucket, key).await,
            _ => Vec::new(),
        }
    }
}

/// The open uploads of a key, seen by the SDK.
pub(crate) async fn open_uploads(bucket: &TestBucket, key: &ObjectKey) -> Vec<String> {
    let answer = bucket.observer().list_multipart_uploads().bucket(&bucket.name).prefix(key.as_str()).send().await;
    let answer = answer.expect("list multipart uploads");
    answer.uploads().iter().filter_map(|upload| upload.upload_id().map(str::to_owned)).collect()
}

pub(crate) async fn fetch(
    storage: &dyn Storage,
    key: &ObjectKey,
    range: Option<std::ops::Range<u64>>,
) -> Result<Bytes, StorageError> {
    let body = storage.get(key, range).await?;
    let pieces: Vec<Bytes> = body.bytes.try_collect().await?;
    Ok(pieces.concat().into())
}

pub(crate) fn key(text: &str) -> ObjectKey {
    ObjectKey::try_from(text.to_owned()).expect("a key")
}

/// Bytes without a pattern that a mix-up of parts could hide in.
pub(crate) fn noise(bytes: u64) -> Bytes {
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
pub(crate) struct Put<'a> {
    pub(crate) key: &'a ObjectKey,
    pub(crate) file: Arc<dyn Source>,
    pub(crate) content_type: &'a str,
    pub(crate) publish_id: PublishId,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) watcher: Watcher,
    pub(crate) cancel: CancellationToken,
}

impl<'a> Put<'a> {
    pub(crate) fn new(key: &'a ObjectKey, bytes: &Bytes) -> Self {
        Self::of(key, Arc::new(MemorySource(bytes.clone())))
    }

    pub(crate) fn of(key: &'a ObjectKey, file: Arc<dyn Source>) -> Self {
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

    pub(crate) async fn send(&self, storage: &dyn Storage) -> Result<Stored, StorageError> {
        storage
            .put(PutRequest {
                key: self.key,
                file: Arc::clone(&self.file),
                content_type: self.content_type,
                user: None,
                publish_id: self.publish_id,
                metadata: &self.metadata,
                resume: None,
                observer: &self.watcher,
                cancel: &self.cancel,
            })
            .await
    }
}

/// Remembers what a put reports, and can refuse a step or cancel at the first bytes.
#[derive(Default)]
pub(crate) struct Watcher {
    pub(crate) steps: Mutex<Vec<PutStep>>,
    pub(crate) sent: Mutex<Vec<PutProgress>>,
    pub(crate) refuse: Option<fn(&PutStep) -> bool>,
    pub(crate) cancel_at_first_bytes: Option<CancellationToken>,
}

impl Watcher {
    pub(crate) fn steps(&self) -> Vec<PutStep> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Bytes acknowledged, report by report.
    pub(crate) fn sent(&self) -> Vec<u64> {
        self.progress().iter().map(|progress| progress.bytes).collect()
    }

    pub(crate) fn progress(&self) -> Vec<PutProgress> {
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

    fn sent(&self, progress: PutProgress) {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(progress);
        if let Some(cancel) = &self.cancel_at_first_bytes {
            cancel.cancel();
        }
    }
}

/// The checksum an object should have.
pub(crate) fn checksum(bytes: &Bytes) -> Crc64Nvme {
    Crc64Nvme::of(bytes)
}
