//! How a file's bytes come beside the objects: four ways, the first that the file and its file system allow.
//!
//! | way | which files | bytes moved |
//! |---|---|---|
//! | a second name | staged ones, on the same file system | none: read once for the checksum |
//! | shared blocks | others, where the file system can | none: read once for the checksum |
//! | a copy by the kernel | others on the same file system | read, moved, read back |
//! | a copy | the rest | read, written, read back |
//!
//! A second name, not a rename: until the answer is journalled the staged file must stay where the journal says it is.
//! The kernel (`copy_file_range`) does not say what it moved, so that the source is read for its checksum all the same. On
//! a local disk that costs as much as writing what was read; a file server need not be sent the bytes. Between file systems
//! Linux refuses since 5.19, but for some that are on the same server.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::Arc;

use cap_std::fs::{File, FileExt as _};
use rustix::io::Errno;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::tree::Tree;
use crate::checksum::{Crc64Nvme, Running};
use crate::storage::{Source, SourceError};

/// Bytes read and checksummed at a time: they stay in the processor's second-level cache until they are written.
const CHUNK_BYTES: usize = 256 * 1024;
/// A put tells its progress, and looks whether it is cancelled, after so many bytes.
const STEP_BYTES: u64 = 4 * crate::limits::MIB;

/// Why the bytes did not come.
#[derive(Debug)]
pub(super) enum Stopped {
    Source(SourceError),
    Write(io::Error),
    Cancelled,
    Differs { written: Crc64Nvme, read: Crc64Nvme },
}

impl From<SourceError> for Stopped {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// A file on its way: gone again when dropped, unless it was renamed.
#[derive(Debug)]
pub(super) struct Temporary {
    tree: Arc<Tree>,
    pub(super) path: PathBuf,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Absent after a commit. Where removing fails, the next start removes it a day later.
        let _ = self.tree.dir.remove_file(&self.path);
        let _ = self.tree.dir.remove_file(self.path.with_extension("json"));
    }
}

/// Brings the bytes, synced and proven to be those of the file. Blocks.
pub(super) fn bring(
    tree: &Arc<Tree>,
    source: &dyn Source,
    cancel: &CancellationToken,
    told: &watch::Sender<u64>,
) -> Result<(Temporary, Crc64Nvme), Stopped> {
    let watch = Watch { cancel, told };
    if source.can_link() && is_on_the_same_device(tree, source) {
        let read = watch.read(source.size(), |chunk, offset| Ok(source.read_exact_at(chunk, offset)?))?;
        source.verify_unchanged()?;
        if let Some((file, temporary)) = linked(tree, source)? {
            file.sync_all()?;
            return Ok((temporary, read));
        }
    }
    let (file, path) = tree.create_temporary()?;
    let temporary = Temporary { tree: Arc::clone(tree), path };
    if shares_blocks(&file, source) {
        // What is stored is what is read; the file must be the one whose blocks these were.
        let read = watch.read(source.size(), |chunk, offset| Ok(file.read_exact_at(chunk, offset)?))?;
        source.verify_unchanged()?;
        file.sync_all()?;
        return Ok((temporary, read));
    }
    let mut writer = Writer { file: &file, source: source.descriptor() };
    let read = watch.read(source.size(), |chunk, offset| {
        source.read_exact_at(chunk, offset)?;
        Ok(writer.write(chunk, offset)?)
    })?;
    source.verify_unchanged()?;
    file.sync_all()?;
    let written = read_back(&file, source.size())?;
    if written != read {
        return Err(Stopped::Differs { written, read });
    }
    Ok((temporary, read))
}

/// The staged file under a name of the tree's own, as an object is to be: readable by everyone, stored now.
fn linked(tree: &Arc<Tree>, source: &dyn Source) -> io::Result<Option<(File, Temporary)>> {
    let (folder, path) = tree.temporary_place()?;
    let name = path.file_name().unwrap_or_default();
    if !source.link(std::os::fd::AsFd::as_fd(&folder), name)? {
        return Ok(None);
    }
    let temporary = Temporary { tree: Arc::clone(tree), path };
    let file = tree.adopt_temporary(&temporary.path)?;
    Ok(Some((file, temporary)))
}

/// Tells before the file is read for nothing.
fn is_on_the_same_device(tree: &Tree, source: &dyn Source) -> bool {
    let device = |stat: rustix::io::Result<rustix::fs::Stat>| stat.ok().map(|stat| stat.st_dev);
    let of_source = source.descriptor().and_then(|file| device(rustix::fs::fstat(file)));
    of_source.is_some() && of_source == device(rustix::fs::fstat(&tree.dir))
}

fn shares_blocks(file: &File, source: &dyn Source) -> bool {
    source.descriptor().is_some_and(|from| rustix::fs::ioctl_ficlone(file, from).is_ok())
}

/// Writes a copy.
struct Writer<'a> {
    file: &'a File,
    /// The file to copy, for as long as the kernel moves its bytes.
    source: Option<BorrowedFd<'a>>,
}

impl Writer<'_> {
    /// Writes what was read of the source at this offset.
    fn write(&mut self, chunk: &[u8], offset: u64) -> io::Result<()> {
        let moved = self.source.map_or(0, |source| self.moved(source, chunk.len(), offset));
        if moved < chunk.len() {
            // It will not go better with the next chunk.
            self.source = None;
            self.file.write_all_at(&chunk[moved..], offset + moved as u64)?;
        }
        Ok(())
    }

    /// How much of a range the kernel moved. Whatever keeps it from more, writing says it as well.
    fn moved(&self, source: BorrowedFd<'_>, length: usize, offset: u64) -> usize {
        let mut moved = 0;
        while moved < length {
            let (mut from, mut to) = (offset + moved as u64, offset + moved as u64);
            match rustix::fs::copy_file_range(source, Some(&mut from), self.file, Some(&mut to), length - moved) {
                Ok(count @ 1..) => moved += count,
                Err(Errno::INTR) => {}
                Ok(0) | Err(_) => break,
            }
        }
        moved
    }
}

/// The checksum of what the file holds now: proves that what was written is what was read, as far as the kernel knows.
fn read_back(file: &File, size: u64) -> Result<Crc64Nvme, Stopped> {
    if file.metadata()?.len() != size {
        return Err(io::Error::other("the written file has another size than the bytes read").into());
    }
    let (never, told) = (CancellationToken::new(), watch::Sender::new(0));
    let watch = Watch { cancel: &never, told: &told };
    watch.read(size, |chunk, offset| Ok(file.read_exact_at(chunk, offset)?))
}

/// Goes through a file, telling and listening.
struct Watch<'a> {
    cancel: &'a CancellationToken,
    told: &'a watch::Sender<u64>,
}

impl Watch<'_> {
    /// `move_chunk` fills each chunk, from the offset it is told; answers the checksum of all.
    fn read(
        &self,
        size: u64,
        mut move_chunk: impl FnMut(&mut [u8], u64) -> Result<(), Stopped>,
    ) -> Result<Crc64Nvme, Stopped> {
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut sum = Running::default();
        let mut offset = 0;
        while offset < size {
            if offset.is_multiple_of(STEP_BYTES) && self.cancel.is_cancelled() {
                return Err(Stopped::Cancelled);
            }
            let length = usize::try_from(size - offset).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
            move_chunk(&mut buffer[..length], offset)?;
            sum.add(&buffer[..length]);
            offset += length as u64;
            if offset.is_multiple_of(STEP_BYTES) || offset == size {
                self.told.send_replace(offset);
            }
        }
        Ok(sum.finish())
    }
}
