//! A compiled plugin and its digest.

use std::fmt;

use filmgate_runner::Artifact;
use sha2::{Digest as _, Sha256};

/// SHA-256 of a component's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PluginDigest([u8; 32]);

impl PluginDigest {
    /// Of these bytes.
    pub fn of(component: &[u8]) -> Self {
        Self(Sha256::digest(component).into())
    }
}

/// `sha256:` and 64 hexadecimal digits.
impl fmt::Display for PluginDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A component that was checked and compiled: its digest and its code in sealed memory. Cheap to clone, runs any number of
/// jobs, in any host.
#[derive(Clone)]
pub struct Plugin {
    pub(crate) artifact: Artifact,
    pub(crate) digest: PluginDigest,
}

impl Plugin {
    /// The component's digest.
    pub fn digest(&self) -> PluginDigest {
        self.digest
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("digest", &self.digest).finish_non_exhaustive()
    }
}
