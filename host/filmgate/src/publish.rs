//! From a claimed file to an object with a URL, exactly once.
//!
//! Order of the end: the storage proves the object, the answer is journalled, the local file is deleted, the caller hears
//! of it. Whatever fails before the answer is journalled keeps the local file.

mod journal;
mod memory;
mod moving;
mod patience;
mod recover;
mod sqlite;
mod state;

pub use journal::{Begin, Journal, JournalError, KeyedJob, Noted, Which};
pub use memory::MemoryJournal;
pub use moving::Moving;
pub use patience::Patience;
pub use recover::{Recovered, Recovery};
pub use sqlite::SqliteJournal;
pub use state::{Entry, Identity, Intent, Pending, Recorded, State};

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::checksum::Crc64Nvme;
use crate::job::{Refs, UserId};
use crate::key::ObjectKey;
use crate::media::{MediaFacts, MediaKind};
use crate::outbox::Claimed;
use crate::plugin::PluginDigest;
use crate::storage::{
    Durability, Integrity, PublishId, PutObserver, PutProgress, PutRequest, PutStep, Source, Storage, StorageError,
    StorageFault, UploadResume, place_of,
};
use crate::url::{AssetUrl, UrlClass, UrlPolicy};

/// One published file and where it can be had.
#[derive(Debug, Clone)]
pub struct Asset {
    /// What was published: job, slot and sequence.
    pub identity: Identity,
    /// Id of the publish, also in the object's metadata.
    pub publish: PublishId,
    /// The object's key.
    pub key: ObjectKey,
    /// Where it can be fetched.
    pub url: AssetUrl,
    /// Bytes.
    pub size: u64,
    /// What the bytes are.
    pub kind: MediaKind,
    /// CRC64NVME of all bytes.
    pub checksum: Crc64Nvme,
    /// How far the stored object was compared with the file.
    pub integrity: Integrity,
    /// Where the bytes are safe.
    pub durability: Durability,
    /// The bucket's version id, where it keeps versions.
    pub version_id: Option<String>,
    /// What the file holds, where it was examined.
    pub facts: Option<MediaFacts>,
    /// The file itself, where it was to be deleted and could not be.
    pub kept: Option<PathBuf>,
}

/// What is to be published, decided before the first byte is sent.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Job, slot and sequence.
    pub identity: Identity,
    /// A new id.
    pub publish: PublishId,
    /// Whose file it is.
    pub user: UserId,
    /// When its job was accepted.
    pub accepted_at: Timestamp,
    /// The ids its job's layout uses.
    pub refs: Refs,
    /// The plugin that made it; absent for a file of the operator's.
    pub plugin: Option<PluginDigest>,
    /// Unique to the identity.
    pub key: ObjectKey,
    /// What the first bytes say.
    pub kind: MediaKind,
    /// What the examination found, where there was one.
    pub facts: Option<MediaFacts>,
    /// How long URLs of this slot live.
    pub class: UrlClass,
    /// Kept with the object.
    pub metadata: BTreeMap<String, String>,
}

/// Why a claimed file was not published. The file is still on disk.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The storage did not take it, or could not prove that it has it.
    #[error("{error}; the file is kept at {kept:?}")]
    Storage {
        /// What the storage answered.
        #[source]
        error: StorageError,
        /// Where the file is.
        kept: PathBuf,
    },
    /// The journal failed.
    #[error("{error}; the file is kept at {kept:?}")]
    Journal {
        /// What failed.
        #[source]
        error: JournalError,
        /// Where the file is.
        kept: PathBuf,
    },
    /// The file of an interrupted publish is not there any more, or not as it was, and neither is its object.
    #[error("{why}: {path:?}")]
    NoFile {
        /// What became of it.
        why: String,
        /// Where it was.
        path: PathBuf,
    },
    /// An earlier publish of the same identity is under way or has failed.
    #[error("{identity} was handed over before and is {state}; the file is kept at {kept:?}")]
    Taken {
        /// Which one.
        identity: Identity,
        /// What became of it.
        state: &'static str,
        /// Where the file is.
        kept: PathBuf,
    },
}

/// Publishes claimed files to one storage.
#[derive(Debug)]
pub struct Publisher {
    storage: Arc<dyn Storage>,
    journal: Arc<dyn Journal>,
    urls: UrlPolicy,
}

impl Publisher {
    /// Wires a publisher.
    pub fn new(storage: Arc<dyn Storage>, journal: Arc<dyn Journal>, urls: UrlPolicy) -> Self {
        Self { storage, journal, urls }
    }

