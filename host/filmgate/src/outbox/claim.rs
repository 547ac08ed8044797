//! Taking a finished file away from a plugin.
//!
//! | step | defends against |
//! |---|---|
//! | bound and split the path text | control characters, `..`, absolute and over-long paths in anything later |
//! | `openat2` under the outbox handle with `BENEATH`, `NO_SYMLINKS`, `NO_MAGICLINKS`, `NO_XDEV` | every way out of the outbox: links, `/proc/self/fd`, mounts |
//! | `O_NONBLOCK`, `O_NOFOLLOW`, then `fstat` of that one descriptor | FIFOs that block, devices, swaps between check and use |
//! | link count 1, before and after | a second name through which the file is written later |
//! | read lease | a descriptor that is still open for writing, or a write that is still under way |
//! | rename without replacing, into a directory no plugin sees, of the same device and inode | a path swapped meanwhile; two claims of one file |
//! | positioned reads from the held descriptor only | everything that happens to the path later |
//! | size, times and lease compared after the last byte | any change while it was uploaded |

mod lend;
mod reopen;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cap_std::fs::Dir;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat, fstat, openat2, renameat_with, statat,
};
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use tokio_util::sync::CancellationToken;

use super::data_dir::DataDir;
use super::lease::{self, Lease};
use super::lock;
use crate::limits::OUTBOX_PATH_BYTES_MAX;
use crate::media::MediaKind;
use crate::storage::{PublishId, Source, SourceError};

/// How long a claim waits for the last writer. WASI output streams are flushed in the background after the plugin dropped
/// them, so an honest plugin's file can be open for a moment longer.
const WRITER_PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks.
const WRITER_INTERVAL: Duration = Duration::from_millis(2);

/// A finished file that is now the host's: one descriptor, open for reading, under a lease.
#[derive(Debug)]
pub struct Claimed {
    file: File,
    size: u64,
    /// Changes only when the host itself has changed the file's change time (`lend.rs`).
    fingerprint: Mutex<Fingerprint>,
    leased: bool,
    place: Place,
}

pub use reopen::{FileMark, Reopened};

/// Where a claimed file is.
#[derive(Debug)]
enum Place {
    /// In the staging directory, under this name.
    Staged { data: Arc<DataDir>, name: String },
    /// Where its owner put it: a file the operator publishes by hand.
    Operator { path: PathBuf },
}

/// What shows that a file was changed or is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Why a file was not claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The path is no path inside the outbox.
    #[error(
        "path {path:?} {fault}; allowed is a relative path of at most 1024 bytes without `.`, `..`, links or control characters"
    )]
    InvalidPath {
        /// As the plugin gave it, cut.
        path: String,
        /// Which rule it breaks.
        fault: &'static str,
    },
    /// Nothing is there.
    #[error("no file at {0:?}")]
    NotFound(String),
    /// Something else is there.
    #[error("{0:?} is not a regular file")]
    NotAFile(String),
    /// The file has another name.
    #[error("{0:?} has {1} hard links; a file to publish has one")]
    Linked(String, u64),
    /// The file is empty.
    #[error("{0:?} is empty")]
    Empty(String),
    /// Somebody kept it open for writing.
    #[error("{0:?} was still open for writing after 2 s; close it before handing it over")]
    Busy(String),
    /// Another file was moved to the path during the claim.
    #[error("{0:?} was replaced while it was claimed")]
    Swapped(String),
    /// The caller cancelled.
    #[error("the claim was cancelled")]
    Cancelled,
    /// The file system failed.
    #[error("claim {path:?}: {source}")]
    Io {
        /// Which file.
        path: String,
        /// What the system answered.
        source: io::Error,
    },
}

/// A file that passed every check that needs no more than looking, held open under a lease. Dropping it leaves the file
/// where it is; [`Candidate::take`] makes it the host's.
#[derive(Debug)]
pub struct Candidate<'a> {
    data: &'a Arc<DataDir>,
    path: String,
    parent: OwnedFd,
    file: OwnedFd,
    before: Fingerprint,
    leased: bool,
}

pub(super) fn open<'a>(
    out: &Dir,
    data: &'a Arc<DataDir>,
    path: &str,
    cancel: &CancellationToken,
) -> Result<Candidate<'a>, ClaimError> {
    let (folder, name) = split(path)?;
    let failed = |errno: Errno| open_error(path, errno);
    let parent = openat2(out, folder, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty(), confined())
        .map_err(failed)?;
    let file = open_file(&parent, name).map_err(failed)?;
    check(&file, path)?;
    let leased = wait_for_writers(&file, path, cancel)?;
    // Looked at again: a last write may have come between the first look and the lease.
    let before = check(&file, path)?;
    Ok(Candidate { data, path: path.to_owned(), parent, file, before, leased })
}

