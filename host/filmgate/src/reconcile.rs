//! Compares what the journal, the catalogue, the store, its open uploads and the data directory say of each other, names every
//! disagreement and mends it by rule (C8).
//!
//! Objects and records are read in order of their keys and compared in one pass, a page of each in memory. (A directory of local
//! storage is read as a whole.) What looks wrong is looked at once more before it is named: all of it may be in use meanwhile.

mod finding;
mod join;
mod local;
mod mend;
mod objects;
mod rebuild;
mod uploads;

pub use finding::{Finding, FindingKind, Outcome, Side};

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::archive::{Archive, ArchiveError};
use crate::catalogue::CatalogueError;
use crate::outbox::DataDir;
use crate::publish::{Journal, JournalError, Publisher};
use crate::storage::StorageError;

/// Compares, and mends where it is told to.
#[derive(Debug)]
pub struct Reconciler {
    archive: Archive,
    publisher: Publisher,
    data: Arc<DataDir>,
}

/// How to go about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReconcileOptions {
    /// Mend what has a rule. Without it nothing is changed.
    pub fix: bool,
    /// Ask the store for the checksum of every object on record: one more request for each.
    pub checksums: bool,
}

/// How much was compared, and what came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Objects below the prefix of the settings, of two stores those of each.
    pub objects: u64,
    /// Records of the store of the settings, those of deleted assets among them.
    pub records: u64,
    /// Open multipart uploads below the prefix.
    pub uploads: u64,
    /// Why open uploads could not be listed.
    pub uploads_unlisted: Option<String>,
    /// How many findings of each kind there were.
    pub found: BTreeMap<FindingKind, u64>,
    /// How many of them were mended.
    pub mended: u64,
    /// How many disagreements are left. What is somebody else's is none.
    pub left: u64,
    /// It was stopped before the end.
    pub is_stopped: bool,
}

/// Why the comparison came to an early end.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The catalogue or the store failed.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The data directory cannot be read or written.
    #[error("look for leftovers in the data directory: {0}")]
    DataDir(#[from] io::Error),
}

impl From<CatalogueError> for ReconcileError {
    fn from(error: CatalogueError) -> Self {
        Self::Archive(error.into())
    }
}

impl From<StorageError> for ReconcileError {
    fn from(error: StorageError) -> Self {
        Self::Archive(error.into())
    }
}

/// Hears of every finding.
type Told<'a> = &'a mut (dyn FnMut(&Finding) + Send);

impl Reconciler {
    /// Puts one together. Journal, archive and directory must be those of the same hosts.
    pub fn new(archive: Archive, journal: Arc<dyn Journal>, data: Arc<DataDir>) -> Self {
        let publisher = Publisher::new(Arc::clone(archive.storage()), journal, archive.urls().clone());
        Self { archive, publisher, data }
    }

    /// Compares everything, tells each disagreement when it is found and, where that was asked for, mended. May run beside
    /// anything else: what is under way is no disagreement.
    ///
    /// Only keys below the prefix of the settings are looked at. If `cancel` fires, the rest is left.
    pub async fn run(
        &self,
        options: ReconcileOptions,
        cancel: &CancellationToken,
        told: Told<'_>,
    ) -> Result<Reconciled, ReconcileError> {
        let mut pass = Pass { parts: self, options, cancel, told, done: Reconciled::default() };
        // What the journal brings on record is no orphan any more when objects are looked at.
        pass.interrupted().await?;
        pass.stale_records().await?;
        pass.files().await?;
        pass.objects().await?;
        pass.uploads().await?;
        pass.done.is_stopped = cancel.is_cancelled();
        Ok(pass.done)
    }

    fn journal(&self) -> &Arc<dyn Journal> {
        self.publisher.journal()
    }

    /// What all keys begin with.
    fn prefix(&self) -> String {
        self.archive.layouts().prefixed("")
    }
}

/// One run.
struct Pass<'a> {
    parts: &'a Reconciler,
    options: ReconcileOptions,
    cancel: &'a CancellationToken,
    told: Told<'a>,
    done: Reconciled,
}

impl Pass<'_> {
    fn tell(&mut self, finding: &Finding) {
        *self.done.found.entry(finding.kind).or_default() += 1;
        match finding.outcome {
            Outcome::Mended(_) => self.done.mended += 1,
            _ if finding.kind.is_foreign() => {}
            Outcome::Found | Outcome::Left(_) => self.done.left += 1,
        }
        (self.told)(finding);
    }
}