    /// The storage it publishes to.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Where the progress of publishes is kept.
    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }

    /// Publishes one claimed file and, with `remove`, deletes it once the answer is journalled (A3).
    ///
    /// Asked again for an identity that was recorded before, it answers what was recorded then and stores nothing. A staged
    /// file that was made again for it is deleted; an operator's own only if that is the very file it recorded.
    /// `sent` hears of bytes and parts acknowledged. If `cancel` fires, what was started is aborted. If the future is dropped, the
    /// journal's last state says what is to be recovered.
    pub async fn publish(
        &self,
        plan: Plan,
        claimed: Arc<Claimed>,
        remove: bool,
        sent: &(dyn Fn(PutProgress) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<Asset, PublishError> {
        let intent = plan.intent(&claimed, remove);
        let keeping = |failure: Failure| failure.keeping(claimed.path());
        let begun = self.journal.begin(plan.identity.clone(), plan.publish, intent.clone()).await;
        let (asset, remove) = match begun.map_err(Failure::Journal).map_err(keeping)? {
            Begin::New => {
                let work = Work { identity: plan.identity, publish: plan.publish, intent: &intent, resume: None };
                (self.store_and_record(work, &claimed, sent, cancel).await.map_err(keeping)?, remove)
            }
            Begin::Known(entry) if entry.state.is_published() => {
                let asset = self.known(*entry).await.map_err(keeping)?;
                // A plugin that ran again has made the file again.
                if claimed.is_staged() {
                    claimed.delete().await;
                }
                return Ok(asset);
            }
            Begin::Known(entry) => {
                let is_that_file = entry.publish == plan.publish || entry.intent.mark == claimed.mark();
                (self.known(*entry).await.map_err(keeping)?, remove && is_that_file)
            }
        };
        Ok(self.finish(asset, &claimed, remove).await)
    }

    /// The end of a recorded publish: the file goes, and the caller has the answer.
    async fn finish(&self, mut asset: Asset, claimed: &Arc<Claimed>, remove: bool) -> Asset {
        // A file that cannot be deleted does not undo a publish.
        if remove {
            let path = claimed.path();
            if Arc::clone(claimed).delete().await {
                self.note(asset.publish, State::Deleted).await;
            } else {
                asset.kept = Some(path);
            }
        }
        self.note(asset.publish, State::Replied).await;
        tracing::info!(
            job = %asset.identity.job, publish = %asset.publish, key = %asset.key, bytes = asset.size,
            checksum = %asset.checksum, integrity = ?asset.integrity, durability = %asset.durability, "published"
        );
        asset
    }

    async fn store_and_record(
        &self,
        work: Work<'_>,
        claimed: &Arc<Claimed>,
        sent: &(dyn Fn(PutProgress) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<Asset, Failure> {
        let publish = work.publish;
        let carried_out = self.carry_out(work, claimed, sent, cancel).await;
        if let Err(failure) = &carried_out {
            self.note(publish, State::Failed(failure.to_string())).await;
        }
        carried_out
    }

    async fn carry_out(
        &self,
        work: Work<'_>,
        claimed: &Arc<Claimed>,
        sent: &(dyn Fn(PutProgress) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<Asset, Failure> {
        let recorded = self.put(&work, claimed, sent, cancel).await?;
        self.advance(work.publish, State::Verified).await?;
        self.record(work.identity, work.publish, work.intent.class, recorded).await
    }

    /// The object is proven: its answer comes on record.
    async fn record(
        &self,
        identity: Identity,
        publish: PublishId,
        class: UrlClass,
        recorded: Recorded,
    ) -> Result<Asset, Failure> {
        let asset = self.asset(identity, class, publish, recorded.clone()).await?;
        self.advance(asset.publish, State::Recorded(recorded)).await?;
        Ok(asset)
    }

    async fn put(
        &self,
        work: &Work<'_>,
        claimed: &Arc<Claimed>,
        sent: &(dyn Fn(PutProgress) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<Recorded, Failure> {
        let (intent, holders) = (work.intent, Arc::strong_count(claimed));
        let observer = Journalling { publisher: self, publish: work.publish, sent };
        let request = PutRequest {
            key: &intent.key,
            file: Arc::clone(claimed) as Arc<dyn Source>,
            content_type: intent.kind.content_type(),
            user: Some(intent.user.as_str()),
            publish_id: work.publish,
            metadata: &intent.metadata,
            resume: work.resume.as_ref(),
            observer: &observer,
            cancel,
        };
        let stored = self.storage.put(request).await;
        if stored.is_err() {
            let_go(claimed, holders).await;
        }
        let stored = stored.map_err(Failure::Storage)?;
        Ok(Recorded {
            key: intent.key.clone(),
            kind: intent.kind,
            size: stored.size,
            checksum: stored.checksum.0,
            integrity: stored.integrity,
            durability: stored.durability,
            place: Some(place_of(&*self.storage)),
            pending: self.pending(stored.durability),
            version_id: stored.version_id,
            facts: intent.facts.clone(),
        })
    }

    /// The move that is to be made of an object that is where it is, if any.
    fn pending(&self, durability: Durability) -> Option<Pending> {
        let both = self.storage.as_both().filter(|both| both.durability() != durability)?;
        // What S3 alone has stays there: it is as safe as it can be.
        let is_in_directory = durability != Durability::S3;
        is_in_directory.then(|| Pending { to: both.durability(), from: both.local().describe() })
    }

    /// The identity was handed over before: its answer stands, whatever file came now.
    async fn known(&self, entry: Entry) -> Result<Asset, Failure> {
        match entry.recorded {
            Some(recorded) => self.asset(entry.identity, entry.intent.class, entry.publish, recorded).await,
            None => Err(Failure::Taken(entry.identity, entry.state.name())),
        }
    }

    async fn asset(
        &self,
        identity: Identity,
        class: UrlClass,
        publish: PublishId,
        recorded: Recorded,
    ) -> Result<Asset, Failure> {
        let url = self.urls.url_at(&*self.storage, recorded.durability, &recorded.key, class, None).await;
        let url = url.map_err(Failure::Storage)?;
        Ok(Asset {
            identity,
            publish,
            key: recorded.key,
            url,
            size: recorded.size,
            kind: recorded.kind,
            checksum: Crc64Nvme(recorded.checksum),
            integrity: recorded.integrity,
            durability: recorded.durability,
            version_id: recorded.version_id,
            facts: recorded.facts,
            kept: None,
        })
    }

    /// Nobody wants a failed publish any more, and its file is gone.
    pub(crate) async fn forget(&self, publish: PublishId) {
        if let Err(error) = self.journal.forget(publish).await {
            tracing::warn!(%publish, %error, "forget a publish");
        }
    }

    /// The answer of a publish that has one, with a new URL.
    pub(crate) async fn asset_of(&self, entry: Entry) -> Result<Asset, PublishError> {
        let kept = entry.intent.staged.clone();
        self.known(entry).await.map_err(|failure| failure.keeping(kept))
    }

    async fn advance(&self, publish: PublishId, state: State) -> Result<(), Failure> {
        self.journal.advance(publish, state).await.map_err(Failure::Journal)
    }

    /// For states nothing depends on: recovery finds the same from what is there.
    async fn note(&self, publish: PublishId, state: State) {
        let name = state.name();
        if let Err(error) = self.journal.advance(publish, state).await {
            tracing::warn!(%publish, state = name, %error, "journal a publish");
        }
    }
}

/// A read that was given up goes on until its bytes are there, and has the file locked: whoever hears of the end of a publish
/// is to find the file free, to try again.
async fn let_go(claimed: &Arc<Claimed>, holders: usize) {
    const PAUSE: Duration = Duration::from_millis(1);
    /// A file system that hangs is not waited for.
    const PAUSES: u32 = 1000;
    for _ in 0..PAUSES {
        if Arc::strong_count(claimed) <= holders {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One publish, as it was begun.
struct Work<'a> {
    identity: Identity,
    publish: PublishId,
    intent: &'a Intent,
    /// An upload of an earlier try.
    resume: Option<UploadResume>,
}

impl Plan {
    /// What a journal keeps of it; with `remove` the file is to go once it is published.
    pub fn intent(&self, claimed: &Claimed, remove: bool) -> Intent {
        // Another process may work in another directory.
        let staged = claimed.path();
        let staged = std::path::absolute(&staged).unwrap_or(staged);
        Intent {
            key: self.key.clone(),
            bytes: claimed.size(),
            kind: self.kind,
            staged,
            mark: claimed.mark(),
            remove,
            user: self.user.clone(),
            accepted_at: self.accepted_at,
            refs: self.refs.clone(),
            plugin: self.plugin,
            class: self.class,
            facts: self.facts.clone(),
            metadata: self.metadata.clone(),
        }
    }
}

/// A [`PublishError`] that does not know the file yet.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Storage(StorageError),
    #[error("{0}")]
    Journal(JournalError),
    #[error("{0} is {1}")]
    Taken(Identity, &'static str),
    #[error("{0}")]
    NoFile(String),
}

impl Failure {
    fn keeping(self, kept: PathBuf) -> PublishError {
        match self {
            Self::Storage(error) => PublishError::Storage { error, kept },
            Self::Journal(error) => PublishError::Journal { error, kept },
            Self::Taken(identity, state) => PublishError::Taken { identity, state, kept },
            Self::NoFile(why) => PublishError::NoFile { why, path: kept },
        }
    }
}

/// Writes the storage's steps into the journal before they happen.
struct Journalling<'a> {
    publisher: &'a Publisher,
    publish: PublishId,
    sent: &'a (dyn Fn(PutProgress) + Send + Sync),
}

#[async_trait]
impl PutObserver for Journalling<'_> {
    async fn step(&self, step: PutStep) -> Result<(), StorageError> {
        let state = match step {
            PutStep::Created { upload_id, part_bytes } => State::Created { upload_id, part_bytes },
            PutStep::Completing => State::Completing,
            PutStep::Aborted => State::Aborted,
        };
        self.publisher.journal.advance(self.publish, state).await.map_err(|error| {
            StorageError::new(StorageFault::Journal, "journal the upload", "journal", error.to_string())
        })
    }

    fn sent(&self, progress: PutProgress) {
        (self.sent)(progress);
    }
}
