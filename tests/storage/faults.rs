//! Every S3 operation, failing in every way, at first or always (A6).
//!
//! The oracle: a put that succeeds left exactly the file; one that fails left no open upload and no wrong object, or names
//! what it may have left; an error that the store answered carries its code, status and request id; requests are bounded;
//! and asking again with the same publish id, once the store is well, succeeds.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use filmgate::key::ObjectKey;
use filmgate::storage::s3::S3Storage;
use filmgate::storage::{
    LeftBehind, MemorySource, Presence, PublishId, Source, SourceError, Storage, StorageError, StorageFault, Stored,
};
use filmgate_tests::bucket::TestBucket;
use filmgate_tests::fault_proxy::{Fault, FaultProxy, MESSAGE, Operation, REQUEST_ID, Rule};
use filmgate_tests::garage::Garage;
use filmgate_tests::s3s::S3sServer;

use crate::bench::{PART, Put, fetch, key, noise, open_uploads};

mod hidden;

const RETRIES: u32 = 2;
const ALWAYS: usize = usize::MAX;

/// What goes wrong, and whether another try is worth it.
const FAULTS: [(Fault, bool); 12] = [
    (Fault::Error(500, "InternalError"), true),
    (Fault::Error(503, "SlowDown"), true),
    (Fault::Error(429, "TooManyRequests"), true),
    (Fault::Error(400, "RequestTimeout"), true),
    (Fault::Error(403, "AccessDenied"), false),
    (Fault::Error(404, "NoSuchUpload"), false),
    (Fault::Error(409, "ConditionalRequestConflict"), true),
    (Fault::Error(412, "PreconditionFailed"), false),
    (Fault::ErrorInside200("InternalError"), true),
    (Fault::Empty200, true),
    (Fault::Reset, true),
    (Fault::Truncated, true),
];

struct Lab {
    proxy: FaultProxy,
    direct: TestBucket,
    storage: S3Storage,
    lists_uploads: bool,
    _server: Option<S3sServer>,
}

impl Lab {
    async fn garage() -> Self {
        Self::in_front_of(Garage::shared().bucket(), true, None, Duration::from_secs(20)).await
    }

    /// Gives up soon.
    async fn impatient() -> Self {
        Self::in_front_of(Garage::shared().bucket(), true, None, Duration::from_millis(1500)).await
    }

    async fn s3s() -> Self {
        let server = S3sServer::start().await;
        Self::in_front_of(server.bucket(), false, Some(server), Duration::from_secs(20)).await
    }

    async fn in_front_of(
        direct: TestBucket,
        lists_uploads: bool,
        server: Option<S3sServer>,
        patience: Duration,
    ) -> Self {
        let proxy = FaultProxy::start(direct.clone()).await;
        let mut settings = proxy.bucket().settings();
        settings.upload.part_bytes = PART;
        // Files of this size are multipart uploads already, of one small part.
        settings.upload.multipart_threshold = 1000;
        settings.upload.retries = RETRIES;
        settings.upload.retry_delay = Duration::from_millis(2);
        settings.upload.request_timeout = patience;
        settings.upload.complete_timeout = patience;
        settings.upload.slowest_line = 1 << 30;
        let storage = S3Storage::connect(settings).await.expect("connect");
        // The endpoint is learned while it is well.
        storage.probe().await.expect("probe");
        Self { proxy, direct, storage, lists_uploads, _server: server }
    }

    /// Applies a rule to a put, and holds the outcome against the oracle.
    async fn put(&self, rule: Rule, size: u64) -> Result<Stored, StorageError> {
        let bytes = noise(size);
        self.put_file(rule, &bytes, Arc::new(MemorySource(bytes.clone()))).await
    }

