use crate::job::{RefName, Slot};
use crate::key::InvalidKey;
use crate::layout::LayoutName;
use crate::media::MediaKind;

/// Why a layout cannot be loaded, or has no key for a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The layout's text is wrong.
    #[error("layout {layout}, slot {slot}: {fault}; allowed: {allowed}")]
    Definition {
        /// Where.
        layout: LayoutName,
        /// Where in it; `-` for the layout itself.
        slot: String,
        /// What is wrong.
        fault: String,
        /// What is right.
        allowed: String,
    },
    /// The key prefix is no prefix.
    #[error("key prefix {prefix:?} {fault}; allowed: up to 256 bytes of path segments of A-Z a-z 0-9 . _ @ + = -")]
    Prefix {
        /// As given.
        prefix: String,
        /// What is wrong.
        fault: &'static str,
    },
    /// No layout has this name.
    #[error("layout {name} is unknown; allowed: {}", list(known))]
    UnknownLayout {
        /// As asked.
        name: LayoutName,
        /// What there is.
        known: Vec<LayoutName>,
    },
    /// The layout has no such slot.
    #[error("layout {layout} has no slot {slot}; allowed: {}", list(known))]
    UnknownSlot {
        /// The layout.
        layout: LayoutName,
        /// As asked.
        slot: Slot,
        /// What there is.
        known: Vec<Slot>,
    },
    /// The slot holds several files, so each needs a number.
    #[error("slot {slot} of layout {layout} needs a sequence; allowed: 0 to 999")]
    SequenceMissing {
        /// The layout.
        layout: LayoutName,
        /// The slot.
        slot: Slot,
    },
    /// The slot holds one file.
    #[error("slot {slot} of layout {layout} holds one file and takes no sequence")]
    SequenceRefused {
        /// The layout.
        layout: LayoutName,
        /// The slot.
        slot: Slot,
    },
    /// The slot does not take this kind of file (B10).
    #[error("slot {slot} of layout {layout} takes no {kind}; allowed: {}", list(allowed))]
    KindRefused {
        /// The layout.
        layout: LayoutName,
        /// The slot.
        slot: Slot,
        /// What the file is.
        kind: MediaKind,
        /// What the slot takes.
        allowed: Vec<MediaKind>,
    },
    /// The layout needs an id that only the caller can give.
    #[error("layout {layout} needs the reference {name}: give it with the job, for example {name}=ID")]
    MissingRef {
        /// The layout.
        layout: LayoutName,
        /// Which id.
        name: RefName,
    },
    /// The finished key is none.
    #[error(transparent)]
    Key(InvalidKey),
}

impl LayoutError {
    pub(super) fn definition(
        layout: &LayoutName,
        slot: &(impl ToString + ?Sized),
        fault: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        Self::Definition {
            layout: layout.clone(),
            slot: slot.to_string(),
            fault: fault.into(),
            allowed: allowed.into(),
        }
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}
