//! What a plugin says of itself: `<name>.toml` beside `<name>.wasm`.
//!
//! A manifest names the plugin, the limits it needs, the kinds of file it hands over and what its parameters look like. It
//! comes from whoever wrote the plugin, so nothing in it grants anything: it can only ask for less than the operator allows,
//! or be refused. Its texts are bounded, its schema is evaluated with a bound on the work ([`ParamsSchema`]).
//!
//! A plugin without a manifest runs with what every plugin may use.

mod file;
mod schema;

#[cfg(test)]
mod tests;

pub use schema::{ParamsFault, ParamsSchema, SchemaError};

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::job::parsed_text;
use crate::media::MediaKind;
use crate::policy::Limits;

parsed_text! {
    /// What a plugin calls itself, for example `recap`. Its own word: any plugin can take any id.
    ///
    /// Invariant: 1 to 64 characters of `a-z 0-9 . -`, beginning with a letter, and not `unlisted`.
    PluginId,
    what: "plugin id",
    allowed: "1 to 64 characters of a-z 0-9 . - that begin with a letter, but not \"unlisted\"",
    check: id_fault
}

parsed_text! {
    /// A version as its author counts them, for example `1.4.0`.
    ///
    /// Invariant: 1 to 64 characters of `A-Z a-z 0-9 . + -`.
    PluginVersion,
    what: "version",
    allowed: "1 to 64 characters of A-Z a-z 0-9 . + -",
    check: version_fault
}

/// A plugin's manifest, checked.
#[derive(Debug, Clone)]
pub struct Manifest {
    path: PathBuf,
    id: PluginId,
    version: PluginVersion,
    world: PluginVersion,
    limits: Limits,
    media: Option<BTreeSet<MediaKind>>,
    params: Option<ParamsSchema>,
}

/// Why there is no manifest to use.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error("read manifest {path:?}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// It says what a manifest cannot say.
    #[error("manifest {path:?}{place}: {fault}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// `, line 3`, or a key; may be empty.
        place: String,
        /// What is wrong, and what is allowed.
        fault: String,
    },
    /// It describes a component for another version of the plugin world than the one beside it.
    #[error("manifest {path:?}, world: says {says}, but the component was built for {found}")]
    OtherWorld {
        /// The file.
        path: PathBuf,
        /// What it says.
        says: String,
        /// What the component says.
        found: String,
    },
}

impl Manifest {
    /// Where the manifest of a component is: the same folder and name, with the extension `toml`.
    pub fn path_beside(component: &Path) -> PathBuf {
        component.with_extension("toml")
    }

    /// The manifest beside a component, where there is one. Blocks for as long as reading two small files takes.
    pub fn beside(component: &Path) -> Result<Option<Self>, ManifestError> {
        let path = Self::path_beside(component);
        match Self::read(&path) {
            // That file itself: one that it names is missing otherwise.
            Err(ManifestError::Read { path: missing, source })
                if missing == path && source.kind() == std::io::ErrorKind::NotFound =>
            {
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    /// The manifest in this file. Blocks for as long as reading two small files takes.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        file::read(path)
    }

    /// Refuses a manifest that is for another version of the plugin world than this component. A component that names
    /// none is refused for that elsewhere.
    pub fn check(&self, component: &filmgate_runner::Inspection) -> Result<(), ManifestError> {
        match &component.world_version {
            Some(found) if found != self.world.as_str() => Err(ManifestError::OtherWorld {
                path: self.path.clone(),
                says: self.world.to_string(),
                found: found.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the plugin calls itself.
    pub fn id(&self) -> &PluginId {
        &self.id
    }

    /// Which version of the plugin it is.
    pub fn version(&self) -> &PluginVersion {
        &self.version
    }

    /// The version of the plugin world it was built for.
    pub fn world(&self) -> &PluginVersion {
        &self.world
    }

    /// What it needs; it gets no more.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The kinds of file it hands over; `None` where it does not say.
    pub fn media(&self) -> Option<&BTreeSet<MediaKind>> {
        self.media.as_ref()
    }

    /// What its parameters look like, where it says.
    pub fn params(&self) -> Option<&ParamsSchema> {
        self.params.as_ref()
    }
}

fn id_fault(text: &str) -> Option<String> {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
    match text {
        "" => Some("is empty".to_owned()),
        "unlisted" => Some("has a meaning of its own in settings".to_owned()),
        _ if text.len() > 64 => Some(format!("is {} bytes long", text.len())),
        _ if !text.starts_with(|c: char| c.is_ascii_lowercase()) => Some("does not begin with a letter".to_owned()),
        _ => crate::job::first_outside(text, is_allowed),
    }
}

fn version_fault(text: &str) -> Option<String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '+' || c == '-';
    match text.len() {
        0 => Some("is empty".to_owned()),
        bytes if bytes > 64 => Some(format!("is {bytes} bytes long")),
        _ => crate::job::first_outside(text, is_allowed),
    }
}
