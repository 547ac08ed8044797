//! Journals and storages that do something else at a few calls, and pass on the rest.

use std::fmt::Debug;
use std::ops::{Deref, DerefMut, Range};
use std::time::Duration;

use async_trait::async_trait;
use filmgate::job::IdempotencyKey;
use filmgate::key::ObjectKey;
use filmgate::publish::{Begin, Entry, Identity, Intent, Journal, JournalError, KeyedJob, Noted, State, Which};
use filmgate::storage::{
    Ability, BothStorage, Durability, GetOptions, Listing, ObjectBody, ObjectUrl, OpenUploads, Presence, PublishId,
    PutRequest, Storage, StorageError, Stored, UploadsAfter,
};
use url::Url;

/// Around a journal: what changes a publish.
#[async_trait]
pub trait AroundJournal: Debug + Send + Sync {
    /// The journal behind it.
    fn inner(&self) -> &dyn Journal;

    /// As [`Journal::begin`].
    async fn begin(&self, identity: Identity, publish: PublishId, intent: Intent) -> Result<Begin, JournalError>;

    /// As [`Journal::advance`].
    async fn advance(&self, publish: PublishId, next: State) -> Result<(), JournalError>;

    /// As [`Journal::forget`].
    async fn forget(&self, publish: PublishId) -> Result<(), JournalError> {
        self.inner().forget(publish).await
    }
}

/// Around a storage: what puts an object, looks at it, and takes it away.
#[async_trait]
pub trait AroundStorage: Debug + Send + Sync {
    /// The storage behind it.
    fn inner(&self) -> &dyn Storage;

    /// As [`Storage::put`].
    async fn put(&self, request: PutRequest<'_>) -> Result<Stored, StorageError> {
        self.inner().put(request).await
    }

    /// As [`Storage::head`].
    async fn head(&self, key: &ObjectKey) -> Result<Presence, StorageError> {
        self.inner().head(key).await
    }

    /// As [`Storage::delete`].
    async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        self.inner().delete(key).await
    }
}

/// A journal or storage with something around it.
#[derive(Debug, Default)]
pub struct Wrapped<T>(pub T);

impl<T> Deref for Wrapped<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Wrapped<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: AroundJournal> Journal for Wrapped<T> {
    async fn begin(&self, identity: Identity, publish: PublishId, intent: Intent) -> Result<Begin, JournalError> {
        self.0.begin(identity, publish, intent).await
    }

    async fn advance(&self, publish: PublishId, next: State) -> Result<(), JournalError> {
        self.0.advance(publish, next).await
    }

    async fn entries(&self, which: Which, after: Option<PublishId>, limit: usize) -> Result<Vec<Entry>, JournalError> {
        self.0.inner().entries(which, after, limit).await
    }

    async fn entry(&self, publish: PublishId) -> Result<Option<Entry>, JournalError> {
        self.0.inner().entry(publish).await
    }

    async fn at_key(&self, key: &ObjectKey) -> Result<Vec<Noted>, JournalError> {
        self.0.inner().at_key(key).await
    }

    async fn catalogued(&self, seen: &[(PublishId, Durability)]) -> Result<(), JournalError> {
        self.0.inner().catalogued(seen).await
    }

    async fn forget(&self, publish: PublishId) -> Result<(), JournalError> {
        self.0.forget(publish).await
    }

    async fn keyed_job(&self, key: &IdempotencyKey, new: KeyedJob) -> Result<KeyedJob, JournalError> {
        self.0.inner().keyed_job(key, new).await
    }

    async fn keyed_job_ended(&self, key: &IdempotencyKey, summary: &str) -> Result<(), JournalError> {
        self.0.inner().keyed_job_ended(key, summary).await
    }

    async fn unfinished(&self) -> Result<Vec<Entry>, JournalError> {
        self.0.inner().unfinished().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: AroundStorage> Storage for Wrapped<T> {
    fn describe(&self) -> String {
        self.0.inner().describe()
    }

    fn durability(&self) -> Durability {
        self.0.inner().durability()
    }

    fn as_both(&self) -> Option<&BothStorage> {
        self.0.inner().as_both()
    }

    async fn put(&self, request: PutRequest<'_>) -> Result<Stored, StorageError> {
        self.0.put(request).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<Presence, StorageError> {
        self.0.head(key).await
    }

    async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody, StorageError> {
        self.0.inner().get(key, range).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        self.0.delete(key).await
    }

    async fn discard_unfinished(&self, key: &ObjectKey) -> Result<u64, StorageError> {
        self.0.inner().discard_unfinished(key).await
    }

    async fn open_uploads(&self, prefix: &str, after: Option<&UploadsAfter>) -> Result<OpenUploads, StorageError> {
        self.0.inner().open_uploads(prefix, after).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StorageError> {
        self.0.inner().list(prefix, after).await
    }

    fn address(&self, key: &ObjectKey) -> Result<Url, StorageError> {
        self.0.inner().address(key)
    }

    async fn presign_get(
        &self,
        key: &ObjectKey,
        lifetime: Duration,
        options: &GetOptions,
    ) -> Result<ObjectUrl, StorageError> {
        self.0.inner().presign_get(key, lifetime, options).await
    }

    async fn is_public(&self, key: &ObjectKey) -> Result<bool, StorageError> {
        self.0.inner().is_public(key).await
    }

    async fn probe(&self) -> Result<Vec<Ability>, StorageError> {
        self.0.inner().probe().await
    }
}
