//! What processes left in the data directory that are no more.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use cap_std::fs::Dir;
use rustix::fs::{Mode, OFlags};

use super::data_dir::DataDir;
use super::{lock, remove};
use crate::storage::PublishId;

/// Runners' directories this young may not be locked yet.
const YOUNG: Duration = Duration::from_secs(60);

/// Deletes the directories of runners whose host is gone: old enough to be complete, and locked by nobody. What cannot be
/// deleted is tried again next time.
pub(super) fn sweep_waiting(waiting: &Dir) {
    let Ok(entries) = waiting.entries() else { return };
    for entry in entries.flatten() {
        let Some(held) = abandoned_folder(&entry) else { continue };
        let age = held.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|made| made.elapsed().ok());
        if age.is_some_and(|age| age > YOUNG) {
            let _ = remove::remove_tree(waiting, entry.file_name());
        }
    }
}

fn abandoned_folder(entry: &cap_std::fs::DirEntry) -> Option<File> {
    let held = entry.open_dir().and_then(|home| home.open(".")).ok()?.into_std();
    lock::take(&held).then_some(held)
}

/// A staged file that nobody works on, locked by whoever has this.
#[derive(Debug)]
pub(crate) struct Abandoned {
    pub(crate) name: OsString,
    _lock: File,
}

impl DataDir {
    /// Deletes the directories of jobs whose host is gone; answers how many. Blocks.
    pub(crate) fn sweep_jobs(&self) -> io::Result<u64> {
        let mut swept = 0;
        for entry in self.jobs().entries()? {
            let entry = entry?;
            if abandoned_folder(&entry).is_some() {
                remove::remove_tree(self.jobs(), entry.file_name())?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// The directories of jobs whose host is gone. Blocks.
    pub(crate) fn abandoned_jobs(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in self.jobs().entries()? {
            let entry = entry?;
            if abandoned_folder(&entry).is_some() {
                names.push(entry.file_name());
            }
        }
        Ok(names)
    }

    /// Deletes such a directory, if its host is still gone; answers whether it did. Blocks.
    pub(crate) fn remove_abandoned_job(&self, name: &OsStr) -> io::Result<bool> {
        for entry in self.jobs().entries()? {
            let entry = entry?;
            if entry.file_name() == name {
                let Some(_held) = abandoned_folder(&entry) else { return Ok(false) };
                remove::remove_tree(self.jobs(), entry.file_name())?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether somebody works on a publish now: has its file locked, a staged one under its id, wherever the data directory
    /// is now, or an operator's own at `path`. Blocks.
    pub(crate) fn is_under_way(&self, publish: PublishId, path: &Path) -> bool {
        let file = if super::is_staged(publish, path) {
            self.staging().open(publish.to_string()).map(cap_std::fs::File::into_std)
        } else {
            // A pipe in its place must not keep anybody waiting.
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            rustix::fs::open(path, flags, Mode::empty()).map(File::from).map_err(io::Error::from)
        };
        file.is_ok_and(|file| !lock::take(&file))
    }

    /// The names of all staged files. Blocks.
    pub(crate) fn staged_names(&self) -> io::Result<Vec<OsString>> {
        self.staging().entries()?.map(|entry| Ok(entry?.file_name())).collect()
    }

    /// The staged file of this name, if nobody works on it. Blocks.
    pub(crate) fn abandoned(&self, name: OsString) -> Option<Abandoned> {
        let held = self.staging().open(&name).ok()?.into_std();
        lock::take(&held).then_some(Abandoned { name, _lock: held })
    }

    /// Deletes a staged file that nobody knows. Blocks.
    pub(crate) fn remove_abandoned(&self, file: &Abandoned) -> io::Result<()> {
        self.staging().remove_file(&file.name)
    }
}