impl Candidate<'_> {
    /// Bytes.
    pub fn size(&self) -> u64 {
        self.before.size
    }

    /// What the first bytes say the file is. Final under a lease; without one to be asked again of the claimed copy.
    pub fn media_kind(&self) -> Result<Option<MediaKind>, ClaimError> {
        sniff(self.before.size, |buffer| rustix::io::pread(&self.file, buffer, 0).map_err(io::Error::from))
            .map_err(|source| ClaimError::Io { path: self.path.clone(), source })
    }

    /// Moves the file into the staging directory. Blocks.
    ///
    /// After an error the file is where it was; [`ClaimError::Swapped`] can only be seen by a plugin that fights the claim.
    pub fn take(self, publish: PublishId) -> Result<Claimed, ClaimError> {
        let (_, name) = split(&self.path)?;
        let staged = publish.to_string();
        let file = if self.leased {
            // Before it has its new name: whoever finds it there finds it in use.
            if !lock::take(&self.file) {
                return Err(ClaimError::Busy(self.path));
            }
            self.move_to_staging(name, &staged)?;
            self.file
        } else {
            self.copy_to_staging(name, &staged)?
        };
        let stat = fstat(&file).map_err(|errno| io_error(&self.path, errno))?;
        let place = Place::Staged { data: Arc::clone(self.data), name: staged };
        Ok(Claimed::new(file, &stat, self.leased, place))
    }

    fn move_to_staging(&self, name: &str, staged: &str) -> Result<(), ClaimError> {
        let staging = self.data.staging();
        renameat_with(&self.parent, name, staging, staged, RenameFlags::NOREPLACE)
            .map_err(|errno| open_error(&self.path, errno))?;
        let settled = self.settle(staged);
        if settled.is_err() {
            // What was moved is not what was checked, or cannot be kept: it goes back where the plugin can deal with it.
            let _ = renameat_with(staging, staged, &self.parent, name, RenameFlags::NOREPLACE);
        }
        settled
    }

    /// Proves that the staged name is the file that was checked, takes its special modes away, and makes the move last.
    fn settle(&self, staged: &str) -> Result<(), ClaimError> {
        let failed = |errno| io_error(&self.path, errno);
        let moved = statat(self.data.staging(), staged, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        let held = fstat(&self.file).map_err(failed)?;
        if (moved.st_dev, moved.st_ino) != (held.st_dev, held.st_ino) || held.st_nlink != 1 {
            return Err(ClaimError::Swapped(self.path.clone()));
        }
        // Set-user-id and the like must not survive into files that an operator handles.
        rustix::fs::fchmod(&self.file, Mode::RUSR | Mode::WUSR).map_err(failed)?;
        self.sync_directories()
    }

    /// Where leases are missing a private copy takes the file's place: a writer that is left can only change the original,
    /// and a change while it was copied shows in the original's size or times.
    fn copy_to_staging(&self, name: &str, staged: &str) -> Result<OwnedFd, ClaimError> {
        let staging = self.data.staging();
        let copied = self.copy(staged);
        let after = fstat(&self.file).map_err(|errno| io_error(&self.path, errno))?;
        let same = Fingerprint::of(&after) == self.before && after.st_nlink == 1;
        if copied.is_err() || !same {
            let _ = staging.remove_file(staged);
        }
        let failed = |source| ClaimError::Io { path: self.path.clone(), source };
        copied.map_err(failed)?;
        if !same {
            return Err(ClaimError::Busy(self.path.clone()));
        }
        rustix::fs::unlinkat(&self.parent, name, AtFlags::empty()).map_err(|errno| io_error(&self.path, errno))?;
        self.sync_directories()?;
        let copy = staging.open(staged).map_err(failed)?.into_std();
        lock::take(&copy);
        Ok(copy.into())
    }

    fn copy(&self, staged: &str) -> io::Result<()> {
        let mut options = cap_std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        let mut copy = self.data.staging().open_with(staged, &options)?.into_std();
        lock::take(&copy);
        io::copy(&mut File::from(self.file.try_clone()?), &mut copy)?;
        copy.sync_all()
    }

    fn sync_directories(&self) -> Result<(), ClaimError> {
        rustix::fs::fsync(&self.parent)
            .map_err(io::Error::from)
            .and_then(|()| self.data.sync_staging())
            .map_err(|source| ClaimError::Io { path: self.path.clone(), source })
    }
}

