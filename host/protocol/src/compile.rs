use serde::{Deserialize, Serialize};

use crate::jail::Layer;

/// What a compiling child is told. Two descriptors come along: the component, and empty memory for its code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compile {
    /// The host's process id: a child whose parent is another has lost its host already.
    pub host: u32,
    /// What it may use.
    pub limits: CompileLimits,
    /// Layers of its jail that may be missing.
    pub allow_missing: Vec<Layer>,
}

/// What compiling one component may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompileLimits {
    /// Memory beside what the process itself takes, in bytes.
    pub memory_bytes: u64,
    /// CPU time of all its threads together, in seconds.
    pub cpu_seconds: u64,
    /// Size of the code, in bytes.
    pub code_bytes: u64,
}

/// What a compiling child answers. One that used up its limits is ended by the system instead, and answers nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Compiled {
    /// The code is in the memory that came along.
    Done,
    /// The component is not valid, or needs what plugins do not have; at most 4 KiB.
    Refused(String),
    /// A function of the component has another type than in the plugin world; at most 4 KiB.
    Mismatch(String),
    /// A layer of the jail is missing that may not be.
    Missing {
        /// Which one.
        layer: Layer,
        /// What the system answered.
        reason: String,
    },
    /// Something else failed.
    Failed(String),
}
