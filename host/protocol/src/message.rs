use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a host tells a runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ToRunner {
    /// Run this job. The first message, once.
    Start(Box<JobInput>),
    /// The file of call `call` was claimed (`Ok`), or will not be published (`Err`). Answers a [`StoreRequest`] that does
    /// not wait; a later [`ToRunner::Stored`] carries the outcome of the upload.
    Claimed {
        /// The request's number.
        call: u32,
        /// Whether the file is now the host's.
        result: Result<(), PluginError>,
    },
    /// The outcome of call `call`.
    Stored {
        /// The request's number.
        call: u32,
        /// What became of the file.
        result: Result<Stored, PluginError>,
    },
    /// Stop the guest as soon as possible and answer [`Outcome::Cancelled`].
    Cancel,
}

/// What a runner tells its host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum FromRunner {
    /// Text the guest wrote to standard output or standard error.
    Log {
        /// Which of the two.
        stream: LogStream,
        /// The text as written, not necessarily whole lines; invalid UTF-8 replaced, at most 8 KiB.
        text: String,
    },
    /// The guest's latest report; older ones may have been left out.
    Progress {
        /// Share of the work done, 0.0 to 1.0.
        fraction: f32,
        /// What is being done, at most 200 bytes.
        stage: String,
    },
    /// What the job used so far, at most four times a second and only when it changed.
    Usage(Usage),
    /// The guest hands over a file.
    Store(StoreRequest),
    /// The job is over. The last message.
    Finished {
        /// How it ended.
        outcome: Outcome,
        /// What it used.
        usage: Usage,
    },
}

/// The job as the guest sees it; the fields are those of the WIT record `job`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobInput {
    /// UUID version 7.
    pub id: String,
    /// The user the job is for.
    pub user_id: String,
    /// The month to report on.
    pub period: Option<Period>,
    /// One JSON value.
    pub params: String,
    /// File names under `/in`.
    pub inputs: Vec<String>,
    /// Names and ids the layout uses.
    pub refs: Vec<(String, String)>,
}

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// Gregorian year.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
}

/// What a job may use. The host resolves it; the runner enforces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// All linear memories of the component together, in bytes.
    pub memory_bytes: u64,
    /// Elements of all tables together.
    pub table_elements: u64,
    /// CPU time of the job: the guest's own code and what its host calls compute. Waiting, for an upload for example, is
    /// not counted.
    pub cpu: Duration,
    /// Time from start to end, host calls and uploads included.
    pub wall: Duration,
    /// Logical bytes the outbox may hold at once and all files together may have grown by, deleted ones included.
    pub outbox_bytes: u64,
    /// Files and directories the guest may create.
    pub outbox_entries: u64,
    /// Depth of directories in the outbox.
    pub outbox_depth: u32,
    /// Bytes of log kept; what the guest writes beyond is counted and dropped.
    pub log_bytes: u64,
    /// Calls of `store-video` and `submit` together.
    pub store_calls: u32,
    /// Publications under way at once.
    pub stores_in_flight: u32,
    /// Bytes one host call may move in strings and lists (wasmtime's hostcall fuel).
    pub hostcall_bytes: u64,
    /// Resource handles the guest may hold.
    pub handles: u32,
}

/// Which of the guest's streams a log text came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A file the guest says is finished. Nothing in it is checked yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreRequest {
    /// Counts from 0 within the job; answers carry it.
    pub call: u32,
    /// Relative to the outbox, as the guest gave it, at most 4 KiB.
    pub path: String,
    /// As the guest gave them.
    pub options: StoreOptions,
    /// `true`: `store-video`, one answer [`ToRunner::Stored`]. `false`: `submit`, [`ToRunner::Claimed`] first.
    pub wait: bool,
}

/// The WIT record `options`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreOptions {
    /// Place in the layout.
    pub slot: Option<String>,
    /// Which of several.
    pub sequence: Option<u32>,
    /// What the guest believes the file is.
    pub content_type: Option<String>,
    /// Text to keep beside the object.
    pub metadata: Vec<(String, String)>,
}

/// The WIT record `stored`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Id of the publish.
    pub id: String,
    /// Where the file can be fetched, unless withheld.
    pub url: Option<String>,
    /// Seconds since 1970 when the URL ends.
    pub expires_at: Option<u64>,
    /// Bytes.
    pub size: u64,
    /// `crc64nvme:` and 16 hexadecimal digits.
    pub checksum: String,
    /// `local`, `s3` or `both`.
    pub durability: String,
}

/// The WIT record `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct PluginError {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
}

/// How a job ended in the runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// `render` answered with this summary: the guest's text, at most 64 KiB, not checked to be JSON.
    Returned(String),
    /// `render` answered with an error, or with a summary over its limit (code `summary-too-large`).
    Failed(PluginError),
    /// The guest trapped; the text says where, at most 4 KiB.
    Trapped(String),
    /// The guest called `exit` with this status instead of returning.
    Exited(u8),
    /// A limit of the budget ended the job, or made a call fail that the guest could not explain.
    Exhausted {
        /// Which one.
        limit: Exhausted,
        /// What the guest did then: where it stood, or its own error; at most 4 KiB, may be empty.
        detail: String,
    },
    /// The host asked for the end.
    Cancelled,
    /// The component could not be instantiated.
    NotInstantiated(String),
    /// A fault of the runner itself.
    Fault(String),
}

/// Which limit of a [`Budget`] was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exhausted {
    /// [`Budget::memory_bytes`].
    Memory,
    /// [`Budget::table_elements`].
    Tables,
    /// [`Budget::cpu`].
    Cpu,
    /// [`Budget::wall`].
    Wall,
    /// [`Budget::outbox_bytes`].
    OutboxBytes,
    /// [`Budget::outbox_entries`].
    OutboxEntries,
    /// [`Budget::outbox_depth`].
    OutboxDepth,
    /// [`Budget::store_calls`]. The guest is told by a refusal and goes on, so no runner reports this today.
    StoreCalls,
    /// [`Budget::hostcall_bytes`].
    HostcallBytes,
    /// [`Budget::handles`].
    Handles,
}

/// What a job used, as far as it went.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time, counted as [`Budget::cpu`] says.
    pub cpu: Duration,
    /// Time from start to end.
    pub wall: Duration,
    /// Most bytes of linear memory at once.
    pub memory_bytes_peak: u64,
    /// Logical bytes by which files in the outbox grew.
    pub outbox_bytes_written: u64,
    /// Files and directories created.
    pub outbox_entries_created: u64,
    /// Bytes of log that were dropped.
    pub log_bytes_dropped: u64,
    /// Calls of `store-video` and `submit`, refused ones included.
    pub store_calls: u32,
    /// Most publications under way at once.
    pub stores_in_flight_peak: u32,
    /// Most elements of tables at once.
    pub table_elements_peak: u64,
    /// Depth of the deepest directory that the guest made in the outbox.
    pub outbox_depth_max: u32,
    /// Most bytes that one host call brought: data for a file or the log, texts for the host, the answer of `render`. Paths
    /// of files and lists of handles are not in it.
    pub hostcall_bytes_peak: u64,
    /// Most resources at once: a handle of the guest stands for each. Counted when the guest ends; 0 before.
    pub handles_peak: u32,
}

impl Usage {
    /// Whether more was used than was `told` before, by as much as is worth telling.
    pub fn differs_from(&self, told: &Self) -> bool {
        let counted = |usage: &Self| Self { cpu: Duration::ZERO, wall: Duration::ZERO, ..usage.clone() };
        counted(self) != counted(told) || self.cpu.saturating_sub(told.cpu) > Duration::from_millis(50)
    }
}
