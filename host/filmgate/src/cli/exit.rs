use std::process::ExitCode;

use filmgate::Exhausted;
use filmgate::manifest::ManifestError;
use filmgate::publish::PublishError;
use filmgate::report::JobFault;
use filmgate::storage::StorageError;

/// The exit codes. Scripts depend on them: a number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Everything asked for was done.
    Done = 0,
    /// The command line, a setting or an input cannot be used. Nothing was started. clap's own code.
    Usage = 2,
    /// The file is no plugin, or one that may not run.
    PluginRefused = 10,
    /// The plugin answered with an error, or without the file the job is about.
    PluginError = 11,
    /// The plugin trapped, or ended its process.
    Trap = 12,
    /// CPU time used up.
    Cpu = 13,
    /// Wall-clock time used up.
    Wall = 14,
    /// Memory or tables used up.
    Memory = 15,
    /// Another budget used up: bytes, files, calls, handles.
    Quota = 16,
    /// A file was not taken over: its path, kind, slot or a writer that stays.
    ClaimRefused = 17,
    /// A file was taken over but not published; it is kept.
    UploadFailed = 18,
    /// The storage cannot be reached or used at all.
    StorageUnreachable = 19,
    /// `filmgate check` found something to mend.
    CheckFailed = 20,
    /// Plugins cannot be locked in on this machine.
    JailMissing = 21,
    /// Somebody else works on the job or the publish.
    UnderWay = 22,
    /// Too little space is free where the data directory is. Nothing was started.
    DiskLow = 23,
    /// Nothing of this name is on record.
    NotFound = 30,
    /// It was deleted.
    Gone = 31,
    /// The catalogue cannot be read or written.
    CatalogueUnusable = 32,
    /// Deleted on record, but objects are still in the store; the next clean-up tries again.
    CleanUpIncomplete = 33,
    /// A fault of the host. BSD's `EX_SOFTWARE`.
    Internal = 70,
    /// Everything was done, but standard output did not take the answer. BSD's `EX_IOERR`.
    AnswerLost = 74,
    /// Ended by SIGINT: 128 + 2.
    Interrupted = 130,
    /// Ended by SIGTERM: 128 + 15.
    Terminated = 143,
}

impl Exit {
    /// The code that a job's failure ends with. Cancelled jobs are the business of the signal that did it.
    pub(super) fn of_job(fault: &JobFault) -> Self {
        match fault {
            JobFault::Invalid(_) | JobFault::Elsewhere(_) | JobFault::Manifest(ManifestError::Read { .. }) => {
                Self::Usage
            }
            JobFault::PluginRefused(_) | JobFault::Compile(_) | JobFault::Manifest(_) | JobFault::NotGranted(_) => {
                Self::PluginRefused
            }
            JobFault::Plugin { .. } | JobFault::NothingPublished(_) => Self::PluginError,
            JobFault::Trapped(_) | JobFault::Exited(_) => Self::Trap,
            JobFault::Exhausted { limit, .. } => Self::of_budget(*limit),
            JobFault::Refused(_) => Self::ClaimRefused,
            JobFault::Publish(PublishError::Storage { error, .. }) => Self::of_storage(error),
            JobFault::Storage(_) => Self::StorageUnreachable,
            JobFault::Publish(_) => Self::UploadFailed,
            JobFault::Cancelled => Self::Interrupted,
            JobFault::UnderWay(_) => Self::UnderWay,
            JobFault::Jail { .. } => Self::JailMissing,
            JobFault::DiskLow(_) => Self::DiskLow,
            JobFault::Gone(_) => Self::Gone,
            JobFault::Runner(_) | JobFault::Internal(_) => Self::Internal,
        }
    }

    /// The code of a storage's failure.
    pub(super) fn of_storage(error: &StorageError) -> Self {
        if error.is_storage_away() { Self::StorageUnreachable } else { Self::UploadFailed }
    }

    fn of_budget(limit: Exhausted) -> Self {
        match limit {
            Exhausted::Memory | Exhausted::Tables => Self::Memory,
            Exhausted::Cpu => Self::Cpu,
            Exhausted::Wall => Self::Wall,
            _ => Self::Quota,
        }
    }

    /// The number.
    pub(super) fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
