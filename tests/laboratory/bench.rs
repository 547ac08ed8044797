//! A place to publish at: a host whose storage is behind the fault proxy, and eyes of its own on what is behind that.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use filmgate::key::ObjectKey;
use filmgate::limits::MIB;
use filmgate::media::FactsPolicy;
use filmgate::publish::Patience;
use filmgate::storage::Storage;
use filmgate::storage::s3::{S3Settings, S3Storage};
use filmgate::{Host, Runner};
use filmgate_tests::bucket::TestBucket;
use filmgate_tests::fault_proxy::FaultProxy;
use filmgate_tests::film;
use filmgate_tests::garage::Garage;
use filmgate_tests::s3s::S3sServer;
use tokio_util::sync::CancellationToken;

use crate::cell::{Server, Size};

/// The smallest part S3 takes.
pub(crate) const PART: u64 = 5 * MIB;
/// Three parts.
pub(crate) const LARGE: usize = 11 << 20;
pub(crate) const SMALL: usize = 3000;
/// A file of one part, where files go up in parts from a thousand bytes on.
const SMALL_PARTS: usize = 200_000;
pub(crate) const RETRIES: u32 = 2;

/// How long an answer is waited for where none will come.
const IMPATIENT: Duration = Duration::from_millis(1500);
/// Longer than any request takes on a busy machine.
const PATIENT: Duration = Duration::from_secs(30);

/// Deletes from a store that is well; one that is left alone after earlier faults is waited for.
pub(crate) async fn delete_when_well(storage: &dyn Storage, key: &ObjectKey) -> Result<(), String> {
    let (patience, cancel) = (Patience::default(), CancellationToken::new());
    while let Err(error) = storage.delete(key).await {
        if !(patience.note(&error) && patience.wait(&cancel).await) {
            return Err(format!("delete: {error}"));
        }
    }
    Ok(())
}

/// Lets a store that is well again, and left alone after earlier faults, be found to be back.
pub(crate) async fn wait_until_back(storage: &dyn Storage, key: &ObjectKey) -> Result<(), String> {
    let (patience, cancel) = (Patience::default(), CancellationToken::new());
    let mut outages = 0;
    while let Err(error) = storage.head(key).await {
        // On a busy machine an answer may come too late.
        outages += 1;
        let is_left_alone = patience.note(&error) && patience.wait(&cancel).await;
        let is_late = error.is_outage() && outages < 20;
        if !is_left_alone && !is_late {
            return Err(format!("look: {error}"));
        }
    }
    Ok(())
}

pub(crate) struct Bench {
    pub(crate) host: Host,
    pub(crate) proxy: FaultProxy,
    pub(crate) direct: TestBucket,
    observer: aws_sdk_s3::Client,
    s3s: Option<S3sServer>,
    patient: bool,
    folder: tempfile::TempDir,
}

impl Bench {
    /// Gives a request up soon where it is not `patient`; its multipart uploads are of one small part then.
    pub(crate) async fn new(server: Server, patient: bool) -> Self {
        let s3s = match server {
            Server::Garage => None,
            Server::S3s => Some(S3sServer::start().await),
        };
        let direct = s3s.as_ref().map_or_else(|| Garage::shared().bucket(), S3sServer::bucket);
        Self::in_front_of(direct, s3s, patient).await
    }

    pub(crate) async fn in_front_of(direct: TestBucket, s3s: Option<S3sServer>, patient: bool) -> Self {
        let proxy = FaultProxy::start(direct.clone()).await;
        let folder = folder();
        let mut settings = settings(&proxy.bucket(), patient);
        settings.remember = Some(folder.path().join("endpoints"));
        let storage = S3Storage::connect(settings).await.expect("connect");
        // What the endpoint can do is learned while it is well: a machine that is busy may be late for who is impatient.
        let mut probed = storage.probe().await;
        for _ in 0..10 {
            if probed.is_err() {
                probed = storage.probe().await;
            }
        }
        probed.expect("probe");
        let host = Host::builder()
            .data_dir(folder.path().join("data"))
            .runner(Runner::InProcess)
            .runners_ahead(0)
            .media_facts(FactsPolicy::Off)
            .storage(Arc::new(storage))
            .build()
            .expect("build a host");
        let observer = direct.observer();
        Self { host, proxy, direct, observer, s3s, patient, folder }
    }

    /// A file that nobody else has.
    pub(crate) fn file(&self, size: Size) -> (PathBuf, Bytes) {
        let bytes = content(match size {
            Size::Small if self.patient => SMALL,
            Size::Small => 990,
            Size::Parts if self.patient => LARGE,
            Size::Parts => SMALL_PARTS,
        });
        let path = self.folder.path().join(format!("file-{}.mp4", number()));
        std::fs::write(&path, &bytes).expect("write a file");
        (path, bytes)
    }

