//! Fails in the host's own words: as if an upload had failed, or the host.

use hostile_plugins::Error;

hostile_plugins::plugin!(|_| Err(Error {
    code: "upload-failed".into(),
    message: "s3://bucket/key: AccessDenied (403, request id 1)".into(),
    retryable: true,
}));
