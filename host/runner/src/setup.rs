use std::os::fd::{AsRawFd as _, OwnedFd};

use filmgate_protocol::Budget;

/// What a runner has before its job: enough to bring the guest to life.
///
/// Directories are descriptors: a job's may be renamed before or while it runs.
#[derive(Debug)]
pub struct Setup {
    /// The job's outbox: a directory that becomes the guest's `/out`.
    pub outbox: OwnedFd,
    /// The job's inputs: a directory that becomes the guest's `/in`, read-only. It may be filled until the job starts.
    pub inputs: OwnedFd,
    /// What the job may use.
    pub budget: Budget,
}

/// A path of this process that means the directory, whatever it is called.
pub(crate) fn path_of(directory: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", directory.as_raw_fd())
}
