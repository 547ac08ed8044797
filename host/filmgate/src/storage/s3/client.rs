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
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::settings::{Credentials, S3Settings};
use crate::storage::{StorageError, StorageFault};

pub(super) struct Clients {
    pub signing: aws_sdk_s3::Client,
    pub anonymous: aws_sdk_s3::Client,
    pub credentials: SharedCredentialsProvider,
}

pub(super) async fn build(settings: &S3Settings) -> Result<Clients, StorageError> {
    let http = http_client(settings)?;
    let credentials = credentials(settings).await?;
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
        // Without the last slash the SDK would glue the bucket to a path that the endpoint has.
        builder = builder.endpoint_url(format!("{}/", endpoint.as_str().trim_end_matches('/')));
    }
    builder
}

async fn credentials(settings: &S3Settings) -> Result<SharedCredentialsProvider, StorageError> {
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
                .http_client(tls_client(settings)?);
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

/// Speaks HTTPS as well.
fn tls_client(settings: &S3Settings) -> Result<SharedHttpClient, StorageError> {
    let mut trust = TrustStore::default();
    if let Some(bundle) = &settings.ca_bundle {
        check_bundle(bundle).map_err(|message| invalid(settings, message))?;
        trust = trust.with_pem_certificate(bundle.clone());
    }
    let tls = TlsContext::builder().with_trust_store(trust).build();
    let tls = tls.map_err(|error| invalid(settings, error.to_string()))?;
    let proxy = proxy(settings).map_err(|message| invalid(settings, message))?;
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

/// For an endpoint without TLS: works on a machine that has no certificates.
fn plain_client(settings: &S3Settings) -> Result<SharedHttpClient, StorageError> {
    let proxy = proxy(settings).map_err(|message| invalid(settings, message))?;
    Ok(HttpBuilder::new().build_with_connector_fn(move |connector_settings, components| {
        let mut builder = Connector::builder().proxy_config(proxy.clone());
        builder.set_connector_settings(connector_settings.cloned());
        builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        builder.build_http()
    }))
}

fn http_client(settings: &S3Settings) -> Result<SharedHttpClient, StorageError> {
    let is_plain = |url: &url::Url| url.scheme() == "http";
    let plain = settings.endpoint.as_ref().is_some_and(is_plain)
        && settings.proxy.as_ref().is_none_or(|proxy| is_plain(&proxy.url));
    if plain { plain_client(settings) } else { tls_client(settings) }
}

/// The SDK would panic over a broken bundle at the first connection: look now.
fn check_bundle(bundle: &[u8]) -> Result<(), String> {
    let broken = |why: String| format!("the certificate bundle cannot be used: {why}");
    let certificates = CertificateDer::pem_slice_iter(bundle).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| broken(error.to_string()))?;
    if certificates.is_empty() {
        return Err(broken("no PEM certificate in it".to_owned()));
    }
    let mut roots = rustls::RootCertStore::empty();
    certificates
        .into_iter()
        .try_for_each(|certificate| roots.add(certificate))
        .map_err(|error| broken(error.to_string()))
}

fn invalid(settings: &S3Settings, message: String) -> StorageError {
    StorageError::new(StorageFault::Other, "read S3 settings", settings.place(), message)
}

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
