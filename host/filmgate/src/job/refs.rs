use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::job::ids::user_id_fault;
use crate::job::text::parsed_text;
use crate::job::{InvalidValue, basic_timestamp};

parsed_text! {
    /// An id that a layout's keys use, for example `gen_20260101T000000000Z_ab12cd34`.
    ///
    /// Invariant: that of a [`UserId`](crate::job::UserId).
    RefId,
    what: "reference id",
    allowed: "1 to 128 characters of A-Z a-z 0-9 . _ @ + = -, but not \".\" or \"..\"",
    check: user_id_fault
}

/// What an id of a job refers to (`plugin.wit`, `job.refs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RefName {
    /// A set of clips made together.
    Generation,
    /// A final video put together from clips.
    Composition,
    /// A file that a user brought.
    Upload,
    /// The caller's session.
    Session,
    /// A scene within a session.
    Scene,
}

/// The ids of one job by their names.
pub type Refs = BTreeMap<RefName, RefId>;

impl RefName {
    /// Every name.
    pub const ALL: [Self; 5] = [Self::Generation, Self::Composition, Self::Upload, Self::Session, Self::Scene];

    /// As it is written in templates and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generation => "generation",
            Self::Composition => "composition",
            Self::Upload => "upload",
            Self::Session => "session",
            Self::Scene => "scene",
        }
    }

    /// A new id of this kind (B3): `gen_{timestamp}_{random}`, `comp_…`, `upload_…`. `None` for what only the caller can
    /// name: sessions and scenes.
    ///
    /// The random part has 32 bits, beside the millisecond of `now`.
    pub fn generate(self, now: Timestamp) -> Option<RefId> {
        let prefix = match self {
            Self::Generation => "gen",
            Self::Composition => "comp",
            Self::Upload => "upload",
            Self::Session | Self::Scene => return None,
        };
        // The last four bytes of a UUID are random in every version that is made from randomness.
        let [.., a, b, c, d] = uuid::Uuid::now_v7().into_bytes();
        let random = u32::from_be_bytes([a, b, c, d]);
        Some(RefId(format!("{prefix}_{}_{random:08x}", basic_timestamp(now))))
    }
}

impl FromStr for RefName {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let known = Self::ALL.into_iter().find(|name| name.as_str() == text);
        known.ok_or_else(|| {
            let allowed = "generation, composition, upload, session, scene";
            InvalidValue::new("reference name", text, "is unknown", allowed)
        })
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b3_ids_carry_their_kind_and_time_and_differ() {
        let now: Timestamp = "2026-11-20T12:45:00.123456Z".parse().unwrap();
        let id = RefName::Generation.generate(now).unwrap();
        assert!(id.as_str().starts_with("gen_20261120T124500123Z_"), "{id}");
        assert_eq!(id.as_str().len(), "gen_20261120T124500123Z_".len() + 8);
        assert!(RefName::Composition.generate(now).unwrap().as_str().starts_with("comp_20261120T124500123Z_"));
        assert!(RefName::Upload.generate(now).unwrap().as_str().starts_with("upload_20261120T124500123Z_"));
        assert_ne!(RefName::Generation.generate(now), RefName::Generation.generate(now));
        assert_eq!(RefName::Session.generate(now), None);
        assert_eq!(id.as_str().parse::<RefId>(), Ok(id));
    }

    #[test]
    fn names_are_those_of_the_plugin_world() {
        for name in RefName::ALL {
            assert_eq!(name.as_str().parse::<RefName>(), Ok(name));
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
        }
        let error = "Gen".parse::<RefName>().unwrap_err().to_string();
        assert_eq!(
            error,
            "reference name \"Gen\" is unknown; allowed: generation, composition, upload, session, scene"
        );
        assert!("../x".parse::<RefId>().is_err());
    }
}
