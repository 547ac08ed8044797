//! A host's end of a runner, wherever the runner runs.

use std::process::ExitStatus;

use filmgate_protocol::{FrameError, FromRunner, ToRunner, decode, encode};
use tokio::sync::{mpsc, watch};

use crate::packets::Packets;
use crate::process::{ChildProcess, gone};
use crate::transport::LinkClosed;

/// The host's end of a runner.
///
/// Dropping it ends the guest: in a process of its own at once; in this process within a tick (10 ms) where it computes,
/// at once where it waits.
#[derive(Debug)]
pub struct HostEnd {
    to_runner: HostSender,
    from_runner: From,
}

#[derive(Debug)]
enum From {
    Thread(mpsc::Receiver<Vec<u8>>),
    Child { packets: Packets, process: ChildProcess },
}

/// Sends to a runner, from any task; clones send to the same one. Does not keep the runner alive.
#[derive(Debug, Clone)]
pub struct HostSender {
    to: To,
}

#[derive(Debug, Clone)]
enum To {
    Thread(mpsc::Sender<Vec<u8>>),
    Child { packets: Packets, gone: watch::Receiver<Option<ExitStatus>> },
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
    pub(crate) fn thread(to: mpsc::Sender<Vec<u8>>, from: mpsc::Receiver<Vec<u8>>) -> Self {
        Self { to_runner: HostSender { to: To::Thread(to) }, from_runner: From::Thread(from) }
    }

    pub(crate) fn child(packets: Packets, process: ChildProcess) -> Self {
        let to = To::Child { packets: packets.clone(), gone: process.gone() };
        Self { to_runner: HostSender { to }, from_runner: From::Child { packets, process } }
    }

    /// See [`HostSender::send`].
    pub async fn send(&self, message: &ToRunner) -> Result<(), SendError> {
        self.to_runner.send(message).await
    }

    /// The next message. `None` when the runner is gone or talks nonsense, which is logged; in this process that means,
    /// after [`FromRunner::Finished`], that the guest's memory is freed and its files are closed; of a process
    /// [`HostEnd::end`] says so. No message is lost if the future is dropped.
    pub async fn recv(&mut self) -> Option<FromRunner> {
        let frame = match &mut self.from_runner {
            From::Thread(frames) => frames.recv().await?,
            From::Child { packets, .. } => match packets.receive().await {
                Ok(frame) => frame?,
                Err(error) => {
                    tracing::error!(%error, "hear a runner");
                    return None;
                }
            },
        };
        match decode(&frame) {
            Ok(message) => Some(message),
            Err(error) => {
                tracing::error!(%error, "understand a runner");
                if let From::Thread(frames) = &mut self.from_runner {
                    frames.close();
                }
                None
            }
        }
    }

    /// A sender for other tasks.
    pub fn sender(&self) -> HostSender {
        self.to_runner.clone()
    }

    /// The runner's process, where it has one of its own.
    pub fn process_id(&self) -> Option<u32> {
        match &self.from_runner {
            From::Thread(_) => None,
            From::Child { process, .. } => process.id(),
        }
    }

    /// Whether the runner has not ended by itself.
    pub fn is_alive(&mut self) -> bool {
        match &mut self.from_runner {
            From::Thread(frames) => !frames.is_closed(),
            From::Child { process, .. } => process.is_alive(),
        }
    }

    /// Ends the runner and waits until its guest's memory is freed and its files are closed. A process is killed, unless
    /// it ended before, and its status says how it ended; a thread is waited for, which a file operation of the machine
    /// can make long.
    pub async fn end(self) -> Option<ExitStatus> {
        match self.from_runner {
            From::Thread(frames) => {
                drop(frames);
                self.to_runner.closed().await;
                None
            }
            From::Child { process, .. } => Some(process.end().await),
        }
    }
}

impl HostSender {
    /// Waits until the runner can take the message; it always does soon, whatever its guest is doing.
    pub async fn send(&self, message: &ToRunner) -> Result<(), SendError> {
        let frame = encode(message)?;
        match &self.to {
            To::Thread(frames) => frames.send(frame).await.map_err(|_| LinkClosed)?,
            To::Child { packets, .. } => packets.send(&frame).await.map_err(|_| LinkClosed)?,
        }
        Ok(())
    }

    /// Waits until the runner is gone: its guest's memory is freed and its files are closed.
    pub async fn closed(&self) {
        match &self.to {
            To::Thread(frames) => frames.closed().await,
            To::Child { gone: told, .. } => drop(gone(&mut told.clone()).await),
        }
    }
}
