use std::path::PathBuf;

use filmgate_protocol::Budget;

/// What a runner has before its job: enough to bring the guest to life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// The job's outbox: a directory that becomes the guest's `/out`.
    pub outbox: PathBuf,
    /// The job's inputs: a directory that becomes the guest's `/in`, read-only. It may be filled until the job starts.
    pub inputs: PathBuf,
    /// What the job may use.
    pub budget: Budget,
}
