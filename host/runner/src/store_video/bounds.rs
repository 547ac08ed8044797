//! Sizes of what a guest passes to `store-video`, checked before they travel. What the texts may contain is the host's to
//! judge: it does not trust this process.

use filmgate_protocol::PluginError;

use super::refusal;
use crate::bindings::filmgate::plugin::store_video::Options;

// All from the documentation of the plugin world, in bytes.
const PATH_BYTES_MAX: usize = 1024;
const SLOT_BYTES_MAX: usize = 32;
const METADATA_PAIRS_MAX: usize = 16;
const METADATA_BYTES_MAX: usize = 1024;
/// RFC 6838 allows 127 bytes for type and subtype each; the host knows no type that comes near.
const CONTENT_TYPE_BYTES_MAX: usize = 255;

pub(super) fn check(path: &str, options: &Options) -> Result<(), PluginError> {
    within("path", path.len(), PATH_BYTES_MAX).map_err(|message| refusal("invalid-path", message))?;
    check_options(options).map_err(|message| refusal("invalid-options", message))
}

/// All texts of a call together.
pub(super) fn bytes(path: &str, options: &Options) -> usize {
    let single = [options.slot.as_ref(), options.content_type.as_ref()].into_iter().flatten();
    let pairs = options.metadata.iter().flat_map(|(name, value)| [name, value]);
    single.chain(pairs).map(String::len).fold(path.len(), usize::saturating_add)
}

fn check_options(options: &Options) -> Result<(), String> {
    within("slot", options.slot.as_ref().map_or(0, String::len), SLOT_BYTES_MAX)?;
    within("content type", options.content_type.as_ref().map_or(0, String::len), CONTENT_TYPE_BYTES_MAX)?;
    let pairs = options.metadata.len();
    if pairs > METADATA_PAIRS_MAX {
        return Err(format!("metadata has {pairs} pairs, at most {METADATA_PAIRS_MAX} are allowed"));
    }
    let bytes = options.metadata.iter().map(|(name, value)| name.len().saturating_add(value.len()));
    within("metadata", bytes.fold(0, usize::saturating_add), METADATA_BYTES_MAX)
}

fn within(what: &str, bytes: usize, bytes_max: usize) -> Result<(), String> {
    if bytes <= bytes_max {
        return Ok(());
    }
    Err(format!("{what} has {bytes} bytes, at most {bytes_max} are allowed"))
}
