use std::fmt;

use serde::Serialize;

use crate::catalogue::AssetRecord;
use crate::checksum::Crc64Nvme;
use crate::publish::Entry;
use crate::storage::{ObjectInfo, PublishId};

/// What two sides can disagree about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// A publish under way that nobody works on.
    Interrupted,
    /// A published file of the journal that is not in the catalogue.
    StaleRecord,
    /// A claimed file of no publish, or a dead job's directory.
    OrphanFile,
    /// An asset on record without its object.
    MissingObject,
    /// An object of another size than its record.
    SizeMismatch,
    /// An object of another checksum than its record.
    ChecksumMismatch,
    /// An object that is not on record.
    OrphanObject,
    /// An object of a deleted asset.
    DeletedObject,
    /// An object that no publish of Filmgate has made.
    ForeignObject,
    /// A multipart upload that no publish goes on with.
    OrphanUpload,
    /// A multipart upload that the journal does not know.
    ForeignUpload,
}

impl FindingKind {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interrupted => "interrupted",
            Self::StaleRecord => "stale-record",
            Self::OrphanFile => "orphan-file",
            Self::MissingObject => "missing-object",
            Self::SizeMismatch => "size-mismatch",
            Self::ChecksumMismatch => "checksum-mismatch",
            Self::OrphanObject => "orphan-object",
            Self::DeletedObject => "deleted-object",
            Self::ForeignObject => "foreign-object",
            Self::OrphanUpload => "orphan-upload",
            Self::ForeignUpload => "foreign-upload",
        }
    }

    /// What mends it.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Interrupted => "the publish is taken up again",
            Self::StaleRecord => "it is recorded from the journal",
            Self::OrphanFile | Self::DeletedObject => "it is deleted",
            Self::MissingObject => "the asset is marked gone",
            Self::SizeMismatch | Self::ChecksumMismatch => "none: put the right object back, or delete the asset",
            Self::OrphanObject => "it is recorded from the journal, else from its own metadata",
            Self::OrphanUpload => "it is aborted",
            Self::ForeignObject | Self::ForeignUpload => "none: it is left alone",
        }
    }

    /// Whether it is somebody else's and no disagreement.
    pub fn is_foreign(self) -> bool {
        matches!(self, Self::ForeignObject | Self::ForeignUpload)
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One disagreement, or one thing of somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// The key, where it is about an object or an upload; the path in the data directory of an orphan file.
    pub key: String,
    /// The publish, where that is known.
    pub asset: Option<PublishId>,
    /// S3's id of the upload it is about.
    pub upload: Option<String>,
    /// What journal or catalogue know.
    pub recorded: Option<Side>,
    /// What is there.
    pub found: Option<Side>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What one side knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Side {
    /// A state of a record or of a publish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// CRC64NVME, 16 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crc64nvme: Option<String>,
    /// The publish that an object names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish_id: Option<PublishId>,
    /// When an upload was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// More, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What became of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "result", content = "detail")]
pub enum Outcome {
    /// It is told and nothing else.
    Found,
    /// It is mended: how.
    Mended(String),
    /// It was to be mended and is not: why.
    Left(String),
}

impl Finding {
    pub(super) fn new(kind: FindingKind, key: impl Into<String>, asset: Option<PublishId>) -> Self {
        Self { kind, key: key.into(), asset, upload: None, recorded: None, found: None, outcome: Outcome::Found }
    }

    pub(super) fn recorded(mut self, side: Side) -> Self {
        self.recorded = Some(side);
        self
    }

    pub(super) fn found(mut self, side: Side) -> Self {
        self.found = Some(side);
        self
    }
}

impl Side {
    pub(super) fn of_record(record: &AssetRecord) -> Self {
        Self {
            state: Some(record.state.to_string()),
            size: Some(record.asset.size),
            crc64nvme: Some(record.asset.checksum.to_string()),
            ..Self::default()
        }
    }

    pub(super) fn of_entry(entry: &Entry) -> Self {
        Self {
            state: Some(entry.state.name().to_owned()),
            size: Some(entry.intent.bytes),
            crc64nvme: entry.recorded.as_ref().map(|recorded| Crc64Nvme(recorded.checksum).to_string()),
            ..Self::default()
        }
    }

    pub(super) fn of_object(info: &ObjectInfo) -> Self {
        Self {
            size: Some(info.size),
            crc64nvme: info.checksum.map(|checksum| checksum.to_string()),
            publish_id: info.publish_id(),
            ..Self::default()
        }
    }

    pub(super) fn note(note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..Self::default() }
    }

    pub(super) fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// For people, in one line.
impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.state.clone());
        parts.extend(self.size.map(|size| format!("{size} bytes")));
        parts.extend(self.crc64nvme.as_ref().map(|checksum| format!("crc64nvme {checksum}")));
        parts.extend(self.publish_id.map(|id| format!("of publish {id}")));
        parts.extend(self.since.as_ref().map(|since| format!("since {since}")));
        parts.extend(self.note.clone());
        f.write_str(&parts.join(", "))
    }
}
