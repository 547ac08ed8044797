//! What is left to do after a process ended in the middle: each publish goes on where it was, or is given up by name.
//!
//! A publish is taken up by whoever locks its file; one whose file is locked is under way somewhere. What is found:
//!
//! | state | file | what follows |
//! |---|---|---|
//! | recorded, deleted | any | the file goes if it was to go; the answer stands |
//! | before | there | the object, if it is there and the file, is recorded; else the upload goes on, sending what is missing |
//! | before | gone or changed | the object, if it is there and proven by its checksum, is recorded; else uploads of the key are aborted and the publish has failed |
//!
//! A store that cannot be reached leaves the publish as it is, for the next time.

use std::io;
use std::sync::Arc;

use futures::StreamExt as _;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::journal::Which;
use super::state::{Entry, Recorded, State};
use super::{Asset, Failure, JournalError, Patience, PublishError, Publisher, Work};
use crate::outbox::{Claimed, DataDir, Reopened};
use crate::storage::{
    Durability, Integrity, ObjectInfo, Presence, PutProgress, Source, Storage as _, StorageError, checksum_of, place_of,
};

/// Publishes that are taken up at once: each waits for a store's answers most of the time. What of them is sent at once is the
/// storage's matter.
const AT_ONCE: usize = 16;

/// What a recovery found and did.
#[derive(Debug, Default)]
pub struct Recovery {
    /// Every publish that was not settled, and behind them those whose object was still to go to another store.
    pub publishes: Vec<(Entry, Recovered)>,
    /// How many others wait for their object to be moved ([`Moving::waiting`](super::Moving::waiting)).
    pub waiting: u64,
    /// Directories of jobs whose host is gone, which were deleted.
    pub outboxes: u64,
    /// Staged files that no publish had begun with, which were deleted.
    pub files: u64,
}

/// What became of one publish.
#[derive(Debug)]
pub enum Recovered {
    /// It is published.
    Published(Box<Asset>),
    /// It was published before, and its object is now in the store where it belongs.
    Moved(Box<Asset>),
    /// Another process works on it.
    UnderWay,
    /// It has failed for a reason that does not go away by itself. Its file is kept.
    Failed(PublishError),
    /// Its file is gone or was changed, and its object is not there: nothing can be tried again.
    Lost(String),
    /// It is as it was: the store cannot be reached, or the recovery was stopped.
    Left(PublishError),
}

impl Recovered {
    /// After one publish of a batch: waits where the store is left alone for a while. Answers whether to take the publish up
    /// once more.
    pub async fn waited(&self, patience: &Patience, cancel: &CancellationToken) -> bool {
        match self {
            Self::Left(PublishError::Storage { error, .. }) => patience.note(error) && patience.wait(cancel).await,
            Self::Published(_) | Self::Moved(_) => {
                patience.renew();
                false
            }
            _ => false,
        }
    }
}

