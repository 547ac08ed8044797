use std::collections::BTreeSet;
use std::fmt;

use super::{Grants, Limit, PluginKey, PluginRule};
use crate::manifest::PluginId;
use crate::media::MediaKind;
use crate::plugin::PluginDigest;

/// Why a plugin may not run: it is not listed, is another than the pinned one, or needs more than it is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotGranted {
    plugin: String,
    faults: Vec<String>,
    edits: Vec<Edit>,
}

/// A change of `filmgate.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The table, for example `plugins."recap".limits`.
    pub table: String,
    /// Whether the table is in the settings already: then the lines stand in it for what it says of these keys now.
    pub is_there: bool,
    /// Keys and values, a line each.
    pub lines: Vec<String>,
}

impl NotGranted {
    /// The changes of the operator's settings that would grant it, and nothing beyond.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// The same for people: lines to add to `filmgate.toml` as they stand, and lines to change there.
    pub fn advice(&self) -> String {
        let mut parts = Vec::new();
        let new: Vec<_> = self.edits.iter().filter(|edit| !edit.is_there).map(Edit::to_string).collect();
        if !new.is_empty() {
            parts.push(format!("to allow this, add to the end of filmgate.toml:\n{}", new.join("\n")));
        }
        for edit in self.edits.iter().filter(|edit| edit.is_there) {
            let lines = edit.lines.join("\n");
            parts.push(format!("to allow this, write in the table [{}] of filmgate.toml:\n{lines}", edit.table));
        }
        parts.join("\n")
    }
}

impl fmt::Display for NotGranted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin {} {}", self.plugin, self.faults.join("; it "))
    }
}

impl std::error::Error for NotGranted {}

/// As it is written in a settings file.
impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.table)?;
        self.lines.iter().try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// Gathers what a plugin lacks.
pub(super) struct Refusing<'a> {
    digest: PluginDigest,
    /// The rule that grants, or the one that would have to be made.
    key: PluginKey,
    rule: Option<&'a PluginRule>,
    faults: Vec<String>,
    table: Vec<String>,
    limits: Vec<String>,
}

impl<'a> Refusing<'a> {
    pub(super) fn new(digest: PluginDigest, id: Option<&PluginId>, rule: Option<(&PluginKey, &'a PluginRule)>) -> Self {
        let own = || id.map_or(PluginKey::Digest(digest), |id| PluginKey::Id(id.clone()));
        let key = rule.map_or_else(own, |(key, _)| key.clone());
        let rule = rule.map(|(_, rule)| rule);
        Self { digest, key, rule, faults: Vec::new(), table: Vec::new(), limits: Vec::new() }
    }

    pub(super) fn unlisted(&mut self) {
        self.faults.push(format!("({}) is not listed, and plugins.unlisted is refuse", self.digest));
        if matches!(self.key, PluginKey::Id(_)) {
            self.table.push(format!("digests = [\"{}\"]", self.digest));
        }
    }

    pub(super) fn other_digest(&mut self, pinned: &BTreeSet<PluginDigest>) {
        self.faults.push(format!("has the digest {}, pinned is {}", self.digest, list(pinned)));
        let all: Vec<_> = pinned.iter().chain([&self.digest]).map(|digest| format!("\"{digest}\"")).collect();
        self.table.push(format!("digests = [{}]", all.join(", ")));
    }

    pub(super) fn limit(&mut self, limit: Limit, asked: u64, granted: u64) {
        let (key, asked_text, granted) = (limit.key(), limit.show(asked), limit.show(granted));
        self.faults.push(format!("asks for the limit {key} {asked_text}, granted is {granted}"));
        self.limits.push(format!("{key} = {}", limit.written(asked)));
    }

    pub(super) fn media(&mut self, asked: &BTreeSet<MediaKind>, granted: &BTreeSet<MediaKind>) {
        self.faults.push(format!("asks for the media kinds {}, granted are {}", names(asked), names(granted)));
        let all: Vec<_> = granted.union(asked).map(|kind| format!("\"{}\"", kind.name())).collect();
        self.table.push(format!("media = [{}]", all.join(", ")));
    }

    pub(super) fn finish(self, grants: Grants) -> Result<Grants, NotGranted> {
        if self.faults.is_empty() {
            return Ok(grants);
        }
        let table = format!("plugins.\"{}\"", self.key);
        let limits_are_there = self.rule.is_some_and(|rule| rule.limits.is_some());
        let limits = Edit { table: format!("{table}.limits"), is_there: limits_are_there, lines: self.limits };
        let mut edits = Vec::new();
        // A table that lists a plugin may be empty.
        if !self.table.is_empty() || (self.rule.is_none() && limits.lines.is_empty()) {
            edits.push(Edit { table, is_there: self.rule.is_some(), lines: self.table });
        }
        if !limits.lines.is_empty() {
            edits.push(limits);
        }
        let plugin = match &self.key {
            PluginKey::Id(id) => id.to_string(),
            PluginKey::Digest(digest) => digest.to_string(),
        };
        Err(NotGranted { plugin, faults: self.faults, edits })
    }
}

fn list(digests: &BTreeSet<PluginDigest>) -> String {
    digests.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn names(kinds: &BTreeSet<MediaKind>) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
}
