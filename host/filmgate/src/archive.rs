//! What a host has published: URLs made anew from the record (C2), deletion in every store (C6, E4), and the clean-up that
//! enforces retention.

mod clean;
mod projection;
mod remove;
mod retention;
mod verify;

pub use clean::{CleanOptions, CleanReport};
pub(crate) use projection::asset_of;
pub use remove::{NotRemoved, Removal, RemoveError};
pub use retention::RetentionPolicy;
pub use verify::Mismatch;

use std::sync::Arc;

use jiff::Timestamp;

use crate::catalogue::{
    AssetFilter, AssetRecord, AssetState, AuditAction, AuditEntry, Catalogue, CatalogueError, Deletion, Page, SessionId,
};
use crate::layout::Layouts;
use crate::storage::{LOCAL, PublishId, Storage, StorageError, place_of};
use crate::url::{AssetUrl, UrlPolicy};

/// The records of a host together with the storage they speak of. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Archive {
    catalogue: Arc<dyn Catalogue>,
    storage: Arc<dyn Storage>,
    urls: UrlPolicy,
    layouts: Layouts,
    retention: RetentionPolicy,
}

/// Why an archive did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The catalogue failed.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Nothing of this name is on record.
    #[error("{what} {name} is not on record")]
    Unknown {
        /// `asset` or `session`.
        what: &'static str,
        /// Its id.
        name: String,
    },
    /// The asset was deleted.
    #[error("asset {id} is gone: it was deleted at {at}")]
    Gone {
        /// The asset.
        id: PublishId,
        /// When its deletion was asked for.
        at: Timestamp,
    },
    /// The asset is in another store than that of the settings.
    #[error("asset {id} is in {place}, but the settings name {configured}")]
    Elsewhere {
        /// The asset.
        id: PublishId,
        /// The store that has it.
        place: String,
        /// The store of the settings.
        configured: String,
    },
}

/// Assets a page of the clean-up holds.
const PAGE: u32 = 200;

impl Archive {
    /// Puts an archive together. Nothing is opened.
    pub fn new(
        catalogue: Arc<dyn Catalogue>,
        storage: Arc<dyn Storage>,
        urls: UrlPolicy,
        layouts: Layouts,
        retention: RetentionPolicy,
    ) -> Self {
        Self { catalogue, storage, urls, layouts, retention }
    }

    /// The records.
    pub fn catalogue(&self) -> &Arc<dyn Catalogue> {
        &self.catalogue
    }

    /// The store of the settings.
    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Which URLs are handed out.
    pub(crate) fn urls(&self) -> &UrlPolicy {
        &self.urls
    }

    /// The layouts of the settings.
    pub(crate) fn layouts(&self) -> &Layouts {
        &self.layouts
    }

    /// The store of the settings as records name it: `local`, or `s3://` and the bucket.
    pub fn place(&self) -> String {
        place_of(&*self.storage)
    }

    /// A new URL for an asset, by the URL policy. Who asks is written into the audit log first: without that there is no URL.
    ///
    /// `download_name` is that of [`UrlPolicy::url_for`].
    pub async fn url(&self, id: PublishId, download_name: Option<&str>, actor: &str) -> Result<AssetUrl, ArchiveError> {
        let record = self.asset(id).await?;
        let denial = self.denial(&record);
        let entry = AuditEntry {
            at: Timestamp::now(),
            actor: actor.to_owned(),
            action: AuditAction::Url,
            subject: id.to_string(),
            granted: denial.is_none(),
            detail: denial.as_ref().map(ToString::to_string),
        };
        self.catalogue.audit(&entry).await?;
        if let Some(denial) = denial {
            return Err(denial);
        }
        let asset = &record.asset;
        Ok(self.urls.url_at(&*self.storage, asset.durability, &asset.key, asset.class, download_name).await?)
    }

    /// An asset on record, deleted or not.
    pub async fn asset(&self, id: PublishId) -> Result<AssetRecord, ArchiveError> {
        let found = self.catalogue.asset(id).await?;
        found.ok_or_else(|| ArchiveError::Unknown { what: "asset", name: id.to_string() })
    }

    /// Whether an asset could be linked to: it is on record as stored, and in a store of the settings. Nothing is written.
    pub(crate) async fn is_there(&self, id: PublishId) -> Result<(), ArchiveError> {
        let record = self.asset(id).await?;
        self.denial(&record).map_or(Ok(()), Err)
    }

    fn denial(&self, record: &AssetRecord) -> Option<ArchiveError> {
        let id = record.asset.id;
        if record.state != AssetState::Stored {
            let at = record.deletion.as_ref().map(|deletion| deletion.asked.at);
            return Some(ArchiveError::Gone { id, at: at.unwrap_or(record.asset.stored_at) });
        }
        let (place, configured) = (&record.asset.place, self.place());
        (!self.has(place)).then(|| ArchiveError::Elsewhere { id, place: place.clone(), configured })
    }

    /// Whether a place of the records is a store of the settings.
    pub(crate) fn has(&self, place: &str) -> bool {
        place == self.place() || place == LOCAL && self.storage.as_both().is_some()
    }

    /// Deletes an asset: in the record first, so that nobody gets it any more, then in its store. What the store does not
    /// delete now is left for [`Archive::clean`]; the answer names it.
    ///
    /// An asset whose objects are gone already is [`ArchiveError::Gone`].
    pub async fn delete(&self, id: PublishId, deletion: &Deletion) -> Result<Removal, ArchiveError> {
        let record = self.asset(id).await?;
        match record.state {
            AssetState::Gone => {
                let at = record.deletion.map_or(record.asset.stored_at, |deletion| deletion.asked.at);
                return Err(ArchiveError::Gone { id, at });
            }
            AssetState::Deleting => {}
            AssetState::Stored => {
                let filter = AssetFilter { id: Some(id), ..AssetFilter::default() };
                self.catalogue.delete_assets(&filter, deletion, 1).await?;
            }
        }
        Ok(self.remove_all(vec![record]).await?)
    }

    /// Deletes a session with every asset of it, in the record first and then in the store (C6).
    pub async fn delete_session(&self, id: &SessionId, deletion: &Deletion) -> Result<Removal, ArchiveError> {
        if self.catalogue.delete_session(id, deletion).await?.is_none() {
            return Err(ArchiveError::Unknown { what: "session", name: id.to_string() });
        }
        let filter = AssetFilter {
            user: Some(id.user.clone()),
            session: Some(id.session.clone()),
            state: Some(AssetState::Deleting),
            ..AssetFilter::default()
        };
        self.remove_pages(&filter).await
    }

    /// Takes away the objects of all assets to be deleted that a filter names, page by page.
    async fn remove_pages(&self, filter: &AssetFilter) -> Result<Removal, ArchiveError> {
        let mut all = Removal::default();
        let mut page = Page::first(PAGE);
        loop {
            let records = self.catalogue.assets(filter, page).await?;
            let Some(last) = records.last() else { return Ok(all) };
            page = Page::after(last.asset.id, PAGE);
            all.add(self.remove_all(records).await?);
            if all.is_store_away() {
                all.left += self.count(filter, page).await?;
                return Ok(all);
            }
        }
    }

    async fn count(&self, filter: &AssetFilter, mut page: Page<PublishId>) -> Result<u64, ArchiveError> {
        let mut count = 0;
        loop {
            let records = self.catalogue.assets(filter, page).await?;
            let Some(last) = records.last() else { return Ok(count) };
            count += records.len() as u64;
            page = Page::after(last.asset.id, PAGE);
        }
    }
}
