use std::io;

use tokio::sync::mpsc;

use crate::host_end::HostEnd;
use crate::plugin::Plugin;
use crate::serve::{BLOCKING_THREADS_MAX, serve};
use crate::setup::Setup;
use crate::transport::{FrameReceiver, FrameSender, LinkClosed};

/// Frames under way in each direction. A frame has at most 160 KiB, but those that come often have 8.
const FRAMES_MAX: usize = 16;

/// Starts a thread that runs one job of `plugin` in this process and ends with it.
///
/// The job begins with the [`ToRunner::Start`](filmgate_protocol::ToRunner::Start) that the caller sends. This isolates guests from each other and from the
/// host as well as wasmtime does, and no better: a flaw there opens the whole process.
pub fn spawn_in_process(plugin: &Plugin, setup: Setup) -> io::Result<HostEnd> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build()?;
    let (to_runner, from_host) = mpsc::channel(FRAMES_MAX);
    let (to_host, from_runner) = mpsc::channel(FRAMES_MAX);
    let plugin = plugin.clone();
    std::thread::Builder::new().name("filmgate-job".into()).spawn(move || {
        let receiver = RunnerReceiver { frames: from_host, host: to_host.clone() };
        runtime.block_on(serve(&plugin, &setup, receiver, RunnerSender { frames: to_host }));
    })?;
    Ok(HostEnd::thread(to_runner, from_runner))
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
    /// Tells when the [`HostEnd`] is dropped, which a forgotten [`HostSender`](crate::HostSender) would hide.
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
