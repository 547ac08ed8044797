//! Job directories: created, claimed from, and taken away, always through a directory handle.
//!
//! ```text
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
mod remove;

pub use claim::{Candidate, ClaimError, Claimed};
pub use data_dir::{DataDir, DataDirError};

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{Mode, OFlags};
use tokio_util::sync::CancellationToken;

use crate::job::{InputName, JobId};

/// The directories of one job. They stay until [`Outbox::remove`].
#[derive(Debug)]
pub struct Outbox {
    data: Arc<DataDir>,
    name: String,
    out: Dir,
    path: PathBuf,
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
    /// Makes the directories of a job and copies its inputs into them. Blocks; where the file system can share blocks
    /// between files, the copies cost no space.
    pub fn create(data: &Arc<DataDir>, job: JobId, inputs: &[(InputName, PathBuf)]) -> Result<Self, OutboxError> {
        let name = job.to_string();
        let path = data.path().join("jobs").join(&name);
        let fail = |source| OutboxError::Create { path: path.clone(), source };
        data.jobs().create_dir(&name).map_err(fail)?;
        let filled = fill(data.jobs(), &name, inputs).map_err(|failure| match failure {
            Failure::Directory(source) => fail(source),
            Failure::Input(error) => error,
        });
        let out = match filled {
            Ok(out) => out,
            Err(error) => {
                let _ = remove::remove_tree(data.jobs(), &name);
                return Err(error);
            }
        };
        Ok(Self { data: Arc::clone(data), name, out, path })
    }

    /// The directory that becomes `/out`.
    pub fn out_path(&self) -> PathBuf {
        self.path.join("out")
    }

    /// The directory that becomes `/in`.
    pub fn in_path(&self) -> PathBuf {
        self.path.join("in")
    }

    /// A handle of the directory that becomes `/in`.
    pub(crate) fn inputs(&self) -> io::Result<Dir> {
        self.data.jobs().open_dir(Path::new(&self.name).join("in"))
    }

    /// Opens the finished file at `path` and proves that it can be claimed. Blocks for up to two seconds while a writer is
    /// left. The file stays where it is until [`Candidate::take`].
    pub fn open(&self, path: &str, cancel: &CancellationToken) -> Result<Candidate<'_>, ClaimError> {
        claim::open(&self.out, &self.data, path, cancel)
    }

    /// Deletes the job's directories with everything in them. Blocks. May be asked again after a failure.
    pub fn remove(&self) -> io::Result<()> {
        remove::remove_tree(self.data.jobs(), &self.name)
    }
}

enum Failure {
    Directory(io::Error),
    Input(OutboxError),
}

/// Makes `out` and `in`, copies the inputs, and opens `out`.
fn fill(jobs: &Dir, name: &str, inputs: &[(InputName, PathBuf)]) -> Result<Dir, Failure> {
    let home = jobs.open_dir(name).map_err(Failure::Directory)?;
    home.create_dir("out").and_then(|()| home.create_dir("in")).map_err(Failure::Directory)?;
    let folder = home.open_dir("in").map_err(Failure::Directory)?;
    for (name, from) in inputs {
        copy_input(&folder, name, from).map_err(|source| {
            Failure::Input(OutboxError::Input { name: name.to_string(), path: from.clone(), source })
        })?;
    }
    home.open_dir("out").map_err(Failure::Directory)
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
