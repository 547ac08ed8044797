use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::job::{JobId, Sequence, Slot};
use crate::key::ObjectKey;
use crate::media::{MediaFacts, MediaKind};
use crate::storage::{Durability, Integrity, PublishId};

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

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slot {}", self.slot)?;
        self.sequence.map_or(Ok(()), |sequence| write!(f, " sequence {}", sequence.get()))?;
        write!(f, " of job {}", self.job)
    }
}

/// What is known before anything is sent.
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
    /// The store's version id.
    pub version_id: Option<String>,
    /// What the file holds, where it was examined.
    #[serde(default)]
    pub facts: Option<MediaFacts>,
}

/// How far a publish is.
///
/// ```text
/// Intent ─▶ Created ─▶ Completing ─▶ Verified ─▶ Recorded ─▶ Deleted ─▶ Replied
///    │         │  ▲         │                         └───────────────────▲
///    │         ▼  │         ▼
///    ├──────▶ Aborted ◀─────┘        (every state before Recorded may also become Failed)
///    └──────▶ Completing             (one request, no multipart upload)
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
            Self::Replied => "published",
            Self::Failed(_) => "failed",
        }
    }

    /// Whether a publish in this state may come into `next`. The only place that knows.
    pub fn may_become(&self, next: &Self) -> bool {
        use State::{Aborted, Completing, Created, Deleted, Failed, Intent, Recorded, Replied, Verified};
        match (self, next) {
            (Intent | Aborted | Completing, Created { .. }) => true,
            (Intent | Created { .. } | Aborted | Completing, Completing) => true,
            (Created { .. } | Completing, Aborted) => true,
            // An earlier try of the same publish may turn out to have succeeded at any point.
            (Intent | Created { .. } | Aborted | Completing, Verified) => true,
            (Verified, Recorded(_)) | (Recorded(_), Deleted | Replied) | (Deleted, Replied) => true,
            (Intent | Created { .. } | Aborted | Completing | Verified, Failed(_)) => true,
            _ => false,
        }
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
}
