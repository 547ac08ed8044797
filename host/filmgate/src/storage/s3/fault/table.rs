//! Which errors are worth another try: the one table that says so, each line with the document it is taken from.
//!
//! What is not in it is not sent again: a refusal stays one, and what nobody has documented is not guessed at.

use crate::storage::StorageFault;

/// An error that may pass by itself.
#[derive(Debug)]
pub(in super::super) struct Passing {
    /// How it shows.
    pub sign: Sign,
    /// What it is told as, where it does not pass.
    pub fault: StorageFault,
    /// Document and section that says so.
    pub source: &'static str,
}

/// How an error shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Sign {
    /// This code, whatever the status is: stores agree on codes more than on statuses.
    Code(&'static str),
    /// Words in the message of a refusal whose code says less.
    Words(&'static str),
    /// A status from the first to the second, where no code says more.
    Status(u16, u16),
    /// An answer that is well in name only: it lacks what every true one has.
    Garbled,
    /// No connection, or one that broke before the end of the answer.
    Broken,
    /// No answer in time.
    Silence,
}

use Sign::{Broken, Code, Garbled, Silence, Status, Words};
use StorageFault::{ClockSkew, Unavailable, Unreachable};

const CODES: &str = "Amazon S3 API Reference, Error responses, List of error codes";
const PRACTICE: &str = "Amazon S3 User Guide, Amazon S3 error best practices";
const RETRIES: &str = "AWS SDKs and Tools Reference Guide, Retry behavior";
const COMMON: &str = "AWS STS API Reference, Common Errors";
const CONDITIONS: &str = "Amazon S3 User Guide, How to prevent object overwrites with conditional writes";
const COMPLETE: &str = "Amazon S3 API Reference, CompleteMultipartUpload";
const MINIO: &str = "MinIO, cmd/api-errors.go, errorCodes";
const GARAGE: &str = "Garage, src/api/common/signature/payload.rs, messages";
const HTTP_408: &str = "RFC 9110, section 15.5.9, 408 Request Timeout";
const HTTP_409: &str = "RFC 9110, section 15.5.10, 409 Conflict";
const HTTP_429: &str = "RFC 6585, section 4, 429 Too Many Requests";
const HTTP_5XX: &str = "RFC 9110, section 15.6, Server Error 5xx";
/// Each request here may be sent again after a lost answer: a part takes its own place, an object carries its publish id.
const BROKEN: &str = "RFC 9110, section 9.2.2, Idempotent Methods; AWS SDKs and Tools Reference Guide, Retry behavior";

/// The table.
pub(in super::super) const PASSING: &[Passing] = &[
    line(Code("InternalError"), Unavailable, PRACTICE),
    line(Code("SlowDown"), Unavailable, PRACTICE),
    line(Code("SlowDownRead"), Unavailable, MINIO),
    line(Code("SlowDownWrite"), Unavailable, MINIO),
    line(Code("ServiceUnavailable"), Unavailable, CODES),
    line(Code("RequestTimeout"), Unavailable, CODES),
    line(Code("OperationAborted"), Unavailable, CODES),
    line(Code("ConditionalRequestConflict"), Unavailable, CONDITIONS),
    line(Code("Throttling"), Unavailable, RETRIES),
    line(Code("ThrottlingException"), Unavailable, RETRIES),
    line(Code("RequestLimitExceeded"), Unavailable, RETRIES),
    line(Code("BandwidthLimitExceeded"), Unavailable, RETRIES),
    line(Code("TooManyRequests"), Unavailable, MINIO),
    // The store's clock is learned from its answer, and the next try signed with the right time.
    line(Code("RequestTimeTooSkewed"), ClockSkew, CODES),
    line(Code("RequestExpired"), ClockSkew, COMMON),
    line(Code("RequestInTheFuture"), ClockSkew, "AWS SDK for JavaScript, service error classification, clock skew"),
    line(Words("date is too old"), ClockSkew, GARAGE),
    line(Words("request time"), ClockSkew, CODES),
    line(Garbled, Unavailable, COMPLETE),
    line(Status(200, 299), Unavailable, COMPLETE),
    line(Status(408, 408), Unavailable, HTTP_408),
    line(Status(409, 409), Unavailable, HTTP_409),
    line(Status(429, 429), Unavailable, HTTP_429),
    line(Status(500, 500), Unavailable, HTTP_5XX),
    // 501 between them means "never".
    line(Status(502, u16::MAX), Unavailable, HTTP_5XX),
    line(Broken, Unreachable, BROKEN),
    line(Silence, Unreachable, BROKEN),
];

const fn line(sign: Sign, fault: StorageFault, source: &'static str) -> Passing {
    Passing { sign, fault, source }
}

fn find(holds: impl Fn(Sign) -> bool) -> Option<&'static Passing> {
    PASSING.iter().find(|line| holds(line.sign))
}

/// The line of a code.
pub(super) fn of_code(code: &str) -> Option<&'static Passing> {
    find(|sign| matches!(sign, Code(known) if known == code))
}

/// The line of a status.
pub(super) fn of_status(status: u16) -> Option<&'static Passing> {
    find(|sign| matches!(sign, Status(first, last) if (first..=last).contains(&status)))
}

/// The line of a refusal with this message, in lower case.
pub(super) fn of_words(message: &str) -> Option<&'static Passing> {
    find(|sign| matches!(sign, Words(words) if message.contains(words)))
}

/// The line of a request without a useful answer.
pub(super) fn of_no_answer(which: Sign) -> Option<&'static Passing> {
    find(|sign| sign == which)
}
