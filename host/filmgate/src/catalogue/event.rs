use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::job::{InvalidValue, JobId, UserId};
use crate::storage::PublishId;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Where to go on reading.
    pub cursor: Cursor,
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// Whose it is.
    pub user: Option<UserId>,
    /// The job it belongs to.
    pub job: Option<JobId>,
    /// The asset it is about.
    pub asset: Option<PublishId>,
    /// More, as the kind says: a job's code and message, who deleted an asset and why.
    pub data: Option<serde_json::Value>,
}

/// A place in the log of events. Opaque: only the catalogue that made it can read it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// As text, to be kept and given back.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Cursor {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Defines an enum whose variants are words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:literal, { $($(#[$variant_doc:meta])* $variant:ident => $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Its word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(InvalidValue::new($what, text, "is unknown", $allowed)),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidValue;

            fn try_from(text: String) -> Result<Self, InvalidValue> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(super) use words;

words! {
    /// The kinds of [`Event`].
    EventKind, "kind of event", "job.accepted, job.succeeded, job.failed, job.cancelled, job.lost, asset.stored, asset.moved, asset.deleted, asset.gone", {
        /// A job was accepted.
        JobAccepted => "job.accepted",
        /// It ended well.
        JobSucceeded => "job.succeeded",
        /// It failed.
        JobFailed => "job.failed",
        /// Its caller ended it.
        JobCancelled => "job.cancelled",
        /// Its host is gone and nobody knows how it ended.
        JobLost => "job.lost",
        /// A file is published.
        AssetStored => "asset.stored",
        /// It is in another store than before, and its URL leads there: from `from` to `place`.
        AssetMoved => "asset.moved",
        /// An asset is to be deleted and reads as gone.
        AssetDeleted => "asset.deleted",
        /// Its objects are gone in every store.
        AssetGone => "asset.gone",
    }
}

words! {
    /// What somebody may ask for.
    AuditAction, "action", "url, delete", {
        /// A URL of an asset.
        Url => "url",
        /// To delete an asset or a session.
        Delete => "delete",
    }
}

/// Who asked for what, and whether it was granted (C9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: for example `operator (uid 1000)`.
    pub actor: String,
    /// For what.
    pub action: AuditAction,
    /// Of what: an asset's id, or user and session.
    pub subject: String,
    /// Whether it was granted.
    pub granted: bool,
    /// More, for people.
    pub detail: Option<String>,
}
