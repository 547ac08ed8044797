//! How an attack ended, and what a test may ask of it.

use std::path::PathBuf;
use std::time::Duration;

use filmgate::publish::Asset;
use filmgate::report::{JobError, JobFault, JobReport};
use filmgate::storage::{ObjectInfo, Presence};
use filmgate::{Exhausted, Host, Usage};
use futures::TryStreamExt as _;
use tokio::runtime::Handle;

/// A hostile job that has ended.
pub(crate) struct Fight {
    /// How.
    pub(crate) ended: Result<JobReport, JobError>,
    /// What it printed, as far as it was kept.
    pub(crate) log: String,
    /// What it reported of its progress.
    pub(crate) progress: Vec<(f32, String)>,
    /// From its start to its end.
    pub(crate) took: Duration,
    /// The host's data directory.
    pub(crate) data: PathBuf,
    /// How far the host's memory rose above its level, in bytes.
    pub(crate) memory_peak: u64,
    pub(super) host: Host,
    pub(super) runtime: Handle,
}

impl Fight {
    #[track_caller]
    fn fault(&self) -> &JobFault {
        match &self.ended {
            Ok(report) => panic!("the job succeeded: {report:?}\n{}", self.log),
            Err(error) => &error.fault,
        }
    }

    /// It used up this budget; answers what it did then.
    #[track_caller]
    pub(crate) fn exhausted(&self, expected: Exhausted) -> &str {
        match self.fault() {
            JobFault::Exhausted { limit, detail } if *limit == expected => detail,
            other => panic!("expected {expected:?} to be used up, got {other:?}\n{}", self.log),
        }
    }

    /// It broke; answers where, without its own log.
    #[track_caller]
    pub(crate) fn trapped(&self, part: &str) -> &str {
        match self.fault() {
            JobFault::Trapped(text) if text.contains(part) => text,
            other => panic!("expected a trap with {part:?}, got {other:?}\n{}", self.log),
        }
    }

    #[track_caller]
    pub(crate) fn exited(&self, status: u8) {
        assert!(matches!(self.fault(), JobFault::Exited(found) if *found == status), "{:?}\n{}", self.ended, self.log);
    }

    #[track_caller]
    pub(crate) fn cancelled(&self) {
        assert!(matches!(self.fault(), JobFault::Cancelled), "{:?}\n{}", self.ended, self.log);
    }

    /// It answered an error; answers the error's code and message.
    #[track_caller]
    pub(crate) fn failed(&self) -> (&str, &str) {
        match self.fault() {
            JobFault::Plugin { code, message, .. } => (code, message),
            other => panic!("expected an error of the plugin, got {other:?}\n{}", self.log),
        }
    }

    /// It returned without publishing anything, though the host refused nothing.
    #[track_caller]
    pub(crate) fn published_nothing(&self) {
        assert!(matches!(self.fault(), JobFault::NothingPublished(_)), "{:?}\n{}", self.ended, self.log);
        assert!(self.assets().is_empty(), "{:?}", self.ended);
    }

    /// It returned without publishing anything, the last refusal having this code.
    #[track_caller]
    pub(crate) fn refused(&self, code: &str) {
        match self.fault() {
            JobFault::Refused(refusal) if refusal.code() == code => {}
            other => panic!("expected {code}, got {other:?}\n{}", self.log),
        }
        assert!(self.assets().is_empty(), "{:?}", self.ended);
    }

    /// The component was refused; answers why.
    #[track_caller]
    pub(crate) fn refused_at_load(&self) -> String {
        let JobFault::PluginRefused(refusal) = self.fault() else { panic!("{:?}", self.ended) };
        let mut text = refusal.to_string();
        let mut source = std::error::Error::source(refusal);
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        text
    }

    /// It succeeded; answers what it published.
    #[track_caller]
    pub(crate) fn published(&self, count: usize) -> &[Asset] {
        let report = self.ended.as_ref().unwrap_or_else(|error| panic!("{error:?}\n{}", self.log));
        assert_eq!(report.assets.len(), count, "{report:?}\n{}", self.log);
        &report.assets
    }

    /// What was published, however it ended.
    pub(crate) fn assets(&self) -> &[Asset] {
        match &self.ended {
            Ok(report) => &report.assets,
            Err(error) => &error.assets,
        }
    }

    /// What the job used.
    pub(crate) fn usage(&self) -> &Usage {
        match &self.ended {
            Ok(report) => &report.usage,
            Err(error) => &error.usage,
        }
    }

    /// What it said of an attempt of this name: `done`, or the code of the refusal.
    #[track_caller]
    pub(crate) fn outcome(&self, name: impl std::fmt::Debug) -> &str {
        let begin = format!("{name:?}: ");
        let line = self.log.lines().find_map(|line| line.strip_prefix(&begin));
        line.unwrap_or_else(|| panic!("no word of {name:?} in\n{}", self.log))
    }

    /// Every attempt that it told of, but for those named, was refused with this code.
    #[track_caller]
    pub(crate) fn all_refused(&self, code: &str, attempts: usize) {
        let told: Vec<_> = self.log.lines().filter_map(|line| line.rsplit_once(": ")).collect();
        assert_eq!(told.len(), attempts, "{}", self.log);
        assert!(told.iter().all(|(_, outcome)| *outcome == code), "not all {code}:\n{}", self.log);
    }

    /// It printed this line.
    #[track_caller]
    pub(crate) fn said(&self, line: &str) {
        assert!(self.log.lines().any(|said| said == line), "no line {line:?} in\n{}\n{:?}", self.log, self.ended);
    }

    /// The bytes of a published file.
    pub(crate) fn bytes(&self, asset: &Asset) -> Vec<u8> {
        bytes_of(&self.runtime, &self.host, asset)
    }

    /// What the storage says of a published file.
    pub(crate) fn object(&self, asset: &Asset) -> ObjectInfo {
        match self.runtime.block_on(self.host.storage().head(&asset.key)).unwrap() {
            Presence::Present(info) => info,
            other => panic!("{}: {other:?}", asset.key),
        }
    }

    /// How it ended, for the table.
    pub(super) fn summary(&self) -> String {
        let text = match &self.ended {
            Ok(report) => format!("published {}", report.assets.len()),
            Err(error) => match &error.fault {
                JobFault::PluginRefused(_) => format!("refused at load: {error}"),
                JobFault::Exhausted { limit, .. } => format!("used up: {}", filmgate::report::budget_name(*limit)),
                _ => error.to_string(),
            },
        };
        filmgate::job::printable(text.lines().next().unwrap_or_default()).chars().take(60).collect()
    }
}

pub(super) fn bytes_of(runtime: &Handle, host: &Host, asset: &Asset) -> Vec<u8> {
    runtime.block_on(async {
        let body = host.storage().get(&asset.key, None).await.unwrap();
        let pieces: Vec<bytes::Bytes> = body.bytes.try_collect().await.unwrap();
        pieces.concat()
    })
}
