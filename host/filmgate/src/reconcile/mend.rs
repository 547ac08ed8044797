//! What mends a finding, done for many at once: a transaction of the catalogue waits for the disk.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Finding, Outcome, Pass, ReconcileError};
use crate::archive::asset_of;
use crate::catalogue::{AssetFilter, AssetRecord, Batch, Deletion, NewAsset};
use crate::key::ObjectKey;
use crate::publish::{Entry, Recovered};
use crate::storage::PublishId;

/// Who marks records, for the audit log.
const ACTOR: &str = "reconcile";

/// A finding and what would mend it.
pub(super) struct Draft {
    pub(super) finding: Finding,
    pub(super) mend: Mend,
}

pub(super) enum Mend {
    /// Nothing does, for this reason.
    Nothing(String),
    /// There is no rule.
    NoRule,
    /// The record is written.
    Record(Box<NewAsset>),
    /// The record is written, from the journal.
    Project(Box<Entry>),
    /// The asset is marked gone.
    Gone(PublishId),
    /// The object of a deleted asset is deleted.
    Remove(Box<AssetRecord>),
    /// The publish goes on, or is tried again.
    TakeUp(Box<Entry>),
    /// The uploads of the key are aborted.
    Abort(ObjectKey),
}

impl Pass<'_> {
    /// Mends what is to be mended, and tells all of it in its order.
    pub(super) async fn settle(&mut self, drafts: Vec<Draft>) -> Result<(), ReconcileError> {
        if !self.options.fix {
            drafts.iter().for_each(|draft| self.tell(&draft.finding));
            return Ok(());
        }
        let (mut batch, mut gone) = (Batch::default(), Vec::new());
        for draft in &drafts {
            match &draft.mend {
                Mend::Record(asset) => batch.assets.push((**asset).clone()),
                Mend::Project(entry) => batch.assets.extend(asset_of((**entry).clone(), &self.parts.archive.place())),
                Mend::Gone(id) => gone.push(*id),
                _ => {}
            }
        }
        let refused = self.record(&batch).await?;
        self.mark_gone(&gone).await?;
        for Draft { mut finding, mend } in drafts {
            let outcome = match mend {
                Mend::Nothing(why) => Some(Outcome::Left(why)),
                Mend::NoRule => Some(Outcome::Found),
                Mend::Record(asset) => Some(recorded(&refused, asset.id, "recorded from its metadata")),
                Mend::Project(entry) => Some(recorded(&refused, entry.publish, "recorded from the journal")),
                Mend::Gone(_) => Some(Outcome::Mended("the asset is marked gone".to_owned())),
                Mend::Remove(record) => Some(self.remove(*record).await?),
                Mend::TakeUp(entry) => self.take_up(*entry).await?,
                Mend::Abort(key) => Some(self.abort(&key).await),
            };
            if let Some(outcome) = outcome {
                finding.outcome = outcome;
                self.tell(&finding);
            }
        }
        Ok(())
    }

    /// Writes records; answers those that the catalogue did not take.
    async fn record(&self, batch: &Batch) -> Result<HashMap<PublishId, String>, ReconcileError> {
        if batch.is_empty() {
            return Ok(HashMap::new());
        }
        let projected = self.parts.archive.catalogue().project(batch).await?;
        let why = "another asset on record has the same job, slot and sequence";
        let refused: HashMap<_, _> = projected.disagreements.into_iter().map(|id| (id, why.to_owned())).collect();
        let taken = batch.assets.iter().filter(|asset| !refused.contains_key(&asset.id));
        let taken: Vec<_> = taken.map(|asset| (asset.id, asset.durability)).collect();
        // Those that the journal does not know change nothing there.
        self.parts.journal().catalogued(&taken).await?;
        Ok(refused)
    }

    async fn mark_gone(&self, ids: &[PublishId]) -> Result<(), ReconcileError> {
        if ids.is_empty() {
            return Ok(());
        }
        let (catalogue, at) = (self.parts.archive.catalogue(), Timestamp::now());
        let reason = "its object is missing in the store".to_owned();
        let deletion = Deletion { at, by: ACTOR.to_owned(), reason };
        for id in ids {
            let filter = AssetFilter { id: Some(*id), ..AssetFilter::default() };
            catalogue.delete_assets(&filter, &deletion, 1).await?;
        }
        catalogue.deleted(ids, at).await?;
        Ok(())
    }

    async fn remove(&self, record: AssetRecord) -> Result<Outcome, ReconcileError> {
        let removal = self.parts.archive.remove_all(vec![record]).await?;
        let failure = removal.failures.first().map(|failure| failure.error.to_string());
        Ok(match failure {
            None => Outcome::Mended("the object is deleted".to_owned()),
            Some(error) => Outcome::Left(error),
        })
    }

    async fn abort(&self, key: &ObjectKey) -> Outcome {
        match self.parts.archive.storage().discard_unfinished(key).await {
            Ok(_) => Outcome::Mended("the upload is aborted".to_owned()),
            Err(error) => Outcome::Left(error.to_string()),
        }
    }

    /// Goes on with a publish and records it. `None`: somebody else works on it after all.
    async fn take_up(&self, entry: Entry) -> Result<Option<Outcome>, ReconcileError> {
        let (parts, publish) = (self.parts, entry.publish);
        let recovered = parts.publisher.take_up(&parts.data, entry, self.cancel).await?;
        Ok(match recovered {
            Recovered::UnderWay => None,
            Recovered::Failed(error) => Some(Outcome::Left(format!("it has failed: {error}"))),
            Recovered::Lost(why) => Some(Outcome::Left(format!("it is lost: {why}"))),
            Recovered::Left(error) => Some(Outcome::Left(error.to_string())),
            Recovered::Published(_) | Recovered::Moved(_) => {
                let known = parts.journal().entry(publish).await?;
                let asset = known.and_then(|entry| asset_of(entry, &parts.archive.place()));
                let batch = Batch { jobs: Vec::new(), assets: asset.into_iter().collect() };
                let refused = self.record(&batch).await?;
                Some(recorded(&refused, publish, "published and recorded"))
            }
        })
    }

    /// Runs something that blocks on the data directory.
    pub(super) async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<crate::outbox::DataDir>) -> T + Send + 'static,
    ) -> Result<T, ReconcileError> {
        let data = Arc::clone(&self.parts.data);
        Ok(tokio::task::spawn_blocking(move || work(&data)).await.map_err(std::io::Error::other)?)
    }
}

fn recorded(refused: &HashMap<PublishId, String>, id: PublishId, how: &str) -> Outcome {
    match refused.get(&id) {
        None => Outcome::Mended(how.to_owned()),
        Some(why) => Outcome::Left(why.clone()),
    }
}
