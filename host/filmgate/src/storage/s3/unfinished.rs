//! Multipart uploads that nobody will complete.

use std::time::Duration;

use super::Inner;
use super::breaker::Purpose;
use super::fault::Failure;
use super::read::timestamp;
use crate::key::ObjectKey;
use crate::storage::{OpenUpload, OpenUploads, StorageError, StorageFault, UploadsAfter};

/// A part that was on its way may arrive after an abort and keep the upload alive: it is aborted again, this often.
const ROUNDS: u32 = 4;
/// Wait between two of them.
const PAUSE: Duration = Duration::from_millis(250);
/// Pages of 1,000 open uploads that are looked through.
const PAGES_MAX: usize = 100;

impl Inner {
    /// Aborts an upload and asks until the store does not know it any more.
    pub(super) async fn abort_upload(&self, key: &ObjectKey, upload: &str) -> Result<(), Failure> {
        const OPERATION: &str = "abort multipart upload";
        for round in 0..ROUNDS {
            if round > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let request = || {
                let abort = self.client.abort_multipart_upload().bucket(self.settings.bucket.as_str());
                abort.key(key.as_str()).upload_id(upload).send()
            };
            match self.call(OPERATION, Some(key)).of(Purpose::Begun).send(request, |_| Ok(())).await {
                Ok(()) => {}
                Err(failure) if failure.error.fault == StorageFault::NotFound => {}
                // s3s-fs goes on listing an aborted upload, as one without parts, and refuses to abort it again.
                Err(failure) if failure.error.fault == StorageFault::Denied && round > 0 => return Ok(()),
                Err(failure) => return Err(failure),
            }
            match self.uploaded_parts(key, upload, Purpose::Begun).await {
                Ok(_) => {}
                // Without the right to list parts the answer to the abort must do.
                Err(failure) if matches!(failure.error.fault, StorageFault::NotFound | StorageFault::Denied) => {
                    return Ok(());
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(Failure {
            error: self.error(
                StorageFault::Other,
                OPERATION,
                key,
                "the store still has the upload after it was aborted",
            ),
            unclear: false,
            retry: None,
            retry_after: None,
        })
    }

    /// Aborts every open upload of exactly this key.
    pub(super) async fn discard_unfinished(&self, key: &ObjectKey) -> Result<u64, StorageError> {
        let uploads = self.open_uploads(key).await?;
        for upload in &uploads {
            self.abort_upload(key, upload).await?;
        }
        Ok(uploads.len() as u64)
    }

    /// The ids of the open uploads of exactly this key.
    pub(super) async fn open_uploads(&self, key: &ObjectKey) -> Result<Vec<String>, Failure> {
        let (mut found, mut after) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let page = self.uploads_page(key.as_str(), after.as_ref(), Some(key), Purpose::Begun).await?;
            let of_key = page.uploads.into_iter().filter(|upload| upload.key == key.as_str());
            found.extend(of_key.map(|upload| upload.upload_id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// One page of open uploads; `about` is the key that an error names.
    pub(super) async fn uploads_page(
        &self,
        prefix: &str,
        after: Option<&UploadsAfter>,
        about: Option<&ObjectKey>,
        purpose: Purpose,
    ) -> Result<OpenUploads, Failure> {
        let request = || {
            let list = self.client.list_multipart_uploads().bucket(self.settings.bucket.as_str()).prefix(prefix);
            let list = list.set_key_marker(after.map(|after| after.key.clone()));
            list.set_upload_id_marker(after.and_then(|after| after.upload_id.clone())).send()
        };
        let call = self.call("list multipart uploads", about).of(purpose);
        call.send(request, |page| {
            let more = page.is_truncated().ok_or("list of uploads")?;
            let key = page.next_key_marker().filter(|_| more).map(str::to_owned);
            let next = key.map(|key| UploadsAfter { key, upload_id: page.next_upload_id_marker().map(str::to_owned) });
            let uploads = page.uploads().iter().filter_map(|upload| {
                let (key, upload_id) = (upload.key()?.to_owned(), upload.upload_id()?.to_owned());
                Some(OpenUpload { key, upload_id, begun: upload.initiated().and_then(timestamp) })
            });
            Ok(OpenUploads { uploads: uploads.collect(), next })
        })
        .await
    }
}