impl Publisher {
    /// Takes up every publish that is not settled and that no living process works on, several at once.
    ///
    /// If `cancel` fires, the publishes at hand stay as they are; so do those behind them.
    pub async fn recover(&self, data: &Arc<DataDir>, cancel: &CancellationToken) -> Result<Recovery, JournalError> {
        let (mut recovery, patience) = (Recovery::default(), Patience::default());
        let mut after = None;
        while !cancel.is_cancelled() {
            let page = self.journal.entries(Which::Unfinished, after, 100).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.publish);
            let taken = page.into_iter().map(async |entry| {
                if cancel.is_cancelled() {
                    return Ok(None);
                }
                self.take_up_patiently(data, entry, &patience, cancel).await.map(Some)
            });
            // All come to their end, also where one fails: what is under way is not to be dropped.
            let taken: Vec<_> = futures::stream::iter(taken).buffered(AT_ONCE).collect().await;
            for taken in taken {
                let Some(mut taken) = taken? else { continue };
                // An operator may have published one file several times, and one of the others had it locked. Now none has.
                if matches!(taken.1, Recovered::UnderWay) && !cancel.is_cancelled() {
                    taken = self.take_up_patiently(data, taken.0, &patience, cancel).await?;
                }
                recovery.publishes.push(taken);
            }
        }
        Ok(recovery)
    }

    async fn take_up_patiently(
        &self,
        data: &Arc<DataDir>,
        entry: Entry,
        patience: &Patience,
        cancel: &CancellationToken,
    ) -> Result<(Entry, Recovered), JournalError> {
        let mut recovered = self.take_up(data, entry.clone(), cancel).await?;
        while recovered.waited(patience, cancel).await {
            recovered = self.take_up(data, entry.clone(), cancel).await?;
        }
        Ok((entry, recovered))
    }

    /// Takes up one publish, whatever state it is in. One that had failed is tried again.
    pub(crate) async fn take_up(
        &self,
        data: &Arc<DataDir>,
        entry: Entry,
        cancel: &CancellationToken,
    ) -> Result<Recovered, JournalError> {
        let reopened = {
            let (data, publish) = (Arc::clone(data), entry.publish);
            let (path, mark) = (entry.intent.staged.clone(), entry.intent.mark);
            spawn_blocking(move || Claimed::reopen(&data, publish, &path, mark)).await
        };
        let reopened = reopened.unwrap_or_else(|error| Err(io::Error::other(error)));
        let (claimed, why) = match reopened {
            Ok(Reopened::InUse) => return Ok(Recovered::UnderWay),
            Ok(Reopened::Claimed(claimed)) => (Some(Arc::new(claimed)), String::new()),
            Ok(Reopened::Gone) => (None, "its file is gone".to_owned()),
            Ok(Reopened::Changed(how)) => (None, format!("its file was changed: {how}")),
            Err(error) => (None, format!("its file cannot be opened: {error}")),
        };
        // Its last process may have come to an end between the list and the lock.
        let Some(entry) = self.journal.entry(entry.publish).await? else { return Ok(Recovered::UnderWay) };
        if entry.state.is_published() {
            return Ok(Recovered::UnderWay);
        }
        let (publish, path) = (entry.publish, entry.intent.staged.clone());
        let had_failed = matches!(entry.state, State::Failed(_));
        tracing::info!(%publish, key = %entry.intent.key, state = entry.state.name(), "take up a publish");
        let settled = match claimed {
            Some(claimed) => self.go_on(entry, claimed, cancel).await,
            None => {
                let settled = self.without_file(entry, why).await;
                if settled.is_ok() {
                    // What a power cut has left of a staged file is nobody's any more.
                    let (data, name) = (Arc::clone(data), publish.to_string().into());
                    let swept = move || data.abandoned(name).map_or(Ok(()), |rest| data.remove_abandoned(&rest));
                    if let Ok(Err(error)) = spawn_blocking(swept).await {
                        tracing::warn!(%publish, %error, "delete what is left of a staged file");
                    }
                }
                settled
            }
        };
        Ok(match settled {
            Ok(asset) => Recovered::Published(Box::new(asset)),
            Err(Failure::Storage(error)) if may_pass(&error, cancel) => {
                if had_failed {
                    self.journal.advance(publish, State::Failed(error.to_string())).await?;
                }
                Recovered::Left(Failure::Storage(error).keeping(path))
            }
            Err(Failure::Journal(error)) => return Err(error),
            Err(failure) => {
                self.journal.advance(publish, State::Failed(failure.to_string())).await?;
                match failure {
                    Failure::NoFile(why) => Recovered::Lost(why),
                    failure => Recovered::Failed(failure.keeping(path)),
                }
            }
        })
    }

    async fn go_on(&self, entry: Entry, claimed: Arc<Claimed>, cancel: &CancellationToken) -> Result<Asset, Failure> {
        let remove = entry.intent.remove;
        if let Some(recorded) = entry.recorded {
            let asset = self.asset(entry.identity, entry.intent.class, entry.publish, recorded).await?;
            return Ok(self.finish(asset, &claimed, remove).await);
        }
        if matches!(entry.state, State::Failed(_)) {
            self.advance(entry.publish, State::Intent).await?;
        }
        let (found, is_away) = match self.find(&entry, &claimed).await {
            // The put will find its own object, or do without S3.
            Err(Failure::Storage(error)) if error.is_outage() && self.storage.as_both().is_some() => (None, true),
            found => (found?, false),
        };
        let recorded = match found {
            Some(recorded) => {
                self.discard_twin(&entry, &recorded).await;
                recorded
            }
            None => self.put_again(&entry, &claimed, is_away, cancel).await?,
        };
        self.advance(entry.publish, State::Verified).await?;
        let asset = self.record(entry.identity, entry.publish, entry.intent.class, recorded).await?;
        Ok(self.finish(asset, &claimed, remove).await)
    }

    /// Goes on with the upload that the journal knows, or begins one.
    async fn put_again(
        &self,
        entry: &Entry,
        claimed: &Arc<Claimed>,
        is_away: bool,
        cancel: &CancellationToken,
    ) -> Result<Recorded, Failure> {
        let resume = entry.upload.clone();
        let is_begun_anew = resume.is_none() && !is_away;
        if is_begun_anew {
            // An upload may have been created whose id never came to the journal.
            self.discard_uploads(entry).await;
        }
        let (identity, publish, intent) = (entry.identity.clone(), entry.publish, &entry.intent);
        let put = self.put(&Work { identity, publish, intent, resume }, claimed, &|_: PutProgress| {}, cancel).await;
        match &put {
            Ok(recorded) if !is_begun_anew => self.discard_twin(entry, recorded).await,
            Err(Failure::Storage(error)) if !is_begun_anew && !may_pass(error, cancel) => {
                self.discard_uploads(entry).await;
            }
            _ => {}
        }
        put
    }

    /// The object is there. A process before this one may have been about to abort an upload that it had asked for twice.
    ///
    /// What is in the directory alone is yet to be moved to S3, perhaps by an upload that is open.
    async fn discard_twin(&self, entry: &Entry, recorded: &Recorded) {
        if recorded.durability != Durability::Local {
            self.discard_uploads(entry).await;
        }
    }

    /// The object of this publish, if it is there and is the file. A mirror has it only where the directory does.
    async fn find(&self, entry: &Entry, claimed: &Arc<Claimed>) -> Result<Option<Recorded>, Failure> {
        let mut copies = self.own_objects(entry).await?;
        copies.retain(|copy| copy.info.checksum.is_some());
        if copies.is_empty() {
            return Ok(None);
        }
        let file = Arc::clone(claimed) as Arc<dyn Source>;
        let Ok(checksum) = checksum_of(file).await else { return Ok(None) };
        copies.retain(|copy| copy.info.checksum == Some(checksum));
        let is_half = |copy: &Copy| copy.durability == Durability::S3 && self.storage.durability() == Durability::Both;
        Ok(Copy::joined(copies).filter(|copy| !is_half(copy)).map(|copy| self.recorded(entry, copy, checksum.0)))
    }

    /// Without its file a publish stands only if its object is there whole.
    async fn without_file(&self, entry: Entry, why: String) -> Result<Asset, Failure> {
        if let Some(recorded) = entry.recorded {
            let asset = self.asset(entry.identity, entry.intent.class, entry.publish, recorded).await?;
            self.note(asset.publish, State::Replied).await;
            return Ok(asset);
        }
        let mut copies = self.own_objects(&entry).await?;
        let checksum = copies.iter().find_map(|copy| copy.info.checksum);
        copies.retain(|copy| checksum.is_some() && copy.info.checksum == checksum);
        let Some((copy, checksum)) = Copy::joined(copies).zip(checksum) else {
            self.discard_uploads(&entry).await;
            return Err(Failure::NoFile(why));
        };
        if matches!(entry.state, State::Failed(_)) {
            self.advance(entry.publish, State::Intent).await?;
        }
        let recorded = self.recorded(&entry, copy, checksum.0);
        self.discard_twin(&entry, &recorded).await;
        self.advance(entry.publish, State::Verified).await?;
        let asset = self.record(entry.identity, entry.publish, entry.intent.class, recorded).await?;
        self.note(asset.publish, State::Replied).await;
        Ok(asset)
    }

    /// The objects under the publish's key that are this publish's and of its file's size; that in S3 first. A store that
    /// is away is passed over where the other has one.
    async fn own_objects(&self, entry: &Entry) -> Result<Vec<Copy>, Failure> {
        let key = &entry.intent.key;
        let own = |presence: Presence, durability| match presence {
            Presence::Present(info) => {
                info.is_of(entry.publish, entry.intent.bytes).then_some(Copy { info, durability })
            }
            Presence::Absent | Presence::Unknown => None,
        };
        let Some(both) = self.storage.as_both() else {
            let presence = self.storage.head(key).await.map_err(Failure::Storage)?;
            return Ok(own(presence, self.storage.durability()).into_iter().collect());
        };
        let s3 = both.s3().head(key).await.map(|presence| own(presence, Durability::S3));
        let local = both.local().head(key).await.map(|presence| own(presence, Durability::Local));
        match (s3, local) {
            (Ok(s3), Ok(local)) => Ok(s3.into_iter().chain(local).collect()),
            (Ok(Some(copy)), _) | (_, Ok(Some(copy))) => Ok(vec![copy]),
            (Err(error), _) | (_, Err(error)) => Err(Failure::Storage(error)),
        }
    }

    pub(super) async fn discard_uploads(&self, entry: &Entry) {
        if let Err(error) = self.storage.discard_unfinished(&entry.intent.key).await {
            tracing::warn!(publish = %entry.publish, %error, "look for uploads of an interrupted publish");
        }
    }

    fn recorded(&self, entry: &Entry, copy: Copy, checksum: u64) -> Recorded {
        Recorded {
            key: entry.intent.key.clone(),
            kind: entry.intent.kind,
            size: copy.info.size,
            checksum,
            integrity: Integrity::FullObject,
            durability: copy.durability,
            place: Some(place_of(&*self.storage)),
            pending: self.pending(copy.durability),
            version_id: copy.info.version_id,
            facts: entry.intent.facts.clone(),
        }
    }
}

/// Whether a later try may do better than this one.
fn may_pass(error: &StorageError, cancel: &CancellationToken) -> bool {
    error.is_retryable() || error.is_storage_away() || cancel.is_cancelled()
}

/// An object of a publish, and where it is.
#[derive(Debug)]
struct Copy {
    info: ObjectInfo,
    durability: Durability,
}

impl Copy {
    /// Several objects that are the same, as one.
    fn joined(copies: Vec<Self>) -> Option<Self> {
        let durability = if copies.len() > 1 { Some(Durability::Both) } else { None };
        let first = copies.into_iter().next()?;
        Some(Self { durability: durability.unwrap_or(first.durability), ..first })
    }
}
