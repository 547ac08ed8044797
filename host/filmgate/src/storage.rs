//! The seam between publishing and the place where objects live.
//!
//! A backend implements [`Storage`]; `tests/` holds one conformance suite that every backend passes. How a backend moves
//! the bytes (one request, multipart, a rename) is its own matter: it reports only the steps that recovery needs to know,
//! through [`PutObserver`].

mod both;
mod error;
mod local;
mod object;
mod place;
#[cfg(feature = "s3")]
pub mod s3;
mod source;

pub use both::{BothStorage, Mode};
pub use error::{LeftBehind, StorageError, StorageFault};
pub use local::LocalStorage;
pub use object::{
    Ability, Durability, GetOptions, Integrity, Listing, ObjectBody, ObjectInfo, ObjectUrl, OpenUpload, OpenUploads,
    Presence, PublishId, PutObserver, PutProgress, PutRequest, PutStep, Stored, Unobserved, UploadResume, UploadsAfter,
};
pub(crate) use place::{LOCAL, place_of};
pub(crate) use source::checksum as checksum_of;
pub use source::{MemorySource, Source, SourceError};

use std::fmt::Debug;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;

use crate::key::ObjectKey;

/// A place where objects live.
///
/// Every call may be cancelled by dropping its future. What is then known is said at each call.
#[async_trait]
pub trait Storage: Debug + Send + Sync {
    /// Where and what this is, for people: no secret, for example `s3://videos (eu-central-1)` or a directory.
    fn describe(&self) -> String;

    /// Where a successful [`Storage::put`] leaves the bytes while every store is there. What one put reached is said in
    /// [`Stored::durability`].
    fn durability(&self) -> Durability;

    /// The two stores, where this is a bucket and a directory together (E1).
    fn as_both(&self) -> Option<&BothStorage> {
        None
    }

    /// Stores the whole of `request.file` under `request.key` and proves it.
    ///
    /// Success means: the object is there, and the store has shown that its size and publish id, and its checksum as far as
    /// the rung in [`Stored::integrity`] goes, match. An object of another publish under the key is left alone and
    /// answered with [`StorageFault::Exists`]; one of the same publish id (an earlier try whose answer was lost) is success.
    /// After an error nothing of this call stays behind, except where [`StorageError::left_behind`] names it.
    ///
    /// Every error names `request.key`, also where the store failed at an object of its own (A6).
    ///
    /// If cancelled, whether the object exists is unknown; asking again with the same publish id settles it.
    async fn put(&self, request: PutRequest<'_>) -> Result<Stored, StorageError>;

    /// Looks at an object without fetching it. Where the credentials do not allow to tell an absent object from a hidden
    /// one, the answer is [`Presence::Unknown`].
    async fn head(&self, key: &ObjectKey) -> Result<Presence, StorageError>;

    /// Fetches an object, or the bytes `range` of it (end exclusive; a range beyond the end is cut).
    async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody, StorageError>;

    /// Deletes an object. Deleting what is not there succeeds.
    ///
    /// If cancelled, whether the object still exists is unknown.
    async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError>;

    /// Takes away what unfinished puts of exactly this key left in the store, after a crash or a lost answer: multipart
    /// uploads. Answers how many. A put of the key that is under way elsewhere loses its upload and starts again.
    async fn discard_unfinished(&self, key: &ObjectKey) -> Result<u64, StorageError>;

    /// Lists keys that start with `prefix`, in order of their bytes, at most 1,000 a call; `after` is the continuation of
    /// an earlier answer.
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StorageError>;

    /// Lists multipart uploads that were begun and not ended, of keys that start with `prefix`, in order of the keys' bytes;
    /// `after` is the continuation of an earlier answer. A store that has no such thing answers none.
    ///
    /// # Errors
    /// [`StorageFault::Unsupported`] of a store that has them and does not list them.
    async fn open_uploads(&self, prefix: &str, after: Option<&UploadsAfter>) -> Result<OpenUploads, StorageError>;

    /// The object's address without any signature: what a public bucket or a file manager would open.
    fn address(&self, key: &ObjectKey) -> Result<url::Url, StorageError>;

    /// A URL that lets its holder fetch the object for `lifetime`, at most 604,800 s and never beyond the credentials'
    /// own end: a longer one is refused. Local storage answers its address, which does not expire.
    async fn presign_get(
        &self,
        key: &ObjectKey,
        lifetime: Duration,
        options: &GetOptions,
    ) -> Result<ObjectUrl, StorageError>;

    /// Whether anyone can fetch the object at [`Storage::address`]: one request without credentials.
    async fn is_public(&self, key: &ObjectKey) -> Result<bool, StorageError>;

    /// Finds out what the place can do, by trying it on small objects of its own that it deletes again. Asked once and
    /// remembered; the answer lists each ability for the operator.
    async fn probe(&self) -> Result<Vec<Ability>, StorageError>;
}
