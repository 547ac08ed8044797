use std::path::Path;
use std::sync::Arc;

use crate::config::StorageConfig;
use crate::layout::Layouts;
use crate::storage::{BothStorage, LocalStorage, Storage, StorageError};

impl StorageConfig {
    /// Opens the storage. A directory is made where it is missing; of a bucket nothing is asked yet.
    ///
    /// `layouts` give the prefix below which the storage may try what it can do. Fails like [`LocalStorage::open`] and
    /// `S3Storage::connect`; without the feature `s3` a bucket cannot be opened.
    pub async fn open(&self, layouts: &Layouts) -> Result<Arc<dyn Storage>, StorageError> {
        match self {
            Self::Local { root } => Ok(Arc::new(open_local(root).await?)),
            Self::S3(config) => open_s3(config, layouts).await,
            Self::Both { root, s3, mode } => {
                let local = open_local(root).await?;
                Ok(Arc::new(BothStorage::new(local, open_s3(s3, layouts).await?, *mode)))
            }
        }
    }
}

async fn open_local(root: &Path) -> Result<LocalStorage, StorageError> {
    let root = root.to_owned();
    let opened = tokio::task::spawn_blocking(move || LocalStorage::open(root)).await;
    opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

#[cfg(feature = "s3")]
async fn open_s3(config: &crate::config::S3Config, layouts: &Layouts) -> Result<Arc<dyn Storage>, StorageError> {
    let settings = to_settings(config, layouts)?;
    Ok(Arc::new(crate::storage::s3::S3Storage::connect(settings).await?))
}

#[cfg(not(feature = "s3"))]
#[expect(clippy::unused_async, reason = "the same shape as with the feature")]
async fn open_s3(config: &crate::config::S3Config, _layouts: &Layouts) -> Result<Arc<dyn Storage>, StorageError> {
    let (fault, operation) = (crate::storage::StorageFault::Unsupported, "open S3 storage");
    let place = format!("s3://{}", config.bucket);
    Err(StorageError::new(fault, operation, place, "this build is without S3: build it with the feature s3"))
}

#[cfg(feature = "s3")]
fn to_settings(
    config: &crate::config::S3Config,
    layouts: &Layouts,
) -> Result<crate::storage::s3::S3Settings, StorageError> {
    use crate::config::{CredentialSource, EncryptionConfig};
    use crate::storage::s3::{Bucket, Credentials, Encryption, ObjectOptions, Proxy, S3Settings, UploadOptions};

    let credentials = match &config.credentials {
        CredentialSource::Environment { access_key_id, secret_access_key, session_token } => Credentials::Static {
            access_key_id: access_key_id.reveal().to_owned(),
            secret_access_key: secret_access_key.reveal().to_owned(),
            session_token: session_token.as_ref().map(|token| token.reveal().to_owned()),
        },
        CredentialSource::DefaultChain { profile } => Credentials::DefaultChain { profile: profile.clone() },
    };
    let bucket = Bucket::try_from(config.bucket.clone()).map_err(|error| {
        let fault = crate::storage::StorageFault::NoSuchBucket;
        StorageError::new(fault, "read S3 settings", &config.bucket, error.to_string())
    })?;
    let default = UploadOptions::default();
    let upload = UploadOptions {
        part_bytes: config.part_bytes,
        multipart_threshold: config.multipart_threshold,
        concurrency: std::num::NonZeroUsize::new(config.concurrency).unwrap_or(default.concurrency),
        retries: config.retries,
        bandwidth: config.bandwidth,
        bandwidth_per_user: config.bandwidth_per_user,
        connect_timeout: config.timeouts.connect,
        request_timeout: config.timeouts.request,
        complete_timeout: config.timeouts.complete,
        slowest_line: config.timeouts.slowest_line.get(),
        ..default
    };
    let object = ObjectOptions {
        encryption: config.encryption.as_ref().map(|encryption| match encryption {
            EncryptionConfig::S3 => Encryption::S3,
            EncryptionConfig::Kms(key_id) => Encryption::Kms { key_id: key_id.clone() },
        }),
        storage_class: config.storage_class.clone(),
        cache_control: config.cache_control.clone(),
        tags: config.tags.clone(),
    };
    let proxy = config.proxy.as_ref().map(|proxy| Proxy { url: proxy.url.clone(), no_proxy: proxy.no_proxy.clone() });
    let mut settings = S3Settings::new(bucket, &config.region, credentials);
    settings.endpoint.clone_from(&config.endpoint);
    settings.path_style = config.path_style;
    settings.upload = upload;
    settings.object = object;
    settings.ca_bundle.clone_from(&config.ca_bundle);
    settings.proxy = proxy;
    settings.remember.clone_from(&config.remember);
    settings.probe_prefix = layouts.prefixed("filmgate-probe/");
    Ok(settings)
}
