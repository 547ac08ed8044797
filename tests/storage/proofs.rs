//! When the answer to a `PutObject` proves the object, and when it must be looked at.

use filmgate::storage::s3::S3Storage;
use filmgate::storage::{Integrity, Presence, PublishId, Storage, StorageError, StorageFault, Stored};
use filmgate_tests::bucket::TestBucket;
use filmgate_tests::fault_proxy::{Fault, FaultProxy, Operation, Rule};
use filmgate_tests::garage::Garage;
use filmgate_tests::s3s::S3sServer;

use crate::bench::{Put, fetch, key, noise};

const CHECKSUM: &str = "x-amz-checksum-crc64nvme";
/// Of no file here.
const WRONG: &str = "AAAAAAAAAAA=";

/// A store that refuses second puts and wrong checksums, behind two proxies: what it answers to a put and what it answers
/// to a look can differ from the truth at the same time.
struct Lab {
    puts: FaultProxy,
    looks: FaultProxy,
    storage: S3Storage,
    _server: S3sServer,
}

impl Lab {
    async fn new() -> Self {
        let server = S3sServer::start().await;
        let looks = FaultProxy::start(server.bucket()).await;
        let puts = FaultProxy::start(looks.bucket()).await;
        let storage = connect(&puts.bucket()).await;
        Self { puts, looks, storage, _server: server }
    }

    /// One whose storage has probed the endpoint and read an object back.
    async fn trusting() -> Self {
        let lab = Self::new().await;
        lab.put().await.expect("put");
        lab
    }

    /// Puts an object; answers what came of it and the requests that this took, in order.
    async fn put(&self) -> Result<(Stored, Vec<Operation>), StorageError> {
        put(&self.storage, &self.looks).await
    }

    fn puts_are(&self, fault: Fault, after_commit: bool, times: usize) {
        self.puts.set(Some(Rule { operation: Operation::PutObject, fault, after_commit, times }));
    }

    fn looks_are(&self, fault: Fault) {
        self.looks.set(Some(Rule { operation: Operation::HeadObject, fault, after_commit: false, times: usize::MAX }));
    }
}

async fn connect(bucket: &TestBucket) -> S3Storage {
    let mut settings = bucket.settings();
    settings.upload.retry_delay = std::time::Duration::from_millis(2);
    S3Storage::connect(settings).await.expect("connect")
}

async fn put(storage: &S3Storage, proxy: &FaultProxy) -> Result<(Stored, Vec<Operation>), StorageError> {
    let (key, bytes) = (key(&format!("{}/object", PublishId::generate())), noise(500));
    let before = proxy.seen().len();
    let stored = Put::new(&key, &bytes).send(storage).await?;
    let seen = proxy.seen().split_off(before);
    assert_eq!((stored.size, stored.integrity), (500, Integrity::FullObject));
    assert_eq!(stored.checksum, crate::bench::checksum(&bytes));
    assert!(fetch(storage, &key, None).await.expect("get") == bytes);
    Ok((stored, seen))
}

fn is_looked_at(seen: &[Operation]) -> bool {
    seen.last() == Some(&Operation::HeadObject)
}

/// Where the store was seen to compare, to keep and to answer checksums and to guard keys, its answer is the proof.
#[tokio::test]
async fn m7_an_answer_that_proves_the_object_needs_no_second_request() {
    let lab = Lab::new().await;
    let (_, seen) = lab.put().await.expect("put");
    assert!(is_looked_at(&seen), "the first object is read back: URLs would not open otherwise, {seen:?}");
    let (stored, seen) = lab.put().await.expect("put");
    assert_eq!(seen, [Operation::PutObject]);
    assert!(stored.etag.is_some());
    lab.puts_are(Fault::Header("x-amz-version-id", Some("a-version")), false, 1);
    let (stored, seen) = lab.put().await.expect("put");
    assert_eq!((stored.version_id.as_deref(), &seen[..]), (Some("a-version"), &[Operation::PutObject][..]));
}

