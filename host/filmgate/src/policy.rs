//! What an operator grants each plugin, and what a job of it may then use.
//!
//! A plugin may bring a [`Manifest`] that says what it needs. The operator's settings say what every plugin may use, and for
//! single plugins, by id or digest, something else. A job gets the smaller of both; a plugin that needs more than it is
//! granted is refused before it is compiled, with the lines that would grant it ([`NotGranted`]).
//!
//! An id is the plugin's own word. Only a digest proves which component it is.

mod grant;
mod limits;
mod refusal;

#[cfg(test)]
mod tests;

pub use grant::{Defaults, Grants};
pub use limits::{Allowance, Limit, Limits, Unit};
pub use refusal::{Edit, NotGranted};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::job::InvalidValue;
#[cfg(any(doc, test))]
use crate::manifest::Manifest;
use crate::manifest::PluginId;
use crate::media::MediaKind;
use crate::plugin::PluginDigest;

/// What single plugins are granted, and whether others may run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginPolicy {
    unlisted: Unlisted,
    rules: BTreeMap<PluginKey, PluginRule>,
}

/// Whether a plugin may run that no rule is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unlisted {
    /// Yes, with what every plugin may use.
    #[default]
    Allow,
    /// No.
    Refuse,
}

/// Which plugin a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub enum PluginKey {
    /// The component with this digest, whatever it says of itself. Wins over a rule by id.
    Digest(PluginDigest),
    /// Every component whose manifest names this id.
    Id(PluginId),
}

/// What one plugin is granted. What is absent is granted as to every plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginRule {
    /// The only components that may call themselves so; only with an id.
    pub digests: Option<BTreeSet<PluginDigest>>,
    /// The only kinds of file it may hand over.
    pub media: Option<BTreeSet<MediaKind>>,
    /// Whether `store-video` answers URLs to it.
    pub show_urls: Option<bool>,
    /// Limits of its own, higher or lower than those of every plugin.
    pub limits: Option<Limits>,
}

/// Why rules cannot be used: which one, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plugins.{key:?}{place}: {fault}")]
pub struct PolicyError {
    key: String,
    place: &'static str,
    fault: String,
}

impl PluginPolicy {
    /// Rules that hold together.
    ///
    /// Refused: digests pinned under a digest, lists that allow nothing, limits out of range, and a rule by id without
    /// digests where unlisted plugins are refused: any plugin could take that id.
    pub fn new(unlisted: Unlisted, rules: BTreeMap<PluginKey, PluginRule>) -> Result<Self, PolicyError> {
        for (key, rule) in &rules {
            check(unlisted, key, rule).map_err(|(place, fault)| PolicyError {
                key: key.to_string(),
                place,
                fault: fault.to_owned(),
            })?;
            if let Some(fault) = rule.limits.as_ref().and_then(Limits::fault) {
                return Err(PolicyError { key: key.to_string(), place: ".limits", fault });
            }
        }
        Ok(Self { unlisted, rules })
    }

    /// The rule about a component, the one by its digest first.
    fn rule(&self, digest: PluginDigest, id: Option<&PluginId>) -> Option<(&PluginKey, &PluginRule)> {
        let by_id = id.map(|id| PluginKey::Id(id.clone()));
        [Some(PluginKey::Digest(digest)), by_id].into_iter().flatten().find_map(|key| self.rules.get_key_value(&key))
    }

    /// Every rule, those by digest first.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = (&PluginKey, &PluginRule)> {
        self.rules.iter()
    }

    /// Whether a plugin may run that no rule is about.
    pub fn unlisted(&self) -> Unlisted {
        self.unlisted
    }
}

fn check(unlisted: Unlisted, key: &PluginKey, rule: &PluginRule) -> Result<(), (&'static str, &'static str)> {
    match (key, &rule.digests) {
        (PluginKey::Digest(_), Some(_)) => Err((".digests", "the name of the table is a digest already; leave it out")),
        (PluginKey::Id(_), Some(digests)) if digests.is_empty() => {
            Err((".digests", "pins nothing; allowed: one digest or more, or leave it out"))
        }
        (PluginKey::Id(_), None) if unlisted == Unlisted::Refuse => Err((
            ".digests",
            "is not set; while plugins.unlisted is refuse an id needs it, since any plugin can take that id. \
             `filmgate plugin inspect` shows a plugin's digest",
        )),
        _ if rule.media.as_ref().is_some_and(BTreeSet::is_empty) => {
            Err((".media", "allows nothing; allowed: one kind or more, or leave it out"))
        }
        _ => Ok(()),
    }
}

impl FromStr for PluginKey {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        if text.contains(':') { text.parse().map(Self::Digest) } else { text.parse().map(Self::Id) }
    }
}

impl TryFrom<String> for PluginKey {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, InvalidValue> {
        text.parse()
    }
}

impl fmt::Display for PluginKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(digest) => digest.fmt(f),
            Self::Id(id) => id.fmt(f),
        }
    }
}

impl FromStr for Unlisted {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "allow" => Ok(Self::Allow),
            "refuse" => Ok(Self::Refuse),
            _ => Err(InvalidValue::new("choice", text, "is unknown", "allow, refuse")),
        }
    }
}

impl fmt::Display for Unlisted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Refuse => "refuse",
        })
    }
}
