//! A store that is away, asked by many at once: how much is sent to it, when it is left alone, and how it is found again.

use std::sync::Arc;
use std::time::Duration;

use filmgate::storage::s3::{S3Settings, S3Storage};
use filmgate::storage::{
    BothStorage, Durability, LocalStorage, Mode, PublishId, Storage, StorageError, StorageFault, Stored,
};
use filmgate_tests::fault_proxy::{Fault, FaultProxy, Operation, Rule};
use filmgate_tests::garage::Garage;
use futures::future::join_all;

use crate::bench::{Put, fetch, key, noise, open_uploads};

const MANY: usize = 50;
const ALWAYS: usize = usize::MAX;
const DEAD: Fault = Fault::Error(503, "ServiceUnavailable");
/// Calls in a row that must come to nothing before the store is left alone.
const CALLS: usize = 5;

const EVERY: [Operation; 11] = [
    Operation::CreateMultipartUpload,
    Operation::UploadPart,
    Operation::CompleteMultipartUpload,
    Operation::AbortMultipartUpload,
    Operation::ListParts,
    Operation::ListMultipartUploads,
    Operation::PutObject,
    Operation::HeadObject,
    Operation::GetObject,
    Operation::DeleteObject,
    Operation::ListObjectsV2,
];

fn rule(operation: Operation, fault: Fault) -> Rule {
    Rule { operation, fault, after_commit: false, times: ALWAYS }
}

struct Lab {
    proxy: FaultProxy,
    storage: S3Storage,
    retries: usize,
    concurrency: usize,
}

impl Lab {
    async fn new(change: impl FnOnce(&mut S3Settings)) -> Self {
        let proxy = FaultProxy::start(Garage::shared().bucket()).await;
        let mut settings = proxy.bucket().settings();
        settings.upload.multipart_threshold = 1000;
        change(&mut settings);
        let (retries, concurrency) = (settings.upload.retries as usize, settings.upload.concurrency.get());
        let storage = S3Storage::connect(settings).await.expect("connect");
        // The endpoint is learned while it is well.
        storage.probe().await.expect("probe");
        Self { proxy, storage, retries, concurrency }
    }

    fn fail_all(&self, fault: Fault) {
        self.proxy.plan(EVERY.map(|operation| rule(operation, fault)));
    }

    /// So many puts of files of their own, at once.
    async fn put_many(&self, count: usize, size: u64) -> Vec<Result<Stored, StorageError>> {
        let puts = (0..count).map(|_| async move {
            let key = key(&format!("{}/object", PublishId::generate()));
            Put::new(&key, &noise(size)).send(&self.storage).await
        });
        join_all(puts).await
    }

