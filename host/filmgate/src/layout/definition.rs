use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::job::Slot;
use crate::layout::template::Template;
use crate::layout::{KeyPrefix, Layout, LayoutError, LayoutName, SlotRule};
use crate::media::{CodecName, MediaKind};
use crate::units::Span;
use crate::url::UrlClass;

/// A layout as it is written down: the shipped files, or `[layouts.NAME]` in `filmgate.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayoutDefinition {
    /// One line for people.
    #[serde(default)]
    pub description: String,
    /// The slot whose URL is the job's URL.
    pub main: Slot,
    /// At most 32.
    pub slots: BTreeMap<Slot, SlotDefinition>,
}

/// A slot as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotDefinition {
    /// Literal text and variables in braces.
    pub key: String,
    /// The kinds of file the slot takes.
    pub kinds: Vec<MediaKind>,
    /// The codecs their tracks may be in; empty: any. Held where media facts are required.
    #[serde(default)]
    pub codecs: Vec<CodecName>,
    /// How long URLs live.
    pub class: UrlClass,
    /// How long its files are kept, for example `7d`; absent: until somebody deletes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Span>,
    /// Other names that plugins may use for it.
    #[serde(default)]
    pub aliases: Vec<Slot>,
}

/// Slots a layout may have.
const SLOTS_MAX: usize = 32;

impl LayoutDefinition {
    /// Checks everything but that keys differ.
    pub(super) fn load(self, name: LayoutName, prefix: Option<KeyPrefix>) -> Result<Layout, LayoutError> {
        if self.slots.len() > SLOTS_MAX {
            let fault = format!("there are {} slots", self.slots.len());
            return Err(LayoutError::definition(&name, "-", fault, "at most 32"));
        }
        if !self.slots.contains_key(&self.main) {
            let fault = format!("the main slot {} is not among the slots", self.main);
            let names: Vec<_> = self.slots.keys().map(Slot::as_str).collect();
            return Err(LayoutError::definition(&name, "-", fault, names.join(", ")));
        }
        let mut aliases = BTreeMap::new();
        for (slot, definition) in &self.slots {
            for alias in &definition.aliases {
                if self.slots.contains_key(alias) || aliases.insert(alias.clone(), slot.clone()).is_some() {
                    let fault = format!("the alias {alias} is taken");
                    return Err(LayoutError::definition(&name, slot, fault, "a name no other slot or alias has"));
                }
            }
        }
        let mut slots = BTreeMap::new();
        for (slot, definition) in self.slots {
            slots.insert(slot.clone(), definition.load(&name, slot)?);
        }
        Ok(Layout { name, description: self.description, prefix, main: self.main, slots, aliases })
    }
}

impl SlotDefinition {
    fn load(self, layout: &LayoutName, slot: Slot) -> Result<SlotRule, LayoutError> {
        let refuse =
            |fault: String, allowed: &str| Err(LayoutError::definition(layout, &slot, fault, allowed.to_owned()));
        let Some(first) = self.kinds.first() else {
            return refuse("it takes no kind of file".to_owned(), "at least one kind");
        };
        let template = Template::parse(&self.key, &slot)
            .map_err(|fault| LayoutError::definition(layout, &slot, fault.text, fault.allowed))?;
        if !template.ends_with_extension() {
            let ending = format!(".{}", first.extension());
            let is_single = self.kinds.iter().all(|kind| kind == first);
            if !(is_single && self.key.ends_with(&ending)) {
                let fault = format!("the key {:?} does not end like the files it is for", self.key);
                return refuse(fault, "a key that ends in .{extension}, or one kind and its extension");
            }
        }
        let retention = self.retention.map(|span| span.0);
        Ok(SlotRule { slot, kinds: self.kinds, codecs: self.codecs, class: self.class, retention, template })
    }
}
