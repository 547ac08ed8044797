use std::ffi::OsStr;
use std::fmt::Debug;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use bytes::Bytes;

use crate::checksum::Crc64Nvme;

/// A file's bytes, read by position from something that is held open; never by path.
///
/// Reads block: backends call them from blocking threads.
pub trait Source: Debug + Send + Sync {
    /// Bytes in all, fixed at the claim.
    fn size(&self) -> u64;

    /// Fills `buffer` from `offset`. Reading beyond the end is an error.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), SourceError>;

    /// The same where no disk has to be waited for; `false`: it might have to be, and `buffer` holds anything. Small reads
    /// are so made by threads that must not block.
    fn read_ready_at(&self, _buffer: &mut [u8], _offset: u64) -> Result<bool, SourceError> {
        Ok(false)
    }

    /// Says whether the bytes are still those of the claim: asked after the last byte was read and before the object may
    /// appear.
    fn verify_unchanged(&self) -> Result<(), SourceError>;

    /// The open file itself, for a file system that can share its blocks with a copy; absent: bytes of another kind.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Whether [`Source::link`] may be asked.
    fn can_link(&self) -> bool {
        false
    }

    /// Gives the file a second name, `name` in `folder`, and answers whether it did.
    ///
    /// Only a file that is the host's own, that nobody else can write, and whose first name goes once it is published does
    /// so, and only within one file system. The file's bytes are then the object's: no byte is moved, and at no time is
    /// there no name or a half file. Its times change with it, so that [`Source::verify_unchanged`] must come first.
    fn link(&self, _folder: BorrowedFd<'_>, _name: &OsStr) -> io::Result<bool> {
        Ok(false)
    }
}

/// Why bytes could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Size, time stamps or lease show that the file was written to after the claim.
    #[error("staged file changed after its claim: {0}")]
    Changed(&'static str),
    /// The disk failed.
    #[error("read staged file")]
    Io(#[from] io::Error),
}

/// Bytes in memory: small objects of the host's own.
#[derive(Debug, Clone)]
pub struct MemorySource(pub Bytes);

impl Source for MemorySource {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), SourceError> {
        let range = usize::try_from(offset).ok().and_then(|start| self.0.get(start..start.checked_add(buffer.len())?));
        let bytes = range.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn read_ready_at(&self, buffer: &mut [u8], offset: u64) -> Result<bool, SourceError> {
        self.read_exact_at(buffer, offset).map(|()| true)
    }

    fn verify_unchanged(&self) -> Result<(), SourceError> {
        Ok(())
    }
}

/// The checksum of all bytes, read in pieces of a mebibyte.
pub(crate) async fn checksum(file: Arc<dyn Source>) -> Result<Crc64Nvme, SourceError> {
    let read = tokio::task::spawn_blocking(move || {
        let mut buffer = vec![0; 1024 * 1024];
        let mut checksum = Crc64Nvme::of(&[]);
        let mut offset = 0;
        while offset < file.size() {
            let length = usize::try_from(file.size() - offset).unwrap_or(buffer.len()).min(buffer.len());
            file.read_exact_at(&mut buffer[..length], offset)?;
            checksum = checksum.followed_by(Crc64Nvme::of(&buffer[..length]), length as u64);
            offset += length as u64;
        }
        file.verify_unchanged()?;
        Ok(checksum)
    });
    read.await.unwrap_or_else(|error| Err(SourceError::Io(io::Error::other(error))))
}
