use std::fs::TryLockError;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, File, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};
use rustix::fs::{AtFlags, RenameFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::sidecar::Sidecar;
use super::{faults, object_info};
use crate::key::ObjectKey;
use crate::storage::{Ability, ObjectInfo, StorageError, StorageFault};

/// The hidden folder no key may begin with.
pub(super) const PRIVATE: &str = ".filmgate";
const META: &str = ".filmgate/meta";
const TEMPORARY: &str = ".filmgate/tmp";
const LOCK: &str = ".filmgate/lock";
/// Unfinished files older than this belong to a process that was killed: no put lasts so long without writing.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// A lock is held for a few renames and syncs; a holder that takes longer than this is stuck.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);
/// Longest name Linux file systems take, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// The root directory, open.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    pub(super) dir: Dir,
}

impl Tree {
    pub(super) fn open(root: PathBuf, dir: Dir) -> Result<Self, StorageError> {
        let tree = Self { root, dir };
        let fault = |error| faults::of_write(&error, "open directory", &tree.place());
        tree.create_dirs(Path::new(META)).map_err(fault)?;
        tree.create_dirs(Path::new(TEMPORARY)).map_err(fault)?;
        tree.remove_abandoned().map_err(fault)?;
        Ok(tree)
    }

    /// The root, for messages.
    pub(super) fn place(&self) -> String {
        self.root.display().to_string()
    }

