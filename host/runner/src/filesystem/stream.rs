use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::filesystem::outbox::{Grant, Quota};

/// Bytes a guest may write in one call: well below the usual [`filmgate_protocol::Budget::hostcall_bytes`], which would
/// end the job. Beyond 64 KiB larger calls are not faster.
const WRITE_BYTES_MAX: usize = 256 * 1024;

/// Where the next byte of a stream goes.
#[derive(Clone, Copy)]
pub(crate) enum Position {
    At(u64),
    End,
}

/// A stream into a file of the outbox.
///
/// Writes at once, in the guest's thread: no write is ever under way while another one is measured, which keeps the
/// quota exact, and a guest that drops its streams has closed its files.
pub(crate) struct OutboxStream {
    file: Arc<File>,
    position: Position,
    quota: Arc<Quota>,
    failed: bool,
}

impl OutboxStream {
    pub(crate) fn new(file: Arc<File>, position: Position, quota: Arc<Quota>) -> Self {
        Self { file, position, quota, failed: false }
    }

    fn put(&mut self, bytes: &[u8]) -> wasmtime::Result<()> {
        let start = match self.position {
            Position::At(start) => start,
            Position::End => self.file.metadata()?.len(),
        };
        let end = start
            .checked_add(bytes.len() as u64)
            .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::FileTooLarge))?;
        let growth = Grant::for_end(&self.quota, &self.file, end)??;
        if let Err(error) = self.file.write_all_at(bytes, start) {
            growth.settle(&self.file);
            return Err(error.into());
        }
        if matches!(self.position, Position::At(_)) {
            self.position = Position::At(end);
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl OutputStream for OutboxStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > self.check_write()? {
            return Err(StreamError::trap("write is larger than check-write allows"));
        }
        self.quota.moved(bytes.len());
        if bytes.is_empty() {
            return Ok(());
        }
        self.put(&bytes).map_err(|error| {
            self.failed = true;
            StreamError::LastOperationFailed(error)
        })
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.check_write().map(|_| ())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        if self.failed { Err(StreamError::Closed) } else { Ok(WRITE_BYTES_MAX) }
    }
}

#[async_trait::async_trait]
impl Pollable for OutboxStream {
    async fn ready(&mut self) {}
}
