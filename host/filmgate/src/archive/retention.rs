use std::time::Duration;

/// How long records are kept. How long files are is said by the slots of the layouts. `None` keeps for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Events. Default: 30 days.
    pub events: Option<Duration>,
    /// The audit log. Default: 365 days.
    pub audit: Option<Duration>,
    /// What plugins logged. Default: 30 days.
    pub logs: Option<Duration>,
    /// Jobs that have ended and have no asset left. Default: 90 days.
    pub jobs: Option<Duration>,
    /// Records of assets that are gone: so long they read as gone, then they are unknown. Default: 365 days.
    pub gone: Option<Duration>,
    /// How many old versions of each file of a session are kept beside the latest one (C6). Default: all.
    pub versions: Option<u32>,
}

const DAY: u64 = 24 * 60 * 60;

impl Default for RetentionPolicy {
    fn default() -> Self {
        let days = |days: u64| Some(Duration::from_secs(days * DAY));
        Self { events: days(30), audit: days(365), logs: days(30), jobs: days(90), gone: days(365), versions: None }
    }
}
