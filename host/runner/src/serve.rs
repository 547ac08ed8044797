use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use filmgate_protocol::{Budget, Exhausted, FromRunner, JobInput, Outcome, ToRunner, Usage, decode, encode};
use tokio::time::Instant;

use crate::plugin::Plugin;
use crate::serve::guest::Guest;
use crate::session::Session;
use crate::setup::Setup;
use crate::transport::{FrameReceiver, FrameSender, LinkClosed};

mod guest;
mod outcome;

/// Threads for the file operations that a guest has under way at once; more wait. Each takes a stack of the job's memory.
pub(crate) const BLOCKING_THREADS_MAX: usize = 16;

/// What a guest gets to see of its cancellation before it is stopped: time to return, not to finish. It is heard at the next
/// tick and ends at the one after, so that all of it is 40 ms, and 10 are left of those that are promised.
const CANCEL_GRACE: Duration = Duration::from_millis(20);

/// How often the host is told what the job has used: often enough for a display.
const USAGE_INTERVAL: Duration = Duration::from_millis(250);

/// Longest wall-clock time; only keeps the arithmetic of deadlines in range.
const WALL_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Runs one job of `plugin` over a link to a host: brings the guest to life, reads [`ToRunner::Start`], runs the job,
/// answers with [`FromRunner::Finished`] and returns when the host has it or is gone.
///
/// A host that starts the job later has a guest that waits for it.
///
/// The guest runs on the calling thread, which must be the job's own: its CPU time is the job's, and the guest's file
/// operations block it. So the future is not `Send`; poll it with `block_on` of a current-thread tokio runtime with
/// time and I/O enabled. If it is dropped, the guest is gone and the host hears nothing.
pub async fn serve(plugin: &Plugin, setup: &Setup, mut receiver: impl FrameReceiver, mut sender: impl FrameSender) {
    let _one_thread: PhantomData<*const ()> = PhantomData;
    let session = Arc::new(Session::new(&setup.budget));
    let mut making = pin!(guest::instantiate(plugin, setup, &session));
    let mut made = None;
    let first = {
        let mut first = pin!(first(&mut receiver));
        loop {
            tokio::select! {
                biased;
                first = &mut first => break first,
                guest = &mut making, if made.is_none() => made = Some(guest),
            }
        }
    };
    let job = match first {
        First::Start(job) => job,
        First::Gone => return,
        First::Other(outcome) => {
            if let Ok(frame) = encode(&FromRunner::Finished { outcome, usage: Usage::default() }) {
                // A host that is gone needs no answer.
                let _ = sender.send(frame).await;
            }
            return;
        }
    };
    session.meters.start();
    let making = async {
        match made {
            Some(made) => made,
            None => making.await,
        }
    };
    // Dropped when the answer is on its way: taking a guest down takes longer than sending.
    let mut guest = None;
    let mut sending = pin!(send_all(&session, &mut sender));
    let outcome = tokio::select! {
        biased;
        end = listen(&session, &mut receiver) => end,
        _ = &mut sending => None,
        outcome = run(plugin, making, *job, &setup.budget, &session, &mut guest) => Some(outcome),
        never = report_usage(&session) => match never {},
    };
    // The guest is stopped here, whoever came first.
    let Some(outcome) = outcome else { return };
    let outcome = if session.is_cancelled() { Outcome::Cancelled } else { outcome };
    if let Some(guest) = &mut guest {
        guest.note_handles(&setup.budget);
    }
    session.outbound.finish(FromRunner::Finished { outcome, usage: session.meters.usage() });
    tokio::select! {
        sent = &mut sending => if sent.is_err() { tracing::debug!("host left before the end of a job") },
        () = drain(&mut receiver) => {}
    }
}

/// Tells the host now and then what the job has used.
async fn report_usage(session: &Session) -> Infallible {
    let mut told = Usage::default();
    loop {
        tokio::time::sleep(USAGE_INTERVAL).await;
        let usage = session.meters.usage();
        if usage.differs_from(&told) {
            session.outbound.usage(usage.clone());
            told = usage;
        }
    }
}

/// Takes in what a host says that does not know yet that the job is over: it may wait to be heard before it reads on.
async fn drain(receiver: &mut impl FrameReceiver) {
    while receiver.recv().await.is_some() {}
}

enum First {
    Start(Box<JobInput>),
    Gone,
    Other(Outcome),
}

async fn first(receiver: &mut impl FrameReceiver) -> First {
    let Some(frame) = receiver.recv().await else { return First::Gone };
    match decode(&frame) {
        Ok(ToRunner::Start(job)) => First::Start(job),
        Ok(ToRunner::Cancel) => First::Other(Outcome::Cancelled),
        Ok(ToRunner::Claimed { .. } | ToRunner::Stored { .. }) => fault_first("first message is not a start"),
        Err(error) => fault_first(&error.to_string()),
    }
}

fn fault_first(text: &str) -> First {
    First::Other(Outcome::Fault(text.to_owned()))
}

/// Runs the guest and waits for what it left under way, both within the wall-clock limit. Leaves the guest in `keep`
/// where nothing waits for its files to be closed.
async fn run(
    plugin: &Plugin,
    making: impl Future<Output = Result<Guest, Outcome>>,
    job: JobInput,
    budget: &Budget,
    session: &Session,
    keep: &mut Option<Guest>,
) -> Outcome {
    let running = async {
        let guest = match making.await {
            Ok(guest) => keep.insert(guest),
            Err(outcome) => return outcome,
        };
        let outcome = guest.render(plugin, job, session).await;
        if matches!(outcome, Outcome::Returned(_) | Outcome::Failed(_)) && session.calls.any_open() {
            // A file that it left open can only be claimed when it is gone.
            guest.note_handles(budget);
            *keep = None;
            session.calls.settled().await;
        }
        outcome
    };
    match tokio::time::timeout(budget.wall.min(WALL_MAX), running).await {
        Ok(outcome) => outcome,
        Err(_) => Outcome::Exhausted { limit: Exhausted::Wall, detail: String::new() },
    }
}

/// Takes in what the host says until the job must end: `None` when the host is gone.
async fn listen(session: &Session, receiver: &mut impl FrameReceiver) -> Option<Outcome> {
    let mut stop_at = None;
    loop {
        let frame = tokio::select! {
            biased;
            () = wait_until(stop_at) => return Some(Outcome::Cancelled),
            frame = receiver.recv() => frame?,
        };
        let taken = match decode(&frame) {
            Ok(ToRunner::Cancel) => {
                session.cancel();
                stop_at.get_or_insert_with(|| Instant::now() + CANCEL_GRACE);
                Ok(())
            }
            Ok(ToRunner::Claimed { call, result }) => session.calls.claimed(call, result).map_err(|e| e.to_string()),
            Ok(ToRunner::Stored { call, result }) => session.calls.stored(call, result).map_err(|e| e.to_string()),
            Ok(ToRunner::Start(_)) => Err("the host started a second job".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(text) = taken {
            return Some(Outcome::Fault(text));
        }
    }
}

async fn wait_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Sends what the job has to say, up to and including its end.
async fn send_all(session: &Session, sender: &mut impl FrameSender) -> Result<(), LinkClosed> {
    loop {
        let message = session.outbound.next().await;
        let last = matches!(message, FromRunner::Finished { .. });
        match encode(&message) {
            Ok(frame) => sender.send(frame).await?,
            // Every text was cut to its limit, so this is a fault of the runner; its link ends without a finish.
            Err(error) => {
                tracing::error!(%error, "encode a message for the host");
                return Err(LinkClosed);
            }
        }
        if last {
            return Ok(());
        }
    }
}
