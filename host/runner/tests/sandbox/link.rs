//! The link itself: hosts that leave and hosts that talk nonsense.

use std::sync::mpsc;
use std::time::Duration;

use filmgate_protocol::{FromRunner, Outcome, ToRunner, decode, encode};
use filmgate_runner::{FrameReceiver, FrameSender, LinkClosed, serve};

use crate::support::{JAILED, Job, Ran, block_on, hostile, stored};

#[test]
fn host_that_leaves_ends_the_guest_and_its_thread() {
    for params in ["spin", "sleep 100000000", "store", "print 100000000", "submit-and-return 1"] {
        // Limits that do not end it first.
        let job = Job::new(params).budget(|budget| {
            budget.log_bytes = 100_000_000;
            (budget.cpu, budget.wall) = (Duration::from_secs(3600), Duration::from_secs(3600));
        });
        let sender = block_on(async {
            let host = job.begin().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            host.sender()
        });
        // The sender is not what keeps it alive.
        block_on(sender.closed());
    }
}

/// More answers than the link holds, to a guest that is gone while its log waits for a reader.
#[test]
fn host_may_talk_before_it_reads() {
    block_on(async {
        let job = Job::new("print 3000000").budget(|budget| {
            budget.log_bytes = 3_000_000;
            budget.wall = Duration::from_millis(100);
        });
        let mut host = job.begin().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        for _ in 0..100 {
            host.send(&ToRunner::Cancel).await.expect("be heard");
        }
        let mut ran = Ran::default();
        while ran.take(host.recv().await.expect("a message")) {}
        ran.exhausted(filmgate_protocol::Exhausted::Wall);
    });
}

#[test]
fn answers_that_fit_no_call_are_a_fault() {
    let nonsense = [
        ToRunner::Stored { call: 0, result: Ok(stored(0)) },
        ToRunner::Claimed { call: 7, result: Ok(()) },
        ToRunner::Start(Box::new(Job::new("spin").input)),
    ];
    for message in nonsense {
        block_on(async {
            let job = Job::new("spin");
            let mut host = job.begin().await;
            host.send(&message).await.expect("send");
            let mut ran = Ran::default();
            while ran.take(host.recv().await.expect("a message")) {}
            assert!(matches!(ran.outcome, Some(Outcome::Fault(_))), "{:?}", ran.outcome);
        });
    }
}

#[test]
fn outcome_before_the_claim_is_a_fault() {
    block_on(async {
        let job = Job::new("submit-many 1");
        let mut host = job.begin().await;
        let mut ran = Ran::default();
        while ran.take(host.recv().await.expect("a message")) {
            if let Some(request) = ran.unanswered.take() {
                let early = ToRunner::Stored { call: request.call, result: Ok(stored(0)) };
                host.send(&early).await.expect("send");
            }
        }
        assert!(matches!(ran.outcome, Some(Outcome::Fault(_))), "{:?}", ran.outcome);
    });
}

#[test]
fn first_message_must_be_a_start() {
    block_on(async {
        let job = Job::new("echo");
        let mut host = job.prepare(hostile()).await;
        host.send(&ToRunner::Claimed { call: 0, result: Ok(()) }).await.expect("send");
        let mut ran = Ran::default();
        assert!(!ran.take(host.recv().await.expect("a message")));
        assert!(matches!(ran.outcome, Some(Outcome::Fault(_))), "{:?}", ran.outcome);
    });
}

#[test]
fn directory_that_is_none_is_a_fault() {
    // A process refuses it before it has a job.
    if JAILED {
        return;
    }
    let mut job = Job::new("echo");
    job.outbox = job.home.path().join("secret.txt");
    assert!(matches!(job.run().outcome, Some(Outcome::Fault(text)) if text.contains("directories")));
}

#[test]
fn frames_that_are_no_messages_are_a_fault_on_any_transport() {
    let job = Job::new("spin");
    let start = encode(&ToRunner::Start(Box::new(job.input.clone()))).expect("encode");
    let mut trailing = start.clone();
    trailing.push(0);
    for frames in [vec![vec![0xff; 9]], vec![Vec::new()], vec![trailing], vec![start, vec![0xff; 200_000]]] {
        let (sender, said) = mpsc::channel();
        block_on(serve(&hostile().loaded, &job.setup(), Script(frames.into_iter()), Sink(sender)));
        let last = said.iter().last().expect("an answer");
        let message: FromRunner = decode(&last).expect("a message");
        let FromRunner::Finished { outcome: Outcome::Fault(_), .. } = message else { panic!("got {message:?}") };
    }
}

/// A host that says what it was told to and then nothing.
struct Script(std::vec::IntoIter<Vec<u8>>);

impl FrameReceiver for Script {
    async fn recv(&mut self) -> Option<Vec<u8>> {
        match self.0.next() {
            Some(frame) => Some(frame),
            None => std::future::pending().await,
        }
    }
}

struct Sink(mpsc::Sender<Vec<u8>>);

impl FrameSender for Sink {
    async fn send(&mut self, frame: Vec<u8>) -> Result<(), LinkClosed> {
        self.0.send(frame).map_err(|_| LinkClosed)
    }
}

#[test]
#[cfg(target_os = "linux")]
fn engine_takes_its_thread_along() {
    crate::support::engine();
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").expect("list the threads");
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| name.trim() == "filmgate-epoch").count()
    };
    let before = threads();
    let engine = filmgate_runner::Engine::new().expect("start an engine");
    while threads() == before {
        std::thread::yield_now();
    }
    drop(engine);
    block_on(async {
        while threads() != before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}