fn sniff(size: u64, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<Option<MediaKind>> {
    let mut head = vec![0; usize::try_from(size).unwrap_or(usize::MAX).min(MediaKind::SNIFF_BYTES)];
    let bytes = read(&mut head)?;
    Ok(MediaKind::sniff(&head[..bytes]))
}

/// Every component is resolved under the handle it starts from, through no link and into no other mount.
fn confined() -> ResolveFlags {
    ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV
}

/// Checks the text of a path and splits it into folder and name.
fn split(path: &str) -> Result<(&str, &str), ClaimError> {
    let fault = if path.is_empty() {
        "is empty"
    } else if path.len() > OUTBOX_PATH_BYTES_MAX {
        "is too long"
    } else if path.chars().any(char::is_control) {
        "has a control character"
    } else if path.starts_with('/') {
        "is absolute"
    } else if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        "has an empty, `.` or `..` segment"
    } else {
        return Ok(path.rsplit_once('/').unwrap_or((".", path)));
    };
    Err(ClaimError::InvalidPath { path: path.chars().take(200).collect(), fault })
}

/// `O_NONBLOCK`: opening a FIFO must not wait for its other end.
fn open_file(parent: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
    openat2(parent, name, flags, Mode::empty(), confined())
}

fn open_error(path: &str, errno: Errno) -> ClaimError {
    match errno {
        Errno::NOENT => ClaimError::NotFound(path.to_owned()),
        Errno::LOOP | Errno::XDEV => {
            ClaimError::InvalidPath { path: path.to_owned(), fault: "goes through a link or out of the outbox" }
        }
        Errno::NOTDIR | Errno::NXIO | Errno::ISDIR => ClaimError::NotAFile(path.to_owned()),
        Errno::NAMETOOLONG => {
            ClaimError::InvalidPath { path: path.to_owned(), fault: "has a segment that is too long" }
        }
        _ => io_error(path, errno),
    }
}

fn io_error(path: &str, errno: Errno) -> ClaimError {
    ClaimError::Io { path: path.to_owned(), source: errno.into() }
}

fn check(file: &OwnedFd, path: &str) -> Result<Fingerprint, ClaimError> {
    let stat = fstat(file).map_err(|errno| io_error(path, errno))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(ClaimError::NotAFile(path.to_owned()));
    }
    if stat.st_nlink != 1 {
        return Err(ClaimError::Linked(path.to_owned(), stat.st_nlink));
    }
    if stat.st_size == 0 {
        return Err(ClaimError::Empty(path.to_owned()));
    }
    Ok(Fingerprint::of(&stat))
}

/// `true`: under a lease. `false`: this file system has none.
fn wait_for_writers(file: &OwnedFd, path: &str, cancel: &CancellationToken) -> Result<bool, ClaimError> {
    let asked = Instant::now();
    loop {
        match lease::take(file.as_fd()).map_err(|source| ClaimError::Io { path: path.to_owned(), source })? {
            Lease::Held => return Ok(true),
            Lease::Unsupported => return Ok(false),
            Lease::Writers if cancel.is_cancelled() => return Err(ClaimError::Cancelled),
            Lease::Writers if asked.elapsed() >= WRITER_PATIENCE => return Err(ClaimError::Busy(path.to_owned())),
            Lease::Writers => thread::sleep(WRITER_INTERVAL),
        }
    }
}

impl Claimed {
    fn new(file: OwnedFd, stat: &Stat, leased: bool, place: Place) -> Self {
        let fingerprint = Fingerprint::of(stat);
        Self { file: File::from(file), size: fingerprint.size, fingerprint: Mutex::new(fingerprint), leased, place }
    }

