//! How much lies in an outbox, as the host sees it: the bound that holds even where a runner's own accounting does not.

use std::io;

use cap_std::fs::Dir;

/// What lies in an outbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measured {
    /// Logical bytes of all files.
    pub bytes: u64,
    /// Files and directories.
    pub entries: u64,
}

/// Directories opened at once: as deep as a budget may allow, and a bound on descriptors.
const DEPTH_MAX: usize = 200;

/// Looks at names in `out`, follows no link, and stops soon after `entries_max`. What vanishes meanwhile does not count.
pub(super) fn measure(out: &Dir, entries_max: u64) -> io::Result<Measured> {
    let mut found = Measured::default();
    let mut open = vec![out.entries()?];
    while let Some(entries) = open.last_mut() {
        let Some(entry) = entries.next() else {
            open.pop();
            continue;
        };
        found.entries += 1;
        if found.entries > entries_max || open.len() > DEPTH_MAX {
            found.entries = found.entries.max(entries_max.saturating_add(1));
            return Ok(found);
        }
        // Claimed or deleted since: not there any more.
        let Ok(entry) = entry else { continue };
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            if let Ok(inner) = entry.open_dir().and_then(|folder| folder.entries()) {
                open.push(inner);
            }
        } else {
            found.bytes = found.bytes.saturating_add(metadata.len());
        }
    }
    Ok(found)
}
