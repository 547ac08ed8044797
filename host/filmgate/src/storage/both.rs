//! A bucket and a directory together: what one of them misses, the other has (E1).
//!
//! | | [`Mode::Fallback`] | [`Mode::Mirror`] |
//! |---|---|---|
//! | a put goes | to S3; where S3 is away, to the directory instead | to the directory, then to S3 |
//! | and fails | where S3 refuses it, or neither takes it | where the directory does not take it, or S3 refuses it |
//! | it is to end | in S3 | in both |
//!
//! S3 is *away* where it cannot be reached or answers that it is not available ([`StorageError::is_outage`]), after every
//! try the settings allow, or at once where it is left alone because it was so before. A refusal, such as a right that is
//! missing, credentials that have ended or bytes that arrived damaged, is none: it does not pass by itself, and files that pile
//! up in the directory would hide it (A6).
//!
//! # One answer for each publish
//!
//! A put to S3 without an answer may have been carried out, or be carried out later, though the file went to the directory
//! instead. That does no harm: both objects have one key, one publish id and the same bytes, so that the object in S3 is
//! the very one that is put there later, and is recognised as such. The answer is not made here but read from the journal,
//! where one transaction makes it and one changes it ([`State::Moved`](crate::publish::State::Moved)). Before the first of
//! these a recovery may find either object or both, and records what it finds; after it the record alone says which store is
//! asked. What the directory has beside an object in S3 is seen at the put, or at the recovery, and taken away.
//!
//! Two *publishes* of one key are told apart by whichever store both come to. A fallback therefore looks into the directory
//! before it goes to S3. Hosts that share a bucket do not share a directory: while S3 is away, each may take the same key.
//! The one that comes to S3 second then stays where it is, and is reported by name; nothing is overwritten.
//!
//! What is in the directory only is moved later by [`Publisher::move_pending`](crate::publish::Publisher::move_pending).

mod listing;
mod put;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::key::ObjectKey;
use crate::storage::{
    Ability, Durability, GetOptions, Listing, LocalStorage, ObjectBody, ObjectUrl, OpenUploads, Presence, PutRequest,
    Storage, StorageError, Stored, UploadsAfter,
};

/// How the two stores share the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `s3-with-local-fallback`: in S3; while that is away, in the directory.
    Fallback,
    /// `mirror`: in the directory, and in S3 too.
    Mirror,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fallback => "s3-with-local-fallback",
            Self::Mirror => "mirror",
        })
    }
}

/// A bucket and a directory as one storage.
///
/// Objects are read from S3, and from the directory where S3 has them not or is away. Who has a record of an object asks
/// the store that the record names: [`BothStorage::holding`].
#[derive(Debug, Clone)]
pub struct BothStorage {
    local: LocalStorage,
    s3: Arc<dyn Storage>,
    mode: Mode,
}

impl BothStorage {
    /// Joins two stores. Nothing is sent.
    pub fn new(local: LocalStorage, s3: Arc<dyn Storage>, mode: Mode) -> Self {
        Self { local, s3, mode }
    }

    /// The directory.
    pub fn local(&self) -> &LocalStorage {
        &self.local
    }

    /// The bucket.
    pub fn s3(&self) -> &dyn Storage {
        &*self.s3
    }

    /// How they share the work.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The store to read an object from whose bytes are recorded to be there.
    pub fn holding(&self, durability: Durability) -> &dyn Storage {
        match durability {
            Durability::Local => &self.local,
            Durability::S3 | Durability::Both => &*self.s3,
        }
    }
}

impl dyn Storage {
    /// The directory that has to have an object as well whose bytes are recorded to be there: that of a mirror.
    pub(crate) fn second_holding(&self, durability: Durability) -> Option<&LocalStorage> {
        let mirror = self.as_both().filter(|both| both.mode == Mode::Mirror && durability == Durability::Both);
        mirror.map(BothStorage::local)
    }

