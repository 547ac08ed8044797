use std::fmt::Debug;
use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::state::{Entry, Identity, Intent, State};
use crate::job::{IdempotencyKey, JobId, Refs};
use crate::key::ObjectKey;
use crate::storage::{Durability, PublishId};

/// Remembers how far each publish is. A journal is written before what it says happens, so that a host that was
/// interrupted anywhere can find out what is left to do.
///
/// Which process works on a publish is not the journal's matter: it is the one that has its file locked
/// ([`Claimed`](crate::outbox::Claimed)).
#[async_trait]
pub trait Journal: Debug + Send + Sync {
    /// Begins a publish in [`State::Intent`], unless its identity is known already.
    async fn begin(&self, identity: Identity, publish: PublishId, intent: Intent) -> Result<Begin, JournalError>;

    /// Brings a publish into its next state. What [`State::must_last`] is safe from a power cut when this answers, the
    /// others are written in their order, and may come to disk later. With [`State::Moved`] the publish is to be catalogued anew.
    async fn advance(&self, publish: PublishId, next: State) -> Result<(), JournalError>;

    /// The publishes that `which` names, in the order in which they began: those after `after`, at most `limit`.
    async fn entries(&self, which: Which, after: Option<PublishId>, limit: usize) -> Result<Vec<Entry>, JournalError>;

    /// One publish.
    async fn entry(&self, publish: PublishId) -> Result<Option<Entry>, JournalError>;

    /// The publishes whose object has this key, the first one first. There is one; more only if the journal is damaged.
    async fn at_key(&self, key: &ObjectKey) -> Result<Vec<Noted>, JournalError>;

    /// Notes that these are in the catalogue, each as being safe where it says. One that has moved since stays
    /// [`Which::Uncatalogued`].
    async fn catalogued(&self, seen: &[(PublishId, Durability)]) -> Result<(), JournalError>;

    /// Forgets a publish that has failed; its identity is free again.
    async fn forget(&self, publish: PublishId) -> Result<(), JournalError>;

    /// The job that belongs to a caller's key: `new`, if there was none. Safe from a power cut when this answers.
    async fn keyed_job(&self, key: &IdempotencyKey, new: KeyedJob) -> Result<KeyedJob, JournalError>;

    /// Notes how the job of a key ended, so that it need not run again.
    async fn keyed_job_ended(&self, key: &IdempotencyKey, summary: &str) -> Result<(), JournalError>;

    /// The publishes that are neither published nor failed.
    async fn unfinished(&self) -> Result<Vec<Entry>, JournalError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.entries(Which::Unfinished, after, PAGE).await?;
            after = page.last().map(|entry| entry.publish);
            let is_last = page.len() < PAGE;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }
}

/// Entries that are asked for at once.
const PAGE: usize = 1_000;

/// An entry, and whether it is in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The entry.
    pub entry: Entry,
    /// Whether [`Journal::catalogued`] was told of it.
    pub catalogued: bool,
}

/// A choice of publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Neither published nor failed.
    Unfinished,
    /// Failed; their files are kept.
    Failed,
    /// Those with an answer that is not in the catalogue yet.
    Uncatalogued,
    /// Published, but the object is still to go to another store.
    Pending,
    /// Those of one job.
    OfJob(JobId),
}

impl Which {
    /// Whether an entry is meant; `catalogued` says whether it is in the catalogue.
    pub(super) fn holds(self, entry: &Entry, catalogued: bool) -> bool {
        match self {
            Self::Unfinished => !entry.state.is_settled(),
            Self::Failed => matches!(entry.state, State::Failed(_)),
            Self::Uncatalogued => entry.recorded.is_some() && !catalogued,
            Self::Pending => entry.state.is_published() && entry.is_pending(),
            Self::OfJob(job) => entry.identity.job == job,
        }
    }
}

/// A job that a caller gave a key of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyedJob {
    /// The job.
    pub job: JobId,
    /// When it was accepted first.
    pub accepted_at: Timestamp,
    /// The ids its layout uses.
    pub refs: Refs,
    /// What was asked for, as a digest: the same key means the same request.
    pub request: String,
    /// The plugin's summary, a JSON text, once the job has succeeded.
    pub summary: Option<String>,
}

/// What [`Journal::begin`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// The identity is new; the publish has begun.
    New,
    /// The identity was begun before, under this entry; nothing was changed.
    Known(Box<Entry>),
}

/// Why a journal did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// No such publish was begun.
    #[error("publish {0} is not in the journal")]
    Unknown(PublishId),
    /// The states do not follow each other: a fault of the host.
    #[error("publish {publish} cannot become {to:?} after {from:?}")]
    Order {
        /// Which publish.
        publish: PublishId,
        /// The state it is in.
        from: &'static str,
        /// The state it was to come into.
        to: &'static str,
    },
    /// The file that holds it cannot be read or written: a full disk, for example.
    #[error("journal {path:?}: {message}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What failed.
        message: String,
    },
    /// A later version of the host has written it.
    #[error("journal {path:?} has version {found}, this host knows version {known} and earlier ones")]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The file's version.
        found: i64,
        /// The latest known one.
        known: i64,
    },
}
