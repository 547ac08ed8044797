use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _, OpenOptions};
use jiff::{SignedDuration, Timestamp};
use rustix::fs::{FlockOperation, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use super::{leftovers, lock};

/// The host's directory for jobs under way and claimed files. The only place where this crate opens a directory by an
/// ambient path.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    root: Dir,
    waiting: Dir,
    jobs: Dir,
    staging: Dir,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It cannot be made or opened.
    #[error("data directory {path:?} cannot be used: {source}")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// The kernel or a seccomp profile refuses `openat2`, which keeps a plugin's paths inside its outbox.
    #[error("data directory {path:?} cannot be used safely: openat2 is not available ({source})")]
    NoOpenat2 {
        /// The directory.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
}

impl DataDirError {
    /// What the operator can do.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Unusable { path, .. } if path.ancestors().any(Path::is_file) => {
                "a file is in its place: choose another directory with --data-dir or FILMGATE_DATA_DIR"
            }
            Self::Unusable { .. } => {
                "give this user write access to the directory, or choose another with --data-dir or FILMGATE_DATA_DIR"
            }
            Self::NoOpenat2 { .. } => "run on Linux 5.6 or later and allow openat2 in the container's seccomp profile",
        }
    }
}

impl DataDir {
    /// Opens the directory, making it and its folders (mode 0700) where they are missing, and proves that it can be
    /// written and walked safely.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, DataDirError> {
        let path = path.into();
        let unusable = |source| DataDirError::Unusable { path: path.clone(), source };
        fs::create_dir_all(&path).map_err(unusable)?;
        let path = path.canonicalize().map_err(unusable)?;
        let root = Dir::open_ambient_dir(&path, ambient_authority()).map_err(unusable)?;
        let waiting = private_folder(&root, "waiting").map_err(unusable)?;
        let jobs = private_folder(&root, "jobs").map_err(unusable)?;
        let staging = private_folder(&root, "staging").map_err(unusable)?;
        prove_writable(&staging).map_err(unusable)?;
        openat2(&jobs, ".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::BENEATH).map_err(|errno| {
            match errno {
                Errno::NOSYS | Errno::PERM => DataDirError::NoOpenat2 { path: path.clone(), source: errno.into() },
                _ => unusable(errno.into()),
            }
        })?;
        leftovers::sweep_waiting(&waiting);
        Ok(Self { path, root, waiting, jobs, staging })
    }

    /// Absolute, without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The time at which a job is accepted: now, but at least a millisecond later than any other acceptance with this data
    /// directory, by whatever process: keys may tell jobs of one user apart by nothing else. Blocks for microseconds.
    pub(crate) fn accept(&self) -> io::Result<Timestamp> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        let mut file = self.root.open_with("accepted", &options)?.into_std();
        rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
        let mut latest = String::new();
        file.read_to_string(&mut latest)?;
        let now = Timestamp::now();
        // A clock that was set back by more than a minute is not waited for.
        let next = latest.trim().parse().ok().and_then(|latest: i64| Timestamp::from_millisecond(latest + 1).ok());
        let soon = now + SignedDuration::from_mins(1);
        let accepted = next.filter(|next| *next > now && *next < soon).unwrap_or(now);
        // Always as long: the file is never cut, which some file systems answer with a write to the disk.
        file.write_all_at(format!("{:020}", accepted.as_millisecond()).as_bytes(), 0)?;
        Ok(accepted)
    }

    /// Held by the process that moves published files to another store; none: another has it.
    pub(crate) fn lock_moving(&self) -> Option<fs::File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true);
        match self.root.open_with("moving", &options) {
            Ok(file) => Some(file.into_std()).filter(|file| lock::take(file)),
            Err(error) => {
                tracing::warn!(%error, "lock the moves of this data directory");
                None
            }
        }
    }

    pub(crate) fn waiting(&self) -> &Dir {
        &self.waiting
    }

    pub(crate) fn jobs(&self) -> &Dir {
        &self.jobs
    }

    pub(crate) fn staging(&self) -> &Dir {
        &self.staging
    }

    /// Makes renames into the staging directory last. The handle beside is for paths only and cannot be synced.
    pub(crate) fn sync_staging(&self) -> io::Result<()> {
        self.staging.open(".")?.sync_all()
    }

    pub(crate) fn staging_path(&self, name: &str) -> PathBuf {
        self.path.join("staging").join(name)
    }
}

fn private_folder(root: &Dir, name: &str) -> io::Result<Dir> {
    match root.create_dir_with(name, DirBuilder::new().mode(0o700)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    root.open_dir(name)
}

fn prove_writable(folder: &Dir) -> io::Result<()> {
    let probe = format!(".probe-{}", std::process::id());
    folder.create(&probe)?;
    match folder.remove_file(&probe) {
        // Another process's recovery took it for a leftover.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
