use std::time::Duration;

use crate::job::{Sequence, Slot};
use crate::layout::template::Template;
use crate::layout::{LayoutError, LayoutName};
use crate::media::{CodecName, MediaKind};
use crate::url::UrlClass;

/// One place of a layout.
#[derive(Debug, Clone)]
pub struct SlotRule {
    pub(super) slot: Slot,
    pub(super) kinds: Vec<MediaKind>,
    pub(super) codecs: Vec<CodecName>,
    pub(super) class: UrlClass,
    pub(super) retention: Option<Duration>,
    pub(super) template: Template,
}

/// Whether files of a slot are numbered. Follows from the slot's template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceRule {
    /// The slot holds one file.
    Never,
    /// One file without a number, or several with numbers, or both.
    Optional,
    /// Every file has a number.
    Required,
}

impl SlotRule {
    /// The slot's own name, which is part of a publish's identity.
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    /// The kinds of file it takes; never empty.
    pub fn kinds(&self) -> &[MediaKind] {
        &self.kinds
    }

    /// The codecs its tracks may be in; empty: any, known or not.
    pub fn codecs(&self) -> &[CodecName] {
        &self.codecs
    }

    /// How long URLs of its files live.
    pub fn class(&self) -> UrlClass {
        self.class
    }

    /// How long its files are kept; absent: until somebody deletes them (B4).
    pub fn retention(&self) -> Option<Duration> {
        self.retention
    }

    /// Whether its files are numbered.
    pub fn sequence_rule(&self) -> SequenceRule {
        self.template.sequence_rule()
    }

    pub(super) fn template(&self) -> &Template {
        &self.template
    }

    pub(super) fn check_sequence(&self, layout: &LayoutName, sequence: Option<Sequence>) -> Result<(), LayoutError> {
        let (layout, slot) = (layout.clone(), self.slot.clone());
        match (self.sequence_rule(), sequence) {
            (SequenceRule::Required, None) => Err(LayoutError::SequenceMissing { layout, slot }),
            (SequenceRule::Never, Some(_)) => Err(LayoutError::SequenceRefused { layout, slot }),
            _ => Ok(()),
        }
    }

    pub(super) fn check_kind(&self, layout: &LayoutName, kind: MediaKind) -> Result<(), LayoutError> {
        if self.kinds.contains(&kind) {
            return Ok(());
        }
        let (layout, slot, allowed) = (layout.clone(), self.slot.clone(), self.kinds.clone());
        Err(LayoutError::KindRefused { layout, slot, kind, allowed })
    }
}

impl SequenceRule {
    /// Every sequence the rule lets in.
    pub(super) fn possible(self) -> impl Iterator<Item = Option<Sequence>> {
        let numbers = match self {
            Self::Never => 0..0,
            Self::Optional | Self::Required => 0..u32::from(Sequence::MAX) + 1,
        };
        let none = (self != Self::Required).then_some(None);
        none.into_iter().chain(numbers.map(|number| Sequence::try_from(number).ok()))
    }
}