    /// The store to read an object from whose bytes are recorded to be there: this one, unless it is two.
    pub fn holding(&self, durability: Durability) -> &dyn Storage {
        self.as_both().map_or(self, |both| both.holding(durability))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Storage for BothStorage {
    /// Begins with the bucket.
    fn describe(&self) -> String {
        let (s3, local) = (self.s3.describe(), self.local.describe());
        match self.mode {
            Mode::Fallback => format!("{s3}, else {local}"),
            Mode::Mirror => format!("{s3} and {local}"),
        }
    }

    fn durability(&self) -> Durability {
        match self.mode {
            Mode::Fallback => Durability::S3,
            Mode::Mirror => Durability::Both,
        }
    }

    fn as_both(&self) -> Option<&BothStorage> {
        Some(self)
    }

    async fn put(&self, request: PutRequest<'_>) -> Result<Stored, StorageError> {
        match self.mode {
            Mode::Fallback => put::with_fallback(self, request).await,
            Mode::Mirror => put::mirrored(self, request).await,
        }
    }

    async fn head(&self, key: &ObjectKey) -> Result<Presence, StorageError> {
        let answer = self.s3.head(key).await;
        match answer {
            Ok(Presence::Present(info)) => Ok(Presence::Present(info)),
            other => match self.local.head(key).await? {
                Presence::Present(info) => Ok(Presence::Present(info)),
                Presence::Absent | Presence::Unknown => other,
            },
        }
    }

    async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody, StorageError> {
        match self.s3.get(key, range.clone()).await {
            Ok(body) => Ok(body),
            Err(error) => self.local.get(key, range).await.map_err(|_| error),
        }
    }

    /// Deletes the object in both stores (E4). Each is asked, whatever the other answers; an error says what is left where.
    ///
    /// In the directory first: a move that goes on meanwhile looks there last, and takes back what it brought to S3.
    async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        let local = self.local.delete(key).await;
        let s3 = self.s3.delete(key).await;
        let (error, other) = match (s3, local) {
            (Ok(()), Ok(())) => return Ok(()),
            (Err(error), Ok(())) => (error, format!("deleted in {}", self.local.describe())),
            (Ok(()), Err(error)) => (error, format!("deleted in {}", self.s3.describe())),
            (Err(error), Err(local)) => (error, format!("nor could it be deleted there: {local}")),
        };
        let message = format!("{} (left here; {other})", error.message);
        Err(StorageError { message, ..error })
    }

    async fn discard_unfinished(&self, key: &ObjectKey) -> Result<u64, StorageError> {
        Ok(self.s3.discard_unfinished(key).await? + self.local.discard_unfinished(key).await?)
    }

    /// Those of S3: a directory has none.
    async fn open_uploads(&self, prefix: &str, after: Option<&UploadsAfter>) -> Result<OpenUploads, StorageError> {
        self.s3.open_uploads(prefix, after).await
    }

    /// What either store has, each key once; as S3 says where both have it.
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StorageError> {
        listing::merged(self, prefix, after).await
    }

    /// That in S3.
    fn address(&self, key: &ObjectKey) -> Result<url::Url, StorageError> {
        self.s3.address(key)
    }

    /// For an object of which nothing is known: asks S3 whether it is there.
    async fn presign_get(
        &self,
        key: &ObjectKey,
        lifetime: Duration,
        options: &GetOptions,
    ) -> Result<ObjectUrl, StorageError> {
        let is_in_s3 = matches!(self.s3.head(key).await, Ok(Presence::Present(_)));
        if !is_in_s3 && matches!(self.local.head(key).await?, Presence::Present(_)) {
            return self.local.presign_get(key, lifetime, options).await;
        }
        self.s3.presign_get(key, lifetime, options).await
    }

    async fn is_public(&self, key: &ObjectKey) -> Result<bool, StorageError> {
        self.s3.is_public(key).await
    }

    /// Of both.
    async fn probe(&self) -> Result<Vec<Ability>, StorageError> {
        let mut abilities = self.s3.probe().await?;
        abilities.extend(self.local.probe().await?);
        Ok(abilities)
    }
}
