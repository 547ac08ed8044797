//! Where objects are, signed and unsigned.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::{Credentials, ProvideCredentials};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4::SigningParams;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::Inner;
use super::settings::S3Settings;
use crate::key::ObjectKey;
use crate::limits::PRESIGN_SECONDS_MAX;
use crate::storage::{GetOptions, ObjectUrl, StorageError, StorageFault};

/// What Signature Version 4 leaves as it is: everything else in a key is percent-encoded.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &SEGMENT.remove(b'/');

/// The object's address, unsigned.
pub(super) fn of(settings: &S3Settings, key: &ObjectKey) -> Result<Url, StorageError> {
    let bucket = &settings.bucket;
    let base = match &settings.endpoint {
        Some(endpoint) => endpoint.as_str().trim_end_matches('/').to_owned(),
        None if settings.region.starts_with("cn-") => format!("https://s3.{}.amazonaws.com.cn", settings.region),
        None => format!("https://s3.{}.amazonaws.com", settings.region),
    };
    let key = utf8_percent_encode(key.as_str(), PATH);
    let address = if settings.uses_path_style() {
        format!("{base}/{bucket}/{key}")
    } else {
        format!("{}/{key}", base.replacen("://", &format!("://{bucket}."), 1))
    };
    Url::parse(&address).map_err(|error| {
        StorageError::new(StorageFault::Other, "name object", settings.place(), format!("no address: {error}"))
    })
}

/// A signed address.
pub(super) async fn presign_get(
    inner: &Inner,
    key: &ObjectKey,
    lifetime: Duration,
    options: &GetOptions,
) -> Result<ObjectUrl, StorageError> {
    const OPERATION: &str = "presign object";
    let place = inner.settings.place();
    let error = |fault, message: String| StorageError::new(fault, OPERATION, place.clone(), message).with_key(key);
    // Seconds are all a signature holds.
    let seconds = lifetime.as_secs();
    if seconds == 0 || seconds > PRESIGN_SECONDS_MAX {
        let message = format!("{seconds} s are not between 1 and {PRESIGN_SECONDS_MAX} s");
        return Err(error(StorageFault::LifetimeTooLong, message));
    }
    let (now, lifetime) = (SystemTime::now(), Duration::from_secs(seconds));
    let credentials = inner.credentials.provide_credentials().await;
    let credentials = credentials.map_err(|cause| error(StorageFault::BadCredentials, cause.to_string()))?;
    if credentials.expiry().is_some_and(|end| end < now + lifetime) {
        let message = format!("the credentials end before the {seconds} s are over");
        return Err(error(StorageFault::LifetimeTooLong, message));
    }
    let failed = |cause: BoxError| error(StorageFault::Other, cause.to_string());
    let base = inner.base.get_or_try_init(|| where_objects_are(inner)).await.map_err(failed)?;
    let mut address = format!("{base}{}", utf8_percent_encode(key.as_str(), PATH));
    if let Some(name) = &options.download_name {
        let disposition = attachment(name);
        address.push_str("?response-content-disposition=");
        address.extend(utf8_percent_encode(&disposition, SEGMENT));
    }
    let url = signed(&address, &inner.settings.region, credentials, now, lifetime).map_err(failed)?;
    // The signature counts from whole seconds.
    let end = jiff::Timestamp::try_from(now + lifetime).and_then(|end| jiff::Timestamp::from_second(end.as_second()));
    Ok(ObjectUrl { url, expires_at: end.ok() })
}

/// The address of a key, before the key. The SDK knows regions whose names are made otherwise; asked once, because it takes
/// as long as for a request.
async fn where_objects_are(inner: &Inner) -> Result<String, BoxError> {
    const SAMPLE: &str = "key";
    let config = PresigningConfig::expires_in(Duration::from_secs(1))?;
    let get = inner.client.get_object().bucket(inner.settings.bucket.as_str()).key(SAMPLE);
    let sample = get.presigned(config).await?;
    let (address, _) = sample.uri().split_once('?').ok_or("a presigned URL has no query")?;
    Ok(address.strip_suffix(SAMPLE).ok_or("an address does not end with the key")?.to_owned())
}

/// Adds a signature of version 4 to the query.
fn signed(
    address: &str,
    region: &str,
    credentials: Credentials,
    now: SystemTime,
    lifetime: Duration,
) -> Result<Url, BoxError> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(lifetime);
    // S3 alone signs a path as it is sent.
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let identity = credentials.into();
    let parameters = SigningParams::builder().identity(&identity).region(region).name("s3").time(now);
    let parameters = parameters.settings(settings).build()?.into();
    let request = SignableRequest::new("GET", address, std::iter::empty(), SignableBody::UnsignedPayload)?;
    let (instructions, _) = sign(request, &parameters)?.into_parts();
    let mut url = Url::parse(address)?;
    let mut query = url.query().unwrap_or_default().to_owned();
    for (name, value) in instructions.params() {
        let before = if query.is_empty() { "" } else { "&" };
        query.push_str(&format!("{before}{name}={}", utf8_percent_encode(value, SEGMENT)));
    }
    url.set_query(Some(&query));
    Ok(url)
}

/// A `Content-Disposition` that old and new browsers understand: an ASCII name and the true one.
fn attachment(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !"\"\\;%/".contains(c) || c == ' ' { c } else { '_' })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, SEGMENT))
}

#[cfg(test)]
mod tests {
    use super::{attachment, of};
    use crate::key::ObjectKey;
    use crate::storage::s3::{Bucket, Credentials, S3Settings};

    fn address(bucket: &str, region: &str, endpoint: Option<&str>, key: &str) -> String {
        let bucket = Bucket::try_from(bucket.to_owned()).expect("a bucket");
        let mut settings = S3Settings::new(bucket, region, Credentials::DefaultChain { profile: None });
        settings.endpoint = endpoint.map(|endpoint| endpoint.parse().expect("a URL"));
        let key = ObjectKey::try_from(key.to_owned()).expect("a key");
        of(&settings, &key).expect("an address").to_string()
    }

    #[test]
    fn aws_uses_the_host_unless_the_bucket_has_dots() {
        assert_eq!(
            address("videos", "eu-central-1", None, "a/b c+é%?.mp4"),
            "https://videos.s3.eu-central-1.amazonaws.com/a/b%20c%2B%C3%A9%25%3F.mp4"
        );
        assert_eq!(address("my.videos", "cn-north-1", None, "a"), "https://s3.cn-north-1.amazonaws.com.cn/my.videos/a");
    }

    #[test]
    fn other_endpoints_use_the_path() {
        assert_eq!(
            address("videos", "garage", Some("http://localhost:3900/"), "a#b"),
            "http://localhost:3900/videos/a%23b"
        );
        assert_eq!(address("videos", "x", Some("https://host/s3"), "a"), "https://host/s3/videos/a");
    }

    #[test]
    fn download_names_cannot_break_out_of_their_header() {
        assert_eq!(
            attachment("a\"; é\r\n.mp4"),
            "attachment; filename=\"a__ ___.mp4\"; filename*=UTF-8''a%22%3B%20%C3%A9%0D%0A.mp4"
        );
    }
}
