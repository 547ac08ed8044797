//! [`Host::recover`] and what belongs to it: publishes that were interrupted, and those that have failed.

use std::io;

use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::Host;
use crate::catalogue::AssetState;
use crate::outbox::is_staged;
use crate::publish::{Entry, JournalError, Moving, Recovered, Recovery, State, Which};
use crate::storage::PublishId;

/// Why a recovery could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The data directory cannot be read or written.
    #[error("look for leftovers in the data directory: {0}")]
    DataDir(#[from] io::Error),
    /// The publish has not failed: there is nothing to try again or to give up.
    #[error("publish {publish} is {state}, not failed")]
    NotFailed {
        /// Which one.
        publish: PublishId,
        /// What it is.
        state: &'static str,
    },
    /// Somebody works on it.
    #[error("publish {0} is under way in another process")]
    UnderWay(PublishId),
}

impl Host {
    /// Takes up what a process left that ended in the middle: goes on with its publishes, and deletes its jobs' directories
    /// and the files that no publish had begun with. What a living process works on is left alone. To be called at start;
    /// may be called at any time, and again after a failure.
    ///
    /// If `cancel` fires, the rest stays for the next time.
    pub async fn recover(&self, cancel: &CancellationToken) -> Result<Recovery, RecoveryError> {
        let parts = &self.parts;
        let data = std::sync::Arc::clone(&parts.data);
        let outboxes = spawn_blocking(move || data.sweep_jobs()).await.map_err(io::Error::other)??;
        let mut recovery = parts.publisher.recover(&parts.data, cancel).await?;
        for (entry, recovered) in &recovery.publishes {
            self.note_end(entry, recovered);
        }
        recovery.outboxes = outboxes;
        recovery.files = self.sweep_staging().await?;
        let moving = self.move_pending(cancel).await?;
        recovery.publishes.extend(moving.publishes);
        recovery.waiting = moving.waiting;
        Ok(recovery)
    }

    /// Moves what was published while a store was away to where it belongs (E1), as far as that store is there now. Part of
    /// [`Host::recover`]; a process that lives long calls it from time to time.
    ///
    /// If `cancel` fires, the rest stays for the next time.
    pub async fn move_pending(&self, cancel: &CancellationToken) -> Result<Moving, RecoveryError> {
        let mut moving = self.parts.publisher.move_pending(&self.parts.data, cancel).await?;
        self.parts.recorder.catch_up().await;
        let mut told = Vec::new();
        for (entry, moved) in moving.publishes {
            // What was deleted need not be told as lost.
            if !matches!(moved, Recovered::Lost(_)) || self.is_wanted(entry.publish).await {
                told.push((entry, moved));
            }
        }
        moving.publishes = told;
        Ok(moving)
    }

    async fn is_wanted(&self, publish: PublishId) -> bool {
        let record = self.parts.archive.asset(publish).await;
        record.map_or(true, |record| record.state == AssetState::Stored)
    }

    /// The publishes that have failed; their files are kept. Those after `after`, at most `limit`, oldest first.
    pub async fn failed(&self, after: Option<PublishId>, limit: usize) -> Result<Vec<Entry>, JournalError> {
        self.parts.publisher.journal().entries(Which::Failed, after, limit).await
    }

    /// Tries a failed publish again, with the same key and the file that was kept. One that is not published then is
    /// failed as before.
    pub async fn retry(
        &self,
        publish: PublishId,
        cancel: &CancellationToken,
    ) -> Result<(Entry, Recovered), RecoveryError> {
        let entry = self.failed_entry(publish).await?;
        let recovered = self.parts.publisher.take_up(&self.parts.data, entry.clone(), cancel).await?;
        self.note_end(&entry, &recovered);
        self.parts.recorder.catch_up().await;
        Ok((entry, recovered))
    }

    fn note_end(&self, entry: &Entry, recovered: &Recovered) {
        if matches!(recovered, Recovered::Published(_)) {
            self.parts.recorder.settled(entry);
        }
    }

    /// Gives a failed publish up for good: forgets it, and deletes its file if it was a plugin's. An operator's own file
    /// stays where it is.
    pub async fn discard(&self, publish: PublishId) -> Result<Entry, RecoveryError> {
        let entry = self.failed_entry(publish).await?;
        let data = std::sync::Arc::clone(&self.parts.data);
        let name = publish.to_string().into();
        let held = spawn_blocking(move || data.abandoned(name)).await.map_err(io::Error::other)?;
        if held.is_none() && is_staged(publish, &entry.intent.staged) && entry.intent.staged.exists() {
            return Err(RecoveryError::UnderWay(publish));
        }
        self.parts.publisher.journal().forget(publish).await?;
        if let Some(held) = held {
            self.parts.data.remove_abandoned(&held)?;
        }
        Ok(entry)
    }

    async fn failed_entry(&self, publish: PublishId) -> Result<Entry, RecoveryError> {
        let entry = self.parts.publisher.journal().entry(publish).await?.ok_or(JournalError::Unknown(publish))?;
        match entry.state {
            State::Failed(_) => Ok(entry),
            other => Err(RecoveryError::NotFailed { publish, state: other.name() }),
        }
    }

    /// Deletes staged files that were claimed, but whose process ended before it began to publish them.
    async fn sweep_staging(&self) -> Result<u64, RecoveryError> {
        let data = std::sync::Arc::clone(&self.parts.data);
        let names = spawn_blocking(move || data.staged_names()).await.map_err(io::Error::other)??;
        let mut swept = 0;
        for name in names {
            let Some(held) = self.parts.data.abandoned(name) else { continue };
            // Under the lock: whoever claimed it has either noted it in the journal, or is gone.
            let publish = held.name.to_str().and_then(|name| name.parse::<PublishId>().ok());
            let known = match publish {
                Some(publish) => self.parts.publisher.journal().entry(publish).await?,
                None => None,
            };
            if known.is_none() {
                self.parts.data.remove_abandoned(&held)?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}
