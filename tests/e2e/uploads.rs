//! Uploads that fail: the request fails with everything an operator needs, the file is kept, nothing is half-published
//! (A3, A6), and no secret is shown.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use filmgate::publish::{Patience, PublishError, Recovered};
use filmgate::report::{JobError, JobEvent, JobFault};
use filmgate::storage::s3::{Bucket, Credentials, S3Storage};
use filmgate::storage::{StorageError, StorageFault};
use filmgate_protocol::Exhausted;
use filmgate_tests::fault_proxy::{Fault, FaultProxy, MESSAGE, Operation, REQUEST_ID, Rule};
use filmgate_tests::garage::Garage;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

use crate::s3::{bench, left_in, stranger};
use crate::support::{Bench, budget, probe, probe_mp4, request};

const SMALL: usize = 10_000;
/// Three parts.
const LARGE: usize = 20 << 20;

/// What failed, where the file is, and everything the plugin and the caller were told.
struct Failed {
    error: JobError,
    told: String,
}

impl Failed {
    /// Runs a job of one file for `user`.
    async fn run(bench: &Bench, user: &str, bytes: usize) -> Self {
        let params = json!({ "do": "store", "files": [{ "bytes": bytes }] });
        let job = bench.host.start(request(user, &params), probe().await).expect("start");
        let mut events = job.events();
        let error = job.wait().await.expect_err("the upload fails");
        let mut told = String::new();
        while let Ok(event) = events.try_recv() {
            match event {
                JobEvent::Log { text, .. } => told.push_str(&text),
                other => told.push_str(&format!("{other:?}\n")),
            }
        }
        Self { error, told }
    }

    #[track_caller]
    fn storage_error(&self) -> (&StorageError, &Path) {
        match &self.error.fault {
            JobFault::Publish(PublishError::Storage { error, kept }) => (error, kept),
            other => panic!("expected a failed upload: {other:?}"),
        }
    }

