use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Bytes thrown away at a time.
const DISCARD_BYTES: usize = 1024 * 1024;
/// Bytes of ciphertext read at a time: rustls alone would ask for 4 KiB.
const TLS_READ_BYTES: usize = 256 * 1024;
/// A line with a rate must not fill megabytes of the kernel's memory first.
const SHAPED_RECEIVE_BYTES: libc::c_int = 256 * 1024;

/// One client, with or without TLS, and what was read of it but not used yet.
pub(super) struct Connection {
    stream: Stream,
    ahead: Vec<u8>,
    scratch: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, Buffered>>),
}

/// Reads much at a time, writes at once.
struct Buffered(BufReader<TcpStream>);

impl Read for Buffered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Buffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.get_mut().flush()
    }
}

impl Connection {
    pub(super) fn new(stream: TcpStream, tls: Option<Arc<ServerConfig>>, shaped: bool) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        if shaped {
            limit_receive_buffer(&stream)?;
        }
        let stream = match tls {
            None => Stream::Plain(stream),
            Some(config) => {
                let buffered = Buffered(BufReader::with_capacity(TLS_READ_BYTES, stream));
                Stream::Tls(Box::new(StreamOwned::new(ServerConnection::new(config)?, buffered)))
            }
        };
        Ok(Self { stream, ahead: Vec::new(), scratch: vec![0; DISCARD_BYTES] })
    }

    /// What was read ahead.
    pub(super) fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// Reads more behind what was read ahead; false at the end.
    pub(super) fn read_ahead(&mut self) -> io::Result<bool> {
        let read = self.stream.read(&mut self.scratch[..16 * 1024])?;
        self.ahead.extend_from_slice(&self.scratch[..read]);
        Ok(read > 0)
    }

    /// Uses up the first `count` bytes that were read ahead.
    pub(super) fn consume(&mut self, count: usize) {
        self.ahead.drain(..count);
    }

    /// Throws away up to `most` bytes, at least one; answers how many.
    pub(super) fn discard(&mut self, most: u64) -> io::Result<u64> {
        let most = usize::try_from(most).unwrap_or(DISCARD_BYTES).min(DISCARD_BYTES);
        let gone = if self.ahead.is_empty() {
            self.stream.discard(&mut self.scratch[..most])?
        } else {
            let ready = self.ahead.len().min(most);
            self.consume(ready);
            ready
        };
        if gone == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(gone as u64) }
    }

    /// Reads exactly `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.ahead.len() < count {
            if !self.read_ahead()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.ahead.split_off(count);
        Ok(std::mem::replace(&mut self.ahead, rest))
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes),
            Stream::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()
            }
        }
    }
}

fn limit_receive_buffer(stream: &TcpStream) -> io::Result<()> {
    let bytes = SHAPED_RECEIVE_BYTES;
    let (value, length) = ((&raw const bytes).cast(), size_of_val(&bytes));
    // SAFETY: `value` points to `length` live bytes for the length of the call.
    #[expect(unsafe_code, reason = "std cannot set the size of a socket's buffer")]
    let answer = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUF,
            value,
            libc::socklen_t::try_from(length).unwrap_or(4),
        )
    };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Drops up to as many bytes as `buffer` has, without writing into it.
fn discard(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of a live buffer, should the kernel write into it after all.
    #[expect(unsafe_code, reason = "std has no flags for receiving")]
    let count = unsafe { libc::recv(stream.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_TRUNC) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

impl Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }

    fn discard(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            // `MSG_TRUNC` on a TCP socket drops the bytes in the kernel: nothing is copied.
            Self::Plain(stream) => discard(stream, buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}
