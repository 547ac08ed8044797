//! What an S3 storage must be told.

use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::limits::{MIB, PART_BYTES_MAX, PART_BYTES_MIN};
use crate::storage::{StorageError, StorageFault};

/// Name of a bucket.
///
/// Invariant: 3 to 63 lower-case letters, digits, `-` and `.`, first and last a letter or digit, no two dots in a row, not
/// an IPv4 address: the rules of S3 for buckets made since 2018.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Bucket(String);

/// Why a text is no [`Bucket`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "bucket name {name:?} is not 3 to 63 lower-case letters, digits, \"-\" and single \".\", with a letter or digit at both ends"
)]
pub struct InvalidBucket {
    name: String,
}

impl Bucket {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Bucket {
    type Error = InvalidBucket;

    fn try_from(name: String) -> Result<Self, InvalidBucket> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = name.as_bytes();
        let valid = (3..=63).contains(&bytes.len())
            && bytes.iter().all(|&byte| plain(byte) || byte == b'-' || byte == b'.')
            && bytes.first().copied().is_some_and(plain)
            && bytes.last().copied().is_some_and(plain)
            && !name.contains("..")
            && name.parse::<std::net::Ipv4Addr>().is_err();
        if valid { Ok(Self(name)) } else { Err(InvalidBucket { name: name.chars().take(100).collect() }) }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who signs the requests.
#[derive(Clone)]
pub enum Credentials {
    /// A key, given.
    Static {
        /// Not secret, but named nowhere.
        access_key_id: String,
        /// Secret.
        secret_access_key: String,
        /// Of temporary credentials.
        session_token: Option<String>,
    },
    /// What AWS's tools would find: environment, profile, web identity, container, instance.
    DefaultChain {
        /// The profile to read, where it is not the default one.
        profile: Option<String>,
    },
}

/// Nothing of a key is shown.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static { session_token: None, .. } => f.write_str("Static(…)"),
            Self::Static { session_token: Some(_), .. } => f.write_str("Static(… with session token)"),
            Self::DefaultChain { profile } => f.debug_struct("DefaultChain").field("profile", profile).finish(),
        }
    }
}

/// An HTTP proxy between this machine and the endpoint.
#[derive(Clone)]
pub struct Proxy {
    /// Its address, `http://…` or `https://…`; user and password may be in it.
    pub url: Url,
    /// Hosts that are reached directly, as in `NO_PROXY`.
    pub no_proxy: Option<String>,
}

/// The password stays out.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("url", &shown(&self.url)).field("no_proxy", &self.no_proxy).finish()
    }
}

/// How the store encrypts objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// SSE-S3: the store's own keys.
    S3,
    /// SSE-KMS. A multipart upload then needs `kms:Decrypt` and `kms:GenerateDataKey`.
    Kms {
        /// Absent: the account's default key for S3.
        key_id: Option<String>,
    },
}

/// What every object is given besides its own headers. Absent: the bucket's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectOptions {
    /// Server-side encryption.
    pub encryption: Option<Encryption>,
    /// For example `INTELLIGENT_TIERING`.
    pub storage_class: Option<String>,
    /// For example `public, max-age=31536000, immutable`.
    pub cache_control: Option<String>,
    /// Object tags, at most ten.
    pub tags: BTreeMap<String, String>,
}

/// How files go up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadOptions {
    /// Bytes of a part where the file is not so large that it needs larger ones; 5 MiB to 5 GiB.
    pub part_bytes: u64,
    /// Files larger than this go up in parts; at most 5 GiB, S3's limit for one request.
    pub multipart_threshold: u64,
    /// Most parts on their way at once, of all uploads together. An upload begins with eight, and there are more while that
    /// makes the whole faster. Memory does not depend on it: all parts share 32 MiB, and a part that has more than half of
    /// that is read while it is sent.
    pub concurrency: NonZeroUsize,
    /// Most bytes a second of all uploads together.
    pub bandwidth: Option<NonZeroU64>,
    /// Most bytes a second of all uploads of one user together.
    pub bandwidth_per_user: Option<NonZeroU64>,
    /// How often a failed request is sent again; 0: never. Retries of as many calls as `concurrency` says, and at least 16,
    /// may be under way or spent at once; spent ones come back within ten seconds.
    pub retries: u32,
    /// Wait before the first retry; it doubles with each, is spread at random, and the store's `Retry-After` wins.
    pub retry_delay: Duration,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for the answer to a request without a body, and what a request with one may take beyond its bytes.
    pub request_timeout: Duration,
    /// The slowest line, in bytes a second, that is not taken for dead: a part may take its bytes divided by this.
    pub slowest_line: u64,
    /// Longest wait for the answer to `CompleteMultipartUpload`: S3 may take minutes for large objects.
    pub complete_timeout: Duration,
}

impl Default for UploadOptions {
    fn default() -> Self {
        Self {
            part_bytes: 8 * MIB,
            multipart_threshold: 8 * MIB,
            concurrency: NonZeroUsize::MIN.saturating_add(15),
            bandwidth: None,
            bandwidth_per_user: None,
            retries: 3,
            retry_delay: Duration::from_millis(200),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            slowest_line: 32 * 1024,
            complete_timeout: Duration::from_secs(300),
        }
    }
}

