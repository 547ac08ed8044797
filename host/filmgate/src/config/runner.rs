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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};

    fn load(file: &str, variables: &[(&str, &str)]) -> Result<RunnerConfig, String> {
        let folder = tempfile::tempdir().expect("a directory");
        std::fs::write(folder.path().join("filmgate.toml"), file).expect("write the file");
        let loaded = Config::load(&Sources::of_variables(variables.iter().copied(), folder.path()));
        loaded.map(|config| config.runner).map_err(|error| error.to_string())
    }

    #[test]
    fn plugins_are_locked_in_unless_the_operator_says_otherwise() {
        let default = load("", &[]).expect("load");
        assert_eq!(default, RunnerConfig { mode: RunnerMode::Jailed, allow_missing: Vec::new() });
        let file = "[runner]\nmode = \"in-process\"\nallow_missing = [\"landlock\", \"seccomp\"]\n";
        let both = vec![Layer::Landlock, Layer::Seccomp];
        let chosen = load(file, &[]).expect("load");
        assert_eq!(chosen, RunnerConfig { mode: RunnerMode::InProcess, allow_missing: both.clone() });
        let variables = [("FILMGATE_RUNNER", "jailed"), ("FILMGATE_RUNNER_ALLOW_MISSING", "landlock, seccomp")];
        let chosen = load("[runner]\nmode = \"in-process\"\n", &variables).expect("load");
        assert_eq!(chosen, RunnerConfig { mode: RunnerMode::Jailed, allow_missing: both });
    }

    #[test]
    fn what_is_unknown_is_named_with_what_is_allowed() {
        let error = load("", &[("FILMGATE_RUNNER", "chroot")]).expect_err("unknown");
        assert!(error.contains("FILMGATE_RUNNER") && error.contains("jailed, in-process"), "{error}");
        for layers in ["limits", "landlock,", "all"] {
            let error = load("", &[("FILMGATE_RUNNER_ALLOW_MISSING", layers)]).expect_err("unknown");
            assert!(error.contains("landlock, seccomp"), "{error}");
        }
        assert!(load("[runner]\nallow_missing = [\"no-new-privileges\"]\n", &[]).is_err());
        assert!(load("[runner]\nnamespaces = true\n", &[]).is_err());
    }
}
