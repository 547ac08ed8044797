//! How a job ends, for the caller.

use std::fmt;

use filmgate_protocol::{Exhausted, Layer, LogStream, Usage};
use filmgate_runner::{CompileError, PluginRefusal, StartError};
use jiff::Timestamp;

use crate::disk::DiskLow;
use crate::job::{JobId, Sequence, Slot};
use crate::key::ObjectKey;
use crate::layout::LayoutError;
use crate::manifest::ManifestError;
use crate::media::{CodecName, MediaKind};
use crate::outbox::ClaimError;
use crate::policy::NotGranted;
use crate::pool::RunnerError;
use crate::publish::{Asset, Identity, PublishError};
use crate::storage::{PublishId, StorageError};

/// What a successful job brought.
#[derive(Debug, Clone)]
pub struct JobReport {
    /// The job.
    pub job: JobId,
    /// Every published file, in the order in which they were handed over.
    pub assets: Vec<Asset>,
    /// The layout's main slot.
    pub main_slot: Slot,
    /// Files it had published and that were deleted since: only where it was asked for again ([`Keyed::Done`](crate::Keyed)).
    pub gone: Vec<GoneAsset>,
    /// What the plugin answered, where it ran.
    pub summary: Option<serde_json::Value>,
    /// What the job used.
    pub usage: Usage,
}

/// A file that a job had published, and that is not there any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneAsset {
    /// What was published: job, slot and sequence.
    pub identity: Identity,
    /// Id of the publish.
    pub publish: PublishId,
    /// The key it had.
    pub key: ObjectKey,
    /// When its deletion was asked for; absent where nobody asked the host, or the record of it is not kept any more.
    pub deleted_at: Option<Timestamp>,
}

impl JobReport {
    /// The asset that "the URL" means: the first one in the layout's main slot.
    pub fn main_asset(&self) -> Option<&Asset> {
        self.assets.iter().find(|asset| asset.identity.slot == self.main_slot).or(self.assets.first())
    }
}

/// Why a job failed, and what it had published until then. What was published stays published.
#[derive(Debug)]
pub struct JobError {
    /// What a caller can act on.
    pub fault: JobFault,
    /// The job, if it was accepted.
    pub job: Option<JobId>,
    /// What was published before the failure.
    pub assets: Vec<Asset>,
    /// The first file that was taken over but not published, where that is not the cause itself: it says what became of the
    /// file and what the storage may have kept of it.
    pub unpublished: Option<Box<PublishError>>,
    /// What the job used.
    pub usage: Usage,
}