    pub(super) fn path_of(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// Refuses keys that no file can have.
    pub(super) fn check_key(&self, key: &ObjectKey, operation: &'static str) -> Result<(), StorageError> {
        let message = if key.segments().next() == Some(PRIVATE) {
            ".filmgate is this program's own folder"
        } else if key.segments().any(|segment| segment.len() > NAME_BYTES_MAX) {
            "a segment of the key is longer than 255 bytes, the most a file name can have"
        } else {
            return Ok(());
        };
        Err(StorageError::new(StorageFault::Unsupported, operation, self.place(), message).with_key(key))
    }

    /// What is known of an object; a foreign file that something else put under a key counts as one.
    pub(super) fn info(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>, StorageError> {
        self.check_key(key, "head object")?;
        let fault = |error| faults::of_read(&error, "head object", &self.place()).with_key(key);
        let metadata = match self.dir.symlink_metadata(key.as_str()) {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => return Ok(None),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(fault(error)),
        };
        Ok(Some(object_info(key, &metadata, self.sidecar(key).map_err(fault)?)))
    }

    pub(super) fn open_object(&self, key: &ObjectKey) -> Result<(ObjectInfo, File), StorageError> {
        let info = self.info(key)?.ok_or_else(|| {
            StorageError::new(StorageFault::NotFound, "get object", self.place(), "there is no such object")
                .with_key(key)
        })?;
        let file = self.dir.open(key.as_str());
        let file = file.map_err(|error| faults::of_read(&error, "get object", &self.place()).with_key(key))?;
        Ok((info, file))
    }

    pub(super) fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        self.check_key(key, "delete object")?;
        let delete = || {
            let _lock = self.lock()?;
            // The bytes first: a sidecar alone is no object.
            for path in [PathBuf::from(key.as_str()), meta_path(key)] {
                match self.dir.remove_file(&path) {
                    Err(error) if is_absent(&error) => {}
                    other => other?,
                }
                self.remove_empty_parents(&path);
            }
            self.sync_dirs(Path::new(""))
        };
        delete().map_err(|error| faults::of_write(&error, "delete object", &self.place()).with_key(key))
    }

    /// Makes a finished temporary file the object of `key`. Answers false, and leaves all as it was, where a file is there.
    /// After an error there is no object; after success its name is yet to be synced, by [`Tree::sync_name`].
    pub(super) fn commit(&self, temporary: &Path, key: &ObjectKey, sidecar: &Sidecar) -> io::Result<bool> {
        let _lock = self.lock()?;
        let target = Path::new(key.as_str());
        if self.dir.symlink_metadata(target).is_ok() {
            return Ok(false);
        }
        let meta = meta_path(key);
        let (target_dir, meta_dir) = (parent(target), parent(&meta));
        self.create_dirs(target_dir)?;
        self.create_dirs(meta_dir)?;
        // The sidecar first: bytes under a key are never without it. Under the lock one that is there has no object.
        let sidecar_file = temporary.with_extension("json");
        self.write_synced(&sidecar_file, &serde_json::to_vec(sidecar)?)?;
        self.dir.rename(&sidecar_file, &self.dir, &meta)?;
        self.sync_dirs(meta_dir)?;
        let committed = self.rename_new(temporary, target);
        if !matches!(committed, Ok(true)) {
            // The sidecar describes bytes that are not there.
            let _ = self.dir.remove_file(&meta);
        }
        committed
    }

    /// Makes the name of an object that is there survive a power cut.
    pub(super) fn sync_name(&self, key: &ObjectKey) -> io::Result<()> {
        let _lock = self.lock()?;
        self.sync_dirs(parent(Path::new(key.as_str())))
    }

    /// A new, empty temporary file, readable by everyone once it is an object, and its path.
    pub(super) fn create_temporary(&self) -> io::Result<(File, PathBuf)> {
        let path = Path::new(TEMPORARY).join(uuid::Uuid::now_v7().simple().to_string());
        let file = self.dir.open_with(&path, OpenOptions::new().read(true).write(true).create_new(true).mode(0o644))?;
        // The process's umask must not hide objects from a file server.
        file.set_permissions(Permissions::from_mode(0o644))?;
        Ok((file, path))
    }

    /// A free name for a temporary file: the folder, open, and the path from the root.
    pub(super) fn temporary_place(&self) -> io::Result<(Dir, PathBuf)> {
        let path = Path::new(TEMPORARY).join(uuid::Uuid::now_v7().simple().to_string());
        Ok((self.dir.open_dir(TEMPORARY)?, path))
    }

    /// Makes a file that was given a temporary name look as if it had been made here, now.
    pub(super) fn adopt_temporary(&self, path: &Path) -> io::Result<File> {
        let file = self.dir.open_with(path, OpenOptions::new().read(true))?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        let now = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
        rustix::fs::futimens(&file, &Timestamps { last_access: now, last_modification: now })?;
        Ok(file)
    }

    pub(super) fn probe(&self) -> Result<Vec<Ability>, StorageError> {
        let fault = |error| faults::of_write(&error, "probe directory", &self.place());
        let (file, path) = self.create_temporary().map_err(fault)?;
        let target = path.with_extension("probe");
        let tried = (|| {
            file.sync_all()?;
            self.rename_flagged(&path, &target)
        })();
        for left in [&path, &target] {
            // Whichever of the two exists.
            let _ = self.dir.remove_file(left);
        }
        let atomic = match tried {
            Ok(()) => true,
            Err(error) if is_unsupported(&error) => false,
            Err(error) => return Err(fault(error)),
        };
        let note = if atomic {
            "an object appears at once and never replaces another"
        } else {
            "the file system has no rename without replacing: hard links do the same"
        };
        Ok(vec![
            Ability { name: "write", available: true, note: "files can be created, synced and deleted".to_owned() },
            Ability { name: "rename without replacing", available: atomic, note: note.to_owned() },
        ])
    }

    fn sidecar(&self, key: &ObjectKey) -> io::Result<Option<Sidecar>> {
        match self.dir.read(meta_path(key)) {
            // A damaged sidecar leaves a file without metadata: still an object, though nobody's.
            Ok(json) => Ok(serde_json::from_slice(&json).ok()),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write_synced(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).clone();
        let mut file = self.dir.open_with(path, &options)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    /// Renames unless something has the new name; answers whether it did.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<bool> {
        match self.rename_flagged(from, to) {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == Some(Errno::EXIST.raw_os_error()) => Ok(false),
            Err(error) if is_unsupported(&error) => match self.dir.hard_link(from, &self.dir, to) {
                Ok(()) => {
                    // The object is there; a second name of it in the hidden folder does no harm, and goes within a day.
                    let _ = self.dir.remove_file(from);
                    Ok(true)
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// Both parents are opened through the root's handle, so that links inside cannot lead out.
    fn rename_flagged(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from_dir, to_dir) = (self.open_parent(from)?, self.open_parent(to)?);
        let (from, to) = (from.file_name().unwrap_or_default(), to.file_name().unwrap_or_default());
        Ok(rustix::fs::renameat_with(&from_dir, from, &to_dir, to, RenameFlags::NOREPLACE)?)
    }

    fn open_parent(&self, path: &Path) -> io::Result<Dir> {
        match parent(path) {
            none if none.as_os_str().is_empty() => self.dir.try_clone(),
            some => self.dir.open_dir(some),
        }
    }

    /// Creates a directory and its parents with mode 0755, whatever the umask.
    fn create_dirs(&self, path: &Path) -> io::Result<()> {
        let mut made = PathBuf::new();
        for part in path.components() {
            made.push(part);
            match self.dir.create_dir_with(&made, DirBuilder::new().mode(0o755)) {
                Ok(()) => self.dir.set_permissions(&made, Permissions::from_mode(0o755))?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Syncs a directory and those above it up to the root: each may be new.
    fn sync_dirs(&self, path: &Path) -> io::Result<()> {
        for dir in path.ancestors() {
            let dir = if dir.as_os_str().is_empty() { self.dir.try_clone()? } else { self.dir.open_dir(dir)? };
            // A directory handle of cap-std may be a path handle, which cannot be synced: open it for reading.
            let readable = dir.open_with(".", OpenOptions::new().read(true))?;
            readable.sync_all()?;
        }
        Ok(())
    }

    /// Removes the directories above `path` that are empty now; one that is not, or is gone, ends it.
    fn remove_empty_parents(&self, path: &Path) {
        for dir in path.ancestors().skip(1).take_while(|dir| !dir.as_os_str().is_empty() && *dir != Path::new(META)) {
            if rustix::fs::unlinkat(&self.dir, dir, AtFlags::REMOVEDIR).is_err() {
                break;
            }
        }
    }

    /// Waits for the lock that orders commits and deletes, over all processes; it is free again when the file is dropped.
    fn lock(&self) -> io::Result<std::fs::File> {
        let options = OpenOptions::new().write(true).create(true).truncate(false).mode(0o644).clone();
        let file = self.dir.open_with(LOCK, &options)?.into_std();
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_PATIENCE => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(io::Error::other(".filmgate/lock has been held for over a minute"));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    fn remove_abandoned(&self) -> io::Result<()> {
        for entry in self.dir.read_dir(TEMPORARY)? {
            let entry = entry?;
            // Another process may be finishing the same file: what is gone is gone.
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let age = modified.map(|time| time.into_std().elapsed().unwrap_or_default()).unwrap_or_default();
            if age > ABANDONED_AFTER {
                let _ = entry.remove_file();
            }
        }
        Ok(())
    }
}

fn meta_path(key: &ObjectKey) -> PathBuf {
    Path::new(META).join(key.as_str())
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Nothing has this name; a file where the path wants a directory means the same.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The file system does not know `RENAME_NOREPLACE`.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.raw_os_error().map(Errno::from_raw_os_error), Some(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP))
}
