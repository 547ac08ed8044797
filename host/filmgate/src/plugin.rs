//! A compiled plugin and its digest.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use filmgate_runner::Artifact;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::checksum::hexadecimal;
use crate::job::InvalidValue;
use crate::manifest::Manifest;

/// SHA-256 of a component's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PluginDigest([u8; 32]);

impl PluginDigest {
    /// Of these bytes.
    pub fn of(component: &[u8]) -> Self {
        Self(Sha256::digest(component).into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// `sha256:` and 64 hexadecimal digits.
impl fmt::Display for PluginDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hexadecimal(&self.0))
    }
}

impl FromStr for PluginDigest {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let refuse = |fault: &str| InvalidValue::new("digest", text, fault, "sha256: and 64 digits of 0-9 a-f");
        let digits = text.strip_prefix("sha256:").ok_or_else(|| refuse("does not begin with sha256:"))?;
        if digits.len() != 64 || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(refuse("is no SHA-256"));
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| refuse("is no SHA-256"))?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| refuse("is no SHA-256"))?;
        }
        Ok(Self(bytes))
    }
}

impl From<PluginDigest> for String {
    fn from(digest: PluginDigest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for PluginDigest {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, InvalidValue> {
        text.parse()
    }
}

/// A component that was checked and compiled: its digest and its code in sealed memory. Cheap to clone, runs any number of
/// jobs, in any host.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) artifact: Artifact,
    pub(crate) digest: PluginDigest,
    pub(crate) manifest: Option<Arc<Manifest>>,
    pub(crate) was_compiled: bool,
}

impl Plugin {
    /// The component's digest.
    pub fn digest(&self) -> PluginDigest {
        self.digest
    }

    /// Whether this call compiled it; else its code was kept from an earlier time.
    pub fn was_compiled(&self) -> bool {
        self.was_compiled
    }

    /// Bytes of its code.
    pub fn code_bytes(&self) -> u64 {
        self.artifact.size()
    }

    /// What it says of itself, where it has a manifest.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_deref()
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("digest", &self.digest).finish_non_exhaustive()
    }
}
