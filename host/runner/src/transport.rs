use std::future::Future;

/// The other end of the link is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other end of the link is gone")]
pub struct LinkClosed;

/// Takes frames to the host, in order, each whole.
pub trait FrameSender {
    /// Waits until the host can take `frame`. If the future is dropped, whether the frame was sent is unknown.
    fn send(&mut self, frame: Vec<u8>) -> impl Future<Output = Result<(), LinkClosed>>;
}

/// Brings frames from the host, in order, each whole.
pub trait FrameReceiver {
    /// The next frame; `None` when the host is gone. No frame is lost if the future is dropped.
    fn recv(&mut self) -> impl Future<Output = Option<Vec<u8>>>;
}
