//! The bytes of one request, read from the file and checksummed in one pass, given back while they are sent.
//!
//! A try that failed has given its bytes back: the next one reads them again, and computes their checksum again. So a body
//! is never replayed from memory, and memory depends on nothing but the pool.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Inner;
use super::pace::Pace;
use super::pool::{BUFFER_BYTES, Buffer, Pool};
use crate::checksum::{Crc64Nvme, hexadecimal};
use crate::key::ObjectKey;
use crate::storage::{Source, SourceError, StorageError, StorageFault};

/// Bytes that are read and checksummed at a time: small enough to stay in the processor's second-level cache between the two.
const CHUNK_BYTES: usize = 256 * 1024;
/// A body of at most this size is read by the thread that sends it, where no disk has to be waited for: a tenth of a
/// millisecond, less than it takes to have another thread do it, and the bytes are in the cache of the processor that
/// sends them.
const READY_BYTES: u64 = BUFFER_BYTES as u64;
/// A line with a limit sends at most so much at once.
const PACED_BYTES: usize = 64 * 1024;

/// Where a request's body comes from, anew for every try.
#[async_trait]
pub(super) trait Load: Sync {
    /// Bytes of the body.
    fn bytes(&self) -> u64;

    /// Reads it.
    async fn load(&self) -> Result<Content, StorageError>;
}

/// A body, ready to be sent once.
#[derive(Debug)]
pub(super) struct Content {
    pieces: VecDeque<Bytes>,
    rest: Option<Rest>,
    bytes: u64,
    /// Of all bytes.
    pub checksum: Crc64Nvme,
    /// In hexadecimal digits, where the body is to be signed.
    pub sha256: Option<String>,
    paces: Vec<Arc<Pace>>,
}

/// What is read while it is sent, because it is too large to be held. The checksum of a first reading went ahead.
#[derive(Debug)]
struct Rest {
    file: Arc<dyn Source>,
    offset: u64,
    end: u64,
    checksum: Crc64Nvme,
    announced: Crc64Nvme,
}

/// Bytes that are at hand.
pub(super) struct AtHand(pub Bytes);

#[async_trait]
impl Load for AtHand {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    async fn load(&self) -> Result<Content, StorageError> {
        let mut sums = Sums::new(true);
        sums.add(&self.0);
        Ok(Content::new(self.bytes(), sums.finish()).with_pieces([self.0.clone()]))
    }
}

/// A range of a file.
pub(super) struct FilePart<'a> {
    pub inner: &'a Inner,
    pub key: &'a ObjectKey,
    pub file: &'a Arc<dyn Source>,
    pub offset: u64,
    pub bytes: u64,
    pub paces: Vec<Arc<Pace>>,
    /// The object may appear with this request: once its bytes are read, the file must be the one that was claimed.
    pub is_last: bool,
}

#[async_trait]
impl Load for FilePart<'_> {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    async fn load(&self) -> Result<Content, StorageError> {
        let broken = |message: String| self.inner.error(StorageFault::Other, "read file", self.key, message);
        let (file, offset, bytes) = (Arc::clone(self.file), self.offset, self.bytes);
        let sign = !self.inner.settings.leaves_body_unsigned();
        let held = Pool::can_hold(bytes);
        let room = if held { usize::try_from(bytes).unwrap_or(BUFFER_BYTES) } else { CHUNK_BYTES };
        let mut buffers = self.inner.pool.take(room).await;
        let is_last = self.is_last;
        if bytes <= READY_BYTES && !sign {
            let failed = |error: SourceError| self.inner.source_error(self.key, &error);
            match read_ready(&*file, offset, bytes, buffers, sign).map_err(failed)? {
                Ok(content) => {
                    if is_last {
                        file.verify_unchanged().map_err(failed)?;
                    }
                    return Ok(Content { paces: self.paces.clone(), ..content });
                }
                Err(unused) => buffers = unused,
            }
        }
        let read = tokio::task::spawn_blocking(move || {
            let content = if held {
                read_held(&*file, offset, bytes, buffers, sign)?
            } else {
                read_ahead(&file, offset, bytes, buffers, sign)?
            };
            if is_last {
                file.verify_unchanged()?;
            }
            Ok::<_, SourceError>(content)
        });
        let content = match read.await {
            Ok(read) => read.map_err(|error| self.inner.source_error(self.key, &error))?,
            Err(join) => return Err(broken(join.to_string())),
        };
        Ok(Content { paces: self.paces.clone(), ..content })
    }
}

/// Does what [`read_held`] does where that needs no waiting; else gives the buffers back.
fn read_ready(
    file: &dyn Source,
    offset: u64,
    bytes: u64,
    mut buffers: Vec<Buffer>,
    sign: bool,
) -> Result<Result<Content, Vec<Buffer>>, SourceError> {
    let read = fill(&mut buffers, offset, sign, |chunk, offset| match file.read_ready_at(chunk, offset) {
        Ok(true) => Ok(()),
        Ok(false) => Err(None),
        Err(error) => Err(Some(error)),
    });
    match read {
        Ok(sums) => Ok(Ok(held(bytes, sums, buffers))),
        Err(None) => Ok(Err(buffers)),
        Err(Some(error)) => Err(error),
    }
}

/// Reads a range into buffers.
fn read_held(
    file: &dyn Source,
    offset: u64,
    bytes: u64,
    mut buffers: Vec<Buffer>,
    sign: bool,
) -> Result<Content, SourceError> {
    let sums = fill(&mut buffers, offset, sign, |chunk, offset| file.read_exact_at(chunk, offset))?;
    Ok(held(bytes, sums, buffers))
}

