use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use url::Url;

use crate::config::file::{EncryptionSection, S3Section};
use crate::config::resolver::{Origin, Resolver};
use crate::config::timeouts::{self, TimeoutConfig};
use crate::config::{ByteSize, Secret};
use crate::limits::{MIB, PART_BYTES_MAX, PART_BYTES_MIN};

/// What is set about the bucket.
#[derive(Debug, Clone)]
pub struct S3Config {
    /// The bucket's name.
    pub bucket: String,
    /// For example `eu-central-1`.
    pub region: String,
    /// Where the store is, when it is not AWS.
    pub endpoint: Option<Url>,
    /// Whether the bucket is in the URL's path; absent: as the bucket and the endpoint need it.
    pub path_style: Option<bool>,
    /// Who signs.
    pub credentials: CredentialSource,
    /// How often a failed request is sent again.
    pub retries: u32,
    /// Files larger than this, in bytes, go up in parts.
    pub multipart_threshold: u64,
    /// Bytes of a part.
    pub part_bytes: u64,
    /// Most parts on their way at once.
    pub concurrency: usize,
    /// How long answers are waited for.
    pub timeouts: TimeoutConfig,
    /// Most bytes a second, in all.
    pub bandwidth: Option<NonZeroU64>,
    /// Most bytes a second of one user.
    pub bandwidth_per_user: Option<NonZeroU64>,
    /// How the store encrypts; absent: as the bucket says.
    pub encryption: Option<EncryptionConfig>,
    /// For example `INTELLIGENT_TIERING`; absent: as the bucket says.
    pub storage_class: Option<String>,
    /// The objects' `Cache-Control`.
    pub cache_control: Option<String>,
    /// Object tags, at most ten.
    pub tags: BTreeMap<String, String>,
    /// Certificates to trust besides the system's, PEM.
    pub ca_bundle: Option<Vec<u8>>,
    /// The proxy on the way.
    pub proxy: Option<ProxyConfig>,
    /// Where it is noted what an endpoint can do: a folder of the data directory.
    pub remember: Option<PathBuf>,
}

/// Who signs the requests (A2).
#[derive(Debug, Clone)]
pub enum CredentialSource {
    /// `FILMGATE_AWS_CREDENTIALS=env`, the default: these variables.
    Environment {
        /// `AWS_ACCESS_KEY_ID`.
        access_key_id: Secret,
        /// `AWS_SECRET_ACCESS_KEY`.
        secret_access_key: Secret,
        /// `AWS_SESSION_TOKEN`.
        session_token: Option<Secret>,
    },
    /// `FILMGATE_AWS_CREDENTIALS=default`: what AWS's own tools would find.
    DefaultChain {
        /// `AWS_PROFILE`.
        profile: Option<String>,
    },
}

/// Server-side encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EncryptionConfig {
    /// The store's own keys.
    S3,
    /// A key of KMS; absent: the account's default one.
    Kms(Option<String>),
}

/// An HTTP proxy. `Debug` leaves out its password.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyConfig {
    /// Its address; user and password may be in it.
    pub url: Url,
    /// Hosts that are reached directly, as in `NO_PROXY`.
    pub no_proxy: Option<String>,
}

impl fmt::Debug for ProxyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyConfig").field("url", &without_user(&self.url)).field("no_proxy", &self.no_proxy).finish()
    }
}

/// The variables that name the bucket; they mean the same (A2).
pub(super) const BUCKET_NAMES: [&str; 3] = ["S3_BUCKET_NAME", "S3_BUCKET", "AWS_S3_BUCKET"];

/// Variables of AWS's tools that change where or how requests go, and that this version does not follow.
const NOT_FOLLOWED: [&str; 2] = ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"];

/// Files above this size go up in parts, and parts have it: what measured best with four at a time (B8).
const PART_BYTES_DEFAULT: u64 = 8 * MIB;

/// A slower line would need hours for one part.
const BANDWIDTH_MIN: ByteSize = ByteSize(16 * 1024);
/// A faster one needs no limit.
const BANDWIDTH_MAX: ByteSize = ByteSize(1 << 40);

/// Whatever the storage is, these are settings: with local storage they may be there and mean nothing.
pub(super) fn mark_known(resolver: &mut Resolver<'_>) {
    let names = ["FILMGATE_S3_PATH_STYLE", "FILMGATE_AWS_CREDENTIALS"];
    for name in names.into_iter().chain(TUNING_NAMES).chain(timeouts::NAMES) {
        resolver.is_set(name);
    }
}

