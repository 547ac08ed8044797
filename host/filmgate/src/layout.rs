//! Which key an asset gets: named sets of templates, as data.
//!
//! A layout has slots; each says which kinds of file it takes, how long its URLs live and how its key is built. Templates
//! are checked when they are loaded, so that a publish cannot fail on one: no key leaves its prefix, no key is too long,
//! and within a job no two slots or sequences share a key.

mod collection;
mod definition;
mod error;
mod slot;
mod template;

#[cfg(test)]
mod tests;

pub use collection::{KeyPrefix, Layouts};
pub use definition::{LayoutDefinition, SlotDefinition};
pub use error::LayoutError;
pub use slot::{SequenceRule, SlotRule};

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use crate::job::{JobId, Period, RefName, Refs, Sequence, Slot, UserId, parsed_text};
use crate::key::ObjectKey;
use crate::media::MediaKind;

parsed_text! {
    /// Name of a layout, for example `recap`.
    ///
    /// Invariant: 1 to 32 characters of `a-z 0-9 -`.
    LayoutName,
    what: "layout name",
    allowed: "1 to 32 characters of a-z 0-9 -",
    check: crate::job::short_word_fault
}

/// A named set of key templates.
#[derive(Debug, Clone)]
pub struct Layout {
    name: LayoutName,
    description: String,
    prefix: Option<KeyPrefix>,
    main: Slot,
    slots: BTreeMap<Slot, SlotRule>,
    aliases: BTreeMap<Slot, Slot>,
}

/// Everything a key is made of.
#[derive(Debug, Clone, Copy)]
pub struct KeyContext<'a> {
    /// The job.
    pub job: JobId,
    /// Its user.
    pub user: &'a UserId,
    /// When the job was accepted: `{timestamp}`, and the month where there is no period.
    pub accepted_at: Timestamp,
    /// The job's period.
    pub period: Option<Period>,
    /// As completed by [`Layout::complete_refs`].
    pub refs: &'a Refs,
    /// The slot or an alias of it; absent: the main slot.
    pub slot: Option<&'a Slot>,
    /// Which of several.
    pub sequence: Option<Sequence>,
    /// What the file is by its first bytes.
    pub kind: MediaKind,
}

impl Layout {
    /// Its name.
    pub fn name(&self) -> &LayoutName {
        &self.name
    }

    /// One line for people.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The slot whose URL is the URL of the job.
    pub fn main_slot(&self) -> &Slot {
        &self.main
    }

    /// Every slot, in order of names, without aliases.
    pub fn slots(&self) -> impl ExactSizeIterator<Item = &SlotRule> {
        self.slots.values()
    }

    /// The rule of a slot or of the slot an alias stands for; `None` asks for the main slot. [`SlotRule::slot`] is then
    /// the one name that identifies a publish.
    pub fn slot(&self, slot: Option<&Slot>) -> Result<&SlotRule, LayoutError> {
        let asked = slot.unwrap_or(&self.main);
        let name = self.aliases.get(asked).unwrap_or(asked);
        self.slots.get(name).ok_or_else(|| LayoutError::UnknownSlot {
            layout: self.name.clone(),
            slot: asked.clone(),
            known: self.slots.keys().chain(self.aliases.keys()).cloned().collect(),
        })
    }

    /// The caller's ids and, where the layout needs one that is absent, a new one made from `now` (B3). To be asked once,
    /// when the job is accepted, and kept with the job.
    ///
    /// A session or scene the layout needs is the caller's to name: absent, it is an error.
    pub fn complete_refs(&self, given: &Refs, now: Timestamp) -> Result<Refs, LayoutError> {
        let mut refs = given.clone();
        for name in self.refs_used() {
            if let Entry::Vacant(place) = refs.entry(name) {
                place.insert(name.generate(now).ok_or_else(|| self.missing_ref(name))?);
            }
        }
        Ok(refs)
    }

    /// The key of one file. The same context always gives the same key.
    pub fn key(&self, context: &KeyContext<'_>) -> Result<ObjectKey, LayoutError> {
        let rule = self.slot(context.slot)?;
        rule.check_sequence(&self.name, context.sequence)?;
        rule.check_kind(&self.name, context.kind)?;
        let values = template::Values {
            job: context.job,
            user: context.user,
            accepted_at: context.accepted_at,
            period: context.period.unwrap_or_else(|| Period::of(context.accepted_at)),
            refs: context.refs,
            slot: rule.slot(),
            is_main: *rule.slot() == self.main,
            sequence: context.sequence,
            kind: context.kind,
        };
        let path = rule.template().render(&values).map_err(|name| self.missing_ref(name))?;
        let key = match &self.prefix {
            Some(prefix) => format!("{prefix}{path}"),
            None => path,
        };
        ObjectKey::try_from(key).map_err(LayoutError::Key)
    }

    /// The ids that templates of this layout use.
    fn refs_used(&self) -> BTreeSet<RefName> {
        self.slots.values().flat_map(|rule| rule.template().refs()).collect()
    }

    fn missing_ref(&self, name: RefName) -> LayoutError {
        LayoutError::MissingRef { layout: self.name.clone(), name }
    }

    /// Makes every key that slots and sequences of one job can get, and compares them.
    fn check_keys_differ(&self) -> Result<(), LayoutError> {
        let sample = template::Sample::new();
        let mut seen: HashMap<String, &Slot> = HashMap::new();
        for rule in self.slots.values() {
            let mut own = Vec::new();
            for kind in rule.kinds() {
                for sequence in rule.sequence_rule().possible() {
                    let is_main = *rule.slot() == self.main;
                    own.push(sample.render(rule.template(), rule.slot(), is_main, sequence, *kind));
                }
            }
            for key in own {
                if let Some(other) = seen.insert(key, rule.slot()).filter(|other| *other != rule.slot()) {
                    let fault = format!("its keys can be those of slot {other}");
                    return Err(LayoutError::definition(&self.name, rule.slot(), fault, "keys of its own"));
                }
            }
        }
        Ok(())
    }
}
