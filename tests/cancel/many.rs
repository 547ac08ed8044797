//! Jobs cancelled at random points, again and again: nothing panics, and nothing stays: no process, descriptor, directory
//! or unfinished upload. Alone in its process, so that it can count what there is.
//!
//! Some dozens here; `just cancel-many` makes it a thousand.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use filmgate::job::{JobRequest, Params};
use filmgate::report::JobFault;
use filmgate::storage::s3::S3Storage;
use filmgate::{Host, Plugin, Runner};
use filmgate_tests::bucket::TestBucket;
use filmgate_tests::garage::Garage;
use filmgate_tests::{cli, guests};
use serde_json::json;

/// Jobs cancelled in each mode.
fn rounds() -> u64 {
    std::env::var("FILMGATE_TEST_CANCELS").ok().and_then(|text| text.parse().ok()).unwrap_or(24)
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_jobs_cancelled_at_random_points_leave_nothing() {
    let bucket = Garage::shared().bucket();
    let jailed = Runner::Path(cli::binary().to_owned());
    for runner in [jailed, Runner::InProcess] {
        let folder = tempfile::tempdir().expect("a temporary directory");
        cancel_many(&runner, folder.path(), &bucket).await;
    }
}

async fn cancel_many(runner: &Runner, data: &Path, bucket: &TestBucket) {
    let storage = Arc::new(S3Storage::connect(bucket.settings()).await.expect("connect"));
    let host = Host::builder().data_dir(data).runner(runner.clone()).storage(storage).build().expect("build a host");
    let plugin = host.load_plugin(guests::probe()).await.expect("compile the guest");
    let user = format!("u-{}", filmgate::job::JobId::generate());
    // What is made once stays: connections, threads, the first runner ahead. This one has time to succeed.
    cancel_one(&host, &plugin, &user, 4_000_004).await;
    let before = descriptors();
    let mut random = Random(u64::from(std::process::id()));
    for _ in 0..rounds() {
        cancel_one(&host, &plugin, &user, random.below(120_000)).await;
    }
    // Jobs that were dropped end by themselves; the next runner may just be starting.
    settle(|| descriptors() < before + 16, "descriptors").await;
    drop(host);
    settle(|| children() == 0, "processes").await;
    for name in ["waiting", "jobs", "staging"] {
        settle(|| count(&data.join(name)) == 0, name).await;
    }
    let observer = bucket.observer();
    let prefix = format!("videos/{user}/");
    let uploads = observer.list_multipart_uploads().bucket(&bucket.name).prefix(&prefix).send().await;
    assert_eq!(uploads.expect("list uploads").uploads().len(), 0, "unfinished uploads are left");
}

/// Waits until it holds.
async fn settle(holds: impl Fn() -> bool, what: &str) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < patience, "{what} are left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Starts a job that would render, write and upload, and cancels it after so many microseconds, by its token or by
/// dropping it.
async fn cancel_one(host: &Host, plugin: &Plugin, user: &str, after: u64) {
    let params = match after % 4 {
        0 => json!({ "do": "store", "files": [{ "bytes": 20_000_000 }] }),
        1 => json!({ "do": "submit", "files": [{ "bytes": 9_000_000 }, { "kind": "png", "slot": "thumbnail" }] }),
        2 => json!({ "do": "loop" }),
        _ => json!({ "do": "progress", "steps": 100, "pause_ms": 5 }),
    };
    let params: Params = params.to_string().parse().expect("parameters");
    let request = JobRequest::new(user.parse().expect("a user")).with_params(params);
    let job = host.start(request, plugin).expect("start");
    tokio::time::sleep(Duration::from_micros(after)).await;
    if after.is_multiple_of(5) {
        drop(job);
        return;
    }
    job.cancel_token().cancel();
    match job.wait().await {
        // It was faster.
        Ok(_) => {}
        Err(error) => assert!(
            matches!(error.fault, JobFault::Cancelled | JobFault::NothingPublished(_)),
            "after {after} µs: {error:?}"
        ),
    }
}

fn descriptors() -> usize {
    count(Path::new("/proc/self/fd"))
}

fn count(folder: &Path) -> usize {
    std::fs::read_dir(folder).map(Iterator::count).unwrap_or_default()
}

/// Runners of this process: it has other children, too.
fn children() -> usize {
    let own = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").expect("list processes").flatten();
    let found = processes.filter(|entry| {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { return false };
        // `id (name) state parent …`
        let Some((name, rest)) = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')) else { return false };
        name == "filmgate" && rest.split_whitespace().nth(1) == Some(own.as_str())
    });
    found.count()
}

/// A xorshift generator: what matters is that the points differ.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
