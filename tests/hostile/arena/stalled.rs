//! A storage that never comes to an end with the files of one user.

use std::sync::Arc;

use async_trait::async_trait;
use filmgate::storage::{PutRequest, Storage, StorageError, StorageFault, Stored};
use filmgate_tests::wrapped::AroundStorage;

/// Everything but [`Storage::put`] goes through.
#[derive(Debug)]
pub(super) struct Stalled {
    pub(super) inner: Arc<dyn Storage>,
    pub(super) user: &'static str,
}

#[async_trait]
impl AroundStorage for Stalled {
    fn inner(&self) -> &dyn Storage {
        &*self.inner
    }

    async fn put(&self, request: PutRequest<'_>) -> Result<Stored, StorageError> {
        if request.key.as_str().contains(self.user) {
            request.cancel.cancelled().await;
            let (cancelled, place) = (StorageFault::Cancelled, self.inner.describe());
            let error = StorageError::new(cancelled, "put object", place, "the upload was cancelled");
            return Err(StorageError { key: Some(request.key.clone()), ..error });
        }
        self.inner.put(request).await
    }
}
