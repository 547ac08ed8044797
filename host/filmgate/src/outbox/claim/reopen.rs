//! Taking up a claimed file again, after the process that had claimed it.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, fstat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{Claimed, Fingerprint, Place, check, lock, open_file, wait_for_writers};
use crate::outbox::{DataDir, is_staged};
use crate::storage::PublishId;

/// What tells a claimed file from every other, also after a restart of the machine, which may give devices new numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMark {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// What became of a claimed file.
#[derive(Debug)]
pub enum Reopened {
    /// It is there, unchanged, and this process's now.
    Claimed(Claimed),
    /// Another process, or another part of this one, has it.
    InUse,
    /// It is not there any more.
    Gone,
    /// Something else is there: how it differs.
    Changed(&'static str),
}

impl Claimed {
    /// What to know the file by later.
    pub fn mark(&self) -> FileMark {
        FileMark::of(&self.fingerprint())
    }

    /// Takes up the file of `publish` again: a staged one under its id, wherever the data directory is now, an operator's
    /// own at `path`. Blocks for up to two seconds while somebody writes it.
    pub fn reopen(data: &Arc<DataDir>, publish: PublishId, path: &Path, mark: FileMark) -> std::io::Result<Reopened> {
        let name = publish.to_string();
        let is_staged = is_staged(publish, path);
        let opened = if is_staged {
            open_file_in(data, &name)
        } else {
            rustix::fs::open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
        };
        let file = match opened {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Reopened::Gone),
            Err(errno) => return Err(errno.into()),
        };
        if !lock::take(&file) {
            return Ok(Reopened::InUse);
        }
        let stat = fstat(&file)?;
        if check(&file, &name).is_err_and(|error| !matches!(error, super::ClaimError::Linked(..))) {
            return Ok(Reopened::Changed("it is empty, or no regular file"));
        }
        let mut found = FileMark::of(&Fingerprint::of(&stat));
        if is_staged {
            // Nobody else can reach it, and local storage gives the second name of such a file the time of its storing.
            found.modified = mark.modified;
        }
        if found != mark {
            return Ok(Reopened::Changed("its size or times differ"));
        }
        let leased = match wait_for_writers(&file, &name, &CancellationToken::new()) {
            Ok(leased) => leased,
            Err(_) => return Ok(Reopened::Changed("somebody has it open for writing")),
        };
        let place = if is_staged {
            Place::Staged { data: Arc::clone(data), name }
        } else {
            Place::Operator { path: path.to_owned() }
        };
        Ok(Reopened::Claimed(Self::new(file, &stat, leased, place)))
    }
}

fn open_file_in(data: &DataDir, name: &str) -> Result<OwnedFd, Errno> {
    let folder =
        rustix::fs::openat(data.staging(), ".", OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    open_file(&folder, name)
}

impl FileMark {
    fn of(fingerprint: &Fingerprint) -> Self {
        Self { inode: fingerprint.inode, size: fingerprint.size, modified: fingerprint.modified }
    }
}
