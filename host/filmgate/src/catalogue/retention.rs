use jiff::Timestamp;

/// What is too old to be kept: everything before these moments. What is not said is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cuts {
    /// The moment the cuts are meant for: leases that have ended by then are ended.
    pub now: Timestamp,
    /// Events.
    pub events: Option<Timestamp>,
    /// Entries of the audit log.
    pub audit: Option<Timestamp>,
    /// Lines of jobs' logs; those of a job that goes go with it.
    pub logs: Option<Timestamp>,
    /// Jobs that have ended.
    pub jobs: Option<Timestamp>,
    /// Records of assets that are gone: from then on they are unknown instead of gone.
    pub gone: Option<Timestamp>,
}

impl Cuts {
    /// Everything is kept.
    pub const fn nothing(now: Timestamp) -> Self {
        Self { now, events: None, audit: None, logs: None, jobs: None, gone: None }
    }
}

/// What was taken away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Events.
    pub events: u64,
    /// Entries of the audit log.
    pub audit: u64,
    /// Lines of jobs' logs.
    pub logs: u64,
    /// Jobs.
    pub jobs: u64,
    /// Records of assets that are gone.
    pub gone: u64,
    /// Jobs that were given up: their hosts are gone.
    pub lost: u64,
}
