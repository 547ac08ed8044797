use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::storage::{
    Ability, Durability, Listing, ObjectBody, ObjectUrl, OpenUploads, Presence, PutRequest, StorageFault, Stored,
    UploadsAfter,
};

/// Answers URLs and nothing else; `scheme` is that of its addresses.
#[derive(Debug)]
struct UrlsOnly {
    scheme: &'static str,
    is_public: bool,
}

impl UrlsOnly {
    fn refuse<T>(operation: &'static str) -> Result<T, StorageError> {
        Err(StorageError::new(StorageFault::Unsupported, operation, "test", "not asked for by URLs"))
    }
}

#[async_trait]
impl Storage for UrlsOnly {
    fn describe(&self) -> String {
        "test".to_owned()
    }

    fn durability(&self) -> Durability {
        Durability::S3
    }

    async fn put(&self, _request: PutRequest<'_>) -> Result<Stored, StorageError> {
        Self::refuse("put")
    }

    async fn head(&self, _key: &ObjectKey) -> Result<Presence, StorageError> {
        Self::refuse("head")
    }

    async fn get(&self, _key: &ObjectKey, _range: Option<Range<u64>>) -> Result<ObjectBody, StorageError> {
        Self::refuse("get")
    }

    async fn delete(&self, _key: &ObjectKey) -> Result<(), StorageError> {
        Self::refuse("delete")
    }

    async fn discard_unfinished(&self, _key: &ObjectKey) -> Result<u64, StorageError> {
        Self::refuse("discard unfinished uploads")
    }

    async fn open_uploads(&self, _prefix: &str, _after: Option<&UploadsAfter>) -> Result<OpenUploads, StorageError> {
        Self::refuse("list uploads")
    }

    async fn list(&self, _prefix: &str, _after: Option<&str>) -> Result<Listing, StorageError> {
        Self::refuse("list")
    }

    fn address(&self, key: &ObjectKey) -> Result<url::Url, StorageError> {
        let place = if self.scheme == "file" { "" } else { "bucket.example" };
        Ok(format!("{}://{place}/{}", self.scheme, encode_key(key)).parse().unwrap())
    }

    async fn presign_get(
        &self,
        key: &ObjectKey,
        lifetime: Duration,
        options: &GetOptions,
    ) -> Result<ObjectUrl, StorageError> {
        let mut url = self.address(key)?;
        if self.scheme == "file" {
            return Ok(ObjectUrl { url, expires_at: None });
        }
        let name = options.download_name.clone().unwrap_or_default();
        url.set_query(Some(&format!("name={name}&X-Amz-Signature=canary")));
        Ok(ObjectUrl { url, expires_at: Some(Timestamp::UNIX_EPOCH + lifetime) })
    }

    async fn is_public(&self, _key: &ObjectKey) -> Result<bool, StorageError> {
        Ok(self.is_public)
    }

    async fn probe(&self) -> Result<Vec<Ability>, StorageError> {
        Self::refuse("probe")
    }
}

const S3: UrlsOnly = UrlsOnly { scheme: "https", is_public: false };
const LOCAL: UrlsOnly = UrlsOnly { scheme: "file", is_public: false };

fn key() -> ObjectKey {
    ObjectKey::try_from("videos/ana+b@example.org/a=1 é.mp4".to_owned()).unwrap()
}

const ENCODED: &str = "videos/ana%2Bb%40example.org/a%3D1%20%C3%A9.mp4";

async fn url(policy: &UrlPolicy, storage: &UrlsOnly) -> AssetUrl {
    policy.url_for(storage, &key(), UrlClass::Final, Some("recap.mp4")).await.unwrap()
}

#[tokio::test]
async fn a7_unset_means_the_base_where_there_is_one_and_else_presigned() {
    let answer = url(&UrlPolicy::default(), &S3).await;
    assert_eq!(answer.url.as_str(), format!("https://bucket.example/{ENCODED}?name=recap.mp4&X-Amz-Signature=canary"));
    assert_eq!((answer.kind, answer.verified), (UrlKind::Presigned, None));
    assert_eq!(answer.expires_at, Some(Timestamp::UNIX_EPOCH + Duration::from_secs(6 * 3600)));

    let base = Some("https://cdn.example:8443/media".parse().unwrap());
    let answer = url(&UrlPolicy { base: base.clone(), ..UrlPolicy::default() }, &S3).await;
    assert_eq!(answer.url.as_str(), format!("https://cdn.example:8443/media/{ENCODED}"));
    assert_eq!((answer.kind, answer.expires_at, answer.verified), (UrlKind::Base, None, None));

    let policy = UrlPolicy { base, mode: UrlMode::Presigned, ..UrlPolicy::default() };
    assert_eq!(url(&policy, &S3).await.kind, UrlKind::Presigned);
}

