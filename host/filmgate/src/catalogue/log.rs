use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::words;
use crate::job::{InvalidValue, JobId};

words! {
    /// Who wrote a [`LogLine`].
    LogSource, "source of a log line", "stdout, stderr, host", {
        /// The plugin, to its standard output.
        Stdout => "stdout",
        /// The plugin, to its standard error.
        Stderr => "stderr",
        /// The host, which tells what of the log is missing.
        Host => "host",
    }
}

/// A line of a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Whose log.
    pub job: JobId,
    /// Its place in the log.
    pub place: LogAt,
    /// When its end was heard.
    pub at: Timestamp,
    /// Who wrote it.
    pub source: LogSource,
    /// Without its end; nothing in it can steer a terminal ([`printable`](crate::job::printable)).
    pub text: String,
}

/// Where a line stands in the log of its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogAt {
    /// When the run began that it is of: a job that failed may be run again under its caller's key.
    pub run: Timestamp,
    /// Counts from 1 in each run.
    pub line: u32,
}
