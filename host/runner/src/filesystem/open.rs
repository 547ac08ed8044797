use std::fs::File;
use std::sync::{Arc, Weak};

/// Files and folders a guest may have open at once. Each takes a descriptor of the process, of which there are 1,024 where
/// nobody raised the limit, for all jobs together. Interpreters and encoders get by with about twenty.
const OPEN_MAX: usize = 64;

/// Listings of folders a guest may read at once. Each is held whole in the host's memory, so that many of a large folder
/// would be far more than the guest's own; a walk through a tree needs one for each level.
const LISTINGS_MAX: usize = 32;

/// What a guest holds open. Streams count too: they keep their file open after its handle was dropped.
#[derive(Default)]
pub(super) struct Open {
    files: Vec<Weak<File>>,
    listings: usize,
}

impl Open {
    /// Whether one more file or folder may be opened.
    pub(super) fn has_room(&mut self) -> bool {
        if self.files.len() >= OPEN_MAX {
            self.files.retain(|file| file.strong_count() > 0);
        }
        self.files.len() < OPEN_MAX
    }

    pub(super) fn opened(&mut self, file: &Arc<File>) {
        self.files.push(Arc::downgrade(file));
    }

    /// Whether one more listing may be made.
    pub(super) fn has_room_for_listing(&self) -> bool {
        self.listings < LISTINGS_MAX
    }

    pub(super) fn listed(&mut self) {
        self.listings += 1;
    }

    pub(super) fn listing_dropped(&mut self) {
        self.listings = self.listings.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, File, OPEN_MAX, Open};

    #[test]
    fn what_was_closed_makes_room() {
        let file = || Arc::new(File::open("/dev/null").unwrap());
        let mut open = Open::default();
        let mut kept: Vec<_> = (0..OPEN_MAX).map(|_| file()).collect();
        kept.iter().for_each(|file| open.opened(file));
        assert!(!open.has_room());
        kept.pop();
        assert!(open.has_room());
        open.opened(&kept[0]);
        assert!(!open.has_room(), "a second handle of one file is counted like a first");
    }
}
