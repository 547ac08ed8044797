//! Requests that look, fetch, list and delete.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{ChecksumMode, ChecksumType};
use bytes::Bytes;
use futures::StreamExt;

use super::Inner;
use super::breaker::Purpose;
use super::fault::Failure;
use crate::checksum::Crc64Nvme;
use crate::key::ObjectKey;
use crate::storage::{Listing, ObjectBody, ObjectInfo, Presence, StorageError, StorageFault};

impl Inner {
    pub(super) async fn head(&self, key: &ObjectKey, purpose: Purpose) -> Result<Presence, Failure> {
        let request = || {
            let head = self.client.head_object().bucket(self.settings.bucket.as_str()).key(key.as_str());
            head.checksum_mode(ChecksumMode::Enabled).send()
        };
        let call = self.call("head object", Some(key)).of(purpose);
        match call.send(request, |answer| info(key, &answer)).await {
            Ok(info) => Ok(Presence::Present(info)),
            // A HEAD's answer has no body, so a code is rare. A bucket that is missing looks like an absent object here;
            // writing to it names it.
            Err(failure) => match failure.error.fault {
                StorageFault::NotFound => Ok(Presence::Absent),
                StorageFault::Denied => Ok(Presence::Unknown),
                _ => Err(failure),
            },
        }
    }

    pub(super) async fn delete(&self, key: &ObjectKey, purpose: Purpose) -> Result<(), Failure> {
        let request = || self.client.delete_object().bucket(self.settings.bucket.as_str()).key(key.as_str()).send();
        match self.call("delete object", Some(key)).of(purpose).send(request, |_| Ok(())).await {
            // That an upload is not there says nothing of the object.
            Err(failure) if failure.error.fault == StorageFault::NotFound && !failure.has_code("NoSuchUpload") => {
                Ok(())
            }
            other => other,
        }
    }

    pub(super) async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, Failure> {
        let request = || {
            let list = self.client.list_objects_v2().bucket(self.settings.bucket.as_str()).prefix(prefix);
            // The last key instead of the store's token: it means the same everywhere and stays valid.
            list.set_start_after(after.map(str::to_owned)).max_keys(1000).send()
        };
        let call = self.call("list objects", None);
        call.send(request, |page| {
            let more = page.is_truncated().ok_or("listing")?;
            let next = page.contents().last().and_then(|object| object.key()).filter(|_| more).map(str::to_owned);
            let objects = page.contents().iter().filter_map(|object| {
                // What is no key of ours, such as a folder marker, is somebody else's.
                let key = ObjectKey::try_from(object.key()?.to_owned()).ok()?;
                Some(ObjectInfo {
                    key,
                    size: u64::try_from(object.size()?).ok()?,
                    content_type: None,
                    checksum: None,
                    metadata: BTreeMap::new(),
                    etag: object.e_tag().map(str::to_owned),
                    version_id: None,
                    modified: object.last_modified().and_then(timestamp),
                })
            });
            Ok(Listing { objects: objects.collect(), next })
        })
        .await
    }

    pub(super) async fn is_public(&self, key: &ObjectKey) -> Result<bool, Failure> {
        let request = || self.stranger.head_object().bucket(self.settings.bucket.as_str()).key(key.as_str()).send();
        match self.call("head object without credentials", Some(key)).send(request, |_| Ok(true)).await {
            Err(failure) => match failure.error.fault {
                StorageFault::Denied | StorageFault::BadCredentials | StorageFault::NotFound => Ok(false),
                // Some stores call an unsigned request a bad one.
                StorageFault::Other if failure.error.status == Some(400) => Ok(false),
                _ => Err(failure),
            },
            public => public,
        }
    }
}