#[tokio::test]
async fn an_answer_that_proves_nothing_is_followed_by_a_look() {
    let lab = Lab::trusting().await;
    for (fault, after_commit) in [
        (Fault::Header(CHECKSUM, None), false),
        (Fault::Header(CHECKSUM, Some(WRONG)), false),
        (Fault::Header(CHECKSUM, Some("no checksum")), false),
        (Fault::Header("x-amz-checksum-type", Some("COMPOSITE")), false),
        // Carried out, but the answer is lost; and not carried out at first, for all that the client knows.
        (Fault::Reset, true),
        (Fault::Empty200, true),
        (Fault::ErrorInside200("InternalError"), true),
        (Fault::Error(500, "InternalError"), true),
        (Fault::Reset, false),
    ] {
        lab.puts_are(fault, after_commit, 1);
        let (_, seen) = lab.put().await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert!(is_looked_at(&seen), "{fault:?}, {seen:?}");
    }
}

/// A store that keeps something else is found out, whatever it answered to the put.
#[tokio::test]
async fn a_store_that_keeps_another_object_is_caught() {
    let lab = Lab::trusting().await;
    for told in [None, Some(WRONG)] {
        lab.puts_are(Fault::Header(CHECKSUM, told), false, usize::MAX);
        lab.looks_are(Fault::Header(CHECKSUM, Some(WRONG)));
        let key = key(&format!("{}/other", PublishId::generate()));
        let error = Put::new(&key, &noise(500)).send(&lab.storage).await.expect_err("another object");
        assert_eq!((error.fault, &error.left_behind), (StorageFault::Corrupted, &None), "{told:?}: {error}");
        lab.looks.set(None);
        assert_eq!(lab.storage.head(&key).await.expect("head"), Presence::Absent, "{told:?}: it was not taken away");
    }
}

/// What was not seen of an endpoint is not relied upon.
#[tokio::test]
async fn an_endpoint_that_was_not_proven_is_looked_at() {
    // The probe may not write: nothing is known.
    let lab = Lab::new().await;
    for _ in 0..2 {
        lab.puts_are(Fault::Error(403, "AccessDenied"), false, 1);
        let (_, seen) = lab.put().await.expect("put");
        assert!(is_looked_at(&seen), "{seen:?}");
    }
    // The probe's answer had no checksum, or its object was not found whole.
    for (put, look) in [
        (Some(Fault::Header(CHECKSUM, None)), None),
        (None, Some(Fault::Header(CHECKSUM, Some(WRONG)))),
        (None, Some(Fault::Header("content-length", Some("7")))),
        (None, Some(Fault::Header("x-amz-meta-filmgate-publish-id", Some("another")))),
    ] {
        let lab = Lab::new().await;
        if let Some(fault) = put {
            lab.puts_are(fault, false, 1);
        }
        if let Some(fault) = look {
            lab.looks_are(fault);
        }
        lab.storage.probe().await.expect("probe");
        lab.puts.set(None);
        lab.looks.set(None);
        for _ in 0..2 {
            let (_, seen) = lab.put().await.expect("put");
            assert!(is_looked_at(&seen), "{put:?} {look:?}: {seen:?}");
        }
    }
    // Garage takes no notice of If-None-Match: another writer may have the key by now.
    let proxy = FaultProxy::start(Garage::shared().bucket()).await;
    let storage = connect(&proxy.bucket()).await;
    for _ in 0..2 {
        let (_, seen) = put(&storage, &proxy).await.expect("put");
        assert!(is_looked_at(&seen), "{seen:?}");
    }
}

/// Credentials that may write and not read are told of, also when they lose that right later.
#[tokio::test]
async fn credentials_that_may_not_read_are_told() {
    let key = || key(&format!("{}/hidden", PublishId::generate()));
    let denied = async |lab: &Lab| {
        let error = Put::new(&key(), &noise(500)).send(&lab.storage).await.expect_err("it cannot be read back");
        assert_eq!(error.fault, StorageFault::Denied, "{error}");
        assert!(error.message.contains("s3:GetObject"), "{error}");
    };
    let lab = Lab::new().await;
    lab.storage.probe().await.expect("probe");
    lab.looks_are(Fault::Error(403, "AccessDenied"));
    denied(&lab).await;

    let lab = Lab::trusting().await;
    lab.looks_are(Fault::Error(403, "AccessDenied"));
    lab.puts_are(Fault::Header(CHECKSUM, None), false, usize::MAX);
    denied(&lab).await;
    // From here on every object is looked at again, until one can be read.
    lab.puts.set(None);
    denied(&lab).await;
    lab.looks.set(None);
    assert!(is_looked_at(&lab.put().await.expect("put").1));
    assert_eq!(lab.put().await.expect("put").1, [Operation::PutObject]);
}
