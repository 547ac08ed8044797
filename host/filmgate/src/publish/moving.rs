//! What the directory keeps for S3 while that is away goes there once it is back (E1).
//!
//! | step | a crash behind it leaves | and the next run |
//! |---|---|---|
//! | the directory's object is put to S3: same key, publish id and metadata; proven | both objects, the record says `local` | puts it again, which finds its own object there |
//! | the record says `both`, in one transaction: URLs are S3's from now on, the catalogue is to learn of it | both objects | the same; a mirror is done |
//! | fallback: the directory's object is deleted | that in S3, the record says `both` | finds it there |
//! | the record says `s3` | | |
//!
//! A record never says more than is true, and nothing is deleted before the record names another store. One process of a
//! data directory moves at a time; two would do no harm, but the work twice.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::journal::Which;
use super::recover::Recovered;
use super::state::{Entry, Pending, Recorded, State};
use super::{Failure, JournalError, Publisher};
use crate::checksum::Crc64Nvme;
use crate::outbox::DataDir;
use crate::storage::{
    BothStorage, Durability, ObjectInfo, Presence, PublishId, PutRequest, Source, Storage as _, StorageError,
    StorageFault, Stored, Unobserved, checksum_of, place_of,
};

/// What a pass over the moves that are to be made did.
#[derive(Debug, Default)]
pub struct Moving {
    /// Every publish whose object was to be moved, as it was, and what became of that: [`Recovered::Moved`], or why not.
    pub publishes: Vec<(Entry, Recovered)>,
    /// How many others wait: S3 is away, the pass was stopped, or the storage of the settings is another.
    pub waiting: u64,
}

impl Publisher {
    /// Moves every object that is still to go to another store. Ends early where S3 is away, or `cancel` fires; what was
    /// not moved is where it was, and is moved by a later pass. Does nothing while another process moves.
    pub async fn move_pending(&self, data: &Arc<DataDir>, cancel: &CancellationToken) -> Result<Moving, JournalError> {
        let (mut moving, mut after) = (Moving::default(), None);
        let Some(both) = self.storage.as_both() else {
            moving.waiting = self.waiting(None).await?;
            return Ok(moving);
        };
        let Some(_lock) = data.lock_moving() else { return Ok(moving) };
        'pages: loop {
            let page = self.journal.entries(Which::Pending, after, 100).await?;
            if page.is_empty() {
                return Ok(moving);
            }
            for entry in page {
                if cancel.is_cancelled() {
                    break 'pages;
                }
                after = Some(entry.publish);
                let moved = self.move_one(both, &entry, cancel).await?;
                let is_left = matches!(moved, Recovered::Left(_));
                moving.publishes.push((entry, moved));
                if is_left {
                    break 'pages;
                }
            }
        }
        moving.waiting = self.waiting(after).await?;
        Ok(moving)
    }

    async fn waiting(&self, mut after: Option<PublishId>) -> Result<u64, JournalError> {
        let mut count = 0;
        loop {
            let page = self.journal.entries(Which::Pending, after, 1_000).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = Some(last.publish);
            count += page.len() as u64;
        }
    }

    async fn move_one(
        &self,
        both: &BothStorage,
        entry: &Entry,
        cancel: &CancellationToken,
    ) -> Result<Recovered, JournalError> {
        let Some((recorded, pending)) = entry.recorded.clone().and_then(|recorded| {
            let pending = recorded.pending.clone()?;
            Some((recorded, pending))
        }) else {
            return Ok(Recovered::UnderWay);
        };
        let kept = both.local().path(&recorded.key);
        tracing::info!(publish = %entry.publish, key = %recorded.key, to = %pending.to, "move a published file");
        let moved = self.carry_over(both, entry, recorded, &pending, cancel).await;
        let moved = match moved {
            Ok(recorded) => {
                let (identity, class) = (entry.identity.clone(), entry.intent.class);
                self.asset(identity, class, entry.publish, recorded).await
            }
            Err(failure) => Err(failure),
        };
        Ok(match moved {
            Ok(asset) => Recovered::Moved(Box::new(asset)),
            Err(Failure::Storage(error))
                if error.is_retryable() || error.is_storage_away() || cancel.is_cancelled() =>
            {
                Recovered::Left(Failure::Storage(error).keeping(kept))
            }
            // Without a lock on this file system, another process may have been faster.
            Err(Failure::Journal(JournalError::Order { .. } | JournalError::Unknown(_))) => Recovered::UnderWay,
            Err(Failure::Journal(error)) => return Err(error),
            Err(Failure::NoFile(why)) => Recovered::Lost(why),
            Err(failure) => Recovered::Failed(failure.keeping(kept)),
        })
    }

    /// One move, from wherever an earlier one ended. Answers the record as it is then.
    async fn carry_over(
        &self,
        both: &BothStorage,
        entry: &Entry,
        mut recorded: Recorded,
        pending: &Pending,
        cancel: &CancellationToken,
    ) -> Result<Recorded, Failure> {
        let file = own_file(both, entry, &recorded).await?;
        let is_in_directory = file.is_some();
        match file {
            Some(file) => {
                let stored = self.bring(both, entry, &recorded, file, cancel).await?;
                (recorded.integrity, recorded.version_id) = (stored.integrity, stored.version_id);
            }
            None => match own_object(both, entry, &recorded).await? {
                Some(info) => recorded.version_id = info.version_id,
                None => return Err(self.neither(both, entry, recorded, pending).await?),
            },
        }
        recorded.place = Some(place_of(&*self.storage));
        if is_in_directory && recorded.durability == Durability::Local {
            recorded.durability = Durability::Both;
            recorded.pending = (pending.to != Durability::Both).then(|| pending.clone());
            self.advance(entry.publish, State::Moved(recorded.clone())).await?;
        }
        if recorded.pending.is_some() {
            if is_in_directory && pending.to == Durability::S3 {
                both.local().delete(&recorded.key).await.map_err(Failure::Storage)?;
            }
            (recorded.durability, recorded.pending) = (Durability::S3, None);
            self.advance(entry.publish, State::Moved(recorded.clone())).await?;
        }
        Ok(recorded)
    }

    /// Puts the directory's object to S3 and proves that it is what was recorded.
    async fn bring(
        &self,
        both: &BothStorage,
        entry: &Entry,
        recorded: &Recorded,
        file: Arc<dyn Source>,
        cancel: &CancellationToken,
    ) -> Result<Stored, Failure> {
        let place = both.local().describe();
        let read = checksum_of(Arc::clone(&file)).await;
        let read = read.map_err(|error| StorageError::of_source(&error, "read object", &place).with_key(&recorded.key));
        expect_checksum(recorded, read.map_err(Failure::Storage)?, &place)?;
        if entry.upload.is_none() {
            // An upload may have been created whose id never came to the journal.
            self.discard_uploads(entry).await;
        }
        let request = PutRequest {
            key: &recorded.key,
            file,
            content_type: recorded.kind.content_type(),
            user: Some(entry.intent.user.as_str()),
            publish_id: entry.publish,
            metadata: &entry.intent.metadata,
            resume: entry.upload.as_ref(),
            observer: &Unobserved,
            cancel,
        };
        let stored = both.s3().put(request).await.map_err(Failure::Storage)?;
        if entry.upload.is_some() {
            self.discard_uploads(entry).await;
        }
        let proven = expect_checksum(recorded, stored.checksum, &both.s3().describe());
        let is_deleted = own_file(both, entry, recorded).await?.is_none();
        if proven.is_err() || is_deleted {
            both.s3().delete(&recorded.key).await.map_err(Failure::Storage)?;
        }
        proven?;
        if is_deleted {
            return Err(Failure::NoFile("it was deleted while it was moved".to_owned()));
        }
        Ok(stored)
    }

    /// Neither store has the object: it was deleted, and there is nothing to move any more.
    async fn neither(
        &self,
        both: &BothStorage,
        entry: &Entry,
        mut recorded: Recorded,
        pending: &Pending,
    ) -> Result<Failure, Failure> {
        let place = both.local().describe();
        if pending.from != place {
            let message = format!("the object was stored in {}, but the settings name {place}", pending.from);
            let error = StorageError::new(StorageFault::NotFound, "move object", place, message);
            return Ok(Failure::Storage(error.with_key(&recorded.key)));
        }
        recorded.pending = None;
        self.advance(entry.publish, State::Moved(recorded)).await?;
        Ok(Failure::NoFile(format!("its object is neither in {place} nor in {}", both.s3().describe())))
    }
}

