use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use crate::facts::{FaultCode, Stop, stop};

/// A file that can be read from any place.
pub trait ReadAt {
    /// Bytes in all.
    fn size(&mut self) -> io::Result<u64>;

    /// Reads some bytes from `offset` on; 0 at the end.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl ReadAt for File {
    fn size(&mut self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.seek(SeekFrom::Start(offset))?;
        self.read(buffer)
    }
}

impl ReadAt for &[u8] {
    fn size(&mut self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let bytes = rest.len().min(buffer.len());
        buffer[..bytes].copy_from_slice(&rest[..bytes]);
        Ok(bytes)
    }
}

/// What is read at once where reading goes on; also the longest piece that can be asked for.
pub(crate) const WINDOW_BYTES: usize = 64 * 1024;
/// What is read after a jump: a header and what follows it.
const JUMP_BYTES: usize = 4 * 1024;
/// Headers that are looked at. Ten hours of film in fragments of a second have a third of it.
const HEADERS_MAX: u32 = 1_500_000;

/// Reads small pieces through one window.
pub(crate) struct Reader<'a> {
    source: &'a mut dyn ReadAt,
    size: u64,
    window: Vec<u8>,
    /// Where the window begins, and how much of it is filled.
    start: u64,
    filled: usize,
    headers: u32,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(source: &'a mut dyn ReadAt) -> io::Result<Self> {
        let size = source.size()?;
        Ok(Self { source, size, window: vec![0; WINDOW_BYTES], start: 0, filled: 0, headers: 0 })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Counts one more structure.
    pub(crate) fn count_header(&mut self) -> Result<(), Stop> {
        self.headers += 1;
        if self.headers > HEADERS_MAX {
            return stop(FaultCode::TooComplex, format!("more than {HEADERS_MAX} boxes, elements or chunks"));
        }
        Ok(())
    }

    /// `N` bytes from `offset` on.
    pub(crate) fn array<const N: usize>(&mut self, offset: u64) -> Result<[u8; N], Stop> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(offset, N)?);
        Ok(array)
    }

    /// `count` bytes from `offset` on, at most [`WINDOW_BYTES`]. A file that ends before is truncated.
    pub(crate) fn bytes(&mut self, offset: u64, count: usize) -> Result<&[u8], Stop> {
        debug_assert!(count <= WINDOW_BYTES);
        if offset.checked_add(count as u64).is_none_or(|end| end > self.size) {
            return stop(
                FaultCode::Truncated,
                format!("{count} bytes are wanted at {offset}, the file has {}", self.size),
            );
        }
        let from = self.load(offset, count)?;
        match self.window.get(from..from + count).filter(|_| from + count <= self.filled) {
            Some(bytes) => Ok(bytes),
            None => stop(FaultCode::Truncated, format!("the file became shorter than {} bytes", self.size)),
        }
    }

    /// Up to `count` bytes from `offset` on, fewer only at the end of the file.
    pub(crate) fn up_to(&mut self, offset: u64, count: usize) -> Result<&[u8], Stop> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        self.bytes(offset, count.min(left))
    }

    /// Whatever the window has from `offset` on; empty only at the end of the file.
    pub(crate) fn some(&mut self, offset: u64) -> Result<&[u8], Stop> {
        if offset >= self.size {
            return Ok(&[]);
        }
        let from = self.load(offset, 1)?;
        Ok(&self.window[from..self.filled])
    }

    /// Makes the window hold `count` bytes from `offset` on, where the file has them. Answers their place in it.
    fn load(&mut self, offset: u64, count: usize) -> Result<usize, Stop> {
        let end = self.start + self.filled as u64;
        if (self.start..=end).contains(&offset) {
            let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
            if from + count <= self.filled {
                return Ok(from);
            }
        }
        // Reading on from the window's end takes all that fits, a jump only a little.
        let goes_on = self.filled > 0 && (self.start..=end).contains(&offset);
        let wanted = if goes_on { WINDOW_BYTES } else { JUMP_BYTES.max(count) };
        self.start = offset;
        self.filled = 0;
        while self.filled < count {
            match self.source.read_at(offset + self.filled as u64, &mut self.window[self.filled..wanted])? {
                0 => break,
                bytes => self.filled += bytes,
            }
        }
        Ok(0)
    }
}