/// Fills buffers, checksumming each chunk while it is in the cache.
fn fill<E>(
    buffers: &mut [Buffer],
    mut offset: u64,
    sign: bool,
    read: impl Fn(&mut [u8], u64) -> Result<(), E>,
) -> Result<Sums, E> {
    let mut sums = Sums::new(sign);
    for chunk in buffers.iter_mut().flat_map(|buffer| buffer.as_mut_slice().chunks_mut(CHUNK_BYTES)) {
        read(chunk, offset)?;
        sums.add(chunk);
        offset += chunk.len() as u64;
    }
    Ok(sums)
}

fn held(bytes: u64, sums: Sums, buffers: Vec<Buffer>) -> Content {
    Content::new(bytes, sums.finish()).with_pieces(buffers.into_iter().map(Bytes::from_owner))
}

/// Reads a range for its checksum alone.
fn read_ahead(
    file: &Arc<dyn Source>,
    offset: u64,
    bytes: u64,
    mut buffers: Vec<Buffer>,
    sign: bool,
) -> Result<Content, SourceError> {
    let mut sums = Sums::new(sign);
    let (mut at, end) = (offset, offset + bytes);
    let buffer = buffers.first_mut().map(Buffer::as_mut_slice).unwrap_or_default();
    while at < end {
        let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
        file.read_exact_at(&mut buffer[..length], at)?;
        sums.add(&buffer[..length]);
        at += length as u64;
    }
    let content = Content::new(bytes, sums.finish());
    let rest = Rest { file: Arc::clone(file), offset, end, checksum: Crc64Nvme::of(&[]), announced: content.checksum };
    Ok(Content { rest: Some(rest), ..content })
}

/// What is computed over the bytes of a body.
struct Sums {
    crc: crate::checksum::Running,
    sha256: Option<Sha256>,
}

impl Sums {
    fn new(sign: bool) -> Self {
        Self { crc: crate::checksum::Running::default(), sha256: sign.then(Sha256::new) }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.crc.add(bytes);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
    }

    fn finish(self) -> (Crc64Nvme, Option<String>) {
        (self.crc.finish(), self.sha256.map(|sha256| hexadecimal(&sha256.finalize())))
    }
}

impl Content {
    fn new(bytes: u64, (checksum, sha256): (Crc64Nvme, Option<String>)) -> Self {
        Self { pieces: VecDeque::new(), rest: None, bytes, checksum, sha256, paces: Vec::new() }
    }

    fn with_pieces(self, pieces: impl IntoIterator<Item = Bytes>) -> Self {
        Self { pieces: pieces.into_iter().collect(), ..self }
    }

    /// The same bytes under another checksum, where one is given: for trying whether a store notices.
    pub(super) fn announcing(self, checksum: Option<Crc64Nvme>) -> Self {
        Self { checksum: checksum.unwrap_or(self.checksum), ..self }
    }

    /// As the SDK takes it.
    pub(super) fn into_stream(self) -> ByteStream {
        let body = Sending { left: self.bytes, content: self, sleep: None };
        ByteStream::new(SdkBody::from_body_1_x(body))
    }

    /// The next bytes, at most as many as may go at once.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.pieces.is_empty()
            && let Some(rest) = &mut self.rest
        {
            self.pieces.extend(rest.read()?);
        }
        let Some(piece) = self.pieces.front_mut() else { return Ok(None) };
        if !self.paces.is_empty() && piece.len() > PACED_BYTES {
            return Ok(Some(piece.split_to(PACED_BYTES)));
        }
        Ok(self.pieces.pop_front())
    }
}

impl Rest {
    /// Blocks for as long as it takes to copy a chunk that was read a moment ago.
    fn read(&mut self) -> io::Result<Option<Bytes>> {
        let length = usize::try_from(self.end - self.offset).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        if length == 0 {
            return Ok(None);
        }
        let mut chunk = vec![0; length];
        self.file.read_exact_at(&mut chunk, self.offset).map_err(io::Error::other)?;
        self.offset += length as u64;
        self.checksum = self.checksum.followed_by(Crc64Nvme::of(&chunk), length as u64);
        if self.offset == self.end && self.checksum != self.announced {
            return Err(io::Error::other("the file was changed between two readings"));
        }
        Ok(Some(chunk.into()))
    }
}

/// The body while the HTTP client takes it.
struct Sending {
    content: Content,
    left: u64,
    sleep: Option<(Bytes, Pin<Box<Sleep>>)>,
}

impl Sending {
    fn give(&mut self, bytes: Bytes) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.left = self.left.saturating_sub(bytes.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some((_, sleep)) = &mut self.sleep {
            ready!(sleep.as_mut().poll(cx));
            let (bytes, _) = self.sleep.take().unwrap_or((Bytes::new(), Box::pin(sleep_until(Instant::now()))));
            return self.give(bytes);
        }
        let bytes = match self.content.next() {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Poll::Ready(None),
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        let now = Instant::now();
        let turns = self.content.paces.iter().map(|pace| pace.reserve(bytes.len(), now));
        match turns.max().filter(|turn| *turn > now) {
            None => self.give(bytes),
            Some(turn) => {
                let mut sleep = Box::pin(sleep_until(turn));
                if sleep.as_mut().poll(cx).is_ready() {
                    return self.give(bytes);
                }
                self.sleep = Some((bytes, sleep));
                Poll::Pending
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl Inner {
    pub(super) fn source_error(&self, key: &ObjectKey, error: &SourceError) -> StorageError {
        StorageError::of_source(error, "read file", self.settings.place()).with_key(key)
    }
}
