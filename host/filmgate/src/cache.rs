//! Compiled components on disk, so that a component is compiled once.
//!
//! Whoever can write the code of a component decides what runs, so an entry is used only where this host's own key proves
//! that this host wrote it: HMAC-SHA-256 over the component's digest, the version of wasmtime with its machine and settings,
//! and the code. It is checked over the copy in memory that is then sealed and mapped, never over the file. An entry that
//! is damaged, cut, from another host, of another component or of another version is deleted, told in the log and made anew.
//!
//! One process compiles a component, others that want it at the same time wait for it. The folder keeps the entries that
//! were used last, up to a size. Where the folder cannot be used, everything still works, only slower.

mod entry;
mod key;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use filmgate_runner::Artifact;
use rustix::fs::FlockOperation;

pub(crate) use entry::EntryId;
use entry::{Found, SUFFIX};
use key::Key;

/// Files that keep processes from compiling the same component at once. Their number is fixed, so none is ever deleted:
/// a lock on a deleted file would hold nobody off.
const LOCKS: u8 = 64;

/// Beginning of the names of files under way. One that is older than a day was left by a process that was killed.
const UNFINISHED: &str = ".new-";
const UNFINISHED_MAX: Duration = Duration::from_secs(86_400);

/// The folder, and the key that proves its entries.
#[derive(Debug)]
pub(crate) struct ComponentCache {
    folder: Dir,
    key: Key,
    bytes_max: u64,
}

/// What the cache has of a component.
#[derive(Debug)]
pub(crate) enum Cached {
    /// Its code.
    Hit(Artifact),
    /// Nothing: it is to be compiled by whoever holds this.
    Miss(Turn),
}

/// The right to compile one component. Others that want the same one wait until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    id: EntryId,
    _lock: File,
}

impl ComponentCache {
    /// Opens the folder, making it (mode 0700) and its key (mode 0600) where they are missing.
    pub(crate) fn open(path: &Path, bytes_max: u64) -> io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let folder = Dir::open_ambient_dir(path, ambient_authority())?;
        let key = Key::open(&folder)?;
        Ok(Self { folder, key, bytes_max })
    }

    /// The code of a component, or the turn to compile it. Blocks while another thread or process compiles it.
    pub(crate) fn get(&self, id: EntryId) -> io::Result<Cached> {
        if let Some(artifact) = self.find(&id) {
            return Ok(Cached::Hit(artifact));
        }
        let lock = self.lock(&id)?;
        // Whoever had the turn before has compiled it, as a rule.
        Ok(match self.find(&id) {
            Some(artifact) => Cached::Hit(artifact),
            None => Cached::Miss(Turn { id, _lock: lock }),
        })
    }

    /// Keeps the code of a component and ends the turn; deletes what was not used for the longest time.
    pub(crate) fn keep(&self, turn: Turn, artifact: &Artifact) -> io::Result<()> {
        let name = turn.id.file_name();
        if entry::size(artifact) > self.bytes_max {
            tracing::debug!(%name, "too large to be kept");
            return Ok(());
        }
        let unfinished = format!("{UNFINISHED}{name}");
        let written = entry::write(&self.folder, &unfinished, &self.key, &turn.id, artifact);
        written.and_then(|()| self.folder.rename(&unfinished, &self.folder, &name)).inspect_err(|_| {
            // What is left of it is deleted later.
            let _ = self.folder.remove_file(&unfinished);
        })?;
        drop(turn);
        self.evict(&name)
    }

    fn find(&self, id: &EntryId) -> Option<Artifact> {
        match entry::read(&self.folder, &self.key, id) {
            Ok(Found::Good(artifact)) => Some(artifact),
            Ok(Found::Nothing) => None,
            Ok(Found::Bad(fault)) => {
                let name = id.file_name();
                tracing::warn!(%name, fault, "a compiled component cannot be used and is compiled again");
                if let Err(error) = self.folder.remove_file(&name) {
                    tracing::debug!(%name, %error, "delete a compiled component");
                }
                None
            }
            Err(error) => {
                tracing::warn!(name = %id.file_name(), %error, "read a compiled component");
                None
            }
        }
    }

    fn lock(&self, id: &EntryId) -> io::Result<File> {
        let name = format!("lock-{:02}", id.digest.as_bytes()[0] % LOCKS);
        let mut options = OpenOptions::new();
        options.write(true).create(true).mode(0o600);
        let file = self.folder.open_with(name, &options)?.into_std();
        rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    }

    /// Deletes the entries that were not used for the longest time until the rest fits, never `newest`.
    fn evict(&self, newest: &str) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in self.folder.entries()? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            // Another process may be deleting it.
            let Ok(metadata) = entry.metadata() else { continue };
            let used = metadata.modified()?.into_std();
            if name.starts_with(UNFINISHED) {
                let age = SystemTime::now().duration_since(used).unwrap_or_default();
                if age > UNFINISHED_MAX {
                    self.folder.remove_file(&name)?;
                }
            } else if name.ends_with(SUFFIX) {
                entries.push((name != newest, used, metadata.len(), name));
            }
        }
        // The newest comes last, the longest unused first.
        entries.sort_by(|left, right| (right.0, left.1).cmp(&(left.0, right.1)));
        let mut total: u64 = entries.iter().map(|(.., bytes, _)| bytes).sum();
        for (is_older, _, bytes, name) in entries {
            if total <= self.bytes_max || !is_older {
                break;
            }
            tracing::debug!(%name, "delete a compiled component that was not used for long");
            match self.folder.remove_file(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => total -= bytes,
            }
        }
        Ok(())
    }
}