/// The causes of a [`JobError`].
#[derive(Debug, thiserror::Error)]
pub enum JobFault {
    /// The request asks for what cannot be.
    #[error("{0}")]
    Invalid(String),
    /// The component is none that may run.
    #[error("{0}")]
    PluginRefused(#[from] PluginRefusal),
    /// Compiling it takes more than it may, or breaks the compiler.
    #[error("{0}")]
    Compile(CompileError),
    /// The plugin's manifest cannot be read, or says what a manifest cannot say.
    #[error("{0}")]
    Manifest(#[from] ManifestError),
    /// The plugin is not listed, is not the pinned one, or asks for more than the operator grants it.
    #[error("{0}")]
    NotGranted(#[from] NotGranted),
    /// The plugin answered with an error.
    #[error("the plugin failed: {code}: {message}")]
    Plugin {
        /// Its code.
        code: String,
        /// Its words.
        message: String,
        /// Whether it says that the same job may succeed later.
        retryable: bool,
    },
    /// The plugin broke down.
    #[error("the plugin trapped: {0}")]
    Trapped(String),
    /// The plugin ended its process instead of answering.
    #[error("the plugin called exit({0}) instead of returning from render")]
    Exited(u8),
    /// A budget was used up.
    #[error("the job used up its {}{}", budget_name(*limit), if detail.is_empty() { String::new() } else { format!(": {detail}") })]
    Exhausted {
        /// Which one.
        limit: Exhausted,
        /// What the plugin did then; may be empty.
        detail: String,
    },
    /// A file could not be taken over, and the plugin ended because of it or returned without another.
    #[error("the host refused a file: {0}")]
    Refused(#[source] Refusal),
    /// A file was taken over but not published.
    #[error("{0}")]
    Publish(#[from] PublishError),
    /// The storage does not say whether what was published before is still there.
    #[error("{0}")]
    Storage(#[source] StorageError),
    /// The plugin returned without handing over the file the job is about.
    #[error("the plugin returned without storing a file in slot {0}")]
    NothingPublished(Slot),
    /// The caller cancelled.
    #[error("the job was cancelled")]
    Cancelled,
    /// The runner broke down, or was ended because it did what no honest one does. Its plugin may have escaped into it.
    #[error("the runner failed: {0}")]
    Runner(String),
    /// A layer of the jail that plugins run in is missing on this machine, and may not be.
    #[error("plugins cannot be locked in on this machine: the layer {layer} is missing: {reason}")]
    Jail {
        /// Which one.
        layer: Layer,
        /// What the system answered.
        reason: String,
    },
    /// A job with the same idempotency key is under way.
    #[error("job {0} is under way already")]
    UnderWay(JobId),
    /// The job was done under its caller's key, and the file that it is about, or one that it would have to make again, was
    /// deleted since. Nothing is run.
    #[error("job {} has published its file in {} under this key, and it is gone: {}", .0.identity.job, .0.identity.place(), deletion_text(.0))]
    Gone(Box<GoneAsset>),
    /// The job was done under its caller's key, and a file of it is in another store than that of the settings: a URL of it
    /// would lead nowhere.
    #[error("{0}")]
    Elsewhere(String),
    /// Too little space is free where the data directory is: nothing was started.
    #[error("{0}")]
    DiskLow(#[from] DiskLow),
    /// A fault of the host.
    #[error("{0}")]
    Internal(String),
}

impl JobFault {
    /// The kind of fault, for programs: lower-case words joined by `-`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::Manifest(ManifestError::Read { .. }) => "invalid-input",
            Self::Compile(_) => "compile-limit",
            Self::Manifest(_) => "manifest-invalid",
            Self::NotGranted(_) => "plugin-not-granted",
            Self::PluginRefused(_) => "plugin-refused",
            Self::Plugin { .. } => "plugin-error",
            Self::NothingPublished(_) => "nothing-published",
            Self::Trapped(_) => "trap",
            Self::Exited(_) => "plugin-exited",
            Self::Exhausted { limit, .. } => match limit {
                Exhausted::Cpu => "cpu-exhausted",
                Exhausted::Wall => "wall-time-exhausted",
                Exhausted::Memory | Exhausted::Tables => "memory-exhausted",
                _ => "quota-exceeded",
            },
            Self::Refused(_) => "file-refused",
            Self::Publish(PublishError::Storage { error, .. }) if error.is_storage_away() => "storage-unreachable",
            Self::Storage(_) => "storage-unreachable",
            Self::Publish(_) => "upload-failed",
            Self::Cancelled => "cancelled",
            Self::UnderWay(_) => "under-way",
            Self::Jail { .. } => "jail-missing",
            Self::Runner(_) => "runner-failed",
            Self::Gone(_) => "gone",
            Self::Elsewhere(_) => "invalid-settings",
            Self::DiskLow(_) => "disk-low",
            Self::Internal(_) => "internal",
        }
    }
}

fn deletion_text(gone: &GoneAsset) -> String {
    gone.deleted_at.map_or_else(|| "its object is not in the store".to_owned(), |at| format!("it was deleted at {at}"))
}

/// What a job used, as answers and records have it.
pub fn usage_json(usage: &Usage) -> serde_json::Value {
    serde_json::json!({
        "cpu_seconds": usage.cpu.as_secs_f64(),
        "wall_seconds": usage.wall.as_secs_f64(),
        "memory_bytes_peak": usage.memory_bytes_peak,
        "outbox_bytes_written": usage.outbox_bytes_written,
        "outbox_entries_created": usage.outbox_entries_created,
        "log_bytes_dropped": usage.log_bytes_dropped,
        "store_calls": usage.store_calls,
        "stores_in_flight_peak": usage.stores_in_flight_peak,
        "table_elements_peak": usage.table_elements_peak,
        "outbox_depth_max": usage.outbox_depth_max,
        "hostcall_bytes_peak": usage.hostcall_bytes_peak,
        "handles_peak": usage.handles_peak,
    })
}

impl From<CompileError> for JobFault {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::Refused(refusal) => Self::PluginRefused(refusal),
            CompileError::Start(error) => RunnerError::from(error).into(),
            error => Self::Compile(error),
        }
    }
}

impl From<RunnerError> for JobFault {
    fn from(error: RunnerError) -> Self {
        match error {
            RunnerError::Start(StartError::Missing { layer, reason }) => Self::Jail { layer, reason },
            RunnerError::Start(error) => Self::Runner(error.to_string()),
            error => Self::Internal(error.to_string()),
        }
    }
}

impl JobError {
    /// A failure before there was a job.
    pub fn before_start(fault: impl Into<JobFault>) -> Self {
        Self::early(fault.into())
    }

    pub(crate) fn early(fault: JobFault) -> Self {
        Self { fault, job: None, assets: Vec::new(), unpublished: None, usage: Usage::default() }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl std::error::Error for JobError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.fault.source()
    }
}

/// Why a file that a plugin handed over was not taken. The plugin still has it.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The file cannot be claimed.
    #[error("{0}")]
    Claim(#[from] ClaimError),
    /// The layout has no such place.
    #[error("{0}")]
    Layout(#[from] LayoutError),
    /// Slot, sequence, content type or metadata are not allowed.
    #[error("{0}")]
    Options(String),
    /// The bytes are of no kind the slot allows.
    #[error("{path:?} is {found}, but slot {slot} takes {allowed}")]
    Media {
        /// The file.
        path: String,
        /// What its first bytes say.
        found: String,
        /// The slot.
        slot: Slot,
        /// What it takes.
        allowed: String,
    },
    /// The file is of a kind the slot allows, but not whole or not only that.
    #[error("{path:?} is no sound {kind}: {fault}")]
    Unsound {
        /// The file.
        path: String,
        /// What its first bytes say.
        kind: MediaKind,
        /// What is wrong with it, or why it could not be examined.
        fault: String,
    },
    /// A track is in a codec the slot does not take.
    #[error("{path:?} holds {found}, but slot {slot} takes {allowed}")]
    Codec {
        /// The file.
        path: String,
        /// The codec.
        found: CodecName,
        /// The slot.
        slot: Slot,
        /// What it takes.
        allowed: String,
    },
    /// The host failed to examine the file.
    #[error("examine {path:?}: {fault}")]
    NotExamined {
        /// The file.
        path: String,
        /// What failed.
        fault: String,
    },
    /// The plugin declared one type and the bytes say another.
    #[error("{path:?} was declared as {declared}, but its first bytes are {found}")]
    Declared {
        /// The file.
        path: String,
        /// What the plugin said.
        declared: String,
        /// What its first bytes say.
        found: String,
    },
    /// The file is larger than the job may still publish.
    #[error("{path:?} has {bytes} bytes; the job may publish {left} more")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size.
        bytes: u64,
        /// What is left of the job's budget.
        left: u64,
    },
    /// The slot and sequence were handed over before.
    #[error("slot {slot}{} was handed over before in this job", sequence.map(|n| format!(" sequence {}", n.get())).unwrap_or_default())]
    Again {
        /// The slot.
        slot: Slot,
        /// The sequence.
        sequence: Option<Sequence>,
    },
}

impl Refusal {
    /// The code the plugin sees (`plugin.wit`).
    pub fn code(&self) -> &'static str {
        match self {
            Self::Claim(error) => match error {
                ClaimError::InvalidPath { .. } => "invalid-path",
                ClaimError::NotFound(_) => "not-found",
                ClaimError::NotAFile(_) => "not-a-file",
                ClaimError::Linked(..) => "linked",
                ClaimError::Empty(_) => "empty-file",
                ClaimError::Busy(_) | ClaimError::Swapped(_) => "busy",
                ClaimError::Cancelled => "cancelled",
                ClaimError::Io { .. } => "internal",
            },
            Self::Layout(_) | Self::Options(_) | Self::Declared { .. } => "invalid-options",
            Self::Media { .. } | Self::Unsound { .. } | Self::Codec { .. } => "unsupported-media",
            Self::NotExamined { .. } => "internal",
            Self::TooLarge { .. } => "too-large",
            Self::Again { .. } => "already-published",
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Claim(ClaimError::Busy(_) | ClaimError::Swapped(_)))
    }
}

/// The budget's name for people.
pub fn budget_name(limit: Exhausted) -> &'static str {
    match limit {
        Exhausted::Memory => "memory",
        Exhausted::Tables => "table elements",
        Exhausted::Cpu => "CPU time",
        Exhausted::Wall => "wall-clock time",
        Exhausted::OutboxBytes => "outbox bytes",
        Exhausted::OutboxEntries => "outbox files",
        Exhausted::OutboxDepth => "outbox directory depth",
        Exhausted::StoreCalls => "store calls",
        Exhausted::HostcallBytes => "bytes per host call",
        Exhausted::Handles => "resource handles",
    }
}

/// What a running job tells while it runs.
#[derive(Debug, Clone)]
pub enum JobEvent {
    /// The plugin wrote text: hostile, escape it before printing.
    Log {
        /// Where to.
        stream: LogStream,
        /// What; not necessarily whole lines.
        text: String,
    },
    /// The plugin reported progress.
    Progress {
        /// 0.0 to 1.0.
        fraction: f32,
        /// What it is doing: hostile, escape it before printing.
        stage: String,
    },
    /// What the job has used so far, some times a second and once at its end: bytes written, memory, CPU time.
    Usage(Usage),
    /// Bytes of a file were acknowledged by the storage.
    Uploading {
        /// The file's slot.
        slot: Slot,
        /// Its sequence.
        sequence: Option<Sequence>,
        /// Bytes acknowledged.
        sent: u64,
        /// Bytes in all.
        total: u64,
        /// Parts acknowledged.
        parts: u32,
        /// Parts in all.
        parts_total: u32,
    },
    /// A file is published.
    Stored(Box<Asset>),
}
