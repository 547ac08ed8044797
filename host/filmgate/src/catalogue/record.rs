use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::words;
use crate::checksum::Crc64Nvme;
use crate::job::{InvalidValue, JobId, RefId, RefName, Refs, Sequence, Slot, UserId};
use crate::key::ObjectKey;
use crate::layout::LayoutName;
use crate::media::{MediaFacts, MediaKind};
use crate::plugin::PluginDigest;
use crate::storage::{Durability, Integrity, PublishId};
use crate::url::UrlClass;

/// A published file, as it comes out of the journal (C1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAsset {
    /// The publish, which is the asset's id.
    pub id: PublishId,
    /// The job it was published in.
    pub job: JobId,
    /// The place in the layout.
    pub slot: Slot,
    /// Which of several files of the slot.
    pub sequence: Option<Sequence>,
    /// Whose it is.
    pub user: UserId,
    /// The ids of the job, session and scene among them (C3).
    pub refs: Refs,
    /// The layout that made the key, where that is known.
    pub layout: Option<LayoutName>,
    /// The plugin that made it; absent for a file of the operator's.
    pub plugin: Option<PluginDigest>,
    /// The object's key.
    pub key: ObjectKey,
    /// Which store has it: `local`, or `s3://` and the bucket.
    pub place: String,
    /// Where the bytes are safe.
    pub durability: Durability,
    /// What the bytes are.
    pub kind: MediaKind,
    /// Bytes.
    pub size: u64,
    /// CRC64NVME of all bytes.
    pub checksum: Crc64Nvme,
    /// How far the stored object was compared with the file.
    pub integrity: Integrity,
    /// The bucket's version id, where it keeps versions.
    pub version_id: Option<String>,
    /// How the store encrypts it, where it says so.
    pub encryption: Option<String>,
    /// How long its URLs live.
    pub class: UrlClass,
    /// What the file holds, where it was examined.
    pub facts: Option<MediaFacts>,
    /// What is kept with the object.
    pub metadata: BTreeMap<String, String>,
    /// When its job was accepted.
    pub accepted_at: Timestamp,
    /// When it was proven to be stored.
    pub stored_at: Timestamp,
}

impl NewAsset {
    /// The session it belongs to.
    pub fn session(&self) -> Option<&RefId> {
        self.refs.get(&RefName::Session)
    }

    /// The scene it belongs to.
    pub fn scene(&self) -> Option<&RefId> {
        self.refs.get(&RefName::Scene)
    }
}

/// An asset on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetRecord {
    /// What was published.
    pub asset: NewAsset,
    /// Which version it is of its slot and sequence in its scene, from 1 on; 1 outside of sessions.
    pub version: u32,
    /// What became of it.
    pub state: AssetState,
    /// Where it was deleted, how far that is.
    pub deletion: Option<DeletionState>,
}

words! {
    /// What became of an asset.
    AssetState, "state of an asset", "stored, deleting, gone", {
        /// It is there.
        Stored => "stored",
        /// It is deleted for everybody; its objects are still to be taken away.
        Deleting => "deleting",
        /// Its objects are gone in every store.
        Gone => "gone",
    }
}

/// Who deletes, when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// How far a deletion is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionState {
    /// Who asked for it, when and why.
    pub asked: Deletion,
    /// How often taking the objects away has failed.
    pub attempts: u32,
    /// Why it failed the last time.
    pub last_error: Option<String>,
    /// When it is tried again.
    pub next_try: Option<Timestamp>,
    /// When the objects were gone.
    pub gone_at: Option<Timestamp>,
}

/// What is known of a job when it is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobHead {
    /// The job.
    pub job: JobId,
    /// Who it is for.
    pub user: UserId,
    /// The layout of its keys.
    pub layout: Option<LayoutName>,
    /// The plugin it runs; absent where an operator's file is published.
    pub plugin: Option<PluginDigest>,
    /// Its ids.
    pub refs: Refs,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// Until when its host answers for it: a job that is not over by then is given up.
    pub lease_until: Option<Timestamp>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub struct JobEnd {
    /// When.
    pub at: Timestamp,
    /// [`JobState::Succeeded`], [`JobState::Failed`] or [`JobState::Cancelled`].
    pub state: JobState,
    /// The kind of failure, for programs.
    pub code: Option<String>,
    /// The failure, for people.
    pub message: Option<String>,
    /// What it used.
    pub usage: Option<serde_json::Value>,
}

/// News of a job. Each says everything of it that does not change, so that none needs another one.
#[derive(Debug, Clone, PartialEq)]
pub struct JobNote {
    /// What it is.
    pub head: JobHead,
    /// How it ended, where it has.
    pub end: Option<JobEnd>,
}

words! {
    /// How far a job is.
    JobState, "state of a job", "queued, running, succeeded, failed, cancelled, lost", {
        /// It waits for a host.
        Queued => "queued",
        /// A host runs it.
        Running => "running",
        /// It ended well.
        Succeeded => "succeeded",
        /// It failed.
        Failed => "failed",
        /// Its caller ended it.
        Cancelled => "cancelled",
        /// Its host is gone without a word.
        Lost => "lost",
    }
}

/// A job on record.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// What it is.
    pub head: JobHead,
    /// How far it is.
    pub state: JobState,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// The kind of failure, for programs.
    pub code: Option<String>,
    /// The failure, for people.
    pub message: Option<String>,
    /// What it used.
    pub usage: Option<serde_json::Value>,
    /// How many assets of it are stored.
    pub assets: u64,
}

/// What is to be taken over at once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// News of jobs, in their order.
    pub jobs: Vec<JobNote>,
    /// Published files.
    pub assets: Vec<NewAsset>,
}

impl Batch {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.assets.is_empty()
    }
}

/// What of a batch was new.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projected {
    /// Assets that were not on record.
    pub assets: u64,
    /// Assets that were refused: another publish has their job, slot and sequence. The journal and the catalogue disagree.
    pub disagreements: Vec<PublishId>,
}

/// A session of one user: ids of sessions are the caller's, and two users may use the same. Written `user/session`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub session: RefId,
}

impl FromStr for SessionId {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (user, session) = text
            .split_once('/')
            .ok_or_else(|| InvalidValue::new("session", text, "names no user", "USER/SESSION, for example ana/s1"))?;
        Ok(Self { user: user.parse()?, session: session.parse()? })
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.user, self.session)
    }
}

/// A session on record (C3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Which.
    pub id: SessionId,
    /// When the first file or job of it was seen.
    pub created_at: Timestamp,
    /// When the latest was.
    pub updated_at: Timestamp,
    /// When it was deleted, if nothing was published in it since.
    pub deleted_at: Option<Timestamp>,
    /// How many scenes it has.
    pub scenes: u64,
    /// How many assets of it are stored.
    pub assets: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A scene of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SceneRecord {
    /// Which.
    pub scene: RefId,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// How many assets of it are stored.
    pub assets: u64,
    /// Their bytes.
    pub bytes: u64,
}
