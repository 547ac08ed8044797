use std::num::NonZeroU64;
use std::time::Duration;

use crate::config::file::S3Section;
use crate::config::resolver::Resolver;
use crate::config::{ByteSize, Span};
use crate::limits::GIB;

/// How long a bucket's answers are waited for. Each try of a request has this time anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeoutConfig {
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest wait for the answer to a request without a body, and what one with a body may take beyond its bytes.
    pub request: Duration,
    /// Longest wait for the answer to `CompleteMultipartUpload`.
    pub complete: Duration,
    /// The slowest line, in bytes a second, that is not taken for dead.
    pub slowest_line: NonZeroU64,
}

impl Default for TimeoutConfig {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(30),
            complete: Duration::from_secs(300),
            slowest_line: SLOWEST_LINE_DEFAULT,
        }
    }
}

const SLOWEST_LINE_DEFAULT: NonZeroU64 = NonZeroU64::new(32 * 1024).expect("not zero");

/// A shorter time is used up by one lost packet.
const TIME_MIN: Span = Span(Duration::from_millis(100));
/// A host that waits longer for one answer has forgotten why.
const TIME_MAX: Span = Span(Duration::from_secs(60 * 60));

pub(super) const NAMES: [&str; 4] = [
    "FILMGATE_S3_CONNECT_TIMEOUT",
    "FILMGATE_S3_REQUEST_TIMEOUT",
    "FILMGATE_S3_COMPLETE_TIMEOUT",
    "FILMGATE_S3_SLOWEST_LINE",
];

pub(super) fn resolve(resolver: &mut Resolver<'_>, file: &S3Section) -> TimeoutConfig {
    let default = TimeoutConfig::default();
    let mut time = |key, name, file, default| {
        let time: Span = resolver.pick_or(key, &[name], file, Span(default));
        resolver.bound(key, &time, &TIME_MIN, &TIME_MAX);
        time.0
    };
    let connect = time("storage.s3.connect_timeout", NAMES[0], file.connect_timeout, default.connect);
    let request = time("storage.s3.request_timeout", NAMES[1], file.request_timeout, default.request);
    let complete = time("storage.s3.complete_timeout", NAMES[2], file.complete_timeout, default.complete);
    let key = "storage.s3.slowest_line";
    let line = resolver.pick_or(key, &[NAMES[3]], file.slowest_line, ByteSize(default.slowest_line.get()));
    resolver.bound(key, &line, &ByteSize(1024), &ByteSize(GIB));
    let slowest_line = NonZeroU64::new(line.0).unwrap_or(default.slowest_line);
    TimeoutConfig { connect, request, complete, slowest_line }
}
