//! Multipart uploads that are open.

use super::finding::{Finding, FindingKind, Side};
use super::mend::{Draft, Mend};
use super::{Pass, ReconcileError};
use crate::key::ObjectKey;
use crate::storage::{OpenUpload, StorageFault};

impl Pass<'_> {
    /// Uploads that no publish goes on with. Those of keys that the journal does not know are somebody else's: other hosts
    /// share the bucket.
    pub(super) async fn uploads(&mut self) -> Result<(), ReconcileError> {
        let (storage, prefix, mut after) = (self.parts.archive.storage(), self.parts.prefix(), None);
        loop {
            if self.cancel.is_cancelled() {
                return Ok(());
            }
            let page = match storage.open_uploads(&prefix, after.as_ref()).await {
                Err(error) if error.fault == StorageFault::Unsupported => {
                    self.done.uploads_unlisted = Some(error.to_string());
                    return Ok(());
                }
                page => page?,
            };
            let mut drafts = Vec::new();
            for upload in page.uploads {
                self.done.uploads += 1;
                drafts.extend(self.upload(upload).await?);
            }
            self.settle(drafts).await?;
            if page.next.is_none() {
                return Ok(());
            }
            after = page.next;
        }
    }

    async fn upload(&self, upload: OpenUpload) -> Result<Option<Draft>, ReconcileError> {
        let since = upload.begun.map(|begun| begun.to_string());
        let found = Side { since, ..Side::default() };
        let foreign = |upload: OpenUpload, found: Side| {
            let finding = Finding::new(FindingKind::ForeignUpload, upload.key, None).found(found);
            Some(Draft { finding: Finding { upload: Some(upload.upload_id), ..finding }, mend: Mend::NoRule })
        };
        let Ok(key) = ObjectKey::try_from(upload.key.clone()) else { return Ok(foreign(upload, found)) };
        let known = self.parts.journal().at_key(&key).await?;
        let Some(last) = known.last().map(|noted| &noted.entry) else { return Ok(foreign(upload, found)) };
        if known.iter().any(|noted| !noted.entry.state.is_settled()) || !self.is_still_open(&upload).await? {
            return Ok(None);
        }
        let finding = Finding::new(FindingKind::OrphanUpload, upload.key, Some(last.publish))
            .recorded(Side::of_entry(last))
            .found(found);
        let finding = Finding { upload: Some(upload.upload_id), ..finding };
        Ok(Some(Draft { finding, mend: Mend::Abort(key) }))
    }

    /// Its publish may have come to its end since the list was made.
    async fn is_still_open(&self, upload: &OpenUpload) -> Result<bool, ReconcileError> {
        let (storage, mut after) = (self.parts.archive.storage(), None);
        loop {
            let page = storage.open_uploads(&upload.key, after.as_ref()).await?;
            if page.uploads.iter().any(|open| open.key == upload.key && open.upload_id == upload.upload_id) {
                return Ok(true);
            }
            // In order of their keys: those of this one come first.
            let is_past = page.uploads.last().is_some_and(|last| last.key != upload.key);
            if is_past || page.next.is_none() {
                return Ok(false);
            }
            after = page.next;
        }
    }
}
