use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::job::{JobId, Refs, Sequence, Slot, UserId};
use crate::key::ObjectKey;
use crate::media::{MediaFacts, MediaKind};
use crate::outbox::FileMark;
use crate::plugin::PluginDigest;
use crate::storage::{Durability, Integrity, LOCAL, PublishId, UploadResume};
use crate::url::UrlClass;

/// What makes a publish the same publish: however often it is asked for, there is one object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    /// The job.
    pub job: JobId,
    /// The place in the layout.
    pub slot: Slot,
    /// Which of several files of the slot.
    pub sequence: Option<Sequence>,
}

impl Identity {
    /// Slot and sequence, for people.
    pub(crate) fn place(&self) -> String {
        let sequence = self.sequence.map(|sequence| format!(" sequence {}", sequence.get()));
        format!("slot {}{}", self.slot, sequence.unwrap_or_default())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of job {}", self.place(), self.job)
    }
}

/// What is known before anything is sent: all that it takes to go on with the publish in another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Where the object will be.
    pub key: ObjectKey,
    /// Size of the file.
    pub bytes: u64,
    /// What it is.
    pub kind: MediaKind,
    /// Where the file is.
    pub staged: PathBuf,
    /// Which file that is.
    pub mark: FileMark,
    /// Whether the file is to go once it is published (A3).
    pub remove: bool,
    /// Whose file it is.
    pub user: UserId,
    /// When its job was accepted.
    pub accepted_at: Timestamp,
    /// The ids its job's layout uses.
    pub refs: Refs,
    /// The plugin that made it; absent for a file of the operator's.
    pub plugin: Option<PluginDigest>,
    /// How long URLs of it live.
    pub class: UrlClass,
    /// What the examination found, where there was one.
    pub facts: Option<MediaFacts>,
    /// Kept with the object.
    pub metadata: BTreeMap<String, String>,
}

/// The answer of a publish, without its URL, which is made anew whenever it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The object's key.
    pub key: ObjectKey,
    /// What the object is.
    pub kind: MediaKind,
    /// Bytes.
    pub size: u64,
    /// CRC64NVME.
    pub checksum: u64,
    /// How it was proven.
    pub integrity: Integrity,
    /// Where it is safe.
    pub durability: Durability,
    /// Which store it was, as records name it: the settings may name another one later. Absent from earlier versions.
    #[serde(default)]
    pub place: Option<String>,
    /// Where it is still to go, because a store was away (E1).
    #[serde(default)]
    pub pending: Option<Pending>,
    /// The store's version id.
    pub version_id: Option<String>,
    /// What the file holds, where it was examined.
    #[serde(default)]
    pub facts: Option<MediaFacts>,
}

/// A move that is still to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Where the object is safe when it is made.
    pub to: Durability,
    /// The directory that has the object meanwhile.
    pub from: String,
}

/// How far a publish is.
///
/// ```text
/// Intent ─▶ Created ─▶ Completing ─▶ Verified ─▶ Recorded ─▶ Deleted ─▶ Replied
///    │         │  ▲         │                         └───────────────────▲
///    │         ▼  │         ▼
///    ├──────▶ Aborted ◀─────┘        (every state before Recorded may also become Failed)
///    └──────▶ Completing             (one request, no multipart upload)
///
/// Failed ─▶ Intent                   (tried again)
/// Replied ─▶ Moved ─▶ Moved          (a store that was away has the object now)
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The key is known; nothing was sent.
    Intent,
    /// A multipart upload exists.
    Created {
        /// S3's id of it.
        upload_id: String,
        /// Size of its parts but the last.
        part_bytes: u64,
    },
    /// The multipart upload is gone again; another may be created.
    Aborted,
    /// The object appears with the next request, or has appeared.
    Completing,
    /// The object is there and proven to be the file.
    Verified,
    /// The answer is safe.
    Recorded(Recorded),
    /// The local file is gone.
    Deleted,
    /// The caller has the answer.
    Replied,
    /// Given up, for this reason. The local file is kept.
    Failed(String),
    /// Published, and the object is elsewhere now: the answer, with nothing changed but where it is.
    Moved(Recorded),
}

