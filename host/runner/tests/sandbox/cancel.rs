//! Ending a job from outside.

use std::time::{Duration, Instant};

use filmgate_protocol::{Outcome, ToRunner};

use crate::support::{Job, Ran, block_on, hostile};

/// The promise is 50 ms; the rest is for a machine that does other things too.
const SOON: Duration = Duration::from_secs(1);

#[test]
fn cancel_stops_a_loop_a_sleep_and_a_call() {
    for params in ["spin", "fill-memory-forever", "sleep 100000000", "store"] {
        let (ran, took) = cancel_after(params, Duration::from_millis(50));
        assert_eq!(ran.outcome, Some(Outcome::Cancelled), "{params}");
        assert!(took < SOON, "{params} took {took:?}");
        assert!(ran.usage.wall >= Duration::from_millis(50), "{params}: usage is reported: {:?}", ran.usage);
    }
}

#[test]
fn guest_may_see_its_cancellation() {
    let job = Job::new("until-cancelled");
    let (ran, _) = cancel(&job, Duration::from_millis(50));
    assert_eq!(ran.outcome, Some(Outcome::Cancelled));
    assert!(job.outbox().join("saw-it").exists());
}

#[test]
fn cancel_before_the_start_needs_no_job() {
    block_on(async {
        let job = Job::new("echo");
        let mut host = job.prepare(hostile()).await;
        host.send(&ToRunner::Cancel).await.expect("send");
        let mut ran = Ran::default();
        assert!(!ran.take(host.recv().await.expect("a message")));
        assert_eq!(ran.outcome, Some(Outcome::Cancelled));
    });
}

fn cancel_after(params: &str, wait: Duration) -> (Ran, Duration) {
    cancel(&Job::new(params), wait)
}

fn cancel(job: &Job, wait: Duration) -> (Ran, Duration) {
    block_on(async {
        let mut host = job.begin().await;
        tokio::time::sleep(wait).await;
        let asked = Instant::now();
        host.send(&ToRunner::Cancel).await.expect("send");
        let mut ran = Ran::default();
        while ran.take(host.recv().await.expect("a message")) {}
        assert_eq!(host.recv().await, None);
        (ran, asked.elapsed())
    })
}
