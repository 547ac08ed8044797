//! Runners that wait for a job: kept ready, used, and gone when nobody comes.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::Bench;

fn store() -> serde_json::Value {
    json!({ "do": "store", "files": [{}] })
}

/// Waits until so many directories of runners are there.
async fn waiting(bench: &Bench, count: usize) {
    let patience = Instant::now() + Duration::from_secs(60);
    while bench.names("waiting").len() != count {
        assert!(Instant::now() < patience, "{:?} wait", bench.names("waiting"));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Descriptors of this host's directories that some process still holds, runners among them.
fn held(bench: &Bench) -> usize {
    let here = std::fs::canonicalize(bench.path("data")).expect("the data directory").join("waiting");
    let processes = std::fs::read_dir("/proc").expect("list processes").flatten();
    let descriptors = processes.filter_map(|process| std::fs::read_dir(process.path().join("fd")).ok()).flatten();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    targets.filter(|target| target.starts_with(&here) && *target != here).count()
}

/// P3: what waits takes memory, a process and a directory; all of it is given back.
#[tokio::test(flavor = "multi_thread")]
async fn p3_a_runner_that_nobody_needs_ends() {
    let bench = Bench::with(|builder| builder.runners_ahead(1).runners_idle(Duration::from_millis(500)));
    bench.summary(store()).await;
    // It may have come and gone already; what was made for it is gone in any case.
    waiting(&bench, 0).await;
    let patience = Instant::now() + Duration::from_secs(60);
    while held(&bench) > 0 {
        assert!(Instant::now() < patience, "directories of runners are held");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bench.summary(store()).await;
    bench.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_waits_takes_the_next_job() {
    let bench = Bench::with(|builder| builder.runners_ahead(1).runners_idle(Duration::from_secs(3600)));
    bench.summary(store()).await;
    // Of the plugin, and of the examination.
    waiting(&bench, 2).await;
    let before = bench.names("waiting");
    let report = bench.run(store()).await.expect("the job succeeds");
    waiting(&bench, 2).await;
    let after = bench.names("waiting");
    assert!(before.iter().all(|name| !after.contains(name)), "{before:?} {after:?}");
    assert_eq!(report.assets.len(), 1);
}
