//! Names of objects: [`ObjectKey`] and the prefixes they are listed by.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::KEY_BYTES_MAX;

/// The key of one object, the same for every storage.
///
/// Invariant: 1..=1024 bytes of UTF-8, `/`-separated segments, none of them empty, `.` or `..`, no control character and
/// no `\`. It is therefore also a safe relative path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectKey(String);

/// Why a text is no [`ObjectKey`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("object key {key:?} {fault}")]
pub struct InvalidKey {
    key: String,
    fault: &'static str,
}

impl ObjectKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part behind the last `/`.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The segments between the `/`.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl TryFrom<String> for ObjectKey {
    type Error = InvalidKey;

    fn try_from(key: String) -> Result<Self, InvalidKey> {
        let fault = if key.is_empty() || key.len() > KEY_BYTES_MAX {
            Some("is not 1 to 1024 bytes long")
        } else if key.chars().any(|c| c.is_control() || c == '\\') {
            Some("has a control character or a backslash")
        } else if key.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            Some("has an empty, \".\" or \"..\" segment")
        } else {
            None
        };
        match fault {
            None => Ok(Self(key)),
            Some(fault) => Err(InvalidKey { key: key.chars().take(100).collect(), fault }),
        }
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> Self {
        key.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
