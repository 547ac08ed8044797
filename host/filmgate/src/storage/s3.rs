//! S3, and everything that speaks like it. The only place that names the AWS SDK.
//!
//! The SDK signs, sends and parses single requests. What lies above is done here: which requests make an upload, retries,
//! time-outs, memory, checksums, and the proof that the object is the file.

mod abilities;
mod address;
mod breaker;
mod budget;
mod call;
mod client;
mod confirm;
mod content;
mod fault;
mod multipart;
mod pace;
mod part_plan;
mod parts;
mod pool;
mod probe;
mod put;
mod read;
mod remembered;
mod settings;
mod signing;
mod slots;
mod times;
mod unfinished;

pub use part_plan::PartPlan;
pub use settings::{Bucket, Credentials, Encryption, InvalidBucket, ObjectOptions, Proxy, S3Settings, UploadOptions};

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::config::SharedCredentialsProvider;
use tokio::sync::OnceCell;

use crate::key::ObjectKey;
use crate::storage::{
    Ability, Durability, GetOptions, Listing, ObjectBody, ObjectUrl, OpenUploads, Presence, PutRequest, Storage,
    StorageError, Stored, UploadsAfter,
};
use abilities::Abilities;
use breaker::{Breaker, Purpose};
use budget::Budget;
use pace::Paces;
use pool::Pool;
use slots::Slots;

/// A bucket.
///
/// Cloning is cheap; clones share connections, part buffers, the budget of retries and what was learned of the endpoint.
#[derive(Clone)]
pub struct S3Storage {
    inner: Arc<Inner>,
}

struct Inner {
    settings: S3Settings,
    client: aws_sdk_s3::Client,
    /// Sends requests without a signature.
    stranger: aws_sdk_s3::Client,
    credentials: SharedCredentialsProvider,
    /// Bounds the memory of all uploads together.
    pool: Pool,
    /// Bounds the parts on their way, and shares them out.
    slots: Slots,
    /// Bounds the bytes a second.
    paces: Paces,
    /// Bounds what is sent again.
    budget: Budget,
    /// Leaves a store alone that does not answer.
    breaker: Breaker,
    /// Where objects are, as the SDK says: asked once.
    base: OnceCell<String>,
    /// An object was read back and found to be what was put, and reading was not refused since.
    reads: AtomicBool,
    /// As probed by this process.
    abilities: OnceCell<Abilities>,
    /// As an earlier process noted them.
    noted: OnceCell<Option<Abilities>>,
}

impl S3Storage {
    /// Makes a client for a bucket. Nothing is sent yet; the default credential chain may read files and environment.
    ///
    /// # Errors
    /// Settings that cannot work together, a certificate bundle or proxy address that is none.
    pub async fn connect(settings: S3Settings) -> Result<Self, StorageError> {
        settings.check()?;
        let clients = client::build(&settings).await?;
        let slots = Slots::new(settings.upload.concurrency.get());
        let paces = Paces::new(settings.upload.bandwidth, settings.upload.bandwidth_per_user);
        let budget = Budget::new(settings.upload.retries, settings.upload.concurrency.get());
        let breaker = Breaker::new(settings.place());
        Ok(Self {
            inner: Arc::new(Inner {
                settings,
                client: clients.signing,
                stranger: clients.anonymous,
                credentials: clients.credentials,
                pool: Pool::new(),
                slots,
                paces,
                budget,
                breaker,
                base: OnceCell::new(),
                reads: AtomicBool::new(false),
                abilities: OnceCell::new(),
                noted: OnceCell::new(),
            }),
        })
    }
}

impl fmt::Debug for S3Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Storage").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

#[async_trait]
impl Storage for S3Storage {
    fn describe(&self) -> String {
        let settings = &self.inner.settings;
        match &settings.endpoint {
            None => format!("s3://{} ({})", settings.bucket, settings.region),
            Some(endpoint) => {
                format!("s3://{} ({}) at {}", settings.bucket, settings.region, settings::shown(endpoint))
            }
        }
    }

    fn durability(&self) -> Durability {
        Durability::S3
    }

    async fn put(&self, request: PutRequest<'_>) -> Result<Stored, StorageError> {
        self.inner.put(&request).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<Presence, StorageError> {
        Ok(self.inner.head(key, Purpose::Work).await?)
    }

    async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody, StorageError> {
        read::get(&self.inner, key, range).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        Ok(self.inner.delete(key, Purpose::Work).await?)
    }

    async fn discard_unfinished(&self, key: &ObjectKey) -> Result<u64, StorageError> {
        self.inner.discard_unfinished(key).await
    }

    async fn open_uploads(&self, prefix: &str, after: Option<&UploadsAfter>) -> Result<OpenUploads, StorageError> {
        Ok(self.inner.uploads_page(prefix, after, None, Purpose::Work).await?)
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StorageError> {
        Ok(self.inner.list(prefix, after).await?)
    }

    fn address(&self, key: &ObjectKey) -> Result<url::Url, StorageError> {
        address::of(&self.inner.settings, key)
    }

    async fn presign_get(
        &self,
        key: &ObjectKey,
        lifetime: Duration,
        options: &GetOptions,
    ) -> Result<ObjectUrl, StorageError> {
        address::presign_get(&self.inner, key, lifetime, options).await
    }

    async fn is_public(&self, key: &ObjectKey) -> Result<bool, StorageError> {
        Ok(self.inner.is_public(key).await?)
    }

    async fn probe(&self) -> Result<Vec<Ability>, StorageError> {
        Ok(self.inner.probed().await?.report())
    }
}