/// Fetches an object or a range of it. Time-outs count for each piece of the body.
pub(super) async fn get(
    inner: &std::sync::Arc<Inner>,
    key: &ObjectKey,
    range: Option<Range<u64>>,
) -> Result<ObjectBody, StorageError> {
    const OPERATION: &str = "get object";
    let place = inner.settings.place();
    if range.as_ref().is_some_and(|range| range.is_empty()) {
        return Err(StorageError::new(StorageFault::Other, OPERATION, place, "the range is empty").with_key(key));
    }
    let asked = range.as_ref().map(|range| format!("bytes={}-{}", range.start, range.end - 1));
    let request = || {
        let get = inner.client.get_object().bucket(inner.settings.bucket.as_str()).key(key.as_str());
        get.set_range(asked.clone()).checksum_mode(ChecksumMode::Enabled).send()
    };
    let (info, body) = inner.call(OPERATION, Some(key)).send(request, |answer| whole_info(key, answer)).await?;
    let patience = inner.settings.upload.request_timeout;
    let error = {
        let key = key.clone();
        move |message| StorageError::new(StorageFault::Unreachable, OPERATION, place.clone(), message).with_key(&key)
    };
    let bytes = futures::stream::try_unfold((body, error), move |(mut body, error)| async move {
        match next_piece(&mut body, patience).await {
            Ok(piece) => Ok(piece.map(|piece| (piece, (body, error)))),
            Err(message) => Err(error(message)),
        }
    });
    Ok(ObjectBody { info, bytes: bytes.boxed() })
}

async fn next_piece(body: &mut ByteStream, patience: Duration) -> Result<Option<Bytes>, String> {
    match tokio::time::timeout(patience, body.next()).await {
        Err(_) => Err(format!("no bytes for {} s", patience.as_secs_f32())),
        Ok(None) => Ok(None),
        Ok(Some(Ok(piece))) => Ok(Some(piece)),
        Ok(Some(Err(error))) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            Err(format!("the answer broke off: {}", cause.unwrap_or_else(|| error.to_string())))
        }
    }
}

type GetAnswer = aws_sdk_s3::operation::get_object::GetObjectOutput;

/// The object's facts, also where only a range of it was fetched, and the body.
fn whole_info(key: &ObjectKey, answer: GetAnswer) -> Result<(ObjectInfo, ByteStream), &'static str> {
    let whole = match answer.content_range() {
        Some(range) => range.rsplit('/').next().and_then(|size| size.parse().ok()),
        None => answer.content_length().and_then(|size| u64::try_from(size).ok()),
    };
    let checksum = full_checksum(answer.checksum_crc64_nvme(), answer.checksum_type());
    let info = ObjectInfo {
        key: key.clone(),
        size: whole.ok_or("length")?,
        content_type: answer.content_type().map(str::to_owned),
        checksum: checksum.filter(|_| answer.content_range().is_none()),
        metadata: answer.metadata().map(sorted).unwrap_or_default(),
        etag: Some(answer.e_tag().ok_or("ETag")?.to_owned()),
        version_id: answer.version_id().map(str::to_owned),
        modified: answer.last_modified().and_then(timestamp),
    };
    Ok((info, answer.body))
}

fn info(key: &ObjectKey, head: &HeadObjectOutput) -> Result<ObjectInfo, &'static str> {
    Ok(ObjectInfo {
        key: key.clone(),
        size: head.content_length().and_then(|size| u64::try_from(size).ok()).ok_or("length")?,
        content_type: head.content_type().map(str::to_owned),
        checksum: full_checksum(head.checksum_crc64_nvme(), head.checksum_type()),
        metadata: head.metadata().map(sorted).unwrap_or_default(),
        etag: Some(head.e_tag().ok_or("ETag")?.to_owned()),
        version_id: head.version_id().map(str::to_owned),
        modified: head.last_modified().and_then(timestamp),
    })
}

/// S3 knows CRC64NVME only as a checksum of the whole object; a store that says otherwise is not believed.
pub(super) fn full_checksum(value: Option<&str>, kind: Option<&ChecksumType>) -> Option<Crc64Nvme> {
    if kind == Some(&ChecksumType::Composite) { None } else { checksum(value?) }
}

/// S3 writes a checksum as base64 of its bytes, the most significant first.
pub(super) fn checksum(base64: &str) -> Option<Crc64Nvme> {
    let bytes = aws_smithy_types::base64::decode(base64).ok()?;
    Some(Crc64Nvme(u64::from_be_bytes(bytes.try_into().ok()?)))
}

/// The opposite of [`checksum`].
pub(super) fn base64(checksum: Crc64Nvme) -> String {
    aws_smithy_types::base64::encode(checksum.0.to_be_bytes())
}

fn sorted(metadata: &std::collections::HashMap<String, String>) -> BTreeMap<String, String> {
    metadata.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
}

pub(super) fn timestamp(time: &DateTime) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_second(time.secs()).ok()
}
