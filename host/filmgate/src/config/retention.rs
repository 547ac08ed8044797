use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::archive::RetentionPolicy;
use crate::config::resolver::{Origin, Resolver};
use crate::job::InvalidValue;
use crate::layout::Layouts;
use crate::units::Span;

/// `[retention]`: how long records, old versions and files are kept.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionSection {
    events: Option<Kept>,
    audit: Option<Kept>,
    logs: Option<Kept>,
    jobs: Option<Kept>,
    gone: Option<Kept>,
    versions: Option<Versions>,
    /// Beginnings of keys, as the layouts' templates have them, and how long their files are kept.
    #[serde(default)]
    prefixes: BTreeMap<String, Kept>,
}

/// A length of time, or `keep`: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept(Option<Duration>);

/// How many old versions, or `keep`: all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Versions(Option<u32>);

const KEEP: &str = "keep";
/// A clean-up that keeps nothing is a mistake.
const SHORTEST: Duration = Duration::from_secs(60);

pub(super) fn resolve(
    resolver: &mut Resolver<'_>,
    file: &RetentionSection,
    layouts: Option<&mut Layouts>,
) -> RetentionPolicy {
    let default = RetentionPolicy::default();
    let ages = [
        ("retention.events", "FILMGATE_RETENTION_EVENTS", file.events, default.events),
        ("retention.audit", "FILMGATE_RETENTION_AUDIT", file.audit, default.audit),
        ("retention.logs", "FILMGATE_RETENTION_LOGS", file.logs, default.logs),
        ("retention.jobs", "FILMGATE_RETENTION_JOBS", file.jobs, default.jobs),
        ("retention.gone", "FILMGATE_RETENTION_GONE", file.gone, default.gone),
    ];
    let [events, audit, logs, jobs, gone] = ages.map(|(key, name, file, default)| {
        let kept = resolver.pick_or(key, &[name], file, Kept(default));
        check(resolver, key, kept);
        kept.0
    });
    let versions = &["FILMGATE_RETENTION_VERSIONS"];
    let versions = resolver.pick_or("retention.versions", versions, file.versions, Versions(default.versions)).0;
    prefixes(resolver, &file.prefixes, layouts);
    RetentionPolicy { events, audit, logs, jobs, gone, versions }
}

fn prefixes(resolver: &mut Resolver<'_>, file: &BTreeMap<String, Kept>, layouts: Option<&mut Layouts>) {
    const KEY: &str = "retention.prefixes";
    let (Some(layouts), false) = (layouts, file.is_empty()) else { return };
    let all: Vec<_> = file.iter().map(|(prefix, kept)| format!("{prefix} {kept}")).collect();
    resolver.note(KEY, all.join(", "), resolver.file_origin().unwrap_or(Origin::Default));
    for (prefix, kept) in file {
        check(resolver, KEY, *kept);
        if prefix.is_empty() || !layouts.keep(prefix, kept.0) {
            let fault = format!("no key of a layout begins with {prefix:?}; allowed: for example \"temp/\"");
            resolver.refuse(KEY, fault);
        }
    }
}

fn check(resolver: &mut Resolver<'_>, key: &str, kept: Kept) {
    if kept.0.is_some_and(|age| age < SHORTEST) {
        resolver.refuse(key, format!("{kept} is too short; allowed: {} or longer, or {KEEP}", Span(SHORTEST)));
    }
}

impl FromStr for Kept {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        if text == KEEP {
            return Ok(Self(None));
        }
        text.parse().map(|Span(age)| Self(Some(age))).map_err(|_| {
            let allowed = "a whole number with m, h or d, for example 30d, or keep";
            InvalidValue::new("retention", text, "is no length of time", allowed)
        })
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(age) => Span(age).fmt(f),
            None => f.write_str(KEEP),
        }
    }
}

impl FromStr for Versions {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            KEEP => Ok(Self(None)),
            _ => text
                .parse()
                .map(|count| Self(Some(count)))
                .map_err(|_| InvalidValue::new("number of versions", text, "is no whole number", "0 or more, or keep")),
        }
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(count) => count.fmt(f),
            None => f.write_str(KEEP),
        }
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A number in the file, or the word.
impl<'de> Deserialize<'de> for Versions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "no number of old versions; allowed: 0 or more, or \"keep\"")]
        enum Written {
            Count(u32),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Count(count) => Ok(Self(Some(count))),
            Written::Word(word) => word.parse().map_err(serde::de::Error::custom),
        }
    }
}