/// The directory's object, if it is that of the record.
async fn own_file(both: &BothStorage, entry: &Entry, recorded: &Recorded) -> Result<Option<Arc<dyn Source>>, Failure> {
    let found = both.local().source(&recorded.key).await.map_err(Failure::Storage)?;
    Ok(found.filter(|(info, _)| is_own(info, entry, recorded)).map(|(_, file)| file))
}

/// The object in S3, if it is that of the record as far as S3 shows.
async fn own_object(both: &BothStorage, entry: &Entry, recorded: &Recorded) -> Result<Option<ObjectInfo>, Failure> {
    match both.s3().head(&recorded.key).await.map_err(Failure::Storage)? {
        Presence::Present(info) => {
            let same = info.checksum.is_none_or(|checksum| checksum.0 == recorded.checksum);
            Ok((same && is_own(&info, entry, recorded)).then_some(info))
        }
        Presence::Absent => Ok(None),
        Presence::Unknown => {
            let message = "whether the object is there cannot be seen: the credentials need s3:ListBucket";
            let error = StorageError::new(StorageFault::Denied, "head object", both.s3().describe(), message);
            Err(Failure::Storage(error.with_key(&recorded.key)))
        }
    }
}

fn is_own(info: &ObjectInfo, entry: &Entry, recorded: &Recorded) -> bool {
    info.is_of(entry.publish, recorded.size)
}

fn expect_checksum(recorded: &Recorded, found: Crc64Nvme, place: &str) -> Result<(), Failure> {
    let expected = Crc64Nvme(recorded.checksum);
    if found == expected {
        return Ok(());
    }
    let message = format!("CRC64NVME of the object is {found}, on record is {expected}");
    let error = StorageError::new(StorageFault::Corrupted, "compare the object with its record", place, message);
    Err(Failure::Storage(error.with_key(&recorded.key)))
}
