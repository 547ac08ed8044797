use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::config::error::Problem;
use crate::config::{Secret, Sources};

/// One setting that has a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its key in `filmgate.toml`.
    pub key: &'static str,
    /// For people; `(set, not shown)` for secrets.
    pub value: String,
    /// Where the value comes from.
    pub origin: Origin,
}

/// Where a setting's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// The variable of this name.
    Environment(&'static str),
    /// The option of this name.
    CommandLine(&'static str),
}

impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Environment(name) => f.write_str(name),
            Self::CommandLine(option) => f.write_str(option),
        }
    }
}

/// Picks each setting's value from its sources, and notes values and faults on the way.
pub(super) struct Resolver<'a> {
    sources: &'a Sources,
    file: Option<PathBuf>,
    settings: Vec<Setting>,
    problems: Vec<Problem>,
    asked: BTreeSet<&'static str>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(sources: &'a Sources, file: Option<PathBuf>) -> Self {
        // FILMGATE_TOOLS is read by the project's own scripts, which a developer may have in the same shell.
        let asked = BTreeSet::from(["FILMGATE_CONFIG", "FILMGATE_TOOLS"]);
        Self { sources, file, settings: Vec::new(), problems: Vec::new(), asked }
    }

    /// The value of a setting: that of the environment, else that of the file. `names` are variables that mean the same.
    pub(super) fn pick<T>(&mut self, key: &'static str, names: &[&'static str], file: Option<T>) -> Option<T>
    where
        T: FromStr<Err: Display> + Display,
    {
        match self.variable(names) {
            Some((name, text)) => match text.parse() {
                Ok(value) => {
                    self.note(key, &value, Origin::Environment(name));
                    Some(value)
                }
                Err(error) => {
                    self.refuse_at(name, error.to_string());
                    None
                }
            },
            None => {
                if let (Some(value), Some(path)) = (&file, self.file.clone()) {
                    self.note(key, value, Origin::File(path));
                }
                file
            }
        }
    }

    /// The same with a default.
    pub(super) fn pick_or<T>(&mut self, key: &'static str, names: &[&'static str], file: Option<T>, default: T) -> T
    where
        T: FromStr<Err: Display> + Display,
    {
        self.pick(key, names, file).unwrap_or_else(|| {
            self.note(key, &default, Origin::Default);
            default
        })
    }

    /// A directory or file: relative ones below the working directory.
    pub(super) fn path(&mut self, key: &'static str, names: &[&'static str], file: Option<PathBuf>) -> Option<PathBuf> {
        if let Some((name, text)) = self.variable(names) {
            let path = self.absolute(Path::new(&text));
            self.note(key, path.display(), Origin::Environment(name));
            return Some(path);
        }
        if let (Some(path), Some(origin)) = (&file, self.file.clone()) {
            self.note(key, path.display(), Origin::File(origin));
        }
        file
    }

    /// A secret: from the environment only.
    pub(super) fn secret(&mut self, key: &'static str, name: &'static str) -> Option<Secret> {
        let (name, text) = self.variable(&[name])?;
        if let Some(fault) = credential_fault(&text) {
            self.refuse_at(name, fault);
        }
        self.note(key, "(set, not shown)", Origin::Environment(name));
        Some(Secret::new(text))
    }

    /// The first of `names` that is set, and its value. Variables that mean the same and say different things are a fault.
    pub(super) fn variable(&mut self, names: &[&'static str]) -> Option<(&'static str, String)> {
        self.asked.extend(names);
        for name in names.iter().filter(|name| self.sources.not_unicode.contains(**name)) {
            self.problems.push(Problem { place: (*name).to_owned(), fault: "is not UTF-8".to_owned() });
        }
        let set: Vec<_> = names.iter().filter_map(|name| Some((*name, self.sources.variable(name)?))).collect();
        let (name, value) = *set.first()?;
        if set.iter().any(|(_, other)| *other != value) {
            let all: Vec<_> = set.iter().map(|(name, _)| *name).collect();
            self.refuse_at(&all.join(" and "), "mean the same but have different values; set one, or all to the same");
        }
        Some((name, value.to_owned()))
    }

    /// Whether a variable is set, without a setting of its own.
    pub(super) fn is_set(&mut self, name: &'static str) -> bool {
        self.asked.insert(name);
        self.sources.variable(name).is_some()
    }

    pub(super) fn note(&mut self, key: &'static str, value: impl Display, origin: Origin) {
        self.settings.push(Setting { key, value: value.to_string(), origin });
    }

    /// The configuration file as an origin, where there is one.
    pub(super) fn file_origin(&self) -> Option<Origin> {
        self.file.clone().map(Origin::File)
    }

    /// Where the value of a setting comes from.
    pub(super) fn origin(&self, key: &str) -> Option<&Origin> {
        self.settings.iter().find(|setting| setting.key == key).map(|setting| &setting.origin)
    }

    pub(super) fn is_noted(&self, key: &str) -> bool {
        self.origin(key).is_some()
    }

    /// Notes a fault of a setting, naming where its value comes from.
    pub(super) fn refuse(&mut self, key: &str, fault: impl Into<String>) {
        let place = match self.origin(key) {
            Some(Origin::Environment(name)) => (*name).to_owned(),
            Some(Origin::CommandLine(option)) => (*option).to_owned(),
            Some(Origin::File(path)) => format!("{key} in {}", path.display()),
            Some(Origin::Default) | None => match &self.file {
                Some(path) => format!("{key} in {}", path.display()),
                None => key.to_owned(),
            },
        };
        self.refuse_at(&place, fault);
    }

    /// Notes a fault of a named variable or option.
    pub(super) fn refuse_at(&mut self, place: &str, fault: impl Into<String>) {
        self.problems.push(Problem { place: place.to_owned(), fault: fault.into() });
    }

    /// The value, or a fault of the setting.
    pub(super) fn keep<T, E: Display>(&mut self, result: Result<T, E>, key: &str) -> Option<T> {
        result.map_err(|error| self.refuse(key, error.to_string())).ok()
    }

    /// Notes a fault where a number is outside of what is allowed.
    pub(super) fn bound<T: PartialOrd + Display>(&mut self, key: &str, value: &T, min: &T, max: &T) {
        if value < min || value > max {
            self.refuse(key, format!("{value} is out of range; allowed: {min} to {max}"));
        }
    }

    pub(super) fn absolute(&self, path: &Path) -> PathBuf {
        normalised(&self.sources.working_dir.join(path))
    }

    /// Relative paths in the file are meant from where the file is.
    pub(super) fn beside_file(&self, path: &Path) -> PathBuf {
        let folder = self.file.as_deref().and_then(Path::parent).unwrap_or(&self.sources.working_dir);
        normalised(&folder.join(path))
    }

    pub(super) fn command_line_data_dir(&mut self) -> Option<PathBuf> {
        self.asked.insert("FILMGATE_DATA_DIR");
        self.sources.data_dir.as_deref().map(|path| self.absolute(path))
    }

    /// A misspelt variable would otherwise be ignored in silence.
    pub(super) fn refuse_unknown_variables(&mut self) {
        let names = self.sources.environment.keys().chain(&self.sources.not_unicode);
        let unknown: Vec<_> = names
            .filter(|name| name.starts_with("FILMGATE_") && !self.asked.contains(name.as_str()))
            .cloned()
            .collect();
        let known: Vec<_> = self.asked.iter().copied().filter(|name| name.starts_with("FILMGATE_")).collect();
        let known = known.join(", ");
        for name in unknown {
            self.refuse_at(&name, format!("is no setting; known: {known}"));
        }
    }

    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Setting>) {
        (self.problems, self.settings)
    }
}

/// What a key or token cannot be; says nothing of its text.
pub(super) fn credential_fault(text: &str) -> Option<&'static str> {
    if text.len() >= 2 && ["\"", "'"].iter().any(|quote| text.starts_with(quote) && text.ends_with(quote)) {
        return Some("is wrapped in quotes; remove them");
    }
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    (!is_plain).then_some("has spaces, line ends or other characters that no key has; copy it again")
}

/// Without `.` segments, so that messages and comparisons show one form. `..` stays: a symbolic link may stand before it.
fn normalised(path: &Path) -> PathBuf {
    path.components().collect()
}
