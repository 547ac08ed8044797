use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

/// The host's directory for jobs under way and claimed files. The only place where this crate opens a directory by an
/// ambient path.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    jobs: Dir,
    staging: Dir,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It cannot be made or opened.
    #[error("data directory {path:?} cannot be used: {source}; give this user write access or set FILMGATE_DATA_DIR")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// The kernel or a seccomp profile refuses `openat2`, which keeps a plugin's paths inside its outbox.
    #[error(
        "data directory {path:?} cannot be used safely: openat2 is not available ({source}); \
         run on Linux 5.6 or later and allow openat2 in the container's seccomp profile"
    )]
    NoOpenat2 {
        /// The directory.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
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
        let jobs = private_folder(&root, "jobs").map_err(unusable)?;
        let staging = private_folder(&root, "staging").map_err(unusable)?;
        prove_writable(&staging).map_err(unusable)?;
        openat2(&jobs, ".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::BENEATH).map_err(|errno| {
            match errno {
                Errno::NOSYS | Errno::PERM => DataDirError::NoOpenat2 { path: path.clone(), source: errno.into() },
                _ => unusable(errno.into()),
            }
        })?;
        Ok(Self { path, jobs, staging })
    }

    /// Absolute, without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
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
    folder.remove_file(&probe)
}
