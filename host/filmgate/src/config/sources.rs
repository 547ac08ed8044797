use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What settings are read from.
///
/// `Debug` shows names of variables, never values.
#[derive(Clone, Default)]
pub struct Sources {
    pub(super) environment: BTreeMap<String, String>,
    pub(super) not_unicode: BTreeSet<String>,
    pub(super) working_dir: PathBuf,
    pub(super) config_file: Option<PathBuf>,
    pub(super) data_dir: Option<PathBuf>,
}

impl Sources {
    /// The environment and working directory of this process. Fails where the working directory is gone.
    pub fn of_process() -> std::io::Result<Self> {
        let mut sources = Self { working_dir: std::env::current_dir()?, ..Self::default() };
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => sources.environment.insert(name, value).map_or((), drop),
                Err(_) => drop(sources.not_unicode.insert(name)),
            }
        }
        Ok(sources)
    }

    /// These variables and no others, relative paths below `working_dir`.
    pub fn of_variables<N: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (N, V)>,
        working_dir: &Path,
    ) -> Self {
        let environment = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { environment, working_dir: working_dir.to_owned(), ..Self::default() }
    }

    /// The file to read instead of `FILMGATE_CONFIG` or `./filmgate.toml` (`--config`).
    #[must_use]
    pub fn with_config_file(mut self, path: Option<PathBuf>) -> Self {
        self.config_file = path;
        self
    }

    /// The data directory to use instead of what the settings say (`--data-dir`).
    #[must_use]
    pub fn with_data_dir(mut self, path: Option<PathBuf>) -> Self {
        self.data_dir = path;
        self
    }

    /// A variable; an empty one counts as not set.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources")
            .field("environment", &self.environment.keys())
            .field("working_dir", &self.working_dir)
            .field("config_file", &self.config_file)
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}
