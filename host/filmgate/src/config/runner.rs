use std::fmt;
use std::str::FromStr;

use filmgate_protocol::Layer;
use serde::Deserialize;

use crate::config::file::RunnerSection;
use crate::config::resolver::Resolver;
use crate::job::InvalidValue;
use crate::pool::Runner;

/// Where plugins run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerConfig {
    /// In which kind of place.
    pub mode: RunnerMode,
    /// Layers of the jail that may be missing.
    pub allow_missing: Vec<Layer>,
}

/// The setting `runner.mode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunnerMode {
    /// A locked-in process for each job.
    #[default]
    Jailed,
    /// A thread of this process.
    InProcess,
}

/// Layers by name, comma-separated in the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(super) struct Layers(Vec<Layer>);

pub(super) fn resolve(resolver: &mut Resolver<'_>, file: RunnerSection) -> RunnerConfig {
    let mode = resolver.pick_or("runner.mode", &["FILMGATE_RUNNER"], file.mode, RunnerMode::default());
    let names = &["FILMGATE_RUNNER_ALLOW_MISSING"];
    let allow_missing = resolver.pick_or("runner.allow_missing", names, file.allow_missing, Layers::default()).0;
    RunnerConfig { mode, allow_missing }
}

impl RunnerConfig {
    /// For [`crate::HostBuilder::runner`], by a program whose `main` calls [`crate::enter`].
    pub fn place(&self) -> Runner {
        match self.mode {
            RunnerMode::Jailed => Runner::SelfExec,
            RunnerMode::InProcess => Runner::InProcess,
        }
    }
}

impl FromStr for RunnerMode {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "jailed" => Ok(Self::Jailed),
            "in-process" => Ok(Self::InProcess),
            _ => Err(InvalidValue::new("runner mode", text, "is unknown", "jailed, in-process")),
        }
    }
}

impl fmt::Display for RunnerMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jailed => "jailed",
            Self::InProcess => "in-process",
        })
    }
}

impl TryFrom<Vec<String>> for Layers {
    type Error = InvalidValue;

    fn try_from(names: Vec<String>) -> Result<Self, InvalidValue> {
        let layer = |name: String| match name.as_str() {
            "landlock" => Ok(Layer::Landlock),
            "seccomp" => Ok(Layer::Seccomp),
            _ => Err(InvalidValue::new("layer", &name, "cannot be missing or is unknown", "landlock, seccomp")),
        };
        names.into_iter().map(layer).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for Layers {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        Self::try_from(text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>())
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|layer| layer.name()).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}