    async fn put_file(&self, rule: Rule, bytes: &Bytes, file: Arc<dyn Source>) -> Result<Stored, StorageError> {
        let key = key(&format!("{}/object", PublishId::generate()));
        let put = Put::of(&key, file);
        self.proxy.set(Some(rule));
        let outcome = put.send(&self.storage).await;
        let seen = self.proxy.seen();
        self.proxy.set(None);
        let same = seen.iter().filter(|operation| **operation == rule.operation).count();
        assert!(same <= 24 && seen.len() <= 60, "{rule:?}: {} requests, {seen:?}", seen.len());
        self.judge(rule, &key, bytes, &outcome).await;
        // Once the store is well, the same publish comes to its end, whatever was left.
        let again = Put { publish_id: put.publish_id, ..Put::new(&key, bytes) };
        again.send(&self.storage).await.unwrap_or_else(|error| panic!("{rule:?}, then again: {error}"));
        assert!(fetch(&self.storage, &key, None).await.expect("get") == *bytes, "{rule:?}, then again");
        self.storage.delete(&key).await.expect("delete");
        outcome
    }

    async fn judge(&self, rule: Rule, key: &ObjectKey, bytes: &Bytes, outcome: &Result<Stored, StorageError>) {
        let object = self.object(key).await;
        assert!(object.as_ref().is_none_or(|object| object == bytes), "{rule:?}: a wrong object, {outcome:?}");
        let open = if self.lists_uploads { open_uploads(&self.direct, key).await } else { Vec::new() };
        match outcome {
            Ok(stored) => {
                assert!(object.is_some(), "{rule:?}: success without an object");
                assert_eq!(stored.size, bytes.len() as u64);
                assert!(open.is_empty(), "{rule:?}: success, and open uploads {open:?}");
            }
            Err(error) => {
                assert!(object.is_none() || error.left_behind.is_some(), "{rule:?}: an object nobody told of, {error}");
                match (&open[..], &error.left_behind) {
                    ([], _) | (_, Some(LeftBehind::Upload(None))) => {}
                    ([id], Some(LeftBehind::Upload(Some(named)))) if id == named => {}
                    other => panic!("{rule:?}: uploads {other:?}, {error}"),
                }
                assert_eq!(error.key.as_ref(), Some(key), "{rule:?}");
                assert!(error.place.contains(&self.direct.name) && !error.operation.is_empty(), "{rule:?}: {error}");
                for upload in open {
                    let abort = self.direct.observer().abort_multipart_upload().bucket(&self.direct.name);
                    abort.key(key.as_str()).upload_id(upload).send().await.expect("abort");
                }
            }
        }
    }

    /// Past the proxy and the code under test.
    async fn object(&self, key: &ObjectKey) -> Option<Bytes> {
        let get = self.direct.observer().get_object().bucket(&self.direct.name).key(key.as_str()).send().await;
        match get {
            Ok(answer) => Some(answer.body.collect().await.expect("a body").into_bytes()),
            Err(error) => {
                assert_eq!(error.raw_response().map(|raw| raw.status().as_u16()), Some(404), "{error:?}");
                None
            }
        }
    }
}

/// The error says what the store said.
fn assert_told(rule: Rule, error: &StorageError) {
    let Fault::Error(status, code) = rule.fault else { return };
    assert_eq!((error.status, error.request_id.as_deref()), (Some(status), Some(REQUEST_ID)), "{rule:?}: {error}");
    // The answer to a HEAD has no body that could carry a code.
    if rule.operation != Operation::HeadObject {
        assert_eq!((error.code.as_deref(), error.message.as_str()), (Some(code), MESSAGE), "{rule:?}");
        let text = error.to_string();
        assert!([code, REQUEST_ID, MESSAGE].iter().all(|part| text.contains(part)), "{text}");
    }
}

