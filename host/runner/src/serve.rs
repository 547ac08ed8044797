use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use filmgate_protocol::{Exhausted, FromRunner, Outcome, Start, ToRunner, Usage, decode, encode};
use tokio::time::Instant;

use crate::plugin::Plugin;
use crate::session::Session;
use crate::transport::{FrameReceiver, FrameSender, LinkClosed};

mod guest;
mod outcome;

/// What a guest gets to see of its cancellation before it is stopped: time to return, not to finish.
const CANCEL_GRACE: Duration = Duration::from_millis(30);

/// Longest wall-clock time; only keeps the arithmetic of deadlines in range.
const WALL_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Runs one job of `plugin` over a link to a host: reads [`ToRunner::Start`], runs the guest, answers with
/// [`FromRunner::Finished`] and returns when the host has it or is gone.
///
/// The guest runs on the calling thread, which must be the job's own: its CPU time is the job's, and the guest's file
/// operations block it. So the future is not `Send`; poll it with `block_on` of a current-thread tokio runtime with
/// time and I/O enabled. If it is dropped, the guest is gone and the host hears nothing.
pub async fn serve(plugin: &Plugin, mut receiver: impl FrameReceiver, mut sender: impl FrameSender) {
    let _one_thread: PhantomData<*const ()> = PhantomData;
    let start = match first(&mut receiver).await {
        First::Start(start) => start,
        First::Gone => return,
        First::Other(outcome) => {
            if let Ok(frame) = encode(&FromRunner::Finished { outcome, usage: Usage::default() }) {
                // A host that is gone needs no answer.
                let _ = sender.send(frame).await;
            }
            return;
        }
    };
    let session = Arc::new(Session::start(&start.budget));
    let mut sending = pin!(send_all(&session, &mut sender));
    let outcome = tokio::select! {
        biased;
        end = listen(&session, &mut receiver) => end,
        _ = &mut sending => None,
        outcome = run(plugin, *start, &session) => Some(outcome),
    };
    // The guest is gone here, whoever came first.
    let Some(outcome) = outcome else { return };
    let outcome = if session.is_cancelled() { Outcome::Cancelled } else { outcome };
    session.outbound.finish(FromRunner::Finished { outcome, usage: session.meters.usage() });
    tokio::select! {
        sent = &mut sending => if sent.is_err() { tracing::debug!("host left before the end of a job") },
        () = drain(&mut receiver) => {}
    }
}

/// Takes in what a host says that does not know yet that the job is over: it may wait to be heard before it reads on.
async fn drain(receiver: &mut impl FrameReceiver) {
    while receiver.recv().await.is_some() {}
}

enum First {
    Start(Box<Start>),
    Gone,
    Other(Outcome),
}

async fn first(receiver: &mut impl FrameReceiver) -> First {
    let Some(frame) = receiver.recv().await else { return First::Gone };
    match decode(&frame) {
        Ok(ToRunner::Start(start)) => First::Start(start),
        Ok(ToRunner::Cancel) => First::Other(Outcome::Cancelled),
        Ok(ToRunner::Claimed { .. } | ToRunner::Stored { .. }) => fault_first("first message is not a start"),
        Err(error) => fault_first(&error.to_string()),
    }
}

fn fault_first(text: &str) -> First {
    First::Other(Outcome::Fault(text.to_owned()))
}

/// Runs the guest and waits for what it left under way, both within the wall-clock limit.
async fn run(plugin: &Plugin, start: Start, session: &Arc<Session>) -> Outcome {
    let wall = start.budget.wall.min(WALL_MAX);
    let job = async {
        let outcome = guest::run(plugin, start, session).await;
        if matches!(outcome, Outcome::Returned(_) | Outcome::Failed(_)) {
            session.calls.settled().await;
        }
        outcome
    };
    match tokio::time::timeout(wall, job).await {
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