#[tokio::test]
async fn a7_public_is_verified_on_request_only() {
    let policy = UrlPolicy { mode: UrlMode::Public, ..UrlPolicy::default() };
    let answer = url(&policy, &S3).await;
    assert_eq!(answer.url.as_str(), format!("https://bucket.example/{ENCODED}"));
    assert_eq!((answer.kind, answer.expires_at, answer.verified), (UrlKind::Public, None, None));

    let policy = UrlPolicy { verify_public: true, ..policy };
    assert_eq!(url(&policy, &S3).await.verified, Some(false));
    assert_eq!(url(&policy, &UrlsOnly { is_public: true, ..S3 }).await.verified, Some(true));
}

#[tokio::test]
async fn b1_local_storage_answers_file_urls_or_the_base() {
    for mode in [UrlMode::Automatic, UrlMode::Presigned, UrlMode::Public] {
        let answer = url(&UrlPolicy { mode, verify_public: true, ..UrlPolicy::default() }, &LOCAL).await;
        assert_eq!(answer.url.as_str(), format!("file:///{ENCODED}"));
        assert_eq!((answer.kind, answer.expires_at, answer.verified), (UrlKind::File, None, None));
    }
    let base = Some("http://localhost:8080".parse().unwrap());
    let answer = url(&UrlPolicy { base, ..UrlPolicy::default() }, &LOCAL).await;
    assert_eq!(answer.url.as_str(), format!("http://localhost:8080/{ENCODED}"));
}

#[tokio::test]
async fn b6_debug_hides_the_signature() {
    let answer = url(&UrlPolicy::default(), &S3).await;
    let shown = format!("{answer:?}");
    assert!(shown.contains("https://bucket.example/videos/") && !shown.contains("canary"), "{shown}");
}

#[test]
fn b6_lifetimes_have_the_asked_defaults_and_s3s_limit() {
    let lifetimes = UrlLifetimes::default();
    let minutes = UrlClass::ALL.map(|class| lifetimes.of(class).as_secs() / 60);
    assert_eq!(minutes, [15, 60, 360, 30]);
    let week = Duration::from_secs(604_800);
    assert_eq!(lifetimes.with(UrlClass::Final, week).unwrap().of(UrlClass::Final), week);
    for bad in [Duration::ZERO, Duration::from_millis(900), week + Duration::from_secs(1)] {
        assert!(lifetimes.with(UrlClass::Final, bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_base_is_a_plain_web_address() {
    for bad in [
        "",
        "cdn.example",
        "ftp://cdn.example",
        "file:///srv",
        "https://user:canary@cdn.example",
        "https://canary@cdn.example",
        "https://cdn.example/?canary=1",
        "https://cdn.example/#canary",
    ] {
        let error = bad.parse::<PublicBase>().unwrap_err().to_string();
        assert!(error.contains("http(s)://host") && !error.contains("canary"), "{error}");
    }
}

#[test]
fn every_byte_of_a_key_survives_the_encoder() {
    let text: String = ('!'..='~').filter(|c| !matches!(c, '/' | '\\')).chain(" é漢🎬".chars()).collect();
    let key = ObjectKey::try_from(format!("a/{text}/%2e%2E/b")).unwrap();
    let base: PublicBase = "https://cdn.example".parse().unwrap();
    let url = base.join(&key);
    assert_eq!(url.path(), format!("/{}", encode_key(&key)));
    assert_eq!(url::Url::parse(url.as_str()).unwrap(), url);
    let decoded = percent_decode(url.path());
    assert_eq!(decoded, format!("/{key}"));
}

/// Written apart from the encoder, so that it can disagree with it.
fn percent_decode(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path;
    while let Some((plain, encoded)) = rest.split_once('%') {
        bytes.extend(plain.bytes());
        bytes.push(u8::from_str_radix(&encoded[..2], 16).unwrap());
        rest = &encoded[2..];
    }
    bytes.extend(rest.bytes());
    String::from_utf8(bytes).unwrap()
}
