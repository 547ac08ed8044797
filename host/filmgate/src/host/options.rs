//! Parsing what a plugin says of a file. Every text here is hostile.

use std::collections::BTreeMap;

use filmgate_protocol::StoreOptions;

use crate::job::{InvalidValue, Sequence, Slot};
use crate::limits::{PLUGIN_METADATA_BYTES_MAX, PLUGIN_METADATA_PAIRS_MAX};
use crate::report::Refusal;

/// [`StoreOptions`], parsed.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) slot: Option<Slot>,
    pub(super) sequence: Option<Sequence>,
    pub(super) declared: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// A declared content type longer than this is no type.
const CONTENT_TYPE_BYTES_MAX: usize = 128;

impl Options {
    pub(super) fn parse(options: StoreOptions) -> Result<Self, Refusal> {
        let refuse = |error: InvalidValue| Refusal::Options(error.to_string());
        let slot = options.slot.map(Slot::try_from).transpose().map_err(refuse)?;
        let sequence = options.sequence.map(Sequence::try_from).transpose().map_err(refuse)?;
        if options.content_type.as_ref().is_some_and(|text| text.len() > CONTENT_TYPE_BYTES_MAX) {
            return Err(Refusal::Options(format!("content type is longer than {CONTENT_TYPE_BYTES_MAX} bytes")));
        }
        let metadata = parse_metadata(options.metadata)?;
        Ok(Self { slot, sequence, declared: options.content_type, metadata })
    }
}

fn parse_metadata(pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Refusal> {
    let refuse = |text: String| Err(Refusal::Options(text));
    if pairs.len() > PLUGIN_METADATA_PAIRS_MAX {
        return refuse(format!("metadata has {} pairs; allowed are {PLUGIN_METADATA_PAIRS_MAX}", pairs.len()));
    }
    let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > PLUGIN_METADATA_BYTES_MAX {
        return refuse(format!("metadata has {bytes} bytes; allowed are {PLUGIN_METADATA_BYTES_MAX}"));
    }
    let mut metadata = BTreeMap::new();
    for (name, value) in pairs {
        let name_is_good = !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !name_is_good {
            return refuse(format!("metadata name {name:?} is not 1 to 64 characters of a-z 0-9 -"));
        }
        // An HTTP header, which is what stores keep metadata in, has no value of nothing and no space at its ends.
        if value.is_empty() || value.trim() != value || !value.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return refuse(format!(
                "metadata value of {name:?} is empty, not printable ASCII, or begins or ends with a space"
            ));
        }
        // The prefix keeps a plugin's names apart from the host's own.
        if metadata.insert(format!("plugin-{name}"), value).is_some() {
            return refuse(format!("metadata names {name:?} twice"));
        }
    }
    Ok(metadata)
}
