//! A storage that can be switched off, as its users see it.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use filmgate::key::ObjectKey;
use filmgate::storage::{
    Ability, BothStorage, Durability, GetOptions, LeftBehind, Listing, ObjectBody, ObjectUrl, OpenUploads, Presence,
    PutRequest, Storage, StorageError, StorageFault, Stored, UploadsAfter,
};
use url::Url;

/// How it is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// It works.
    Here,
    /// No request arrives.
    Away,
    /// Every request arrives and is carried out; no answer comes back.
    Lost,
    /// Every request is refused.
    Refusing,
}

/// Wraps a storage; what needs no request always works.
#[derive(Debug)]
pub struct Switched {
    inner: Arc<dyn Storage>,
    switch: Mutex<Switch>,
    puts: AtomicUsize,
}

impl Switched {
    /// One that works.
    pub fn new(inner: Arc<dyn Storage>) -> Arc<Self> {
        Arc::new(Self { inner, switch: Mutex::new(Switch::Here), puts: AtomicUsize::new(0) })
    }

    /// From now on.
    pub fn set(&self, switch: Switch) {
        *self.switch.lock().unwrap_or_else(PoisonError::into_inner) = switch;
    }

    /// Puts so far, in whatever state.
    pub fn puts(&self) -> usize {
        self.puts.load(Ordering::Relaxed)
    }

    /// What is behind the switch.
    pub fn inner(&self) -> &dyn Storage {
        &*self.inner
    }

    async fn call<T>(
        &self,
        operation: &'static str,
        request: impl Future<Output = Result<T, StorageError>> + Send,
    ) -> Result<T, StorageError> {
        let switch = *self.switch.lock().unwrap_or_else(PoisonError::into_inner);
        let error = |fault, message| Err(StorageError::new(fault, operation, "s3://switched", message));
        match switch {
            Switch::Here => request.await,
            Switch::Away => error(StorageFault::Unreachable, "switched off"),
            Switch::Lost => {
                let _ = request.await;
                error(StorageFault::Unreachable, "the answer is lost")
            }
            Switch::Refusing => error(StorageFault::Denied, "refused"),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Storage for Switched {
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
        self.puts.fetch_add(1, Ordering::Relaxed);
        let put = self.call("put object", self.inner.put(request)).await;
        put.map_err(|error| match error.fault {
            StorageFault::Unreachable => StorageError { left_behind: Some(LeftBehind::Object), ..error },
            _ => error,
        })
    }

    async fn head(&self, key: &ObjectKey) -> Result<Presence, StorageError> {
        self.call("head object", self.inner.head(key)).await
    }

    async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody, StorageError> {
        self.call("get object", self.inner.get(key, range)).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        self.call("delete object", self.inner.delete(key)).await
    }

    async fn discard_unfinished(&self, key: &ObjectKey) -> Result<u64, StorageError> {
        self.call("abort uploads", self.inner.discard_unfinished(key)).await
    }

    async fn open_uploads(&self, prefix: &str, after: Option<&UploadsAfter>) -> Result<OpenUploads, StorageError> {
        self.call("list uploads", self.inner.open_uploads(prefix, after)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StorageError> {
        self.call("list objects", self.inner.list(prefix, after)).await
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
        self.call("ask without credentials", self.inner.is_public(key)).await
    }

    async fn probe(&self) -> Result<Vec<Ability>, StorageError> {
        self.call("probe", self.inner.probe()).await
    }
}
