//! Publishing a finished file without a plugin (P4): the same checks, and the operator's file is the operator's.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use filmgate::job::{JobRequest, Slot};
use filmgate::report::{JobError, JobFault, JobReport};
use filmgate::storage::s3::S3Storage;
use filmgate_tests::fault_proxy::{Fault, FaultProxy, Operation, Rule};
use filmgate_tests::garage::Garage;

use crate::support::{Bench, probe_mp4};

async fn publish(bench: &Bench, slot: Option<&str>, path: &Path, remove: bool) -> Result<JobReport, JobError> {
    let slot: Option<Slot> = slot.map(|slot| slot.parse().expect("a slot"));
    let request = JobRequest::new("ana".parse().expect("a user id"));
    bench.host.publish(request, slot, path, remove).expect("start").wait().await
}

fn film(bench: &Bench) -> std::path::PathBuf {
    let path = bench.path("film.mp4");
    std::fs::write(&path, probe_mp4(50_000)).expect("write the film");
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_a_file_is_copied_or_moved() {
    let bench = Bench::local();
    let path = film(&bench);
    let copied = publish(&bench, None, &path, false).await.expect("success");
    assert_eq!(std::fs::read(&path).expect("still there"), probe_mp4(50_000));
    let moved = publish(&bench, None, &path, true).await.expect("success");
    assert!(!path.exists());
    assert_ne!(copied.assets[0].key, moved.assets[0].key);
    for report in [copied, moved] {
        assert_eq!(bench.bytes(&report.assets[0]).await, probe_mp4(50_000));
    }
    bench.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_a_file_that_was_not_published_is_not_deleted() {
    let bucket = Garage::shared().bucket();
    let proxy = FaultProxy::start(bucket).await;
    let storage = S3Storage::connect(proxy.bucket().settings()).await.expect("connect");
    let bench = Bench::with(|builder| builder.storage(Arc::new(storage)));
    let path = film(&bench);
    let rule = |fault| Some(Rule { operation: Operation::PutObject, fault, after_commit: false, times: usize::MAX });
    proxy.set(rule(Fault::Error(403, "AccessDenied")));
    let error = publish(&bench, None, &path, true).await.expect_err("denied");
    assert!(error.to_string().contains("AccessDenied") && error.to_string().contains("film.mp4"), "{error}");
    assert!(path.exists());

    proxy.set(rule(Fault::Stall));
    let request = JobRequest::new("ana".parse().expect("a user id"));
    let job = bench.host.publish(request, None, &path, true).expect("start");
    while proxy.seen().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    job.cancel_token().cancel();
    let error = job.wait().await.expect_err("cancelled");
    assert!(matches!(error.fault, JobFault::Cancelled), "{error:?}");
    assert_eq!(std::fs::read(&path).expect("still there"), probe_mp4(50_000));
    bench.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn b10_an_operators_file_passes_the_same_checks() {
    let bench = Bench::local();
    let path = film(&bench);
    let page = bench.path("page.mp4");
    std::fs::write(&page, "<!doctype html>").expect("write");
    let empty = bench.path("empty.mp4");
    std::fs::write(&empty, "").expect("write");
    for (slot, path, part) in [
        (None, page.as_path(), "of no kind known"),
        (None, empty.as_path(), "empty"),
        (None, &bench.path("absent.mp4"), "no file"),
        (None, &bench.path(""), "not a regular file"),
        (Some("trailer"), path.as_path(), "trailer"),
        (Some("thumbnail"), path.as_path(), "slot thumbnail takes"),
    ] {
        let error = publish(&bench, slot, path, true).await.expect_err("refused");
        assert!(matches!(error.fault, JobFault::Refused(_)), "{error:?}");
        let message = error.to_string();
        assert!(message.contains(part), "{part:?} is missing in {message}");
        assert!(!message.contains("outbox"), "an operator's file is in no outbox: {message}");
    }
    assert!(path.exists() && page.exists());
    assert_eq!(bench.keys().await, Vec::<String>::new());
}

/// `--move` of a link deletes neither the link nor the file it leads to: which of them was meant is not known.
#[tokio::test(flavor = "multi_thread")]
async fn moving_a_link_does_not_delete_what_it_leads_to() {
    let bench = Bench::local();
    let path = film(&bench);
    let link = bench.path("link.mp4");
    symlink(&path, &link).expect("link");
    publish(&bench, None, &link, true).await.expect("success");
    assert!(path.exists() && link.symlink_metadata().is_ok());
}
