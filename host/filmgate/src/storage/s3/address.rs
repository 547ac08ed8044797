//! Where objects are, signed and unsigned.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::ProvideCredentials;
use aws_sdk_s3::presigning::PresigningConfig;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::Inner;
use super::fault::Failure;
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
    let config = PresigningConfig::builder().start_time(now).expires_in(lifetime).build();
    let config = config.map_err(|cause| error(StorageFault::LifetimeTooLong, cause.to_string()))?;
    let mut request = inner.client.get_object().bucket(inner.settings.bucket.as_str()).key(key.as_str());
    if let Some(name) = &options.download_name {
        request = request.response_content_disposition(attachment(name));
    }
    let presigned = request.presigned(config).await;
    let presigned = presigned.map_err(|cause| Failure::of(&cause, OPERATION, place.clone()).error.with_key(key))?;
    let url = Url::parse(presigned.uri()).map_err(|cause| error(StorageFault::Other, cause.to_string()))?;
    // The signature counts from whole seconds.
    let end = jiff::Timestamp::try_from(now + lifetime).and_then(|end| jiff::Timestamp::from_second(end.as_second()));
    Ok(ObjectUrl { url, expires_at: end.ok() })
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
