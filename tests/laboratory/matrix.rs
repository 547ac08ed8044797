//! Every operation of a publish, failing in every way, before and after the commit, once and always.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use filmgate::job::JobRequest;
use filmgate::publish::PublishError;
use filmgate::report::{JobError, JobFault, JobReport};
use filmgate::storage::{LeftBehind, StorageFault};
use filmgate_tests::fault_proxy::Operation;
use filmgate_tests::http;

use crate::bench::{Bench, number};
use crate::cell::{Cell, Expected, Server};
use crate::schedule;

/// Benches that wait for nothing are bound by the processor.
const PATIENT: usize = 4;
/// Benches that wait for time-outs are not.
const IMPATIENT: usize = 12;
/// A cell that takes longer hangs.
const HANGS: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a6_every_fault_on_garage_ends_as_promised() {
    matrix(Server::Garage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a6_every_fault_on_s3s_ends_as_promised() {
    matrix(Server::S3s).await;
}

async fn matrix(server: Server) {
    let (slow, quick): (Vec<_>, Vec<_>) = Cell::all(server).into_iter().partition(|cell| cell.kind.is_slow());
    let count = slow.len() + quick.len();
    let (slow, quick) = (Mutex::new(slow), Mutex::new(quick));
    let faults = Mutex::new(Vec::new());
    let benches = (0..PATIENT + IMPATIENT).map(|place| {
        let (cells, faults) = (if place < PATIENT { &quick } else { &slow }, &faults);
        async move {
            let bench = Bench::new(server, place < PATIENT).await;
            loop {
                let Some(cell) = cells.lock().expect("the cells").pop() else { return };
                let found = tokio::time::timeout(HANGS, run(&bench, cell)).await;
                let found = found.unwrap_or_else(|_| vec!["does not end".to_owned()]);
                faults.lock().expect("the faults").extend(found.into_iter().map(|fault| format!("{cell:?}: {fault}")));
            }
        }
    });
    futures::future::join_all(benches).await;
    let faults = faults.into_inner().expect("the faults");
    let mut told = String::new();
    for fault in &faults {
        let _ = writeln!(told, "{fault}");
    }
    assert!(faults.is_empty(), "{} violations in {count} cells:\n{told}", faults.len());
    schedule::row(&format!("matrix, {server:?}"), &format!("{count} cells"), "as documented", None);
}

/// One publish; answers what was wrong about it.
async fn run(bench: &Bench, cell: Cell) -> Vec<String> {
    let user = format!("m{:x}", number());
    let prefix = format!("videos/{user}/");
    let (path, bytes) = bench.file(cell.size);
    bench.proxy.plan(cell.rules());
    let request = JobRequest::new(user.parse().expect("a user"));
    let outcome = match bench.host.publish(request, None, &path, true) {
        Ok(job) => job.wait().await,
        Err(error) => Err(error),
    };
    let seen = bench.proxy.seen();
    bench.proxy.plan([]);

    let mut judge = Judge { bench, cell, prefix: &prefix, path: &path, bytes: &bytes, faults: Vec::new() };
    // The rules were put to the test at all.
    judge.hold(seen.contains(&cell.operation), || format!("no such request: {seen:?}"));
    judge.hold(seen.len() <= 60, || format!("{} requests", seen.len()));
    match outcome {
        Ok(report) => judge.stored(&report).await,
        Err(error) => judge.failed(&error).await,
    }
    let faults = judge.faults;
    bench.clear(&prefix).await;
    let _ = std::fs::remove_file(&path);
    faults
}

struct Judge<'a> {
    bench: &'a Bench,
    cell: Cell,
    prefix: &'a str,
    path: &'a std::path::Path,
    bytes: &'a Bytes,
    faults: Vec<String>,
}

impl Judge<'_> {
    fn hold(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(otherwise());
        }
    }

    /// A URL was answered: it leads to the file's bytes, the local file is gone, and nothing else is there.
    async fn stored(&mut self, report: &JobReport) {
        self.hold(self.cell.expected() == Expected::Stored, || "stored, though it must fail".to_owned());
        let objects = self.bench.objects(self.prefix).await;
        self.hold(objects.len() == 1, || format!("{} objects", objects.len()));
        let Some(asset) = report.main_asset() else { return self.faults.push("no asset".to_owned()) };
        let is_file = objects.iter().any(|(key, bytes)| *key == asset.key.as_str() && bytes == self.bytes);
        self.hold(is_file, || "the object is not the file".to_owned());
        let fetched = http::get(&asset.url.url).await;
        self.hold(fetched.body() == self.bytes, || format!("the URL answers {}", fetched.status()));
        self.hold(!self.path.exists() && asset.kept.is_none(), || "the local file is left".to_owned());
        let open = self.bench.open_uploads(self.prefix).await;
        self.hold(open.is_empty() || self.cell.has_hidden_upload(), || format!("open uploads {open:?}"));
    }

    /// The file is where the error says; what may be left in the store is named.
    async fn failed(&mut self, error: &JobError) {
        let JobFault::Publish(PublishError::Storage { error, kept }) = &error.fault else {
            return self.faults.push(format!("another kind of error: {error:?}"));
        };
        match self.cell.expected() {
            Expected::Stored => self.faults.push(format!("failed: {error}")),
            Expected::Fails(faults) => {
                self.hold(faults.contains(&error.fault), || {
                    format!("{:?} instead of {faults:?}: {error}", error.fault)
                });
            }
        }
        let retryable = matches!(error.fault, StorageFault::Unavailable | StorageFault::Unreachable);
        self.hold(error.is_retryable() == retryable, || format!("retryable: {}", error.is_retryable()));
        self.hold(error.key.as_ref().is_some_and(|key| key.as_str().starts_with(self.prefix)), || {
            format!("names no key: {error}")
        });
        let is_kept = std::fs::read(kept).is_ok_and(|kept| kept == *self.bytes);
        self.hold(kept == self.path && is_kept, || format!("the file is not kept at {kept:?}"));

        let objects = self.bench.objects(self.prefix).await;
        self.hold(objects.len() <= 1, || format!("{} objects", objects.len()));
        for (_, bytes) in &objects {
            self.hold(bytes == self.bytes, || "a wrong object".to_owned());
            self.hold(error.left_behind == Some(LeftBehind::Object), || format!("an object nobody names: {error}"));
        }
        let open = self.bench.open_uploads(self.prefix).await;
        let named = match (&open[..], &error.left_behind) {
            ([], _) => true,
            (_, Some(LeftBehind::Upload(None))) => true,
            ([id], Some(LeftBehind::Upload(Some(named)))) => id == named,
            _ => self.cell.has_hidden_upload() && self.cell.is_refusal(),
        };
        self.hold(named, || format!("open uploads {open:?}: {error}"));
        // Cleaning up that works in the end leaves nothing.
        let cleans = matches!(self.cell.operation, Operation::AbortMultipartUpload | Operation::ListParts);
        let passes = self.cell.kind.transient().is_some() && !self.cell.persistent;
        let heals = cleans && passes && self.cell.server == Server::Garage;
        self.hold(!heals || open.is_empty(), || format!("open uploads {open:?} after a fault that passed: {error}"));
    }
}
