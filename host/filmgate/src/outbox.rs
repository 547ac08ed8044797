//! Job directories: created, claimed from, and taken away, always through a directory handle.
//!
//! ```text
//! <data dir>/waiting/<any>/…    directories of runners that wait for a job
//! <data dir>/jobs/<job>/out     the plugin's /out
//! <data dir>/jobs/<job>/in      the plugin's /in
//! <data dir>/staging/<publish>  files the host has claimed
//! ```
//!
//! Everything below `out` is hostile: names, links, descriptors kept open. Which step of a claim defends against what is
//! said in `outbox/claim.rs`.

mod claim;
mod data_dir;
mod lease;
mod leftovers;
mod lock;
mod measure;
mod remove;

pub use claim::{Candidate, ClaimError, Claimed, FileMark, Reopened};
pub use data_dir::{DataDir, DataDirError};
pub use measure::Measured;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{Mode, OFlags};
use tokio_util::sync::CancellationToken;

use crate::job::{InputName, JobId};
use crate::storage::PublishId;

/// Whether the file of a publish at `path` is the host's own, in the staging directory: those have the publish's id for a
/// name. Any other is an operator's.
pub(crate) fn is_staged(publish: PublishId, path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == publish.to_string().as_str())
}

/// The directories of one job. They stay until [`Outbox::remove`].
///
/// They are made before the job is there, and renamed when it comes: a runner that waits for it holds them already, and
/// the jail it is in goes by what they are, not by what they are called.
#[derive(Debug)]
pub struct Outbox {
    data: Arc<DataDir>,
    name: String,
    out: Dir,
    inputs: Dir,
    /// Whether they wait for a job.
    is_waiting: bool,
    /// Tells other processes that somebody is there.
    _lock: File,
}

/// Why a job's directories could not be made or filled.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// An input could not be read.
    #[error("read input {name} from {path:?}: {source}")]
    Input {
        /// Its name under `/in`.
        name: String,
        /// Where the caller said it is.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// The same job runs already: one with the same idempotency key.
    #[error("job {0} is under way already")]
    UnderWay(JobId),
    /// The data directory failed.
    #[error("create the job's outbox in {path:?}: {source}")]
    Create {
        /// The directory.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
}

impl Outbox {
    /// Makes the directories of a job and copies its inputs into them: [`Outbox::prepare`] and [`Outbox::assign`].
    pub fn create(data: &Arc<DataDir>, job: JobId, inputs: &[(InputName, PathBuf)]) -> Result<Self, OutboxError> {
        let mut outbox = Self::prepare(data)?;
        let assigned = outbox.assign(job, inputs);
        if assigned.is_err() {
            let _ = outbox.remove();
        }
        assigned.map(|()| outbox)
    }

    /// Makes empty directories for a job that will come. Blocks.
    pub fn prepare(data: &Arc<DataDir>) -> Result<Self, OutboxError> {
        let name = uuid::Uuid::now_v7().to_string();
        let fail = |source| OutboxError::Create { path: data.path().join("waiting").join(&name), source };
        let make = || {
            data.waiting().create_dir(&name)?;
            let home = data.waiting().open_dir(&name)?;
            let held = home.open(".")?.into_std();
            if !lock::take(&held) {
                return Err(io::ErrorKind::ResourceBusy.into());
            }
            home.create_dir("out")?;
            home.create_dir("in")?;
            Ok((home.open_dir("out")?, home.open_dir("in")?, held))
        };
        let (out, inputs, held) = make().map_err(fail)?;
        Ok(Self { data: Arc::clone(data), name, out, inputs, is_waiting: true, _lock: held })
    }

    /// Makes the directories those of `job` and copies its inputs into them. Blocks; where the file system can share
    /// blocks between files, the copies cost no space. After an error the directories are to be removed.
    pub fn assign(&mut self, job: JobId, inputs: &[(InputName, PathBuf)]) -> Result<(), OutboxError> {
        let name = job.to_string();
        let fail = |source| OutboxError::Create { path: self.data.path().join("jobs").join(&name), source };
        match self.data.waiting().rename(&self.name, self.data.jobs(), &name) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => return Err(OutboxError::UnderWay(job)),
            Err(error) => return Err(fail(error)),
        }
        self.name = name;
        self.is_waiting = false;
        for (name, from) in inputs {
            copy_input(&self.inputs, name, from).map_err(|source| OutboxError::Input {
                name: name.to_string(),
                path: from.clone(),
                source,
            })?;
        }
        Ok(())
    }

    /// Where the directories are now.
    pub fn path(&self) -> PathBuf {
        self.data.path().join(if self.is_waiting { "waiting" } else { "jobs" }).join(&self.name)
    }

    /// The directory that becomes `/out`.
    pub fn out_path(&self) -> PathBuf {
        self.path().join("out")
    }

    /// The directory that becomes `/in`.
    pub fn in_path(&self) -> PathBuf {
        self.path().join("in")
    }

    /// The directory that becomes `/out`, wherever it is.
    pub fn out(&self) -> BorrowedFd<'_> {
        self.out.as_fd()
    }

    /// The directory that becomes `/in`, wherever it is.
    pub fn inputs(&self) -> BorrowedFd<'_> {
        self.inputs.as_fd()
    }

    /// What lies in `/out` now. Blocks; stops at `entries_max`.
    pub fn measure(&self, entries_max: u64) -> io::Result<Measured> {
        measure::measure(&self.out, entries_max)
    }

    /// The same as a directory to make files in.
    pub(crate) fn inputs_dir(&self) -> &Dir {
        &self.inputs
    }

    /// Opens the finished file at `path` and proves that it can be claimed. Blocks for up to two seconds while a writer is
    /// left. The file stays where it is until [`Candidate::take`].
    pub fn open(&self, path: &str, cancel: &CancellationToken) -> Result<Candidate<'_>, ClaimError> {
        claim::open(&self.out, &self.data, path, cancel)
    }

    /// Deletes the job's directories with everything in them. Blocks. May be asked again after a failure.
    pub fn remove(&self) -> io::Result<()> {
        let parent = if self.is_waiting { self.data.waiting() } else { self.data.jobs() };
        remove::remove_tree(parent, &self.name)
    }
}

/// The plugin must not be able to reach the caller's own file: it gets a copy, read-only.
fn copy_input(folder: &Dir, name: &InputName, from: &Path) -> io::Result<()> {
    // A FIFO in a file's place must not be waited for.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut source = File::from(rustix::fs::open(from, flags, Mode::empty())?);
    if !source.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut target = folder.create(name.as_str())?.into_std();
    io::copy(&mut source, &mut target)?;
    Ok(())
}
