use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use super::problem::Problem;
use super::terminal::{object_begun, print_error};

/// SIGINT and SIGTERM: the first one asks for an orderly end, the second one ends at once.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    first: CancellationToken,
    received: Arc<AtomicU8>,
    as_json: bool,
}

/// A reader that takes nothing must not keep a process that was told to end.
const LAST_WORD: Duration = Duration::from_millis(500);

impl Signals {
    /// Starts to listen. Must be called inside a tokio runtime.
    pub(super) fn listen(as_json: bool) -> Result<Self, Problem> {
        let fault = |error: std::io::Error| Problem::internal(format!("listen for signals: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
        let signals = Self { first: CancellationToken::new(), received: Arc::default(), as_json };
        let heard = signals.clone();
        tokio::spawn(async move {
            loop {
                let exit = tokio::select! {
                    _ = interrupt.recv() => Exit::Interrupted,
                    _ = terminate.recv() => Exit::Terminated,
                };
                heard.hear(exit);
            }
        });
        Ok(signals)
    }

    fn hear(&self, exit: Exit) {
        if self.first.is_cancelled() {
            // Now, whatever is under way.
            self.say_the_end(exit);
            std::process::exit(exit.code().into());
        }
        self.received.store(exit.code(), Ordering::SeqCst);
        print_error("stopping; once more ends at once and may leave an unfinished upload behind");
        self.first.cancel();
    }

    /// Tells that nothing was tidied up, unless the answer is on its way already.
    fn say_the_end(&self, exit: Exit) {
        if self.as_json && object_begun() {
            return;
        }
        let detail = "ended at once by a second signal; unfinished uploads and files of the job may be left behind";
        let (problem, as_json) = (Problem::new(exit, "cancelled", detail), self.as_json);
        let (said, heard) = mpsc::channel();
        std::thread::spawn(move || {
            problem.print(as_json);
            said.send(())
        });
        let _ = heard.recv_timeout(LAST_WORD);
    }

    /// Ready once the first signal came.
    pub(super) async fn first(&self) {
        self.first.cancelled().await;
    }

    /// Fires when the first signal comes.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.first
    }

    /// The code of the signal that came.
    pub(super) fn exit(&self) -> Option<Exit> {
        match self.received.load(Ordering::SeqCst) {
            0 => None,
            code if code == Exit::Terminated.code() => Some(Exit::Terminated),
            _ => Some(Exit::Interrupted),
        }
    }

    /// What a command answers that was stopped before it had started anything.
    pub(super) fn stopped(&self) -> Problem {
        Problem::new(self.exit().unwrap_or(Exit::Interrupted), "cancelled", "stopped before the job started")
    }
}
