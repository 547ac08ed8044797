//! What an answer hides: an upload or an object that is there all the same.

use std::time::Duration;

use filmgate::storage::s3::S3Storage;
use filmgate::storage::{LeftBehind, Presence, PublishId, Storage, StorageFault};
use filmgate_tests::fault_proxy::{Fault, FaultProxy, Operation, Rule};
use filmgate_tests::garage::Garage;

use super::{ALWAYS, Lab};
use crate::bench::{Put, key, noise, open_uploads};

/// A request without an answer, and then a refusal: what the first may have made is found, or named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_does_not_hide_a_lost_answer() {
    let proxy = FaultProxy::start(Garage::shared().bucket()).await;
    let mut settings = proxy.bucket().settings();
    settings.upload.multipart_threshold = 1000;
    settings.upload.retries = 1;
    // Time enough to change the rule between two tries.
    settings.upload.retry_delay = Duration::from_secs(2);
    let storage = S3Storage::connect(settings).await.expect("connect");
    storage.probe().await.expect("probe");
    for (operation, size, after_commit) in [
        (Operation::PutObject, 500, true),
        (Operation::PutObject, 500, false),
        (Operation::CreateMultipartUpload, 2000, true),
        (Operation::CompleteMultipartUpload, 2000, true),
        (Operation::CompleteMultipartUpload, 2000, false),
    ] {
        let case = format!("{operation:?}, carried out: {after_commit}");
        let rule = Rule { operation, fault: Fault::Reset, after_commit, times: ALWAYS };
        proxy.set(Some(rule));
        let key = key(&format!("{}/refused", PublishId::generate()));
        let put = Put::new(&key, &noise(size));
        let refuse = async {
            while !proxy.seen().contains(&operation) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
            proxy.set(Some(Rule { fault: Fault::Error(403, "AccessDenied"), after_commit: false, ..rule }));
        };
        let (outcome, ()) = tokio::join!(put.send(&storage), refuse);
        assert!(proxy.seen().contains(&operation), "{case}: there was no second try");
        proxy.set(None);
        assert_eq!(open_uploads(&Garage::shared().bucket(), &key).await, Vec::<String>::new(), "{case}");
        let there = matches!(storage.head(&key).await.expect("head"), Presence::Present(_));
        match outcome {
            Ok(_) => assert!(there && after_commit, "{case}"),
            Err(error) => {
                let left = (operation != Operation::CreateMultipartUpload).then_some(LeftBehind::Object);
                assert_eq!((error.fault, &error.left_behind), (StorageFault::Denied, &left), "{case}: {error}");
                assert!(!there, "{case}");
            }
        }
    }
}

/// A creation that is refused and carried out all the same, by something between that sent it twice: what is found of it is
/// aborted, and named where it cannot be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_a_refusal_hides_is_aborted_or_named() {
    let lab = Lab::garage().await;
    let refused = Rule {
        operation: Operation::CreateMultipartUpload,
        fault: Fault::Error(404, "NoSuchUpload"),
        after_commit: true,
        times: 1,
    };
    let fault = Fault::Error(500, "InternalError");
    let stays = Rule { operation: Operation::AbortMultipartUpload, fault, after_commit: false, times: ALWAYS };
    for (rules, is_named) in [(vec![refused], false), (vec![refused, stays], true)] {
        let key = key(&format!("{}/hidden", PublishId::generate()));
        lab.proxy.plan(rules);
        let error = Put::new(&key, &noise(2000)).send(&lab.storage).await.expect_err("refused");
        lab.proxy.set(None);
        let open = open_uploads(&lab.direct, &key).await;
        assert_eq!((error.fault, open.len()), (StorageFault::NotFound, usize::from(is_named)), "{error}");
        assert_eq!(error.left_behind, open.first().map(|id| LeftBehind::Upload(Some(id.clone()))), "{error}");
        lab.storage.discard_unfinished(&key).await.expect("abort");
    }
}

/// The same where the refusal may pass, and the second try is answered: what the first made goes with the upload that fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_a_throttled_creation_made_is_aborted() {
    let lab = Lab::garage().await;
    for fault in [Fault::Error(429, "TooManyRequests"), Fault::Error(400, "RequestTimeout")] {
        let key = key(&format!("{}/throttled", PublishId::generate()));
        let operation = Operation::CreateMultipartUpload;
        let throttled = Rule { operation, fault, after_commit: true, times: 1 };
        let denied = Fault::Error(403, "AccessDenied");
        let refused = Rule { operation: Operation::UploadPart, fault: denied, after_commit: false, times: ALWAYS };
        lab.proxy.plan([throttled, refused]);
        let error = Put::new(&key, &noise(2000)).send(&lab.storage).await.expect_err("refused");
        lab.proxy.set(None);
        assert_eq!((error.fault, &error.left_behind), (StorageFault::Denied, &None), "{error}");
        assert_eq!(open_uploads(&lab.direct, &key).await, Vec::<String>::new(), "{fault:?}");
    }
}

/// A put whose object looks wrong takes it back; an answer to that which is not about the object is no proof that it is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_about_an_upload_does_not_prove_that_an_object_is_gone() {
    let lab = Lab::garage().await;
    let wrong =
        Rule { operation: Operation::HeadObject, fault: Fault::WrongChecksum, after_commit: false, times: ALWAYS };
    let fault = Fault::Error(404, "NoSuchUpload");
    let denied = Rule { operation: Operation::DeleteObject, fault, after_commit: false, times: ALWAYS };
    let key = key(&format!("{}/not-gone", PublishId::generate()));
    lab.proxy.plan([wrong, denied]);
    let error = Put::new(&key, &noise(500)).send(&lab.storage).await.expect_err("a wrong object");
    lab.proxy.set(None);
    assert_eq!((error.fault, &error.left_behind), (StorageFault::Corrupted, &Some(LeftBehind::Object)), "{error}");
    assert!(matches!(lab.storage.head(&key).await.expect("head"), Presence::Present(_)));
    lab.storage.delete(&key).await.expect("delete");
}
