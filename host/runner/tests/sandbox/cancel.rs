//! Ending a job from outside.

use std::time::Duration;

use filmgate_protocol::{Outcome, ToRunner};

use crate::support::{Job, Ran, block_on, hostile};

#[test]
fn cancel_stops_a_loop_a_sleep_and_a_call() {
    for params in ["spin", "fill-memory-forever", "sleep 100000000", "store"] {
        // Nothing else ends it while a test waits.
        let hour = Duration::from_secs(3600);
        let job = Job::new(params).budget(|budget| (budget.cpu, budget.wall) = (hour, hour));
        let ran = cancel(&job, Duration::from_millis(50));
        assert_eq!(ran.outcome, Some(Outcome::Cancelled), "{params}");
        assert!(ran.usage.wall >= Duration::from_millis(50), "{params}: usage is reported: {:?}", ran.usage);
    }
}

#[test]
fn guest_may_see_its_cancellation() {
    let job = Job::new("until-cancelled");
    let ran = cancel(&job, Duration::from_millis(50));
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

fn cancel(job: &Job, wait: Duration) -> Ran {
    block_on(async {
        let mut host = job.begin().await;
        tokio::time::sleep(wait).await;
        host.send(&ToRunner::Cancel).await.expect("send");
        let mut ran = Ran::default();
        while ran.take(host.recv().await.expect("a message")) {}
        assert_eq!(host.recv().await, None);
        ran
    })
}