impl State {
    /// The state's name in errors and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Intent => "accepted",
            Self::Created { .. } => "uploading",
            Self::Aborted => "aborted",
            Self::Completing => "completing",
            Self::Verified => "verified",
            Self::Recorded(_) => "recorded",
            Self::Deleted => "deleted locally",
            Self::Replied | Self::Moved(_) => "published",
            Self::Failed(_) => "failed",
        }
    }

    /// Whether a publish in this state may come into `next`. The only place that knows.
    pub fn may_become(&self, next: &Self) -> bool {
        use State::{Aborted, Completing, Created, Deleted, Failed, Intent, Moved, Recorded, Replied, Verified};
        match (self, next) {
            // An earlier try of the same publish may turn out to have gone anywhere.
            (
                Intent | Created { .. } | Aborted | Completing | Verified,
                Created { .. } | Completing | Verified | Failed(_),
            ) => true,
            (Created { .. } | Completing, Aborted) => true,
            (Verified, Recorded(_)) | (Recorded(_), Deleted | Replied) | (Deleted, Replied) => true,
            (Failed(_), Intent | Failed(_)) => true,
            (Replied | Moved(_), Moved(_)) => true,
            _ => false,
        }
    }

    /// Whether nothing is left to do: the caller has the answer, or the publish was given up.
    pub fn is_settled(&self) -> bool {
        self.is_published() || matches!(self, Self::Failed(_))
    }

    /// Whether the caller has the answer.
    pub fn is_published(&self) -> bool {
        matches!(self, Self::Replied | Self::Moved(_))
    }

    /// Whether this state must be on disk, past a power cut, before what it says may happen. What the others say is found
    /// out again by looking at the store and the file.
    pub fn must_last(&self) -> bool {
        matches!(self, Self::Intent | Self::Completing | Self::Recorded(_) | Self::Moved(_))
    }
}

/// One publish as a journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Job, slot and sequence.
    pub identity: Identity,
    /// Its id.
    pub publish: PublishId,
    /// What was known at the start.
    pub intent: Intent,
    /// How far it is.
    pub state: State,
    /// Its answer, from [`State::Recorded`] on.
    pub recorded: Option<Recorded>,
    /// The multipart upload that may be open: also of a publish that is on record, while its object is to go to S3.
    pub upload: Option<UploadResume>,
    /// When it came into this state.
    pub changed_at: Timestamp,
}

impl Entry {
    /// A publish that begins now.
    pub fn begun(identity: Identity, publish: PublishId, intent: Intent) -> Self {
        let (state, changed_at) = (State::Intent, Timestamp::now());
        Self { identity, publish, intent, state, recorded: None, upload: None, changed_at }
    }

    /// Whether its object is on record and still to go to another store.
    pub fn is_pending(&self) -> bool {
        self.recorded.as_ref().is_some_and(|recorded| recorded.pending.is_some())
    }

    /// Brings it into `next`, or says that this cannot follow.
    pub(super) fn advance(&mut self, next: State) -> Result<(), super::JournalError> {
        let moved_well = match (&next, &self.recorded) {
            (State::Moved(moved), Some(recorded)) => recorded.may_move(moved),
            _ => true,
        };
        if !moved_well || !self.state.may_become(&next) {
            let (publish, from, to) = (self.publish, self.state.name(), next.name());
            return Err(super::JournalError::Order { publish, from, to });
        }
        match &next {
            State::Created { upload_id, part_bytes } => {
                self.upload = Some(UploadResume { upload_id: upload_id.clone(), part_bytes: *part_bytes });
            }
            State::Aborted => self.upload = None,
            State::Recorded(recorded) | State::Moved(recorded) => {
                if recorded.pending.is_none() || recorded.durability != Durability::Local {
                    self.upload = None;
                }
                self.recorded = Some(recorded.clone());
            }
            _ => {}
        }
        self.state = next;
        self.changed_at = Timestamp::now();
        Ok(())
    }
}

impl Recorded {
    /// The store that has it, as records name it; `configured`, that of the settings, where it is from before that was noted.
    pub(crate) fn place_or(&self, configured: &str) -> String {
        match self.durability {
            Durability::Local => LOCAL.to_owned(),
            Durability::S3 | Durability::Both => self.place.clone().unwrap_or_else(|| configured.to_owned()),
        }
    }

    /// Whether `moved` says the same of the object, but that it is elsewhere: a step of a move that was to be made and that
    /// nobody has made before.
    fn may_move(&self, moved: &Self) -> bool {
        let same = Self {
            durability: self.durability,
            place: self.place.clone(),
            pending: self.pending.clone(),
            integrity: self.integrity,
            version_id: self.version_id.clone(),
            ..moved.clone()
        };
        let is_ahead = moved.durability != self.durability || moved.pending.is_none();
        same == *self && self.pending.is_some() && is_ahead
    }
}
