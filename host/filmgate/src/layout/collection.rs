use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::key::ObjectKey;
use crate::layout::template::is_literal;
use crate::layout::{Layout, LayoutDefinition, LayoutError, LayoutName};

/// The layouts a host knows: the shipped ones and its operator's own.
#[derive(Debug, Clone)]
pub struct Layouts {
    by_name: BTreeMap<LayoutName, Arc<Layout>>,
    default: LayoutName,
    prefix: Option<KeyPrefix>,
}

/// What stands before every key, for example `production/`: one bucket for several hosts.
///
/// Invariant: path segments of `A-Z a-z 0-9 . _ @ + = -`, at most 256 bytes with the `/` it ends in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(String);

/// Bytes of a [`KeyPrefix`]: leaves 768 of S3's 1,024 for the key itself.
pub(super) const PREFIX_BYTES_MAX: usize = 256;

const SHIPPED: [(&str, &str); 3] = [
    ("recap", include_str!("../../layouts/recap.toml")),
    ("pipeline", include_str!("../../layouts/pipeline.toml")),
    ("jobs", include_str!("../../layouts/jobs.toml")),
];

impl Layouts {
    /// The shipped layouts `recap` (the default), `pipeline` and `jobs`, without a prefix.
    pub fn shipped() -> Self {
        Self::new(BTreeMap::new(), None, None).expect("the shipped layouts are tested")
    }

    /// The shipped layouts and an operator's own, all under `prefix`. Without `default`, `recap` is it.
    ///
    /// Refused: a layout with the name of a shipped one, and every fault in a template, by layout, slot and variable.
    pub fn new(
        own: BTreeMap<LayoutName, LayoutDefinition>,
        default: Option<LayoutName>,
        prefix: Option<&KeyPrefix>,
    ) -> Result<Self, LayoutError> {
        let mut by_name = BTreeMap::new();
        for (name, definition) in shipped_definitions() {
            by_name.insert(name.clone(), Arc::new(definition.load(name, prefix.cloned())?));
        }
        for (name, definition) in own {
            if by_name.contains_key(&name) {
                return Err(LayoutError::definition(
                    &name,
                    "-",
                    "the name is that of a shipped layout",
                    "another name",
                ));
            }
            let layout = definition.load(name.clone(), prefix.cloned())?;
            layout.check_keys_differ()?;
            by_name.insert(name, Arc::new(layout));
        }
        let default = default.unwrap_or_else(|| shipped_name(SHIPPED[0].0));
        let layouts = Self { by_name, default, prefix: prefix.cloned() };
        layouts.get(None)?;
        Ok(layouts)
    }

    /// The same layouts, in which files under keys that begin with `prefix` are kept so long, or for ever. Which those are is
    /// decided by the templates: the prefix of an operator ([`KeyPrefix`]) is not part of it, nor is what stands for a
    /// variable. Answers false, and changes nothing, where no template begins so.
    pub fn keep(&mut self, prefix: &str, retention: Option<Duration>) -> bool {
        let mut is_known = false;
        for layout in self.by_name.values_mut() {
            for rule in Arc::make_mut(layout).slots.values_mut().filter(|rule| rule.template.begins_with(prefix)) {
                rule.retention = retention;
                is_known = true;
            }
        }
        is_known
    }

    /// A layout by name; `None` asks for the default.
    pub fn get(&self, name: Option<&LayoutName>) -> Result<&Arc<Layout>, LayoutError> {
        let name = name.unwrap_or(&self.default);
        self.by_name.get(name).ok_or_else(|| LayoutError::UnknownLayout {
            name: name.clone(),
            known: self.by_name.keys().cloned().collect(),
        })
    }

    /// Every layout, in order of names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Layout>> {
        self.by_name.values()
    }

    /// A key, or the beginning of one, of the host's own, below the prefix that all keys have.
    pub fn prefixed(&self, rest: &str) -> String {
        self.prefix.as_ref().map_or_else(|| rest.to_owned(), |prefix| format!("{prefix}{rest}"))
    }

    /// The name of the default layout.
    pub fn default_name(&self) -> &LayoutName {
        &self.default
    }
}

impl Default for Layouts {
    fn default() -> Self {
        Self::shipped()
    }
}

fn shipped_definitions() -> impl Iterator<Item = (LayoutName, LayoutDefinition)> {
    SHIPPED
        .into_iter()
        .map(|(name, text)| (shipped_name(name), toml::from_str(text).expect("the shipped layouts are tested")))
}

fn shipped_name(name: &str) -> LayoutName {
    name.parse().expect("the shipped names are tested")
}

impl FromStr for KeyPrefix {
    type Err = LayoutError;

    /// A `/` at the end may be left out.
    fn from_str(text: &str) -> Result<Self, LayoutError> {
        let refuse = |fault| LayoutError::Prefix { prefix: text.chars().take(100).collect(), fault };
        let path = text.strip_suffix('/').unwrap_or(text);
        if !path.chars().all(|c| is_literal(c) || c == '/') {
            return Err(refuse("has a character that is not allowed"));
        }
        let key = ObjectKey::try_from(path.to_owned())
            .map_err(|_| refuse("is empty or has an empty, \".\" or \"..\" segment"))?;
        if key.as_str().len() >= PREFIX_BYTES_MAX {
            return Err(refuse("is too long"));
        }
        Ok(Self(format!("{key}/")))
    }
}

/// With the `/` at its end.
impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
