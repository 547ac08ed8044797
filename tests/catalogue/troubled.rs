//! A storage that can be held up, and be away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use filmgate::key::ObjectKey;
use filmgate::storage::{Presence, PutRequest, Storage, StorageError, StorageFault, Stored};
use filmgate_tests::wrapped::AroundStorage;
use tokio_util::sync::CancellationToken;

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
            return Err(StorageError::new(fault, operation, self.inner.describe(), "no connection").with_key(key));
        }
        Ok(())
    }
}

#[async_trait]
impl AroundStorage for Troubled {
    fn inner(&self) -> &dyn Storage {
        &*self.inner
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

    async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        self.reach("delete object", key)?;
        if key.as_str().contains(self.deny) {
            let error = StorageError::new(StorageFault::Denied, "delete object", self.inner.describe(), "not allowed");
            return Err(error.with_key(key));
        }
        self.inner.delete(key).await
    }
}
