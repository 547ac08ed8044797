//! Standard output and standard error: bounded, in order, always text (P3).

use std::time::Duration;

use filmgate_protocol::FromRunner;

use crate::support::{Job, Ran, block_on, run, run_with};

#[test]
fn flood_is_cut_at_the_budget_and_the_rest_counted() {
    let ran = run("print 1000000");
    assert_eq!(ran.summary(), "printed");
    assert_eq!(ran.stdout.len(), 65536);
    assert_eq!(ran.usage.log_bytes_dropped, 1_000_000 - 65536);
    assert!(ran.log_frames.iter().all(|bytes| *bytes <= 8192), "{:?}", ran.log_frames);
}

#[test]
fn no_log_at_all_is_a_budget_too() {
    let ran = run_with("print 5000", |budget| budget.log_bytes = 0);
    assert_eq!((ran.stdout.len(), ran.usage.log_bytes_dropped), (0, 5000));
}

#[test]
fn characters_cut_between_writes_are_joined() {
    let ran = run("print-cut-characters");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("é漢🎬", "é漢🎬"));
}

#[test]
fn what_is_no_text_is_replaced() {
    assert_eq!(run("print-invalid").stdout, "a\u{fffd}\u{fffd}b\u{fffd}");
}

#[test]
fn slow_host_makes_the_guest_wait_and_loses_nothing() {
    let job = Job::new("print 4000000").budget(|budget| budget.log_bytes = 4_000_000);
    block_on(async {
        let mut host = job.begin().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut ran = Ran::default();
        while ran.take(host.recv().await.expect("a message")) {
            if ran.log_frames.len() < 20 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        assert_eq!((ran.summary(), ran.stdout.len(), ran.usage.log_bytes_dropped), ("printed", 4_000_000, 0));
        // It was waiting while nobody read.
        assert!(ran.usage.wall >= Duration::from_millis(300), "{:?}", ran.usage);
    });
}

#[test]
fn log_comes_before_the_end() {
    block_on(async {
        let job = Job::new("panic");
        let mut host = job.begin().await;
        let first = host.recv().await;
        assert!(matches!(first, Some(FromRunner::Log { .. })), "{first:?}");
    });
}
