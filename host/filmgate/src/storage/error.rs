use std::fmt;

use crate::key::ObjectKey;
use crate::storage::SourceError;

/// Why a storage did not do what it was asked (A6): what was tried, where, and what the store answered. Never a secret.
#[derive(Debug)]
pub struct StorageError {
    /// What a caller can act on.
    pub fault: StorageFault,
    /// Verb and object, for example `complete multipart upload`.
    pub operation: &'static str,
    /// Bucket or directory.
    pub place: String,
    /// The key, where the operation had one.
    pub key: Option<ObjectKey>,
    /// The store's error code, for example `AccessDenied`.
    pub code: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// S3's id of the request, which its support asks for.
    pub request_id: Option<String>,
    /// The store's message, or the operating system's.
    pub message: String,
    /// When the store is asked again, where it is left alone until then.
    pub retry_at: Option<jiff::Timestamp>,
    /// What this call left in the store because it could not take it away or could not learn whether it is there.
    pub left_behind: Option<LeftBehind>,
}

/// What a failed put may have left in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftBehind {
    /// A multipart upload that could not be aborted; no id where the answer that named it was lost.
    /// [`Storage::discard_unfinished`](crate::storage::Storage::discard_unfinished) finds both.
    Upload(Option<String>),
    /// Perhaps the object itself, complete and under its key: its last request was sent, and what became of it could not
    /// be read. Putting it again with the same publish id settles it.
    Object,
}

/// The kinds of [`StorageError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StorageFault {
    /// No connection, or none in time.
    Unreachable,
    /// The store is there but failed or asked to slow down; every try was used.
    Unavailable,
    /// Call after call came to nothing: nothing is sent for a while, see [`StorageError::retry_at`].
    Away,
    /// The access key is unknown or the signature does not match.
    BadCredentials,
    /// The credentials have ended.
    ExpiredCredentials,
    /// This machine's clock is too far off.
    ClockSkew,
    /// The credentials are good but may not do this.
    Denied,
    /// The bucket, or the directory, does not exist.
    NoSuchBucket,
    /// The bucket is in another region.
    WrongRegion,
    /// The object does not exist.
    NotFound,
    /// An object of another publish is under the key.
    Exists,
    /// What was stored is not what was sent; it was taken away again where that was possible.
    Corrupted,
    /// The file is larger than the store takes.
    TooLarge,
    /// The file changed after its claim.
    SourceChanged,
    /// The file could not be read.
    SourceUnreadable,
    /// The disk is full.
    NoSpace,
    /// The directory cannot be written.
    NotWritable,
    /// A presigned URL was asked for longer than it can live.
    LifetimeTooLong,
    /// The caller cancelled.
    Cancelled,
    /// The store cannot do this at all.
    Unsupported,
    /// The journal refused a step.
    Journal,
    /// Anything else.
    Other,
}

impl StorageError {
    /// An error that has no answer of a store behind it.
    pub fn new(
        fault: StorageFault,
        operation: &'static str,
        place: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            fault,
            operation,
            place: place.into(),
            key: None,
            code: None,
            status: None,
            request_id: None,
            message: message.into(),
            retry_at: None,
            left_behind: None,
        }
    }

    /// The file to be stored could not be read, or changed.
    pub(crate) fn of_source(error: &SourceError, operation: &'static str, place: impl Into<String>) -> Self {
        match error {
            SourceError::Changed(_) => Self::new(StorageFault::SourceChanged, operation, place, error.to_string()),
            SourceError::Io(io) => {
                Self::new(StorageFault::SourceUnreadable, operation, place, format!("{error}: {io}"))
            }
        }
    }

    /// The same error, naming the key.
    #[must_use]
    pub fn with_key(mut self, key: &ObjectKey) -> Self {
        self.key = Some(key.clone());
        self
    }

    /// The bucket's name, where the store has buckets.
    pub fn bucket(&self) -> Option<&str> {
        let bucket = self.place.strip_prefix("s3://")?;
        Some(bucket.split_once(" at ").map_or(bucket, |(bucket, _)| bucket))
    }

    /// Whether the same request may succeed later without a change.
    pub fn is_retryable(&self) -> bool {
        self.is_outage() || self.fault == StorageFault::NoSpace
    }

    /// Whether the store is away or overloaded: what passes without anybody changing a setting or a right (E1).
    pub fn is_outage(&self) -> bool {
        matches!(self.fault, StorageFault::Unreachable | StorageFault::Unavailable | StorageFault::Away)
    }

    /// Whether the store could not be reached or used at all, whatever the object.
    pub fn is_storage_away(&self) -> bool {
        matches!(
            self.fault,
            StorageFault::Unreachable
                | StorageFault::Away
                | StorageFault::BadCredentials
                | StorageFault::ExpiredCredentials
                | StorageFault::ClockSkew
                | StorageFault::NoSuchBucket
                | StorageFault::WrongRegion
        )
    }

    /// The message and what the store answered, without place and key.
    pub(super) fn told(&self, left_behind: Option<&LeftBehind>) -> String {
        let mut answer = Vec::new();
        answer.extend(self.code.as_ref().map(|code| format!("code {code}")));
        answer.extend(self.status.map(|status| format!("HTTP {status}")));
        answer.extend(self.request_id.as_ref().map(|id| format!("request id {id}")));
        answer.extend(left_behind.map(ToString::to_string));
        if answer.is_empty() { self.message.clone() } else { format!("{} ({})", self.message, answer.join(", ")) }
    }

    /// The next step for the operator (B15).
    pub fn next_step(&self) -> Option<&'static str> {
        Some(match self.fault {
            StorageFault::Unreachable => "check AWS_ENDPOINT_URL_S3, AWS_REGION and the network",
            StorageFault::Unavailable => "try again later; the file is kept",
            StorageFault::Away => "try again after the named time; see to it that the store answers",
            StorageFault::BadCredentials => {
                "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: they do not belong together or are unknown to the store"
            }
            StorageFault::ExpiredCredentials => "renew the credentials and AWS_SESSION_TOKEN",
            StorageFault::ClockSkew => "set this machine's clock, for example with NTP: S3 allows 15 minutes",
            StorageFault::Denied => "allow the named action on this bucket and prefix in the credentials' policy",
            StorageFault::NoSuchBucket if self.bucket().is_some() => "create the bucket, or correct S3_BUCKET_NAME",
            StorageFault::NoSuchBucket => "create the directory, or correct LOCAL_STORAGE_PATH",
            StorageFault::WrongRegion => "set AWS_REGION to the bucket's region",
            StorageFault::Exists => "another publish owns this key; nothing was overwritten",
            StorageFault::NoSpace => "free space on the disk",
            StorageFault::NotWritable => {
                "give this user write access to the directory, or choose another with LOCAL_STORAGE_PATH"
            }
            StorageFault::LifetimeTooLong => "ask for at most 7 days, and for no longer than the credentials live",
            _ => return None,
        })
    }
}

/// One line: operation, place, key, message, then what the store answered.
impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.operation, self.place)?;
        if let Some(key) = &self.key {
            write!(f, ", key {key}")?;
        }
        write!(f, ": {}", self.told(self.left_behind.as_ref()))
    }
}

impl std::error::Error for StorageError {}

impl fmt::Display for LeftBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upload(Some(id)) => write!(f, "multipart upload {id} could not be aborted"),
            Self::Upload(None) => f.write_str("a multipart upload may exist whose id is unknown"),
            Self::Object => f.write_str("the object may be there"),
        }
    }
}
