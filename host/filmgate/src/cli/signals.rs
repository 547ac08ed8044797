use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use super::problem::Problem;
use super::terminal::print_error;

/// SIGINT and SIGTERM: the first one asks for an orderly end, the second one ends at once.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    first: CancellationToken,
    received: Arc<AtomicU8>,
}

impl Signals {
    /// Starts to listen. Must be called inside a tokio runtime.
    pub(super) fn listen() -> Result<Self, Problem> {
        let fault = |error: std::io::Error| Problem::internal(format!("listen for signals: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(fault)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(fault)?;
        let signals = Self { first: CancellationToken::new(), received: Arc::default() };
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
            std::process::exit(exit.code().into());
        }
        self.received.store(exit.code(), Ordering::SeqCst);
        print_error("stopping; once more ends at once and may leave an unfinished upload behind");
        self.first.cancel();
    }

    /// Ready once the first signal came.
    pub(super) async fn first(&self) {
        self.first.cancelled().await;
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
