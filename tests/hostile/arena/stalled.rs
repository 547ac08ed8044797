//! A storage that never comes to an end with the files of one user.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use filmgate::key::ObjectKey;
use filmgate::storage::{
    Ability, BothStorage, Durability, GetOptions, Listing, ObjectBody, ObjectUrl, OpenUploads, Presence, PutRequest,
    Storage, StorageError, StorageFault, Stored, UploadsAfter,
};
use url::Url;

/// Everything but [`Storage::put`] goes through.
#[derive(Debug)]
pub(super) struct Stalled {
    pub(super) inner: Arc<dyn Storage>,
    pub(super) user: &'static str,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Storage for Stalled {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn durability(&self) -> Durability {
        self.inner.durability()
    }

    fn as_both(&self) -> Option<&BothStorage> {
        self.inner.as_both()
    }

    async fn put(&self, request: PutRequest<'_>) -> Result<Stored, StorageError> {
        if request.key.as_str().contains(self.user) {
            request.cancel.cancelled().await;
            let cancelled = StorageFault::Cancelled;
            let error = StorageError::new(cancelled, "put object", self.describe(), "the upload was cancelled");
            return Err(StorageError { key: Some(request.key.clone()), ..error });
        }
        self.inner.put(request).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<Presence, StorageError> {
        self.inner.head(key).await
    }

    async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody, StorageError> {
        self.inner.get(key, range).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        self.inner.delete(key).await
    }

    async fn discard_unfinished(&self, key: &ObjectKey) -> Result<u64, StorageError> {
        self.inner.discard_unfinished(key).await
    }

    async fn open_uploads(&self, prefix: &str, after: Option<&UploadsAfter>) -> Result<OpenUploads, StorageError> {
        self.inner.open_uploads(prefix, after).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StorageError> {
        self.inner.list(prefix, after).await
    }

    fn address(&self, key: &ObjectKey) -> Result<Url, StorageError> {
        self.inner.address(key)
    }

    async fn presign_get(
        &self,
        key: &ObjectKey,
        lifetime: Duration,
        options: &GetOptions,
    ) -> Result<ObjectUrl, StorageError> {
        self.inner.presign_get(key, lifetime, options).await
    }

    async fn is_public(&self, key: &ObjectKey) -> Result<bool, StorageError> {
        self.inner.is_public(key).await
    }

    async fn probe(&self) -> Result<Vec<Ability>, StorageError> {
        self.inner.probe().await
    }
}
