//! Storing a file: which way it goes, and the way of the small ones, a single `PutObject`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};

use super::Inner;
use super::abilities::Abilities;
use super::breaker::Purpose;
use super::confirm::{Answer, Expected};
use super::content::{Content, FilePart, Load};
use super::fault::Failure;
use super::read::base64;
use super::settings::{Encryption, ObjectOptions};
use super::slots::Place;
use crate::checksum::Crc64Nvme;
use crate::key::ObjectKey;
use crate::limits::OBJECT_BYTES_MAX;
use crate::storage::{
    Presence, PublishId, PutProgress, PutRequest, PutStep, SourceError, StorageError, StorageFault, Stored, source,
};

const OPERATION: &str = "put object";

impl Inner {
    pub(super) async fn put(self: &Arc<Self>, request: &PutRequest<'_>) -> Result<Stored, StorageError> {
        let size = request.file.size();
        request.check().map_err(|message| self.error(StorageFault::Other, OPERATION, request.key, message))?;
        if size > OBJECT_BYTES_MAX {
            let message = format!("{size} bytes are more than S3's {OBJECT_BYTES_MAX} for one object");
            return Err(self.error(StorageFault::TooLarge, OPERATION, request.key, message));
        }
        let multipart = size > self.settings.upload.multipart_threshold;
        let early = Box::pin(async {
            let abilities = self.abilities().await.map_err(|error| error.with_key(request.key))?;
            // A HEAD saves a large upload whose end would be a refusal; elsewhere it is the only guard there is.
            let guarded = if multipart { false } else { abilities.conditional_put };
            let there = if guarded { None } else { self.already_there(request, &abilities, multipart).await? };
            Ok::<_, StorageError>((abilities, there))
        });
        let (abilities, there) = tokio::select! {
            biased;
            () = request.cancel.cancelled() => return Err(self.cancelled(request.key)),
            early = early => early?,
        };
        match there {
            Some(stored) => Ok(stored),
            None if multipart => Box::pin(self.put_in_parts(request, &abilities)).await,
            None => Box::pin(self.put_at_once(request, &abilities)).await,
        }
    }

    /// The object, where an earlier try of this publish stored it; an error, where another publish did.
    async fn already_there(
        &self,
        request: &PutRequest<'_>,
        abilities: &Abilities,
        multipart: bool,
    ) -> Result<Option<Stored>, StorageError> {
        let info = match self.head(request.key, Purpose::Work).await {
            Ok(Presence::Present(info)) => info,
            Ok(Presence::Absent | Presence::Unknown) => return Ok(None),
            // AWS answers so to a token that has ended and to a wrong region; the next request's answer names the cause.
            Err(failure) if failure.is_wordless_refusal() => return Ok(None),
            Err(failure) => return Err(failure.into()),
        };
        if info.publish_id() != Some(request.publish_id) {
            return Err(self.foreign(request.key));
        }
        let checksum = source::checksum(Arc::clone(&request.file)).await;
        let checksum = checksum.map_err(|error| self.source_error(request.key, &error))?;
        let expected = Expected::of(request, checksum, abilities, multipart);
        self.prove(&expected).await.map(Some)
    }

    async fn put_at_once(&self, request: &PutRequest<'_>, abilities: &Abilities) -> Result<Stored, StorageError> {
        let headers = Headers::new(request.key, request.content_type, request.publish_id, request.metadata);
        // Small files keep to the slots as parts do.
        let place = self.place(request);
        let slot = tokio::select! {
            biased;
            () = request.cancel.cancelled() => return Err(self.cancelled(request.key)),
            slot = self.slots.take(&place) => slot,
        };
        let size = request.file.size();
        let mut again = true;
        // A try may have been carried out, or still be.
        let mut unclear = false;
        loop {
            let file = tokio::select! {
                biased;
                () = request.cancel.cancelled() => return Err(self.cancelled(request.key)),
                file = WholeFile::read(self, request) => file?,
            };
            request.observer.step(PutStep::Completing).await?;
            let expected = Expected::of(request, file.checksum, abilities, false);
            let put = self.put_object(&headers, &file, abilities.put_checksum, abilities.conditional_put);
            let failure = tokio::select! {
                biased;
                () = request.cancel.cancelled() => {
                    return self.settle(&expected, self.cancelled(request.key), true).await;
                }
                put = put => match put {
                    Ok(answer) => {
                        slot.done(size);
                        request.observer.sent(PutProgress { bytes: size, parts: 1, parts_total: 1 });
                        let proven = answer.proves(&expected).filter(|_| !unclear && self.relies_on_answers(abilities));
                        return match proven {
                            Some(stored) => Ok(stored),
                            None => self.prove(&expected).await,
                        };
                    }
                    Err(failure) => failure,
                },
            };
            unclear |= failure.unclear;
            match failure.error.fault {
                // Read wrongly, or damaged on the way: once more from the file.
                StorageFault::Corrupted if again => again = false,
                StorageFault::Exists => return self.settle(&expected, failure.error, unclear).await,
                _ if unclear => return self.settle(&expected, failure.error, true).await,
                _ => return self.found_or(&expected, failure.error).await,
            }
        }
    }

