use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::config::resolver::Resolver;
use crate::job::InvalidValue;
use crate::media::MediaKind;
use crate::plugin::PluginDigest;
use crate::policy::{Limits, PluginKey, PluginPolicy, PluginRule, Unlisted};
use crate::units::Toggle;

/// `[plugins]`: the key `unlisted`, and a table for each plugin.
#[derive(Debug, Default)]
pub(super) struct PluginsSection {
    unlisted: Option<Unlisted>,
    rules: BTreeMap<PluginKey, PluginRule>,
}

/// `[plugins."recap"]` or `[plugins."sha256:…"]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PluginSection {
    digests: Option<BTreeSet<PluginDigest>>,
    media: Option<BTreeSet<MediaKind>>,
    show_urls: Option<Toggle>,
    limits: Option<Limits>,
}

/// The key of `[plugins]` that is no plugin; no id is called so.
const UNLISTED: &str = "unlisted";

pub(super) fn resolve(resolver: &mut Resolver<'_>, file: PluginsSection) -> Option<PluginPolicy> {
    let unlisted = resolver.pick_or("plugins.unlisted", &["FILMGATE_PLUGINS_UNLISTED"], file.unlisted, Unlisted::Allow);
    if let (false, Some(origin)) = (file.rules.is_empty(), resolver.file_origin()) {
        let keys: Vec<_> = file.rules.keys().map(ToString::to_string).collect();
        resolver.note("plugins", keys.join(", "), origin);
    }
    resolver.keep(PluginPolicy::new(unlisted, file.rules), "plugins")
}

impl From<PluginSection> for PluginRule {
    fn from(section: PluginSection) -> Self {
        Self {
            digests: section.digests,
            media: section.media,
            show_urls: section.show_urls.map(|toggle| toggle.0),
            limits: section.limits,
        }
    }
}

/// A key of `[plugins]`.
#[derive(Deserialize)]
#[serde(try_from = "String")]
enum SectionKey {
    Unlisted,
    Plugin(PluginKey),
}

impl TryFrom<String> for SectionKey {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, InvalidValue> {
        if text == UNLISTED { Ok(Self::Unlisted) } else { text.parse().map(Self::Plugin) }
    }
}

impl<'de> Deserialize<'de> for PluginsSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PluginsVisitor)
    }
}

/// By hand, because a flattened map would lose the line of a fault and the check for unknown keys.
struct PluginsVisitor;

impl<'de> Visitor<'de> for PluginsVisitor {
    type Value = PluginsSection;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of plugins")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<PluginsSection, A::Error> {
        let mut section = PluginsSection::default();
        while let Some(key) = table.next_key::<SectionKey>()? {
            match key {
                SectionKey::Unlisted => section.unlisted = Some(table.next_value()?),
                SectionKey::Plugin(key) => {
                    section.rules.insert(key, table.next_value::<PluginSection>()?.into());
                }
            }
        }
        Ok(section)
    }
}