    fn fingerprint(&self) -> Fingerprint {
        *self.fingerprint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_fingerprint(&self, fingerprint: Fingerprint) {
        *self.fingerprint.lock().unwrap_or_else(PoisonError::into_inner) = fingerprint;
    }

    /// Opens a file of the operator's own for publishing by hand: it stays where it is and keeps its links, but must not
    /// be open for writing. Blocks for up to two seconds while a writer is left.
    pub fn open(path: &Path, cancel: &CancellationToken) -> Result<Self, ClaimError> {
        let name = path.display().to_string();
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => ClaimError::NotFound(name.clone()),
            _ => ClaimError::Io { path: name.clone(), source },
        };
        let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| failed(errno.into()))?;
        match check(&file, &name) {
            Err(ClaimError::Linked(..)) | Ok(_) => {}
            Err(error) => return Err(error),
        }
        let leased = wait_for_writers(&file, &name, cancel)?;
        let stat = fstat(&file).map_err(|errno| io_error(&name, errno))?;
        lock::share(&file);
        let place = Place::Operator { path: path.to_owned() };
        Ok(Self::new(file, &stat, leased, place))
    }

    /// What the first bytes say the file is.
    pub fn media_kind(&self) -> Result<Option<MediaKind>, SourceError> {
        Ok(sniff(self.size(), |buffer| self.file.read_at(buffer, 0))?)
    }

    /// Where the file is now, for the operator.
    pub fn path(&self) -> PathBuf {
        match &self.place {
            Place::Staged { data, name } => data.staging_path(name),
            Place::Operator { path } => path.clone(),
        }
    }

    /// Whether the file was a plugin's and is in the staging directory, rather than an operator's own at its own path.
    pub fn is_staged(&self) -> bool {
        matches!(self.place, Place::Staged { .. })
    }

    /// Whether a read lease proves that nobody writes the file. Without one, a plugin's file is copied first.
    pub fn is_leased(&self) -> bool {
        self.leased
    }

    /// Deletes the file, if its name still means the file that was claimed; an operator's own only if nobody has changed
    /// it or opened it for writing since. Blocks.
    pub fn remove(&self) -> io::Result<()> {
        match &self.place {
            Place::Staged { data, name } => {
                let found = statat(data.staging(), name, AtFlags::SYMLINK_NOFOLLOW)?;
                self.fingerprint().expect_same_file(&found)?;
                data.staging().remove_file(name)
            }
            Place::Operator { path } => {
                // Not through a link: what would be deleted then is the link.
                let found = statat(rustix::fs::CWD, path, AtFlags::SYMLINK_NOFOLLOW)?;
                self.fingerprint().expect_same_file(&found)?;
                // The upload proved the bytes up to its end; a writer that came since has bytes that are nowhere else.
                self.verify_unchanged().map_err(io::Error::other)?;
                remove_operator_file(path)
            }
        }
    }
}

impl Claimed {
    /// [`Claimed::remove`] off the async threads. A file that cannot be deleted is the operator's to hear of, in the log;
    /// the answer says whether it is gone.
    pub(crate) async fn delete(self: Arc<Self>) -> bool {
        let path = self.path();
        match tokio::task::spawn_blocking(move || self.remove()).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => tracing::warn!(?path, %error, "delete a claimed file"),
            Err(error) => tracing::error!(?path, %error, "delete a claimed file"),
        }
        false
    }
}

/// The one ambient deletion: of a file whose path the operator gave, after `--move`.
fn remove_operator_file(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)
}

impl Source for Claimed {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), SourceError> {
        self.file.read_exact_at(buffer, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => SourceError::Changed("it became shorter"),
            _ => SourceError::Io(error),
        })
    }

    /// What the page cache has. Whatever else there is to say, a read that may block says it as well.
    fn read_ready_at(&self, buffer: &mut [u8], offset: u64) -> Result<bool, SourceError> {
        let mut read = 0;
        while read < buffer.len() {
            let rest = &mut [IoSliceMut::new(&mut buffer[read..])];
            match preadv2(&self.file, rest, offset + read as u64, ReadWriteFlags::NOWAIT) {
                Ok(count @ 1..) => read += count,
                Err(Errno::INTR) => {}
                Ok(0) | Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.file.as_fd())
    }

    fn can_link(&self) -> bool {
        self.is_staged()
    }

    /// An operator's own file keeps its owner, who may write it again: only a staged one gets a second name.
    fn link(&self, folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<bool> {
        let Place::Staged { data, name: staged } = &self.place else { return Ok(false) };
        match rustix::fs::linkat(data.staging(), staged, folder, name, AtFlags::empty()) {
            Ok(()) => {}
            // Another file system, or one without hard links.
            Err(Errno::XDEV | Errno::PERM | Errno::NOTSUP | Errno::MLINK | Errno::NOSYS) => return Ok(false),
            Err(errno) => return Err(errno.into()),
        }
        let linked = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let same = self.fingerprint().expect_same_file(&linked);
        if same.is_err() {
            rustix::fs::unlinkat(folder, name, AtFlags::empty())?;
        }
        same.map(|()| true)
    }

    fn verify_unchanged(&self) -> Result<(), SourceError> {
        let now = fstat(&self.file).map_err(|errno| SourceError::Io(errno.into()))?;
        let (now, mut known) = (Fingerprint::of(&now), self.fingerprint());
        if self.leased && !self.is_staged() {
            // Its owner, or another publish, may give it further names. Who wants to write it breaks the lease.
            known.changed = now.changed;
        }
        if now != known {
            return Err(SourceError::Changed("its size or times differ"));
        }
        if self.leased && !lease::is_held(self.file.as_fd())? {
            return Err(SourceError::Changed("somebody opened it for writing"));
        }
        Ok(())
    }
}

impl Fingerprint {
    fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or_default()),
            changed: (stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or_default()),
        }
    }

    fn expect_same_file(&self, found: &Stat) -> io::Result<()> {
        if (found.st_dev, found.st_ino) == (self.device, self.inode) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::NotFound, "another file is at the claimed file's path"))
    }
}