    /// A6 and A3: the message names everything, the file is where it says, the plugin learns nothing of the bucket.
    #[track_caller]
    fn check(&self, bench: &Bench, bucket: &str, bytes: usize) {
        let (error, kept) = self.storage_error();
        let key = error.key.as_ref().expect("a key").to_string();
        assert!(key.starts_with("videos/"), "not the key of the file: {error}");
        let message = self.error.to_string();
        for part in [bucket, key.as_str(), &kept.to_string_lossy()] {
            assert!(message.contains(part), "{part} is missing in {message}");
        }
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(self.error.assets.is_empty());
        assert!(std::fs::read(kept).expect("the file is kept") == probe_mp4(bytes), "another file is kept");
        assert_eq!(bench.names("staging").len(), 1);
        assert_eq!(bench.names("jobs"), Vec::<String>::new());
        assert!(self.told.contains("upload-failed") && self.told.contains("could not be stored"), "{}", self.told);
        for part in [bucket, key.as_str(), &error.place, &kept.to_string_lossy()] {
            assert!(!self.told.contains(part), "{part} is told to the plugin: {}", self.told);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_server_that_is_down_is_named() {
    let mut settings = Garage::shared().bucket().settings();
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address");
    settings.endpoint = Some(format!("http://{closed}").parse().expect("a URL"));
    let bench = bench(settings).await;
    let failed = Failed::run(&bench, "ana", SMALL).await;
    failed.check(&bench, "filmgate-tests", SMALL);
    assert_eq!(failed.storage_error().0.fault, StorageFault::Unreachable);
    assert!(failed.error.to_string().contains(&closed.to_string()), "{}", failed.error);
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_wrong_secret_and_missing_bucket_are_told_apart() {
    let bucket = Garage::shared().bucket();
    let mut settings = bucket.settings();
    settings.credentials = Credentials::Static {
        access_key_id: bucket.access_key_id.clone(),
        secret_access_key: "canary-wrong-secret".to_owned(),
        session_token: None,
    };
    let with_wrong_secret = bench(settings).await;
    let failed = Failed::run(&with_wrong_secret, "ana", SMALL).await;
    failed.check(&with_wrong_secret, "filmgate-tests", SMALL);
    let (error, _) = failed.storage_error();
    assert_eq!(error.status, Some(403), "{error}");
    assert!(error.code.is_some(), "{error}");

    let mut settings = bucket.settings();
    settings.bucket = Bucket::try_from("no-such-bucket".to_owned()).expect("a name");
    let without_bucket = bench(settings).await;
    let failed = Failed::run(&without_bucket, "ana", SMALL).await;
    failed.check(&without_bucket, "no-such-bucket", SMALL);
    let (error, _) = failed.storage_error();
    assert!(matches!(error.fault, StorageFault::NoSuchBucket | StorageFault::Denied), "{error:?}");
    assert!(error.code.is_some() && error.status.is_some(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_every_upload_that_fails_for_good_leaves_nothing_in_the_bucket() {
    let bucket = Garage::shared().bucket();
    let proxy = FaultProxy::start(bucket.clone()).await;
    for (operation, bytes) in [
        (Operation::PutObject, SMALL),
        (Operation::CreateMultipartUpload, LARGE),
        (Operation::UploadPart, LARGE),
        (Operation::CompleteMultipartUpload, LARGE),
    ] {
        let bench = bench(proxy.bucket().settings()).await;
        let user = stranger();
        bench.host.storage().probe().await.expect("probe");
        let fault = Fault::Error(500, "InternalError");
        proxy.set(Some(Rule { operation, fault, after_commit: false, times: usize::MAX }));
        let failed = Failed::run(&bench, &user, bytes).await;
        let tries = proxy.seen().iter().filter(|seen| **seen == operation).count();
        proxy.set(None);
        failed.check(&bench, "filmgate-tests", bytes);
        let message = failed.error.to_string();
        for part in ["code InternalError", "HTTP 500", REQUEST_ID, MESSAGE] {
            assert!(message.contains(part), "{operation:?}: {part} is missing in {message}");
        }
        assert!(tries >= 4, "{operation:?}: three retries, {tries} requests");
        assert_eq!(left_in(&bucket, &format!("videos/{user}/")).await, (0, 0), "{operation:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_no_failure() {
    let bucket = Garage::shared().bucket();
    let proxy = FaultProxy::start(bucket.clone()).await;
    for (operation, bytes) in [(Operation::PutObject, SMALL), (Operation::CompleteMultipartUpload, LARGE)] {
        let bench = bench(proxy.bucket().settings()).await;
        // What the endpoint can do is found out first, by uploads of its own.
        bench.host.storage().probe().await.expect("probe");
        proxy.set(Some(Rule { operation, fault: Fault::Reset, after_commit: true, times: 1 }));
        let report = bench.run(json!({ "do": "store", "files": [{ "bytes": bytes }] })).await.expect("success");
        proxy.set(None);
        assert!(bench.bytes(&report.assets[0]).await == probe_mp4(bytes), "{operation:?}");
        bench.assert_nothing_left();
    }
}

/// A store that is away long enough to be left alone loses no publish: each is kept, says when to try again, and comes
/// through once the store is back.
#[tokio::test(flavor = "multi_thread")]
async fn a6_publishes_that_met_a_store_left_alone_are_kept_and_retried() {
    let proxy = FaultProxy::start(Garage::shared().bucket()).await;
    let mut settings = proxy.bucket().settings();
    settings.upload.retries = 1;
    let bench = bench(settings).await;
    bench.host.storage().probe().await.expect("probe");
    let (fault, times) = (Fault::Error(503, "ServiceUnavailable"), usize::MAX);
    let dead = [Operation::HeadObject, Operation::PutObject];
    proxy.plan(dead.map(|operation| Rule { operation, fault, after_commit: false, times }));
    let mut faults = Vec::new();
    for _ in 0..8 {
        let failed = Failed::run(&bench, "ana", SMALL).await;
        let (error, kept) = failed.storage_error();
        assert!(std::fs::read(kept).expect("the file is kept") == probe_mp4(SMALL), "another file is kept");
        assert!(failed.told.contains("upload-failed") && !failed.told.contains("considered away"), "{}", failed.told);
        // From the one on by which the store is considered away.
        assert_eq!(error.retry_at.is_some(), faults.len() >= 4, "{error}");
        faults.push(error.fault);
    }
    assert_eq!(faults[..5], [StorageFault::Unavailable; 5]);
    assert!(faults.contains(&StorageFault::Away), "{faults:?}");

    proxy.set(None);
    let failed = bench.host.failed(None, 100).await.expect("list");
    assert_eq!(failed.len(), 8);
    let (patience, cancel) = (Patience::default(), CancellationToken::new());
    for entry in failed {
        let retry = || async { bench.host.retry(entry.publish, &cancel).await.expect("retry").1 };
        let mut retried = retry().await;
        while retried.waited(&patience, &cancel).await {
            retried = retry().await;
        }
        let Recovered::Published(asset) = retried else { panic!("{retried:?}") };
        assert!(bench.bytes(&asset).await == probe_mp4(SMALL));
    }
    bench.assert_nothing_left();
}

/// A stalled upload ends with the job's time or its cancellation; either way the multipart upload is aborted.
#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_upload_ends_with_its_job() {
    let bucket = Garage::shared().bucket();
    let proxy = FaultProxy::start(bucket.clone()).await;
    let storage = Arc::new(S3Storage::connect(proxy.bucket().settings()).await.expect("connect"));
    let mut limits = budget();
    // Enough to write, examine and hand over the file, also on a slow machine with other work.
    limits.wall = Duration::from_secs(8);
    let bench = Bench::with(|builder| builder.storage(storage).budget(limits));
    // What the endpoint can do is found out first, by uploads of its own.
    bench.host.storage().probe().await.expect("probe");
    proxy.set(Some(Rule {
        operation: Operation::UploadPart,
        fault: Fault::Stall,
        after_commit: false,
        times: usize::MAX,
    }));
    let uploads = || proxy.seen().iter().filter(|seen| **seen == Operation::CreateMultipartUpload).count();
    let plugin = probe().await;
    let params = || json!({ "do": "store", "files": [{ "bytes": LARGE }] });

    let late = stranger();
    let error = bench.host.run(request(&late, &params()), plugin).await.expect_err("out of time");
    assert!(matches!(error.fault, JobFault::Exhausted { limit: Exhausted::Wall, .. }), "{error:?}");
    assert_eq!(left_in(&bucket, &format!("videos/{late}/")).await, (0, 0));
    assert_eq!(bench.names("staging").len(), 1, "the file of an upload that failed is kept");
    let kept = error.unpublished.as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(kept.contains(&bench.names("staging")[0]), "the error says where: {kept}");
    assert_eq!(bench.names("jobs"), Vec::<String>::new());
    std::fs::remove_file(bench.path("data/staging").join(&bench.names("staging")[0])).expect("remove the kept file");

    let unwanted = stranger();
    let before = uploads();
    let job = bench.host.start(request(&unwanted, &params()), plugin).expect("start");
    let patience = Instant::now() + Duration::from_secs(8);
    while uploads() == before {
        assert!(Instant::now() < patience, "no upload begins: {:?}", proxy.seen());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    job.cancel_token().cancel();
    let error = job.wait().await.expect_err("cancelled");
    assert!(matches!(error.fault, JobFault::Cancelled), "{error:?}");
    assert_eq!(left_in(&bucket, &format!("videos/{unwanted}/")).await, (0, 0));
    bench.assert_nothing_left();
}

/// Every kept file is named: in the job's error, or in the log when the job has another.
#[tokio::test(flavor = "multi_thread")]
async fn every_kept_file_is_named_somewhere() {
    let log = Log::of_this_process();
    let mut settings = Garage::shared().bucket().settings();
    settings.endpoint = Some("http://127.0.0.1:9".parse().expect("a URL"));
    let bench = bench(settings).await;
    let files = json!([{ "path": "a.mp4" }, { "path": "b.mp4", "sequence": 1 }, { "path": "c.mp4", "sequence": 2 }]);
    let error = bench.failure(json!({ "do": "submit", "files": files })).await;
    assert!(matches!(error.fault, JobFault::Publish(_)), "{error:?}");
    let kept = bench.names("staging");
    assert_eq!(kept.len(), 3);
    let said = log.text();
    for name in kept {
        assert!(said.contains(&name), "{name} is kept and nobody says so");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_no_planted_secret_is_found_in_anything_said() {
    let log = Log::of_this_process();
    let bucket = Garage::shared().bucket();
    let mut shown = Vec::new();
    let mut settings = bucket.settings();
    settings.credentials = Credentials::Static {
        access_key_id: bucket.access_key_id.clone(),
        secret_access_key: "canary-secret-key".to_owned(),
        session_token: Some("canary-session-token".to_owned()),
    };
    let bench_with_canary = bench(settings).await;
    let failed = Failed::run(&bench_with_canary, "ana", SMALL).await;
    shown.push(format!("{} {:?} {} {:?}", failed.error, failed.error, failed.told, bench_with_canary.host));
    let good = bench(bucket.settings()).await;
    let job = good.host.start(request("ana", &json!({ "do": "store", "files": [{}] })), probe().await).expect("start");
    let mut events = job.events();
    let report = job.wait().await.expect("success");
    shown.push(format!("{:?} {:?}", report.assets, good.host));
    while let Ok(event) = events.try_recv() {
        if !matches!(event, JobEvent::Log { .. }) {
            shown.push(format!("{event:?}"));
        }
    }
    let mut said = log.text();
    assert!(said.contains("job succeeded") && said.contains("job failed"), "the log was not caught");
    said.push_str(&shown.join("\n"));
    // A presigned URL is a secret too: it is told to the caller and to the plugin that made the file, and logged nowhere.
    for secret in [bucket.secret_access_key.as_str(), "canary-secret-key", "canary-session-token", "X-Amz-Signature="] {
        if let Some(at) = said.find(secret) {
            let start = said[..at].rfind('\n').map_or(0, |newline| newline + 1);
            panic!("{secret} is in: {}", said[start..].lines().next().unwrap_or_default());
        }
    }
}

/// The log of this whole process at its loudest, from the first asking on.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn of_this_process() -> Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        let log = LOG.get_or_init(|| {
            let log = Self::default();
            let level = tracing_subscriber::EnvFilter::new("trace,wasmtime=off,cranelift=off,regalloc2=off");
            let subscriber = tracing_subscriber::fmt().with_env_filter(level).with_ansi(false).with_writer(log.clone());
            tracing::subscriber::set_global_default(subscriber.finish()).expect("no other subscriber");
            log
        });
        log.clone()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
