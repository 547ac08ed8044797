use std::io;

use filmgate_protocol::{FrameError, FromRunner, ToRunner, decode, encode};
use tokio::sync::mpsc;

use crate::plugin::Plugin;
use crate::serve::serve;
use crate::transport::{FrameReceiver, FrameSender, LinkClosed};

/// Frames under way in each direction. A frame has at most 160 KiB, but those that come often have 8.
const FRAMES_MAX: usize = 16;

/// The host's end of a runner in this process.
///
/// Dropping it ends the guest: within a tick (10 ms) where it computes, at once where it waits.
pub struct HostEnd {
    to_runner: HostSender,
    from_runner: mpsc::Receiver<Vec<u8>>,
}

/// Sends to a runner, from any task; clones send to the same one. Does not keep the runner alive.
#[derive(Clone)]
pub struct HostSender {
    frames: mpsc::Sender<Vec<u8>>,
}

/// Why a message did not reach a runner.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The message is too large.
    #[error("encode a message for the runner")]
    Frame(#[from] FrameError),
    /// The runner ended.
    #[error("send to the runner")]
    Closed(#[from] LinkClosed),
}

impl HostEnd {
    /// See [`HostSender::send`].
    pub async fn send(&self, message: &ToRunner) -> Result<(), SendError> {
        self.to_runner.send(message).await
    }

    /// The next message. `None` when the runner is gone: after [`FromRunner::Finished`] that means that the guest's
    /// memory is freed and its files are closed; before, that the runner failed. No message is lost if the future is
    /// dropped.
    ///
    /// Frames that are no message are logged and end the link.
    pub async fn recv(&mut self) -> Option<FromRunner> {
        let frame = self.from_runner.recv().await?;
        match decode(&frame) {
            Ok(message) => Some(message),
            Err(error) => {
                tracing::error!(%error, "close the link to a runner");
                self.from_runner.close();
                None
            }
        }
    }

    /// A sender for other tasks.
    pub fn sender(&self) -> HostSender {
        self.to_runner.clone()
    }
}

impl HostSender {
    /// Waits until the runner can take the message; it always does soon, whatever its guest is doing.
    pub async fn send(&self, message: &ToRunner) -> Result<(), SendError> {
        let frame = encode(message)?;
        self.frames.send(frame).await.map_err(|_| SendError::Closed(LinkClosed))
    }

    /// Waits until the runner is gone: its guest's memory is freed and its files are closed.
    pub async fn closed(&self) {
        self.frames.closed().await;
    }
}

/// Starts a thread that runs one job of `plugin` in this process and ends with it.
///
/// The job begins with the [`ToRunner::Start`] that the caller sends. This isolates guests from each other and from the
/// host as well as wasmtime does, and no better: a flaw there opens the whole process.
pub fn spawn_in_process(plugin: &Plugin) -> io::Result<HostEnd> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (to_runner, from_host) = mpsc::channel(FRAMES_MAX);
    let (to_host, from_runner) = mpsc::channel(FRAMES_MAX);
    let plugin = plugin.clone();
    std::thread::Builder::new().name("filmgate-job".into()).spawn(move || {
        let receiver = RunnerReceiver { frames: from_host, host: to_host.clone() };
        runtime.block_on(serve(&plugin, receiver, RunnerSender { frames: to_host }));
    })?;
    Ok(HostEnd { to_runner: HostSender { frames: to_runner }, from_runner })
}

struct RunnerSender {
    frames: mpsc::Sender<Vec<u8>>,
}

impl FrameSender for RunnerSender {
    async fn send(&mut self, frame: Vec<u8>) -> Result<(), LinkClosed> {
        self.frames.send(frame).await.map_err(|_| LinkClosed)
    }
}

struct RunnerReceiver {
    frames: mpsc::Receiver<Vec<u8>>,
    /// Tells when the [`HostEnd`] is dropped, which a forgotten [`HostSender`] would hide.
    host: mpsc::Sender<Vec<u8>>,
}

impl FrameReceiver for RunnerReceiver {
    async fn recv(&mut self) -> Option<Vec<u8>> {
        tokio::select! {
            () = self.host.closed() => None,
            frame = self.frames.recv() => frame,
        }
    }
}