/// Every fault before the commit: always, which must fail; and for as long as retries last, which must succeed where
/// another try is worth it.
async fn before_commit(lab: &Lab, operation: Operation, size: u64) {
    for (fault, retried) in FAULTS {
        let always = Rule { operation, fault, after_commit: false, times: ALWAYS };
        // Half an answer is one to a request that was carried out.
        if fault != Fault::Truncated {
            let error = lab.put(always, size).await.expect_err("nothing was stored");
            if error.status != Some(412) && !matches!(fault, Fault::Error(404, _)) {
                assert_told(always, &error);
            }
        }
        let restarts = operation == Operation::CompleteMultipartUpload && matches!(fault, Fault::Error(409, _));
        if retried {
            let times = if restarts { 1 } else { RETRIES as usize };
            let outcome = lab.put(Rule { times, ..always }, size).await;
            outcome.unwrap_or_else(|error| panic!("{operation:?} {fault:?}, {times} times: {error}"));
        }
    }
}

/// Every fault that hides the answer to a request that was carried out.
async fn after_commit(lab: &Lab, operation: Operation, size: u64, times: usize) {
    for fault in [
        Fault::Reset,
        Fault::Truncated,
        Fault::Empty200,
        Fault::Error(500, "InternalError"),
        Fault::ErrorInside200("SlowDown"),
    ] {
        let rule = Rule { operation, fault, after_commit: true, times };
        lab.put(rule, size).await.unwrap_or_else(|error| panic!("{rule:?}: {error}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn put_object() {
    let lab = Lab::garage().await;
    before_commit(&lab, Operation::PutObject, 500).await;
    after_commit(&lab, Operation::PutObject, 500, ALWAYS).await;
}

/// s3s-fs honours If-None-Match: the retry of a lost success meets its own object.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditional_put_object() {
    let lab = Lab::s3s().await;
    before_commit(&lab, Operation::PutObject, 500).await;
    after_commit(&lab, Operation::PutObject, 500, 1).await;
    after_commit(&lab, Operation::PutObject, 500, ALWAYS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_multipart_upload() {
    let lab = Lab::garage().await;
    before_commit(&lab, Operation::CreateMultipartUpload, 2000).await;
    // The upload whose id was lost is found and aborted.
    after_commit(&lab, Operation::CreateMultipartUpload, 2000, 1).await;
    for fault in [Fault::Reset, Fault::Truncated, Fault::Empty200] {
        let rule = Rule { operation: Operation::CreateMultipartUpload, fault, after_commit: true, times: ALWAYS };
        let error = lab.put(rule, 2000).await.expect_err("no upload id ever came");
        assert_eq!(error.left_behind, None, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upload_part() {
    let lab = Lab::garage().await;
    before_commit(&lab, Operation::UploadPart, 2000).await;
    after_commit(&lab, Operation::UploadPart, 2000, 2).await;
    after_commit(&lab, Operation::UploadPart, 2 * PART + 1, 1).await;
    // Somebody aborted the upload: once, it is begun anew.
    let fault = Fault::Error(404, "NoSuchUpload");
    let rule = Rule { operation: Operation::UploadPart, fault, after_commit: false, times: 1 };
    lab.put(rule, 2000).await.expect("a second upload");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn complete_multipart_upload() {
    let lab = Lab::garage().await;
    before_commit(&lab, Operation::CompleteMultipartUpload, 2000).await;
    after_commit(&lab, Operation::CompleteMultipartUpload, 2000, 1).await;
    after_commit(&lab, Operation::CompleteMultipartUpload, 2000, ALWAYS).await;
    for (fault, after_commit) in [
        // The retry of a lost success finds no upload, or its own object.
        (Fault::Error(404, "NoSuchUpload"), true),
        (Fault::Error(412, "PreconditionFailed"), true),
        // Truly gone, or in conflict: all parts again.
        (Fault::Error(404, "NoSuchUpload"), false),
        (Fault::Error(409, "ConditionalRequestConflict"), false),
        // Parts that the store has differently.
        (Fault::Error(400, "InvalidPart"), false),
        (Fault::Error(400, "BadDigest"), false),
    ] {
        let rule = Rule { operation: Operation::CompleteMultipartUpload, fault, after_commit, times: 1 };
        lab.put(rule, 2000).await.unwrap_or_else(|error| panic!("{rule:?}: {error}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditional_complete_multipart_upload() {
    let lab = Lab::s3s().await;
    before_commit(&lab, Operation::CompleteMultipartUpload, 2000).await;
    after_commit(&lab, Operation::CompleteMultipartUpload, 2000, 1).await;
    after_commit(&lab, Operation::CompleteMultipartUpload, 2000, ALWAYS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_object() {
    let lab = Lab::garage().await;
    for size in [500, 2000] {
        for (fault, retried) in FAULTS {
            let always = Rule { operation: Operation::HeadObject, fault, after_commit: false, times: ALWAYS };
            let error = lab.put(always, size).await.expect_err("nothing can be proven");
            if !matches!(fault, Fault::Error(403 | 404, _)) {
                assert_told(always, &error);
            }
            if matches!(fault, Fault::Error(403, _)) {
                lab.proxy.set(Some(always));
                // Without the right to list, S3 says 403 of what is not there.
                let asked = lab.storage.head(&key("hidden")).await.expect("no failure");
                assert_eq!(asked, Presence::Unknown);
                lab.proxy.set(None);
            }
            // Without a body a 400 does not say that it was a time-out.
            if retried && !matches!(fault, Fault::Error(400, _)) {
                let rule = Rule { times: RETRIES as usize, ..always };
                lab.put(rule, size).await.unwrap_or_else(|error| panic!("{rule:?}: {error}"));
            }
        }
    }
}

/// Fails at its end, so that the upload must be aborted.
#[derive(Debug)]
struct Changed(MemorySource);

impl Source for Changed {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), SourceError> {
        self.0.read_exact_at(buffer, offset)
    }

    fn verify_unchanged(&self) -> Result<(), SourceError> {
        Err(SourceError::Changed("its size differs"))
    }
}

async fn while_aborting(operation: Operation) {
    let lab = Lab::garage().await;
    let bytes = noise(2000);
    for (fault, retried) in FAULTS {
        let always = Rule { operation, fault, after_commit: false, times: ALWAYS };
        for rule in [always, Rule { times: RETRIES as usize, ..always }] {
            let file = Arc::new(Changed(MemorySource(bytes.clone())));
            let error = lab.put_file(rule, &bytes, file).await.expect_err("the file changed");
            assert_eq!(error.fault, StorageFault::SourceChanged, "the first error is the one to tell: {error}");
            if retried && rule.times != ALWAYS {
                assert_eq!(error.left_behind, None, "{rule:?}: {error}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn abort_multipart_upload() {
    while_aborting(Operation::AbortMultipartUpload).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_parts() {
    while_aborting(Operation::ListParts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_and_deletes() {
    let lab = Lab::garage().await;
    let prefix = PublishId::generate();
    let (key, bytes) = (key(&format!("{prefix}/object")), noise(5000));
    Put::new(&key, &bytes).send(&lab.storage).await.expect("put");
    for (fault, retried) in FAULTS {
        for times in [ALWAYS, RETRIES as usize] {
            let rule = |operation| Rule { operation, fault, after_commit: false, times };
            let must_work = retried && times != ALWAYS;

            lab.proxy.set(Some(rule(Operation::GetObject)));
            match fetch(&lab.storage, &key, None).await {
                Ok(got) => assert!(got == bytes, "{fault:?}: other bytes"),
                // Half a body is told to the reader, who has the first half already.
                Err(error) if must_work && fault != Fault::Truncated => panic!("{fault:?}: {error}"),
                Err(error) if fault != Fault::Truncated => assert_told(rule(Operation::GetObject), &error),
                Err(error) => assert_eq!(error.fault, StorageFault::Unreachable, "{error}"),
            }

            lab.proxy.set(Some(rule(Operation::ListObjectsV2)));
            match lab.storage.list(&format!("{prefix}/"), None).await {
                Ok(listing) => assert_eq!(listing.objects.len(), 1, "{fault:?}: an object is missing"),
                Err(error) if must_work => panic!("{fault:?}: {error}"),
                Err(error) => assert_told(rule(Operation::ListObjectsV2), &error),
            }

            // An empty 200 is how a delete succeeds.
            if fault != Fault::Empty200 {
                lab.proxy.set(Some(rule(Operation::DeleteObject)));
                let doomed = crate::bench::key(&format!("{prefix}-doomed"));
                Put::new(&doomed, &bytes).send(&lab.storage).await.expect("put");
                let outcome = lab.storage.delete(&doomed).await;
                lab.proxy.set(None);
                let there = lab.object(&doomed).await.is_some();
                match outcome {
                    // "Not there" is what a delete wants to hear.
                    Ok(()) => assert!(!there || matches!(fault, Fault::Error(404, _)), "{fault:?}: deleted and there"),
                    Err(error) if must_work => panic!("{fault:?}: {error}"),
                    Err(error) => assert_told(rule(Operation::DeleteObject), &error),
                }
                lab.storage.delete(&doomed).await.expect("delete");
            }
            assert!(lab.proxy.seen().len() <= 4 * (RETRIES as usize + 1));
        }
    }
}

/// A store that takes the connection and never answers: each operation gives up in its own time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalls() {
    let each = [
        (Operation::PutObject, 500),
        (Operation::CreateMultipartUpload, 2000),
        (Operation::UploadPart, 2000),
        (Operation::CompleteMultipartUpload, 2000),
        (Operation::HeadObject, 500),
    ];
    let runs = each.map(|(operation, size)| async move {
        let lab = Lab::impatient().await;
        let always = Rule { operation, fault: Fault::Stall, after_commit: false, times: ALWAYS };
        let error = lab.put(always, size).await.expect_err("no answer ever came");
        assert_eq!(error.fault, StorageFault::Unreachable, "{error}");
        assert!(error.message.contains("no answer within 1.5 s"), "{error}");
        lab.put(Rule { times: 1, ..always }, size).await.expect("the second try");
        // The answer is lost, the object is not.
        if operation != Operation::HeadObject {
            let lost = Rule { times: 1, after_commit: true, ..always };
            lab.put(lost, size).await.unwrap_or_else(|error| panic!("{lost:?}: {error}"));
        }
    });
    futures::future::join_all(runs).await;
}

/// `retries = 0` is the literal reading of A6.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_retries_means_one_request() {
    let proxy = FaultProxy::start(Garage::shared().bucket()).await;
    let mut settings = proxy.bucket().settings();
    settings.upload.retries = 0;
    let storage = S3Storage::connect(settings).await.expect("connect");
    storage.probe().await.expect("probe");
    let fault = Fault::Error(503, "SlowDown");
    let rule = Rule { operation: Operation::PutObject, fault, after_commit: false, times: 1 };
    proxy.set(Some(rule));
    let key = key(&format!("{}/once", PublishId::generate()));
    let error = Put::new(&key, &noise(10)).send(&storage).await.expect_err("one try");
    assert_told(rule, &error);
    assert_eq!((error.fault, error.is_retryable()), (StorageFault::Unavailable, true));
    assert_eq!(proxy.seen().iter().filter(|operation| **operation == Operation::PutObject).count(), 1);
}

/// A store that is cancelled while it does not answer lets go at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_does_not_wait_for_the_store() {
    let proxy = FaultProxy::start(Garage::shared().bucket()).await;
    let mut settings = proxy.bucket().settings();
    settings.upload.multipart_threshold = 1000;
    let storage = S3Storage::connect(settings).await.expect("connect");
    storage.probe().await.expect("probe");
    for operation in [Operation::CreateMultipartUpload, Operation::UploadPart, Operation::CompleteMultipartUpload] {
        proxy.set(Some(Rule { operation, fault: Fault::Stall, after_commit: false, times: ALWAYS }));
        let key = key(&format!("{}/let-go", PublishId::generate()));
        let put = Put::new(&key, &noise(2000));
        let began = std::time::Instant::now();
        let cancel = async {
            while !proxy.seen().contains(&operation) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            put.cancel.cancel();
        };
        let (outcome, ()) = tokio::join!(put.send(&storage), cancel);
        let error = outcome.expect_err("cancelled");
        // A store that was told to complete may still be at it, whatever it shows now.
        let left = (operation == Operation::CompleteMultipartUpload).then_some(LeftBehind::Object);
        assert_eq!((error.fault, &error.left_behind), (StorageFault::Cancelled, &left), "{operation:?}: {error}");
        assert!(began.elapsed() < Duration::from_secs(10), "{operation:?}: {:?}", began.elapsed());
        assert_eq!(open_uploads(&Garage::shared().bucket(), &key).await, Vec::<String>::new(), "{operation:?}");
    }
}

/// A token that has ended: AWS says so with a 400, to a HEAD without words. The put goes on to a request that is told why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_refused_without_words_does_not_end_a_put() {
    let lab = Lab::garage().await;
    let fault = Fault::Error(400, "ExpiredToken");
    for size in [500, 2000] {
        let rule = Rule { operation: Operation::HeadObject, fault, after_commit: false, times: 1 };
        lab.put(rule, size).await.expect("put");
    }
}

/// Lost answers in the probe itself, and a put that is cancelled meanwhile: the put is not failed by the one, and nothing
/// of the probe stays after either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_cleans_up() {
    for operation in [Operation::CreateMultipartUpload, Operation::CompleteMultipartUpload, Operation::HeadObject] {
        for cancelled in [false, true] {
            let direct = Garage::shared().bucket();
            let proxy = FaultProxy::start(direct.clone()).await;
            let mut settings = proxy.bucket().settings();
            settings.probe_prefix = format!("{}/", PublishId::generate());
            settings.upload.retry_delay = Duration::from_millis(300);
            let prefix = settings.probe_prefix.clone();
            let storage = S3Storage::connect(settings).await.expect("connect");
            proxy.set(Some(Rule { operation, fault: Fault::Reset, after_commit: true, times: 1 }));
            let key = key(&format!("{}/first", PublishId::generate()));
            let put = Put::new(&key, &noise(10));
            let cancel = async {
                while !proxy.seen().contains(&operation) {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                if cancelled {
                    put.cancel.cancel();
                }
            };
            let (outcome, ()) = tokio::join!(put.send(&storage), cancel);
            match outcome {
                Ok(_) => assert!(!cancelled, "{operation:?}"),
                Err(error) => assert!(cancelled && error.fault == StorageFault::Cancelled, "{operation:?}: {error}"),
            }
            // A probe that was left alone goes on to its end.
            let mut left = (Vec::new(), Vec::new());
            for _ in 0..100 {
                let list = direct.observer().list_objects_v2().bucket(&direct.name).prefix(&prefix).send();
                let objects = list.await.expect("list").contents().to_vec();
                let list = direct.observer().list_multipart_uploads().bucket(&direct.name).prefix(&prefix).send();
                left = (objects, list.await.expect("list").uploads().to_vec());
                let deletes = proxy.seen().iter().filter(|seen| **seen == Operation::DeleteObject).count();
                if deletes == 2 && left.0.is_empty() && left.1.is_empty() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert!(left.0.is_empty() && left.1.is_empty(), "{operation:?}, cancelled: {cancelled}: {left:?}");
            let deletes = proxy.seen().iter().filter(|seen| **seen == Operation::DeleteObject).count();
            assert_eq!(deletes, 2, "{operation:?}, cancelled: {cancelled}");
        }
    }
}
