//! The single requests of a multipart upload.

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, StorageClass};

use super::Inner;
use super::breaker::Purpose;
use super::content::{Content, Load};
use super::fault::Failure;
use super::put::{Headers, encryption, tagging};
use super::read::{base64, checksum as parse};
use crate::checksum::Crc64Nvme;
use crate::key::ObjectKey;

/// A multipart upload that exists.
pub(super) struct Created {
    pub id: String,
    /// It was asked for more than once: a second upload may exist, whose id nobody knows. Also where the first try was
    /// refused: that is another's word if something between sends requests again, or refuses what it has passed on.
    pub may_have_twin: bool,
}

/// A part that the store says it has.
pub(super) struct ListedPart {
    pub number: u32,
    pub etag: String,
    pub bytes: u64,
    /// CRC64NVME, where the store shows it.
    pub checksum: Option<Crc64Nvme>,
}

impl Inner {
    pub(super) async fn create_upload(&self, headers: &Headers<'_>, checksums: bool) -> Result<Created, Failure> {
        let call = self.call("create multipart upload", Some(headers.key));
        let request = || {
            let object = &self.settings.object;
            let (encryption, kms_key) = encryption(object);
            self.client
                .create_multipart_upload()
                .bucket(self.settings.bucket.as_str())
                .key(headers.key.as_str())
                .content_type(&headers.content_type)
                .set_metadata(Some(headers.metadata.clone()))
                .set_server_side_encryption(encryption)
                .set_ssekms_key_id(kms_key)
                .set_storage_class(object.storage_class.as_deref().map(StorageClass::from))
                .set_cache_control(object.cache_control.clone())
                .set_tagging(tagging(object))
                .set_checksum_algorithm(checksums.then_some(ChecksumAlgorithm::Crc64Nvme))
                .set_checksum_type(checksums.then_some(ChecksumType::FullObject))
                .send()
        };
        let read = |answer: aws_sdk_s3::operation::create_multipart_upload::CreateMultipartUploadOutput| {
            answer.upload_id().filter(|id| !id.is_empty()).map(str::to_owned).ok_or("upload id")
        };
        match call.send(request, read).await {
            Ok(id) => Ok(Created { id, may_have_twin: call.was_seen() }),
            Err(failure) => Err(Failure { unclear: failure.unclear || call.was_seen(), ..failure }),
        }
    }

    /// Sends one part, with its checksum where it is to be `told`; answers its ETag and checksum.
    pub(super) async fn upload_part(
        &self,
        key: &ObjectKey,
        upload: &str,
        number: u32,
        content: &dyn Load,
        told: bool,
    ) -> Result<(String, Crc64Nvme), Failure> {
        let request = |content: Content| {
            let request = self
                .client
                .upload_part()
                .bucket(self.settings.bucket.as_str())
                .key(key.as_str())
                .upload_id(upload)
                .part_number(signed(number))
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
        let call = self.call("upload part", Some(key)).of(Purpose::Begun).with_body(content.bytes());
        call.send_content(content, request, |answer, checksum| {
            let kept = answer.checksum_crc64_nvme().and_then(parse);
            if told && kept.is_some_and(|kept| kept != checksum) {
                return Err("checksum that matches the part");
            }
            answer.e_tag().map(|etag| (etag.to_owned(), checksum)).ok_or("ETag")
        })
        .await
    }

    pub(super) async fn complete_upload(
        &self,
        key: &ObjectKey,
        upload: &str,
        parts: Vec<CompletedPart>,
        checksum: Option<Crc64Nvme>,
        conditional: bool,
        size: u64,
    ) -> Result<(), Failure> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = || {
            self.client
                .complete_multipart_upload()
                .bucket(self.settings.bucket.as_str())
                .key(key.as_str())
                .upload_id(upload)
                .multipart_upload(parts.clone())
                .set_checksum_crc64_nvme(checksum.map(base64))
                // AWS wants a checksum of the whole named as such; not every other store takes the name.
                .set_checksum_type(checksum.filter(|_| self.settings.is_aws()).map(|_| ChecksumType::FullObject))
                .set_if_none_match(conditional.then(|| "*".to_owned()))
                .set_mpu_object_size(i64::try_from(size).ok().filter(|_| self.settings.is_aws()))
                .send()
        };
        let call = self.call("complete multipart upload", Some(key)).of(Purpose::Begun).completing();
        // An empty answer, and an error in a well answer, have no ETag.
        call.send(request, |answer| answer.e_tag().map(|_| ()).ok_or("ETag")).await
    }

    /// The parts that the store has of an upload; at most S3's 10,000.
    pub(super) async fn uploaded_parts(
        &self,
        key: &ObjectKey,
        upload: &str,
        purpose: Purpose,
    ) -> Result<Vec<ListedPart>, Failure> {
        const PAGES_MAX: usize = 11;
        let mut parts = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let request = || {
                let list = self.client.list_parts().bucket(self.settings.bucket.as_str()).key(key.as_str());
                list.upload_id(upload).set_part_number_marker(marker.clone()).send()
            };
            let call = self.call("list parts", Some(key)).of(purpose);
            let page = call.send(request, |page| {
                // An empty answer must not pass for an empty upload.
                if page.upload_id() == Some(upload) { Ok(page) } else { Err("list of parts") }
            });
            let page = page.await?;
            parts.extend(page.parts().iter().filter_map(|part| {
                let number = u32::try_from(part.part_number()?).ok()?;
                let (etag, bytes) = (part.e_tag()?.to_owned(), u64::try_from(part.size()?).ok()?);
                Some(ListedPart { number, etag, bytes, checksum: part.checksum_crc64_nvme().and_then(parse) })
            }));
            marker = page.next_part_number_marker().map(str::to_owned).filter(|_| page.is_truncated() == Some(true));
            if marker.is_none() {
                break;
            }
        }
        Ok(parts)
    }
}

/// An entry of the list that `CompleteMultipartUpload` sends.
pub(super) fn completed(number: u32, etag: String, checksum: Option<Crc64Nvme>) -> CompletedPart {
    CompletedPart::builder()
        .part_number(signed(number))
        .e_tag(etag)
        .set_checksum_crc64_nvme(checksum.map(base64))
        .build()
}

/// Part numbers end at 10,000; the SDK counts in `i32`.
fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
