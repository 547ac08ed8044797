//! Makes SDK clients from settings.

use aws_config::BehaviorVersion;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    Builder, Region, RequestChecksumCalculation, SharedCredentialsProvider, SharedHttpClient,
    StalledStreamProtectionConfig,
};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder as HttpBuilder, Connector};

use super::settings::{Credentials, S3Settings};
use crate::storage::{StorageError, StorageFault};

pub(super) struct Clients {
    pub signing: aws_sdk_s3::Client,
    pub anonymous: aws_sdk_s3::Client,
    pub credentials: SharedCredentialsProvider,
}

pub(super) async fn build(settings: &S3Settings) -> Result<Clients, StorageError> {
    let http = http_client(settings)?;
    let credentials = credentials(settings, &http).await?;
    let signing = base(settings, &http).credentials_provider(credentials.clone()).build();
    let anonymous = base(settings, &http).allow_no_auth().build();
    Ok(Clients {
        signing: aws_sdk_s3::Client::from_conf(signing),
        anonymous: aws_sdk_s3::Client::from_conf(anonymous),
        credentials,
    })
}

fn base(settings: &S3Settings, http: &SharedHttpClient) -> Builder {
    let mut builder = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .http_client(http.clone())
        .force_path_style(settings.uses_path_style())
        // Retries and time-outs are decided in `call`, which knows what an upload can bear.
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(settings.upload.connect_timeout).build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // Checksums are our own, computed while the file is read.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.endpoint_url(endpoint.as_str().trim_end_matches('/'));
    }
    builder
}

async fn credentials(
    settings: &S3Settings,
    http: &SharedHttpClient,
) -> Result<SharedCredentialsProvider, StorageError> {
    match &settings.credentials {
        Credentials::Static { access_key_id, secret_access_key, session_token } => {
            Ok(SharedCredentialsProvider::new(aws_sdk_s3::config::Credentials::new(
                access_key_id,
                secret_access_key,
                session_token.clone(),
                None,
                "filmgate settings",
            )))
        }
        Credentials::DefaultChain { profile } => {
            let mut loader = aws_config::defaults(BehaviorVersion::latest())
                .region(Region::new(settings.region.clone()))
                .http_client(http.clone());
            if let Some(profile) = profile {
                loader = loader.profile_name(profile);
            }
            loader.load().await.credentials_provider().ok_or_else(|| {
                StorageError::new(
                    StorageFault::BadCredentials,
                    "find credentials",
                    settings.place(),
                    "the default chain offers no credentials",
                )
            })
        }
    }
}

fn http_client(settings: &S3Settings) -> Result<SharedHttpClient, StorageError> {
    let invalid =
        |message: String| StorageError::new(StorageFault::Other, "read S3 settings", settings.place(), message);
    let mut trust = TrustStore::default();
    if let Some(bundle) = &settings.ca_bundle {
        // The SDK would only panic later: look now.
        if !bundle.windows(PEM_MARK.len()).any(|window| window == PEM_MARK) {
            return Err(invalid("the certificate bundle holds no PEM certificate".to_owned()));
        }
        trust = trust.with_pem_certificate(bundle.clone());
    }
    let tls = TlsContext::builder().with_trust_store(trust).build().map_err(|error| invalid(error.to_string()))?;
    let proxy = proxy(settings).map_err(invalid)?;
    Ok(HttpBuilder::new().build_with_connector_fn(move |connector_settings, components| {
        let mut builder = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(tls.clone())
            .proxy_config(proxy.clone());
        builder.set_connector_settings(connector_settings.cloned());
        builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        builder.build()
    }))
}

const PEM_MARK: &[u8] = b"-----BEGIN CERTIFICATE-----";

fn proxy(settings: &S3Settings) -> Result<ProxyConfig, String> {
    let Some(proxy) = &settings.proxy else { return Ok(ProxyConfig::disabled()) };
    let (user, password) = (proxy.url.username().to_owned(), proxy.url.password().unwrap_or_default().to_owned());
    let mut url = proxy.url.clone();
    // Removing a user fails only for URLs that cannot have one.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let mut config =
        ProxyConfig::all(url.as_str()).map_err(|_| "the proxy address is no http:// or https:// URL".to_owned())?;
    if !user.is_empty() {
        config = config.with_basic_auth(user, password);
    }
    if let Some(no_proxy) = &proxy.no_proxy {
        config = config.no_proxy(no_proxy);
    }
    Ok(config)
}