    /// Waits until such a request came.
    async fn until_seen(&self, operation: Operation) {
        while !self.proxy.seen().contains(&operation) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Leaves the store away.
    async fn lose(&self, fault: Fault) -> StorageError {
        self.fail_all(fault);
        for _ in 0..CALLS {
            self.storage.list("x", None).await.expect_err("it is dead");
        }
        self.left_alone().await
    }

    /// The error of a call that is not sent. Where the next one is due on a slow machine, it finds the store dead once more.
    async fn left_alone(&self) -> StorageError {
        for _ in 0..3 {
            let error = self.storage.list("x", None).await.expect_err("it is dead");
            if error.fault == StorageFault::Away {
                return error;
            }
        }
        panic!("it is asked again and again")
    }
}

async fn until_asked_again(error: &StorageError) {
    let wait = error.retry_at.expect("a time").duration_since(jiff::Timestamp::now());
    tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a6_fifty_puts_on_a_dead_store_send_few_requests_and_the_next_one_finds_it_again() {
    let lab = Lab::new(|_| {}).await;
    lab.fail_all(DEAD);
    let began = std::time::Instant::now();
    let outcomes = lab.put_many(MANY, 500).await;
    let errors: Vec<_> = outcomes.into_iter().map(|outcome| outcome.expect_err("it is dead")).collect();
    let sent = lab.proxy.seen().len();
    // A first try each, as many retries as one file may need, and what time has brought back.
    let budget = lab.retries * lab.concurrency;
    let came_back = usize::try_from(began.elapsed().as_secs()).expect("seconds") * budget / 10 + budget / 10;
    assert!(sent <= MANY + budget + came_back, "{sent} requests");
    for error in &errors {
        assert!(error.is_retryable() && error.is_outage() && error.left_behind.is_none(), "{error}");
        assert!(error.to_string().contains("HTTP 503"), "what the store said is told: {error}");
    }

    // Left alone: whoever comes hears so at once, and at most the call that finds out is sent.
    let last = lab.left_alone().await;
    assert_eq!(last.status, None, "{last}");
    let told = last.to_string();
    assert!(told.contains("considered away since 2") && told.contains("tried again at 2"), "{told}");
    lab.fail_all(DEAD);
    let errors = lab.put_many(MANY, 500).await;
    assert!(errors.iter().all(|outcome| outcome.as_ref().is_err_and(StorageError::is_outage)));
    assert!(lab.proxy.seen().len() <= 3, "{:?}", lab.proxy.seen());

    lab.proxy.set(None);
    // It may have been found dead once more meanwhile.
    if let Err(error) = lab.storage.list("x", None).await {
        until_asked_again(&error).await;
    }
    let key = key(&format!("{}/back", PublishId::generate()));
    Put::new(&key, &noise(500)).send(&lab.storage).await.expect("it is back");
    for outcome in lab.put_many(MANY, 2000).await {
        outcome.expect("it is back for everybody");
    }
}

/// A short outage that many meet at once: each is sent again, though there are more of them than tokens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a6_an_outage_that_passes_fails_nobody_however_many_meet_it() {
    let lab = Lab::new(|settings| {
        settings.upload.retries = 1;
        // Nobody's second try comes before everybody's first.
        settings.upload.retry_delay = Duration::from_secs(4);
    })
    .await;
    let calls = 3 * lab.concurrency;
    assert!(calls > lab.retries * lab.concurrency, "more than there are tokens");
    lab.proxy.set(Some(rule(Operation::HeadObject, DEAD)));
    let pass = async {
        while lab.proxy.seen().len() < calls {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        lab.proxy.set(None);
    };
    let (outcomes, ()) = tokio::join!(lab.put_many(calls, 500), pass);
    for outcome in outcomes {
        outcome.expect("the second try");
    }
}

/// The store is there, whatever it refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a6_storms_of_refusals_leave_nothing_alone() {
    let lab = Lab::new(|settings| settings.upload.retries = 1).await;
    for (status, code) in [
        (403, "AccessDenied"),
        (403, "ExpiredToken"),
        (404, "NoSuchBucket"),
        (400, "InvalidRequest"),
        (429, "TooManyRequests"),
    ] {
        lab.fail_all(Fault::Error(status, code));
        for outcome in lab.put_many(8, 500).await.into_iter().chain(lab.put_many(8, 2000).await) {
            let error = outcome.expect_err("refused");
            assert_ne!(error.fault, StorageFault::Away, "{code}: {error}");
        }
        lab.proxy.set(None);
        for outcome in lab.put_many(2, 500).await {
            outcome.unwrap_or_else(|error| panic!("after {code}: {error}"));
        }
    }
}

/// One operation that fails, among others that do not, is no store that is away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_answers_other_requests_is_not_left_alone() {
    let lab = Lab::new(|settings| settings.upload.retries = 0).await;
    lab.proxy.set(Some(rule(Operation::PutObject, DEAD)));
    for _ in 0..2 * CALLS {
        for outcome in lab.put_many(1, 500).await {
            assert_eq!(outcome.expect_err("no put").fault, StorageFault::Unavailable);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e1_a_fallback_is_chosen_without_a_request_while_s3_is_left_alone() {
    for fault in [DEAD, Fault::Reset] {
        let lab = Lab::new(|_| {}).await;
        lab.lose(fault).await;
        let dir = tempfile::tempdir().expect("a directory");
        let local = LocalStorage::open(dir.path()).expect("open");
        let both = BothStorage::new(local, Arc::new(lab.storage.clone()), Mode::Fallback);
        lab.fail_all(fault);
        for size in [500, 2000] {
            let key = key(&format!("{}/fallen", PublishId::generate()));
            let stored = Put::new(&key, &noise(size)).send(&both).await.expect("in the directory");
            assert_eq!(stored.durability, Durability::Local);
            assert!(fetch(&both, &key, None).await.expect("get") == noise(size));
        }
        // The one that finds out is none of these, or each is sent once where time has passed.
        assert!(lab.proxy.seen().len() <= 2, "{fault:?}: {:?}", lab.proxy.seen());
    }
}

/// Parts that nobody will complete cost money: they are taken away, whatever else is not sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a6_an_upload_under_way_is_aborted_while_the_store_is_left_alone() {
    let lab = Lab::new(|_| {}).await;
    let key = key(&format!("{}/under-way", PublishId::generate()));
    let put = Put::new(&key, &noise(2000));
    lab.proxy.set(Some(rule(Operation::UploadPart, Fault::Stall)));
    let lose = async {
        lab.until_seen(Operation::UploadPart).await;
        let dead = [Operation::ListObjectsV2, Operation::HeadObject].map(|operation| rule(operation, DEAD));
        lab.proxy.plan(dead);
        for _ in 0..CALLS {
            lab.storage.list("x", None).await.expect_err("it is dead");
        }
        lab.left_alone().await;
        let seen = lab.proxy.seen().len();
        put.cancel.cancel();
        seen
    };
    let (outcome, before) = tokio::join!(put.send(&lab.storage), lose);
    let error = outcome.expect_err("cancelled");
    assert_eq!((error.fault, error.left_behind), (StorageFault::Cancelled, None));
    assert_eq!(open_uploads(&Garage::shared().bucket(), &key).await, Vec::<String>::new());
    assert!(lab.proxy.seen()[before..].contains(&Operation::AbortMultipartUpload), "{:?}", lab.proxy.seen());
    // Its answer shows that the store is there.
    lab.proxy.set(None);
    lab.storage.list("x", None).await.expect("it is back");
}

/// An abort that is not answered is tried once, and what is left is named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a6_an_abort_that_a_dead_store_does_not_answer_is_named() {
    let lab = Lab::new(|_| {}).await;
    let key = key(&format!("{}/under-way", PublishId::generate()));
    let put = Put::new(&key, &noise(2000));
    lab.proxy.set(Some(rule(Operation::UploadPart, Fault::Stall)));
    let lose = async {
        lab.until_seen(Operation::UploadPart).await;
        lab.lose(DEAD).await;
        put.cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(put.send(&lab.storage), lose);
    let error = outcome.expect_err("cancelled");
    let aborts = lab.proxy.seen().iter().filter(|seen| **seen == Operation::AbortMultipartUpload).count();
    assert_eq!((error.fault, aborts), (StorageFault::Cancelled, 1), "{error}");
    let open = open_uploads(&Garage::shared().bucket(), &key).await;
    assert_eq!(open.len(), 1);
    assert!(error.to_string().contains(&open[0]), "{error}");
    lab.proxy.set(None);
    if let Err(error) = lab.storage.discard_unfinished(&key).await {
        panic!("it ends what was begun, so it is sent at once: {error}");
    }
    assert_eq!(open_uploads(&Garage::shared().bucket(), &key).await, Vec::<String>::new());
}
