//! A storage that can be held up, and be away.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use filmgate::key::ObjectKey;
use filmgate::storage::{
    Ability, BothStorage, Durability, GetOptions, Listing, ObjectBody, ObjectUrl, Presence, PutRequest, Storage,
    StorageError, StorageFault, Stored,
};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Everything goes through, but what the test holds up.
#[derive(Debug)]
pub(crate) struct Troubled {
    pub(crate) inner: Arc<dyn Storage>,
    /// Puts of keys that contain this wait for `release`.
    pub(crate) hold: &'static str,
    /// Fires when a put waits.
    pub(crate) held: CancellationToken,
    pub(crate) release: CancellationToken,
    /// Looks and deletions find no connection.
    pub(crate) is_away: AtomicBool,
    /// Deletions of keys that contain this are denied.
    pub(crate) deny: &'static str,
    /// Looks and deletions so far.
    pub(crate) calls: AtomicUsize,
}

impl Troubled {
    pub(crate) fn new(inner: Arc<dyn Storage>) -> Self {
        Self {
            inner,
            hold: "\0",
            held: CancellationToken::new(),
            release: CancellationToken::new(),
            is_away: AtomicBool::new(false),
            deny: "\0",
            calls: AtomicUsize::new(0),
        }
    }

    fn reach(&self, operation: &'static str, key: &ObjectKey) -> Result<(), StorageError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.is_away.load(Ordering::SeqCst) {
            let fault = StorageFault::Unreachable;
            return Err(StorageError::new(fault, operation, self.describe(), "no connection").with_key(key));
        }
        Ok(())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Storage for Troubled {
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
        if request.key.as_str().contains(self.hold) {
            self.held.cancel();
            self.release.cancelled().await;
        }
        self.inner.put(request).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<Presence, StorageError> {
        self.reach("head object", key)?;
        self.inner.head(key).await
    }

    async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody, StorageError> {
        self.inner.get(key, range).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        self.reach("delete object", key)?;
        if key.as_str().contains(self.deny) {
            let error = StorageError::new(StorageFault::Denied, "delete object", self.describe(), "not allowed");
            return Err(error.with_key(key));
        }
        self.inner.delete(key).await
    }

    async fn discard_unfinished(&self, key: &ObjectKey) -> Result<u64, StorageError> {
        self.inner.discard_unfinished(key).await
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