    /// Every object below a prefix, past the proxy and the code under test.
    pub(crate) async fn objects(&self, prefix: &str) -> Vec<(String, Bytes)> {
        let list = self.observer.list_objects_v2().bucket(&self.direct.name).prefix(prefix).send().await;
        let keys: Vec<_> =
            list.expect("list").contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect();
        let mut objects = Vec::new();
        for key in keys {
            let get = self.observer.get_object().bucket(&self.direct.name).key(&key).send().await.expect("get");
            objects.push((key, get.body.collect().await.expect("a body").into_bytes()));
        }
        objects
    }

    /// Ids of the open multipart uploads below a prefix. s3s-fs does not tell keys: there they are those of the whole store.
    pub(crate) async fn open_uploads(&self, prefix: &str) -> Vec<String> {
        if let Some(server) = &self.s3s {
            return server.open_uploads();
        }
        let list = self.observer.list_multipart_uploads().bucket(&self.direct.name).prefix(prefix).send().await;
        let list = list.expect("list multipart uploads");
        list.uploads().iter().filter_map(|upload| upload.upload_id().map(str::to_owned)).collect()
    }

    /// Whether the store lists open uploads.
    pub(crate) fn lists_uploads(&self) -> bool {
        self.s3s.is_none()
    }

    /// Takes away what a cell may leave.
    pub(crate) async fn clear(&self, prefix: &str) {
        for (key, _) in self.objects(prefix).await {
            self.observer.delete_object().bucket(&self.direct.name).key(key).send().await.expect("delete");
        }
        if let Some(server) = &self.s3s {
            return server.forget_uploads();
        }
        let list = self.observer.list_multipart_uploads().bucket(&self.direct.name).prefix(prefix).send().await;
        for upload in list.expect("list multipart uploads").uploads() {
            let abort = self.observer.abort_multipart_upload().bucket(&self.direct.name);
            let abort =
                abort.set_key(upload.key().map(str::to_owned)).set_upload_id(upload.upload_id().map(str::to_owned));
            abort.send().await.expect("abort");
        }
    }

    /// Where it is noted what the endpoint can do, for other processes.
    pub(crate) fn remember(&self) -> PathBuf {
        self.folder.path().join("endpoints")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

/// Waits and time-outs of the laboratory.
pub(crate) fn settings(bucket: &TestBucket, patient: bool) -> S3Settings {
    let mut settings = bucket.settings();
    let patience = if patient { PATIENT } else { IMPATIENT };
    let upload = &mut settings.upload;
    upload.part_bytes = PART;
    upload.multipart_threshold = if patient { PART } else { 1000 };
    upload.retries = RETRIES;
    upload.retry_delay = Duration::from_millis(2);
    upload.request_timeout = patience;
    upload.complete_timeout = patience;
    upload.slowest_line = 1 << 30;
    settings
}

/// A directory of its own, which is deleted when dropped: mostly in memory, where nobody waits for a disk. What is killed
/// leaves the same behind there, and only a power cut would tell; files are claimed, locked and renamed as on a disk. Every
/// eighth is on the disk all the same.
pub(crate) fn folder() -> tempfile::TempDir {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let on_disk = COUNT.fetch_add(1, Ordering::Relaxed).is_multiple_of(8);
    let folder = match memory().filter(|_| !on_disk) {
        Some(memory) => tempfile::tempdir_in(memory),
        None => tempfile::tempdir(),
    };
    folder.expect("a temporary directory")
}

/// A file system in memory, where there is one with room.
fn memory() -> Option<&'static Path> {
    const MEMORY: &str = "/dev/shm";
    const ROOM: u64 = 2 << 30;
    static MEMORY_WITH_ROOM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = MEMORY_WITH_ROOM.get_or_init(|| {
        let usage = rustix::fs::statvfs(MEMORY).ok()?;
        (usage.f_bavail * usage.f_frsize >= ROOM && tempfile::tempdir_in(MEMORY).is_ok()).then(|| MEMORY.into())
    });
    found.as_deref()
}

/// A film of so many bytes that differs from every other.
pub(crate) fn content(bytes: usize) -> Bytes {
    film::of(bytes, number()).into()
}

/// Never the same twice in one process, and hardly in two.
pub(crate) fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    next | u64::from(std::process::id()) << 32
}

/// Says what is wrong, unless it holds.
pub(crate) fn hold(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Names in a folder; none where it is missing.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}
