use std::time::Duration;

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};

use super::Archive;
use crate::backoff;
use crate::catalogue::{AssetRecord, CatalogueError, NewAsset};
use crate::key::ObjectKey;
use crate::storage::{Presence, PublishId, Storage, StorageError};

/// Objects deleted at once.
const AT_ONCE: usize = 8;
/// The wait after the first failure of an object's deletion; doubled with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(60);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 60 * 60);
/// Failures that a report names one by one.
const NAMED_MAX: usize = 100;

/// What became of objects that were to be deleted.
#[derive(Debug, Default)]
pub struct Removal {
    /// Assets whose objects are gone.
    pub removed: u64,
    /// How many failed; they are tried again.
    pub failed: u64,
    /// How many were not tried, because the store is away.
    pub left: u64,
    /// The first hundred failures.
    pub failures: Vec<NotRemoved>,
}

/// An object that is still there.
#[derive(Debug)]
pub struct NotRemoved {
    /// The asset.
    pub id: PublishId,
    /// Its key.
    pub key: ObjectKey,
    /// Why.
    pub error: RemoveError,
}

/// Why an object was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// The store did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It is in another store than that of the settings.
    #[error("the object is in {place}, but the settings name {configured}")]
    Elsewhere {
        /// The store that has it.
        place: String,
        /// The store of the settings.
        configured: String,
    },
}

impl Removal {
    /// Whether everything that was to be deleted is.
    pub fn is_complete(&self) -> bool {
        self.failed == 0 && self.left == 0
    }

    pub(super) fn is_store_away(&self) -> bool {
        let away =
            |failure: &NotRemoved| matches!(&failure.error, RemoveError::Storage(error) if error.is_storage_away());
        self.failures.iter().any(away)
    }

    pub(super) fn add(&mut self, other: Self) {
        self.removed += other.removed;
        self.failed += other.failed;
        self.left += other.left;
        let room = NAMED_MAX.saturating_sub(self.failures.len());
        self.failures.extend(other.failures.into_iter().take(room));
    }
}

impl Archive {
    /// Deletes the objects of assets that are marked, and notes for each how that ended. A store that is away is asked for a
    /// few objects only.
    pub(crate) async fn remove_all(&self, records: Vec<AssetRecord>) -> Result<Removal, CatalogueError> {
        let mut all = Removal::default();
        let mut records = records.into_iter();
        loop {
            let some: Vec<_> = records.by_ref().take(AT_ONCE * 4).collect();
            if some.is_empty() {
                return Ok(all);
            }
            all.add(self.remove_some(some).await?);
            if all.is_store_away() {
                all.left += records.len() as u64;
                return Ok(all);
            }
        }
    }

    async fn remove_some(&self, records: Vec<AssetRecord>) -> Result<Removal, CatalogueError> {
        let removals = records.into_iter().map(|record| async move {
            let removed = self.remove(&record).await;
            (record, removed)
        });
        let ended: Vec<_> = futures::stream::iter(removals).buffer_unordered(AT_ONCE).collect().await;
        let (mut removal, mut gone, now) = (Removal::default(), Vec::new(), Timestamp::now());
        for (record, removed) in ended {
            let (id, key) = (record.asset.id, record.asset.key);
            let Err(error) = removed else {
                gone.push(id);
                continue;
            };
            tracing::warn!(asset = %id, %key, %error, "delete an object");
            let failures = record.deletion.map_or(0, |deletion| deletion.attempts) + 1;
            let wait = SignedDuration::try_from(backoff::wait(failures, FIRST_WAIT, LONGEST_WAIT)).unwrap_or_default();
            self.catalogue.delete_failed(id, &error.to_string(), now.checked_add(wait).unwrap_or(now)).await?;
            removal.failed += 1;
            removal.failures.push(NotRemoved { id, key, error });
        }
        self.catalogue.deleted(&gone, now).await?;
        removal.removed = gone.len() as u64;
        Ok(removal)
    }

    /// Deletes the object of one asset, in every store that the storage stands for: in the directory first, see
    /// [`BothStorage`](crate::storage::BothStorage). An error names the store that still has it.
    async fn remove(&self, record: &AssetRecord) -> Result<(), RemoveError> {
        let asset = &record.asset;
        if !self.has(&asset.place) {
            return Err(RemoveError::Elsewhere { place: asset.place.clone(), configured: self.place() });
        }
        match self.storage.as_both() {
            None => remove_own(&*self.storage, asset).await?,
            Some(both) => {
                let local = remove_own(both.local(), asset).await;
                remove_own(both.s3(), asset).await?;
                local?;
            }
        }
        Ok(())
    }
}

/// An object under the key that does not name this publish is somebody else's and is left alone: that of the asset is gone
/// already.
async fn remove_own(store: &dyn Storage, asset: &NewAsset) -> Result<(), StorageError> {
    match store.head(&asset.key).await? {
        Presence::Absent => return Ok(()),
        Presence::Present(info) => {
            if info.publish_id() != Some(asset.id) {
                tracing::warn!(asset = %asset.id, key = %asset.key, "the key has an object of somebody else, which stays");
                return Ok(());
            }
        }
        // The credentials may delete what they may not look at.
        Presence::Unknown => {}
    }
    store.delete(&asset.key).await
}
