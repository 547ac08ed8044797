//! The journal on disk: one SQLite file in the data directory, which any number of processes share.
//!
//! SQLite, because it is the embedded store whose behaviour at a power cut is best known: with a write-ahead log and
//! `synchronous=FULL` a transaction is on disk when it is committed. One thread writes: what is asked while it waits for
//! the disk goes into its next transaction, so that fifty publishes at once wait for the disk as often as one does. It calls
//! SQLite itself (rusqlite): through sqlx, which the catalogue is for, each statement went to another thread and back, and
//! the journal took twice the processor time.

mod file;

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::journal::{Begin, Journal, JournalError, KeyedJob, Noted, Which};
use super::state::{Entry, Identity, Intent, State};
use crate::job::IdempotencyKey;
use crate::key::ObjectKey;
use crate::storage::{Durability, PublishId};
use file::{Ask, JournalFile};

/// A journal that outlasts the process and a power cut. Kept bounded: publishes that are done, and keys of jobs, are
/// forgotten after [`SqliteJournal::KEPT_DAYS`]; none whose object is still to go to another store.
#[derive(Debug)]
pub struct SqliteJournal {
    path: PathBuf,
    /// Absent once it is closed.
    asks: Option<mpsc::UnboundedSender<Ask>>,
    writer: Option<JoinHandle<()>>,
}

impl SqliteJournal {
    /// The name of the file in the data directory.
    pub const FILE: &'static str = "journal.db";

    /// How long an identity that is published, and a caller's key, are remembered.
    pub const KEPT_DAYS: i64 = 90;

    /// Opens the journal, making the file (mode 0600) where it is missing. Blocks for some milliseconds.
    ///
    /// The file must be on a local file system: SQLite's write-ahead log needs memory that its users share.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let (asks, asked) = mpsc::unbounded_channel();
        let (ready, opened) = std::sync::mpsc::channel();
        let file = path.to_owned();
        let failed = |message: String| JournalError::File { path: path.to_owned(), message };
        let writer = std::thread::Builder::new()
            .name("filmgate-journal".to_owned())
            .spawn(move || JournalFile::serve(&file, asked, &ready))
            .map_err(|error| failed(error.to_string()))?;
        match opened.recv() {
            Ok(Ok(())) => Ok(Self { path: path.to_owned(), asks: Some(asks), writer: Some(writer) }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(failed("its thread ended".to_owned())),
        }
    }

    /// Hands `ask` to the writer and waits until what it says is written.
    async fn ask<T>(
        &self,
        ask: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Ask,
    ) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.send(ask(reply));
        match answer.await {
            Ok(answer) => answer,
            // Its transaction was rolled back.
            Err(_) => Err(self.failed().await),
        }
    }

    fn send(&self, ask: Ask) {
        // Where the writer is gone, the answer is missing too.
        let _ = self.asks.as_ref().map(|asks| asks.send(ask));
    }

    async fn failed(&self) -> JournalError {
        let (reply, answer) = oneshot::channel();
        self.send(Ask::Failure(reply));
        let message = answer.await.unwrap_or_else(|_| "its thread ended".to_owned());
        JournalError::File { path: self.path.clone(), message }
    }
}

/// Everything that was asked is written before the file is closed.
impl Drop for SqliteJournal {
    fn drop(&mut self) {
        self.asks = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn begin(&self, identity: Identity, publish: PublishId, intent: Intent) -> Result<Begin, JournalError> {
        let entry = Box::new(Entry::begun(identity, publish, intent));
        self.ask(|reply| Ask::Begin(entry, reply)).await
    }

    async fn advance(&self, publish: PublishId, next: State) -> Result<(), JournalError> {
        if next.must_last() || next.is_settled() {
            return self.ask(|reply| Ask::Advance(publish, Box::new(next), Some(reply))).await;
        }
        // Comes to disk with what follows; recovery finds out without it.
        self.send(Ask::Advance(publish, Box::new(next), None));
        Ok(())
    }

    async fn entries(&self, which: Which, after: Option<PublishId>, limit: usize) -> Result<Vec<Entry>, JournalError> {
        self.ask(|reply| Ask::Entries(which, after, limit, reply)).await
    }

    async fn entry(&self, publish: PublishId) -> Result<Option<Entry>, JournalError> {
        self.ask(|reply| Ask::Entry(publish, reply)).await
    }

    async fn at_key(&self, key: &ObjectKey) -> Result<Vec<Noted>, JournalError> {
        let key = key.clone();
        self.ask(|reply| Ask::AtKey(key, reply)).await
    }

    async fn catalogued(&self, seen: &[(PublishId, Durability)]) -> Result<(), JournalError> {
        let seen = seen.to_vec();
        self.ask(|reply| Ask::Catalogued(seen, reply)).await
    }

    async fn forget(&self, publish: PublishId) -> Result<(), JournalError> {
        self.ask(|reply| Ask::Forget(publish, reply)).await
    }

    async fn keyed_job(&self, key: &IdempotencyKey, new: KeyedJob) -> Result<KeyedJob, JournalError> {
        let key = key.clone();
        self.ask(|reply| Ask::KeyedJob(key, Box::new(new), reply)).await
    }

    async fn keyed_job_ended(&self, key: &IdempotencyKey, summary: &str) -> Result<(), JournalError> {
        let (key, summary) = (key.clone(), summary.to_owned());
        self.ask(|reply| Ask::KeyedJobEnded(key, summary, reply)).await
    }
}
