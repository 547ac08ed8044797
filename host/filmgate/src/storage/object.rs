use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::checksum::Crc64Nvme;
use crate::job::InvalidValue;
use crate::key::ObjectKey;
use crate::limits::METADATA_BYTES_MAX;
use crate::storage::{Source, StorageError};

/// Id of one publish: written into the object's metadata, so that an object can be recognised as one's own after a lost
/// answer. A UUID version 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublishId(uuid::Uuid);

impl PublishId {
    /// Metadata name under which every object carries its publish id.
    pub const METADATA_NAME: &'static str = "filmgate-publish-id";

    /// A new id.
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7())
    }
}

impl std::str::FromStr for PublishId {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let id = uuid::Uuid::try_parse(text).ok().filter(|id| id.hyphenated().to_string() == text);
        id.map(Self).ok_or_else(|| {
            InvalidValue::new("publish id", text, "is no UUID", "a UUID of 36 lower-case characters with hyphens")
        })
    }
}

impl fmt::Display for PublishId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// As a database keeps it.
impl PublishId {
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Uuid::from_bytes(bytes))
    }

    /// When it was made, to the millisecond.
    pub(crate) fn made_at(self) -> Option<jiff::Timestamp> {
        crate::job::made_at(&self.0)
    }
}

/// What [`Storage::put`](crate::storage::Storage::put) is asked to store.
pub struct PutRequest<'a> {
    /// Where.
    pub key: &'a ObjectKey,
    /// The bytes.
    pub file: Arc<dyn Source>,
    /// For example `video/mp4`.
    pub content_type: &'a str,
    /// Whose upload it is: users share the line fairly. Absent: the host's own.
    pub user: Option<&'a str>,
    /// The publish this object belongs to; stored under [`PublishId::METADATA_NAME`].
    pub publish_id: PublishId,
    /// Further metadata: names in lower case, values printable ASCII, at most 2,048 bytes with the publish id.
    pub metadata: &'a BTreeMap<String, String>,
    /// An upload of an earlier try with the same publish id, to go on with where the store still has it. Parts of it that
    /// are those of the file are not sent again.
    pub resume: Option<&'a UploadResume>,
    /// Told of steps and bytes.
    pub observer: &'a dyn PutObserver,
    /// Ends the put early; it then aborts what it started and answers [`StorageFault::Cancelled`](crate::storage::StorageFault::Cancelled).
    pub cancel: &'a CancellationToken,
}

impl PutRequest<'_> {
    /// What no store could take, named before anything is sent.
    pub(super) fn check(&self) -> Result<(), String> {
        let own = PublishId::METADATA_NAME.len() + 36;
        let bytes = own + self.metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if bytes > METADATA_BYTES_MAX {
            return Err(format!("{bytes} bytes of metadata are more than {METADATA_BYTES_MAX}"));
        }
        let token = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_' || c == '.';
        if let Some(name) = self.metadata.keys().find(|name| name.is_empty() || !name.chars().all(token)) {
            return Err(format!("metadata name {name:?} has other characters than a-z, 0-9, \"-\", \"_\" and \".\""));
        }
        let plain = |value: &str| {
            value.chars().all(|c| c.is_ascii_graphic() || c == ' ') && value.trim() == value && !value.is_empty()
        };
        if let Some((name, _)) = self.metadata.iter().find(|(_, value)| !plain(value)) {
            return Err(format!("metadata {name:?} is empty, not printable ASCII, or begins or ends with a space"));
        }
        if self.content_type.is_empty() || !plain(self.content_type) {
            return Err(format!("content type {:?} is not printable ASCII", self.content_type));
        }
        Ok(())
    }
}

/// Steps of a put that recovery must know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutStep {
    /// A multipart upload exists from now on.
    Created {
        /// S3's id of the upload.
        upload_id: String,
        /// Size of every part but the last, in bytes.
        part_bytes: u64,
    },
    /// Every byte was sent. The object appears with the next request, whose answer may be lost.
    Completing,
    /// The multipart upload is gone again.
    Aborted,
}

/// A multipart upload that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadResume {
    /// S3's id of it.
    pub upload_id: String,
    /// Size of its parts but the last, in bytes.
    pub part_bytes: u64,
}

/// Hears of a put while it goes on.
#[async_trait]
pub trait PutObserver: Send + Sync {
    /// Called before the step's consequences; an error stops the put.
    async fn step(&self, step: PutStep) -> Result<(), StorageError>;

    /// What is acknowledged so far. Never decreases within one put, except when an upload is begun anew.
    fn sent(&self, progress: PutProgress);
}