    /// One `PutObject`, with its checksum where it is to be `told`; answers what the store said of the object.
    pub(super) async fn put_object(
        &self,
        headers: &Headers<'_>,
        content: &dyn Load,
        told: bool,
        conditional: bool,
    ) -> Result<Answer, Failure> {
        let request = |content: Content| {
            let Headers { key, content_type, metadata, .. } = headers;
            let object = &self.settings.object;
            let (encryption, kms_key) = encryption(object);
            let request = self
                .client
                .put_object()
                .bucket(self.settings.bucket.as_str())
                .key(key.as_str())
                .content_type(content_type)
                .set_metadata(Some(metadata.clone()))
                .set_server_side_encryption(encryption)
                .set_ssekms_key_id(kms_key)
                .set_storage_class(object.storage_class.as_deref().map(StorageClass::from))
                .set_cache_control(object.cache_control.clone())
                .set_tagging(tagging(object))
                .set_if_none_match(conditional.then(|| "*".to_owned()))
                .set_checksum_crc64_nvme(told.then(|| base64(content.checksum)));
            let signing = self.signing(&content);
            let request = request.body(content.into_stream());
            async move {
                match signing {
                    None => request.customize().disable_payload_signing().send().await,
                    Some(signing) => request.customize().interceptor(signing).send().await,
                }
            }
        };
        let call = self.call(OPERATION, Some(headers.key)).with_body(content.bytes());
        let mut answer = call.send_content(content, request, |answer, _| Answer::of(&answer).ok_or("ETag")).await?;
        answer.was_unclear = call.was_unclear();
        Ok(answer)
    }

    /// A range of the request's file.
    pub(super) fn part_of<'a>(&'a self, request: &'a PutRequest<'_>, offset: u64, bytes: u64) -> FilePart<'a> {
        let paces = self.paces.of(request.user.unwrap_or_default());
        FilePart { inner: self, key: request.key, file: &request.file, offset, bytes, paces, is_last: false }
    }

    /// Where an upload stands among those that share the slots.
    pub(super) fn place(&self, request: &PutRequest<'_>) -> Place {
        self.slots.place(request.user.unwrap_or_default())
    }

    pub(super) async fn verify_unchanged(&self, request: &PutRequest<'_>) -> Result<(), StorageError> {
        let file = Arc::clone(&request.file);
        match tokio::task::spawn_blocking(move || file.verify_unchanged()).await {
            Ok(unchanged) => unchanged.map_err(|error| self.source_error(request.key, &error)),
            Err(join) => Err(self.error(StorageFault::Other, "verify file", request.key, join.to_string())),
        }
    }

    pub(super) fn cancelled(&self, key: &ObjectKey) -> StorageError {
        self.error(StorageFault::Cancelled, OPERATION, key, "the put was cancelled")
    }
}

/// A file that goes up in one request: read and proven unchanged before its object may appear, and again for every try.
struct WholeFile<'a> {
    inner: &'a Inner,
    request: &'a PutRequest<'a>,
    part: FilePart<'a>,
    first: Mutex<Option<Content>>,
    checksum: Crc64Nvme,
}

impl<'a> WholeFile<'a> {
    async fn read(inner: &'a Inner, request: &'a PutRequest<'a>) -> Result<Self, StorageError> {
        let part = FilePart { is_last: true, ..inner.part_of(request, 0, request.file.size()) };
        let first = part.load().await?;
        let checksum = first.checksum;
        Ok(Self { inner, request, part, first: Mutex::new(Some(first)), checksum })
    }
}

#[async_trait]
impl Load for WholeFile<'_> {
    fn bytes(&self) -> u64 {
        self.part.bytes()
    }

    async fn load(&self) -> Result<Content, StorageError> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(first) = first {
            return Ok(first);
        }
        let content = self.part.load().await?;
        if content.checksum != self.checksum {
            let changed = SourceError::Changed("its bytes differ from those of an earlier reading");
            return Err(self.inner.source_error(self.request.key, &changed));
        }
        Ok(content)
    }
}

impl<'a> Expected<'a> {
    pub(super) fn of(request: &PutRequest<'a>, checksum: Crc64Nvme, abilities: &Abilities, multipart: bool) -> Self {
        Self {
            key: request.key,
            publish_id: request.publish_id,
            size: request.file.size(),
            checksum,
            rung: abilities.rung_without_checksum(multipart),
        }
    }
}

/// What an object carries besides its bytes.
pub(super) struct Headers<'a> {
    pub key: &'a ObjectKey,
    pub content_type: String,
    pub metadata: std::collections::HashMap<String, String>,
}

impl<'a> Headers<'a> {
    pub(super) fn new(
        key: &'a ObjectKey,
        content_type: &str,
        publish_id: PublishId,
        metadata: &BTreeMap<String, String>,
    ) -> Self {
        let own = (PublishId::METADATA_NAME.to_owned(), publish_id.to_string());
        let metadata = metadata.iter().map(|(name, value)| (name.clone(), value.clone())).chain([own]).collect();
        Self { key, content_type: content_type.to_owned(), metadata }
    }
}

pub(super) fn encryption(options: &ObjectOptions) -> (Option<ServerSideEncryption>, Option<String>) {
    match &options.encryption {
        None => (None, None),
        Some(Encryption::S3) => (Some(ServerSideEncryption::Aes256), None),
        Some(Encryption::Kms { key_id }) => (Some(ServerSideEncryption::AwsKms), key_id.clone()),
    }
}

/// Tags as S3 wants them: a query string.
pub(super) fn tagging(options: &ObjectOptions) -> Option<String> {
    let tags = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&options.tags).finish();
    (!tags.is_empty()).then_some(tags)
}