/// Everything [`S3Storage::connect`](super::S3Storage::connect) needs.
#[derive(Clone)]
pub struct S3Settings {
    /// The bucket.
    pub bucket: Bucket,
    /// For example `eu-central-1`; part of every signature.
    pub region: String,
    /// Where the store is, when it is not AWS.
    pub endpoint: Option<Url>,
    /// Whether the bucket is in the URL's path instead of its host name. Absent: where the bucket's name has a dot, which
    /// no wildcard certificate covers, and for every endpoint that is not AWS.
    pub path_style: Option<bool>,
    /// Who signs.
    pub credentials: Credentials,
    /// How files go up.
    pub upload: UploadOptions,
    /// What every object is given.
    pub object: ObjectOptions,
    /// Certificates to trust besides the system's, PEM.
    pub ca_bundle: Option<Vec<u8>>,
    /// The proxy.
    pub proxy: Option<Proxy>,
    /// Where [`Storage::probe`](crate::storage::Storage::probe) puts its small objects; the credentials must allow it.
    pub probe_prefix: String,
    /// A folder in which it is noted for an hour what an endpoint that is not AWS can do, so that the next process need not
    /// try it again. Absent: every process does.
    pub remember: Option<PathBuf>,
}

impl S3Settings {
    /// AWS with every option at its default.
    pub fn new(bucket: Bucket, region: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            bucket,
            region: region.into(),
            endpoint: None,
            path_style: None,
            credentials,
            upload: UploadOptions::default(),
            object: ObjectOptions::default(),
            ca_bundle: None,
            proxy: None,
            probe_prefix: ".filmgate-probe/".to_owned(),
            remember: None,
        }
    }

    /// For messages: the bucket, and the endpoint that is not AWS.
    pub(super) fn place(&self) -> String {
        match &self.endpoint {
            None => format!("s3://{}", self.bucket),
            Some(endpoint) => format!("s3://{} at {}", self.bucket, shown(endpoint)),
        }
    }

    /// Whether the endpoint is Amazon's own, whose abilities are known.
    pub(super) fn is_aws(&self) -> bool {
        let host = self.endpoint.as_ref().map(|endpoint| endpoint.host_str().unwrap_or_default().to_owned());
        host.is_none_or(|host| host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"))
    }

    pub(super) fn uses_path_style(&self) -> bool {
        self.path_style.unwrap_or_else(|| self.bucket.as_str().contains('.') || !self.is_aws())
    }

    /// Whether bodies go unsigned. TLS protects them already, and loopback has nobody between; the headers, the checksum
    /// among them, are signed in any case. Over plain HTTP on a network the signature is the body's only protection.
    pub(super) fn leaves_body_unsigned(&self) -> bool {
        self.endpoint.as_ref().is_none_or(|endpoint| endpoint.scheme() == "https" || is_loopback(endpoint))
    }

    pub(super) fn check(&self) -> Result<(), StorageError> {
        let upload = &self.upload;
        let message = if self.region.is_empty() || !self.region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            "the region is not made of letters, digits and \"-\""
        } else if !(PART_BYTES_MIN..=PART_BYTES_MAX).contains(&upload.part_bytes) {
            "the part size is not between 5 MiB and 5 GiB"
        } else if upload.multipart_threshold > PART_BYTES_MAX {
            "the multipart threshold is above 5 GiB, the most one request can carry"
        } else if upload.slowest_line == 0 {
            "the slowest line is 0 bytes a second"
        } else if self.endpoint.as_ref().is_some_and(|endpoint| !matches!(endpoint.scheme(), "http" | "https")) {
            "the endpoint is no http:// or https:// URL"
        } else if self
            .endpoint
            .as_ref()
            .is_some_and(|endpoint| endpoint.query().is_some() || !endpoint.username().is_empty())
        {
            "the endpoint has a query or a user name"
        } else if self.object.tags.len() > 10 {
            "more than ten object tags"
        } else {
            return Ok(());
        };
        Err(StorageError::new(StorageFault::Other, "read S3 settings", self.place(), message))
    }
}

/// The keys of [`Credentials`], and what else could be secret, are left out.
impl fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Settings")
            .field("bucket", &self.bucket.as_str())
            .field("region", &self.region)
            .field("endpoint", &self.endpoint.as_ref().map(shown))
            .field("path_style", &self.uses_path_style())
            .field("credentials", &self.credentials)
            .field("upload", &self.upload)
            .field("object", &self.object)
            .field("ca_bundle", &self.ca_bundle.is_some())
            .field("proxy", &self.proxy)
            .field("probe_prefix", &self.probe_prefix)
            .field("remember", &self.remember)
            .finish()
    }
}

/// A URL without user, password and query.
pub(super) fn shown(url: &Url) -> String {
    let path = url.path().trim_end_matches('/');
    format!("{}{path}", url.origin().ascii_serialization())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