/// How far a put is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutProgress {
    /// Bytes acknowledged.
    pub bytes: u64,
    /// Parts acknowledged.
    pub parts: u32,
    /// Parts in all; 1 where the file goes in one piece.
    pub parts_total: u32,
}

/// A [`PutObserver`] that does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

#[async_trait]
impl PutObserver for Unobserved {
    async fn step(&self, _step: PutStep) -> Result<(), StorageError> {
        Ok(())
    }

    fn sent(&self, _progress: PutProgress) {}
}

/// What a put achieved and proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Bytes of the object, as proven.
    pub size: u64,
    /// CRC64NVME of the bytes read from the file.
    pub checksum: Crc64Nvme,
    /// How far the stored object was compared with it.
    pub integrity: Integrity,
    /// The store's entity tag, where it has one. Not a content hash.
    pub etag: Option<String>,
    /// The store's version id, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// Where the bytes are now.
    pub durability: Durability,
}

/// How a stored object was proven to be the file; best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Integrity {
    /// The store computed CRC64NVME over the whole object and answers the same value.
    FullObject,
    /// The store checked a checksum of every part.
    Parts,
    /// Only size and publish id were compared.
    SizeOnly,
}

/// Where bytes are safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// On this machine's disk, synced.
    Local,
    /// In the bucket.
    S3,
    /// In both.
    Both,
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::S3 => "s3",
            Self::Both => "both",
        })
    }
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// The object is there.
    Present(ObjectInfo),
    /// There is none.
    Absent,
    /// The credentials do not allow to say: S3 answers 403 for an absent object without the right to list the bucket.
    Unknown,
}

/// What a store says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its key.
    pub key: ObjectKey,
    /// Bytes.
    pub size: u64,
    /// Absent in listings.
    pub content_type: Option<String>,
    /// CRC64NVME of the whole object, where the store knows it.
    pub checksum: Option<Crc64Nvme>,
    /// User metadata, names in lower case. Empty in listings.
    pub metadata: BTreeMap<String, String>,
    /// The store's entity tag.
    pub etag: Option<String>,
    /// The store's version id.
    pub version_id: Option<String>,
    /// When it was stored, to the second.
    pub modified: Option<jiff::Timestamp>,
}

impl ObjectInfo {
    /// The publish that the object says it is of.
    pub fn publish_id(&self) -> Option<PublishId> {
        self.metadata.get(PublishId::METADATA_NAME)?.parse().ok()
    }

    /// Whether it says that it is of `publish` and is of this many bytes.
    pub fn is_of(&self, publish: PublishId, bytes: u64) -> bool {
        self.publish_id() == Some(publish) && self.size == bytes
    }
}

/// One page of a listing.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// In order of their keys.
    pub objects: Vec<ObjectInfo>,
    /// How to ask for the next page; absent on the last.
    pub next: Option<String>,
}

/// A multipart upload that was begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// The key its object would get, as the store says it: of somebody else's upload it need not be an [`ObjectKey`].
    pub key: String,
    /// S3's id of it.
    pub upload_id: String,
    /// When it was begun, to the second.
    pub begun: Option<jiff::Timestamp>,
}

/// One page of open uploads.
#[derive(Debug, Clone, Default)]
pub struct OpenUploads {
    /// In order of their keys.
    pub uploads: Vec<OpenUpload>,
    /// How to ask for the next page; absent on the last.
    pub next: Option<UploadsAfter>,
}

/// Where a list of open uploads goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadsAfter {
    /// Behind this key …
    pub key: String,
    /// … and, of the same key, behind this upload.
    pub upload_id: Option<String>,
}

/// An object's bytes on their way.
pub struct ObjectBody {
    /// What the store says of it.
    pub info: ObjectInfo,
    /// The bytes, or the asked range of them.
    pub bytes: Pin<Box<dyn Stream<Item = Result<Bytes, StorageError>> + Send>>,
}

/// How a presigned URL's holder receives the object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GetOptions {
    /// Offer the object as a download under this name instead of showing it.
    pub download_name: Option<String>,
}

/// A URL and its end.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectUrl {
    /// The URL. May carry a signature: whoever has it, has the object.
    pub url: url::Url,
    /// When it stops working; absent: it does not.
    pub expires_at: Option<jiff::Timestamp>,
}

/// The signature stays out of logs.
impl fmt::Debug for ObjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = if self.url.query().is_some() { "?…" } else { "" };
        write!(f, "{}{}{query}", self.url.origin().ascii_serialization(), self.url.path())
    }
}

/// One thing a store can or cannot do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ability {
    /// For example `conditional put`.
    pub name: &'static str,
    /// Whether it can.
    pub available: bool,
    /// What follows from it, for people.
    pub note: String,
}
