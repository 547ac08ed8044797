use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use filmgate_protocol::LogStream;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::session::Session;

/// Bytes a guest may write to its log in one call.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// Standard output or standard error of a guest.
///
/// A host that reads slowly makes the guest wait (the outbound queue is bounded); bytes beyond the budget are counted
/// and dropped without waiting.
#[derive(Clone)]
pub(crate) struct LogCapture {
    stream: LogStream,
    session: Arc<Session>,
}

impl LogCapture {
    pub(crate) fn new(stream: LogStream, session: Arc<Session>) -> Self {
        Self { stream, session }
    }
}

impl IsTerminal for LogCapture {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogCapture {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl OutputStream for LogCapture {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > WRITE_BYTES_MAX {
            return Err(StreamError::trap("write is larger than check-write allows"));
        }
        self.session.meters.moved(bytes.len());
        self.session.outbound.log(self.stream, &bytes, &self.session.meters);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(if self.session.outbound.has_room_for_log() { WRITE_BYTES_MAX } else { 0 })
    }
}

#[async_trait::async_trait]
impl Pollable for LogCapture {
    async fn ready(&mut self) {
        self.session.outbound.room_for_log().await;
    }
}

/// Only WASI 0.3 would ask for this one, and it is not linked; it does the same without waiting.
impl AsyncWrite for LogCapture {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.session.outbound.log(self.stream, bytes, &self.session.meters);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