const TUNING_NAMES: [&str; 9] = [
    "FILMGATE_S3_RETRIES",
    "FILMGATE_S3_MULTIPART_THRESHOLD",
    "FILMGATE_S3_PART_SIZE",
    "FILMGATE_S3_CONCURRENCY",
    "FILMGATE_S3_ENCRYPTION",
    "FILMGATE_S3_STORAGE_CLASS",
    "FILMGATE_S3_CACHE_CONTROL",
    "FILMGATE_S3_BANDWIDTH",
    "FILMGATE_S3_BANDWIDTH_PER_USER",
];

/// Resolves everything about the bucket; goes on after a fault. `None` where something needed is missing.
pub(super) fn resolve(resolver: &mut Resolver<'_>, mut file: S3Section, data_dir: &Path) -> Option<S3Config> {
    let bucket = required(resolver, "storage.s3.bucket", &BUCKET_NAMES, file.bucket.take());
    let bucket = bucket.filter(|bucket| {
        bucket_fault(bucket).map(|fault| resolver.refuse("storage.s3.bucket", format!("{bucket:?} {fault}"))).is_none()
    });
    let region = region(resolver, file.region.take());
    let credentials = credentials(resolver, file.credentials.take(), file.profile.take());
    let endpoint = endpoint(resolver, file.endpoint.take());
    let path_style = resolver.pick("storage.s3.path_style", &["FILMGATE_S3_PATH_STYLE"], file.path_style);
    let ca_bundle = ca_bundle(resolver, file.ca_bundle.take());
    let proxy = proxy(resolver, endpoint.as_ref());
    for name in NOT_FOLLOWED {
        if resolver.variable(&[name]).is_some_and(|(_, value)| value.eq_ignore_ascii_case("true")) {
            resolver
                .refuse_at(name, "is not followed in this version; set AWS_ENDPOINT_URL_S3 to that endpoint instead");
        }
    }
    let tuning = tuning(resolver, &file);
    let timeouts = timeouts::resolve(resolver, &file);
    let encryption = encryption(resolver, file.encryption);
    let storage_class = token(resolver, "storage.s3.storage_class", TUNING_NAMES[5], file.storage_class);
    let cache_control = token(resolver, "storage.s3.cache_control", TUNING_NAMES[6], file.cache_control);
    if file.tags.len() > 10 {
        resolver.refuse("storage.s3.tags", format!("there are {} tags; allowed: at most 10", file.tags.len()));
    }
    Some(S3Config {
        bucket: bucket?,
        region: region?,
        endpoint,
        path_style: path_style.map(|toggle| toggle.0),
        credentials: credentials?,
        retries: tuning.retries,
        multipart_threshold: tuning.multipart_threshold,
        part_bytes: tuning.part_bytes,
        concurrency: tuning.concurrency,
        timeouts,
        bandwidth: tuning.bandwidth,
        bandwidth_per_user: tuning.bandwidth_per_user,
        encryption,
        storage_class,
        cache_control,
        tags: file.tags,
        ca_bundle,
        proxy,
        remember: Some(data_dir.join("endpoints")),
    })
}

