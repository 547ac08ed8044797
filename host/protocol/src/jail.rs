use std::fmt;

use serde::{Deserialize, Serialize};

use crate::message::Budget;

/// What a child process is told before its job. Three descriptors come along: the component's code, the outbox, the
/// inputs; without the code it only tells what its jail is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prepare {
    /// The host's process id: a child whose parent is another has lost its host already.
    pub host: u32,
    /// What the job may use.
    pub budget: Budget,
    /// Layers that may be missing.
    pub allow_missing: Vec<Layer>,
}

/// What a child process answers to [`Prepare`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Prepared {
    /// It is locked in and its component is loaded.
    Ready(Vec<Measure>),
    /// A layer is missing that may not be.
    Missing {
        /// Which one.
        layer: Layer,
        /// What the system answered.
        reason: String,
    },
    /// Something else failed.
    Failed(String),
}

/// One layer of the jail and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Which one.
    pub layer: Layer,
    /// Whether it holds.
    pub state: LayerState,
    /// What exactly was applied, or what the system answered.
    pub detail: String,
}

/// Whether a layer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerState {
    /// As far as this kernel knows it.
    Applied,
    /// Not at all.
    Missing,
}

/// The layers of the jail, in the order in which they are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Layer {
    /// Dies with its host.
    ParentDeath,
    /// Resource limits.
    Limits,
    /// Every capability given up.
    Capabilities,
    /// `no_new_privs`.
    NoNewPrivileges,
    /// Landlock: which files, no network, no signals outwards.
    Landlock,
    /// Not dumpable: no core, no `/proc` entries for others.
    NotDumpable,
    /// seccomp: which system calls.
    Seccomp,
}

impl Layer {
    /// The name in settings and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::ParentDeath => "parent-death",
            Self::Limits => "limits",
            Self::Capabilities => "capabilities",
            Self::NoNewPrivileges => "no-new-privileges",
            Self::Landlock => "landlock",
            Self::NotDumpable => "not-dumpable",
            Self::Seccomp => "seccomp",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
