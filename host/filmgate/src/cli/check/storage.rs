use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use filmgate::checksum::Crc64Nvme;
use filmgate::config::Config;
use filmgate::job::JobId;
use filmgate::key::ObjectKey;
use filmgate::storage::{
    Integrity, MemorySource, Presence, PublishId, PutRequest, Storage, StorageError, StorageFault, Unobserved,
};
use filmgate::url::{UrlClass, UrlKind, UrlPolicy};
use futures::TryStreamExt as _;
use tokio_util::sync::CancellationToken;

use super::report::Line;

const CONTENT: &[u8] = b"{\"filmgate\": \"a check stored this and deletes it again\"}\n";
const CONTENT_TYPE: &str = "application/json";

/// Proves the storage by a round trip of one small object. Answers what the storage is, and the lines.
pub(super) async fn check(config: &Config) -> (String, Vec<Line>) {
    let storage = match config.storage.open(&config.layouts).await {
        Ok(storage) => storage,
        Err(error) => return (error.place.clone(), vec![Line::storage_fail("open storage", &error)]),
    };
    let lines = match storage.as_both() {
        None => check_one(config, &config.urls, &*storage).await,
        Some(both) => {
            let mut lines = of_store("S3", check_one(config, &config.urls, both.s3()).await);
            lines.extend(of_store("local storage", check_one(config, &config.urls.of_directory(), both.local()).await));
            lines
        }
    };
    (storage.describe(), lines)
}

fn of_store(name: &str, lines: Vec<Line>) -> Vec<Line> {
    lines.into_iter().map(|line| line.within(name)).collect()
}

async fn check_one(config: &Config, urls: &UrlPolicy, storage: &dyn Storage) -> Vec<Line> {
    let mut lines = round_trip(config, urls, storage).await;
    // Where the round trip failed, every probe would fail for the same cause.
    if lines.iter().all(Line::is_no_failure) {
        lines.extend(abilities(storage).await);
    }
    lines
}

async fn round_trip(config: &Config, urls: &UrlPolicy, storage: &dyn Storage) -> Vec<Line> {
    let key = config.layouts.prefixed(&format!("filmgate-check/{}.json", JobId::generate()));
    let key = match ObjectKey::try_from(key) {
        Ok(key) => key,
        Err(error) => return vec![Line::fail("object key", error.to_string(), None)],
    };
    let publish = PublishId::generate();
    let mut lines = vec![line("store an object", put(storage, &key, publish).await)];
    if lines.iter().all(Line::is_no_failure) {
        lines.push(line("look at it", head(storage, &key, publish).await));
        lines.push(line("read it back", get(storage, &key).await));
        lines.push(url(urls, storage, &key).await);
    }
    // Also after a failure: what was stored must not stay.
    let deleted = storage.delete(&key).await.map(|()| "gone".to_owned());
    if lines.iter().all(Line::is_no_failure) || deleted.is_ok() {
        lines.push(line("delete it", deleted));
    }
    lines
}

fn line(name: &str, result: Result<String, StorageError>) -> Line {
    match result {
        Ok(detail) => Line::pass(name, detail),
        Err(error) => Line::storage_fail(name, &error),
    }
}

async fn put(storage: &dyn Storage, key: &ObjectKey, publish_id: PublishId) -> Result<String, StorageError> {
    let request = PutRequest {
        key,
        file: Arc::new(MemorySource(Bytes::from_static(CONTENT))),
        content_type: CONTENT_TYPE,
        user: None,
        publish_id,
        metadata: &BTreeMap::new(),
        resume: None,
        observer: &Unobserved,
        cancel: &CancellationToken::new(),
    };
    let stored = storage.put(request).await?;
    if stored.checksum != Crc64Nvme::of(CONTENT) {
        return Err(differs(storage, key, "the checksum of the stored object"));
    }
    let proof = match stored.integrity {
        Integrity::FullObject => "its checksum",
        Integrity::Parts => "checksums of its parts",
        Integrity::SizeOnly => "its size and id only",
    };
    Ok(format!("{key}, {} bytes, proven by {proof}", stored.size))
}

async fn head(storage: &dyn Storage, key: &ObjectKey, publish: PublishId) -> Result<String, StorageError> {
    let info = match storage.head(key).await? {
        Presence::Present(info) => info,
        Presence::Absent => return Err(differs(storage, key, "the object that was stored is not there: its presence")),
        Presence::Unknown => return Ok("the credentials may not see it".to_owned()),
    };
    if info.size != CONTENT.len() as u64 {
        return Err(differs(storage, key, "the size"));
    }
    if info.content_type.as_deref() != Some(CONTENT_TYPE) {
        return Err(differs(storage, key, "the content type"));
    }
    if info.publish_id() != Some(publish) {
        return Err(differs(storage, key, "the publish id in the metadata"));
    }
    Ok("size, content type and metadata are as stored".to_owned())
}

async fn get(storage: &dyn Storage, key: &ObjectKey) -> Result<String, StorageError> {
    let body = storage.get(key, None).await?;
    let mut read = Vec::new();
    let mut bytes = body.bytes;
    while let Some(part) = bytes.try_next().await? {
        read.extend_from_slice(&part);
        if read.len() > CONTENT.len() {
            break;
        }
    }
    if read == CONTENT { Ok("the same bytes".to_owned()) } else { Err(differs(storage, key, "the bytes")) }
}

async fn url(urls: &UrlPolicy, storage: &dyn Storage, key: &ObjectKey) -> Line {
    const NAME: &str = "make its URL";
    let url = match urls.url_for(storage, key, UrlClass::Internal, None).await {
        Ok(url) => url,
        Err(error) => return Line::storage_fail(NAME, &error),
    };
    let kind = match url.kind {
        UrlKind::Base => "below the public base",
        UrlKind::Presigned => "presigned",
        UrlKind::Public => "public",
        UrlKind::File => "file URL",
    };
    let verified = match url.verified {
        Some(true) => ", anyone can read it",
        Some(false) | None => "",
    };
    let end = url.expires_at.map(|time| format!(", until {time}")).unwrap_or_default();
    if url.verified == Some(false) {
        let detail = "URLs are public (urls.mode), but the object is not readable without credentials";
        let mend = "make objects public by the bucket's policy, or change urls.mode (FILMGATE_URL) to presigned";
        return Line::fail(NAME, detail, Some(mend));
    }
    Line::pass(NAME, format!("{kind}{verified}{end}"))
}

async fn abilities(storage: &dyn Storage) -> Vec<Line> {
    match storage.probe().await {
        Err(error) => vec![Line::storage_fail("probe abilities", &error)],
        Ok(abilities) => abilities
            .into_iter()
            .map(|ability| match ability.available {
                true => Line::pass(ability.name, ability.note),
                false => Line::note(ability.name, ability.note),
            })
            .collect(),
    }
}

fn differs(storage: &dyn Storage, key: &ObjectKey, what: &str) -> StorageError {
    let message = format!("{what} differs from what was sent");
    StorageError::new(StorageFault::Corrupted, "compare the object", storage.describe(), message).with_key(key)
}