fn required(
    resolver: &mut Resolver<'_>,
    key: &'static str,
    names: &[&'static str],
    file: Option<String>,
) -> Option<String> {
    let value = resolver.pick::<String>(key, names, file).filter(|value| !value.is_empty());
    if value.is_none() {
        resolver.refuse_at(names[0], "is not set, and S3 storage needs it");
    }
    value
}

fn region(resolver: &mut Resolver<'_>, file: Option<String>) -> Option<String> {
    // AWS's tools let AWS_REGION win over AWS_DEFAULT_REGION; so the two are no aliases that must agree.
    resolver.is_set("AWS_DEFAULT_REGION");
    let name = if resolver.is_set("AWS_REGION") || !resolver.is_set("AWS_DEFAULT_REGION") {
        "AWS_REGION"
    } else {
        "AWS_DEFAULT_REGION"
    };
    let region = required(resolver, "storage.s3.region", &[name], file)?;
    if region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && region.len() <= 64 {
        return Some(region);
    }
    resolver.refuse("storage.s3.region", "is no region; allowed: letters, digits and -, for example eu-central-1");
    None
}

fn credentials(
    resolver: &mut Resolver<'_>,
    file: Option<String>,
    file_profile: Option<String>,
) -> Option<CredentialSource> {
    let key = "storage.s3.credentials";
    let source = resolver.pick_or(key, &["FILMGATE_AWS_CREDENTIALS"], file, "env".to_owned());
    match source.as_str() {
        "env" => environment_credentials(resolver, file_profile.is_some()),
        "default" => {
            let profile = resolver.pick("storage.s3.profile", &["AWS_PROFILE"], file_profile);
            Some(CredentialSource::DefaultChain { profile })
        }
        _ => {
            resolver.refuse(key, format!("the source {source:?} is unknown; allowed: env, default"));
            None
        }
    }
}

fn environment_credentials(resolver: &mut Resolver<'_>, file_has_profile: bool) -> Option<CredentialSource> {
    const NOT_USED: &str = "is not used: credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only; \
                            set FILMGATE_AWS_CREDENTIALS=default to use profiles and roles, or unset it";
    if resolver.is_set("AWS_PROFILE") {
        resolver.refuse_at("AWS_PROFILE", NOT_USED);
    }
    if file_has_profile {
        resolver.refuse("storage.s3.profile", NOT_USED);
    }
    let key_id = resolver.secret("storage.s3.access_key_id", "AWS_ACCESS_KEY_ID");
    let secret = resolver.secret("storage.s3.secret_access_key", "AWS_SECRET_ACCESS_KEY");
    let session_token = resolver.secret("storage.s3.session_token", "AWS_SESSION_TOKEN");
    for (name, value) in [("AWS_ACCESS_KEY_ID", &key_id), ("AWS_SECRET_ACCESS_KEY", &secret)] {
        if value.is_none() {
            let fault =
                "is not set, and S3 storage needs it; for a role or profile set FILMGATE_AWS_CREDENTIALS=default";
            resolver.refuse_at(name, fault);
        }
    }
    Some(CredentialSource::Environment { access_key_id: key_id?, secret_access_key: secret?, session_token })
}

fn endpoint(resolver: &mut Resolver<'_>, file: Option<String>) -> Option<Url> {
    // As in AWS's tools the variable of the service wins over the general one.
    let name = if resolver.is_set("AWS_ENDPOINT_URL_S3") { "AWS_ENDPOINT_URL_S3" } else { "AWS_ENDPOINT_URL" };
    let (text, place, origin) = match resolver.variable(&[name]) {
        Some((name, text)) => (text, name.to_owned(), Some(Origin::Environment(name))),
        None => (file?, "storage.s3.endpoint".to_owned(), resolver.file_origin()),
    };
    let url = Url::parse(&text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    let Some(url) = url else {
        resolver.refuse_at(&place, "is no endpoint; allowed: http(s)://host[:port][/path] without user name or query");
        return None;
    };
    resolver.note("storage.s3.endpoint", &url, origin.unwrap_or(Origin::Default));
    Some(url)
}

fn ca_bundle(resolver: &mut Resolver<'_>, file: Option<PathBuf>) -> Option<Vec<u8>> {
    let key = "storage.s3.ca_bundle";
    let file = file.map(|path| resolver.beside_file(&path));
    let path = resolver.path(key, &["AWS_CA_BUNDLE"], file)?;
    match std::fs::read(&path) {
        Ok(pem) if pem.windows(27).any(|window| window == b"-----BEGIN CERTIFICATE-----") => Some(pem),
        Ok(_) => {
            resolver.refuse(key, format!("{} holds no certificate in PEM form", path.display()));
            None
        }
        Err(error) => {
            resolver.refuse(key, format!("read {}: {error}", path.display()));
            None
        }
    }
}

/// The proxy for the endpoint's scheme, as curl and AWS's tools choose it.
fn proxy(resolver: &mut Resolver<'_>, endpoint: Option<&Url>) -> Option<ProxyConfig> {
    let is_plain = endpoint.is_some_and(|endpoint| endpoint.scheme() == "http");
    // HTTP_PROXY in capitals is what a CGI client can set; like curl, only the small form counts.
    let names: &[&'static str] = if is_plain { &["http_proxy"] } else { &["HTTPS_PROXY", "https_proxy"] };
    let (name, text) = resolver.variable(names)?;
    let no_proxy = resolver.variable(&["NO_PROXY", "no_proxy"]).map(|(_, hosts)| hosts);
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        resolver.refuse_at(name, "is no proxy address; allowed: http(s)://[user:password@]host:port");
        return None;
    };
    resolver.note("storage.s3.proxy", without_user(&url), Origin::Environment(name));
    Some(ProxyConfig { url, no_proxy })
}

struct Tuning {
    retries: u32,
    multipart_threshold: u64,
    part_bytes: u64,
    concurrency: usize,
    bandwidth: Option<NonZeroU64>,
    bandwidth_per_user: Option<NonZeroU64>,
}

fn tuning(resolver: &mut Resolver<'_>, file: &S3Section) -> Tuning {
    let [retries_name, threshold_name, part_name, concurrency_name, ..] = TUNING_NAMES;
    let key = "storage.s3.retries";
    let retries = resolver.pick_or(key, &[retries_name], file.retries, 3);
    resolver.bound(key, &retries, &0, &20);

    let key = "storage.s3.part_size";
    let part = resolver.pick_or(key, &[part_name], file.part_size, ByteSize(PART_BYTES_DEFAULT));
    resolver.bound(key, &part, &ByteSize(PART_BYTES_MIN), &ByteSize(PART_BYTES_MAX));

    let key = "storage.s3.multipart_threshold";
    let threshold = resolver.pick_or(key, &[threshold_name], file.multipart_threshold, ByteSize(PART_BYTES_DEFAULT));
    resolver.bound(key, &threshold, &ByteSize(0), &ByteSize(PART_BYTES_MAX));

    let key = "storage.s3.concurrency";
    let concurrency = resolver.pick_or(key, &[concurrency_name], file.concurrency, 16);
    resolver.bound(key, &concurrency, &1, &64);
    let bandwidth = bandwidth_limit(resolver, "storage.s3.bandwidth", TUNING_NAMES[7], file.bandwidth);
    let key = "storage.s3.bandwidth_per_user";
    let bandwidth_per_user = bandwidth_limit(resolver, key, TUNING_NAMES[8], file.bandwidth_per_user);
    Tuning { retries, multipart_threshold: threshold.0, part_bytes: part.0, concurrency, bandwidth, bandwidth_per_user }
}

/// Bytes a second; absent: as many as the line carries.
fn bandwidth_limit(
    resolver: &mut Resolver<'_>,
    key: &'static str,
    name: &'static str,
    file: Option<ByteSize>,
) -> Option<NonZeroU64> {
    let limit = resolver.pick(key, &[name], file)?;
    resolver.bound(key, &limit, &BANDWIDTH_MIN, &BANDWIDTH_MAX);
    NonZeroU64::new(limit.0)
}

/// The variable is `sse-s3`, `sse-kms` or `sse-kms:KEY`.
fn encryption(resolver: &mut Resolver<'_>, file: Option<EncryptionSection>) -> Option<EncryptionConfig> {
    let key = "storage.s3.encryption";
    let file = file.map(|section| match section {
        EncryptionSection::SseS3 {} => "sse-s3".to_owned(),
        EncryptionSection::SseKms { key: None } => "sse-kms".to_owned(),
        EncryptionSection::SseKms { key: Some(id) } => format!("sse-kms:{id}"),
    });
    let text: String = resolver.pick(key, &[TUNING_NAMES[4]], file)?;
    match text.split_once(':') {
        None if text == "sse-s3" => Some(EncryptionConfig::S3),
        None if text == "sse-kms" => Some(EncryptionConfig::Kms(None)),
        Some(("sse-kms", id)) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Some(EncryptionConfig::Kms(Some(id.to_owned())))
        }
        _ => {
            resolver.refuse(key, "is unknown; allowed: sse-s3, sse-kms, sse-kms:KEY");
            None
        }
    }
}

/// A text that becomes the value of a header.
fn token(resolver: &mut Resolver<'_>, key: &'static str, name: &'static str, file: Option<String>) -> Option<String> {
    let text: String = resolver.pick(key, &[name], file)?;
    if !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) || text.len() > 256 {
        resolver.refuse(key, "cannot be a header; allowed: up to 256 printable ASCII characters");
    }
    Some(text)
}

/// S3's rules for buckets made since 2018.
fn bucket_fault(name: &str) -> Option<&'static str> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let is_bucket = (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| is_plain(*byte) || matches!(byte, b'-' | b'.'))
        && bytes.first().copied().is_some_and(is_plain)
        && bytes.last().copied().is_some_and(is_plain)
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err();
    (!is_bucket)
        .then_some("is no bucket name; allowed: 3 to 63 of a-z 0-9 - and single dots, a letter or digit at both ends")
}

fn without_user(url: &Url) -> String {
    format!("{}://{}:{}", url.scheme(), url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(0))
}
