//! Filling the disk in every way there is, and names and times that are odd (P3).

use filmgate::Exhausted;
use filmgate::limits::MIB;

use crate::arena::Arena;
use crate::guests::{Guest, files as guests};

const OUTBOX: u64 = 8 * MIB;

fn ends_by(guest: Guest, limit: Exhausted) {
    Arena::of(guest).fight(move |fight| {
        fight.exhausted(limit);
        assert!(fight.usage().outbox_bytes_written <= OUTBOX, "{:?}", fight.usage());
        assert!(fight.usage().outbox_entries_created <= 100, "{:?}", fight.usage());
        assert!(fight.assets().is_empty(), "{:?}", fight.ended);
    });
}

#[test]
fn fill_disk() {
    ends_by(guests::FILL_DISK, Exhausted::OutboxBytes);
}

#[test]
fn fill_by_many_hands() {
    ends_by(guests::FILL_BY_MANY_HANDS, Exhausted::OutboxBytes);
}

#[test]
fn fill_with_zeroes() {
    ends_by(guests::FILL_WITH_ZEROES, Exhausted::OutboxBytes);
}

#[test]
fn write_and_delete() {
    ends_by(guests::WRITE_AND_DELETE, Exhausted::OutboxBytes);
}

#[test]
fn sparse_by_size() {
    ends_by(guests::SPARSE_BY_SIZE, Exhausted::OutboxBytes);
}

#[test]
fn sparse_by_offset() {
    ends_by(guests::SPARSE_BY_OFFSET, Exhausted::OutboxBytes);
}

#[test]
fn many_files() {
    ends_by(guests::MANY_FILES, Exhausted::OutboxEntries);
}

#[test]
fn many_folders() {
    ends_by(guests::MANY_FOLDERS, Exhausted::OutboxEntries);
}

#[test]
fn deep_tree() {
    ends_by(guests::DEEP_TREE, Exhausted::OutboxDepth);
}

#[test]
fn offsets_that_overflow() {
    Arena::of(guests::OFFSETS_THAT_OVERFLOW).fight(|fight| {
        fight.said("any false size 0");
        assert_eq!(fight.usage().outbox_bytes_written, 0);
        fight.published_nothing();
    });
}

/// One move stays within the depth; a folder never moves further down than it was.
#[test]
fn deeper_by_renames() {
    Arena::of(guests::DEEPER_BY_RENAMES).fight(|fight| {
        fight.said("nested 0");
        fight.published_nothing();
    });
}

#[test]
fn odd_times() {
    Arena::of(guests::ODD_TIMES).fight(|fight| {
        fight.said("published");
        assert_eq!(fight.published(1)[0].size, 1000);
    });
}

/// No name of the plugin's becomes part of a key, and each file has its own bytes.
#[test]
fn odd_names() {
    Arena::of(guests::ODD_NAMES).fight(|fight| {
        for name in ["line\nend", "return\rcarriage", "\u{1b}[2J\u{1b}]0;title\u{7}", "nul\u{85}next"] {
            assert_eq!(fight.outcome(name), "invalid-path", "{name:?}");
        }
        for asset in fight.published(16) {
            let number = asset.identity.sequence.map_or(0, |sequence| u64::from(sequence.get()));
            assert_eq!(asset.size, 1000 + number, "{}", asset.key);
            let key = asset.key.as_str();
            assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-.".contains(&byte)), "{key}");
        }
    });
}

#[test]
fn long_names() {
    Arena::of(guests::LONG_NAMES).fight(|fight| {
        for line in ["made 255: true", "made 256: false", "made 5000: false", "deep true"] {
            fight.said(line);
        }
        assert_eq!(fight.outcome(255), "done");
        assert_eq!(fight.outcome(256), "invalid-path");
        assert_eq!(fight.outcome(5000), "invalid-path");
        assert_eq!(fight.outcome("deep"), "invalid-path");
        assert_eq!(fight.assets().len(), 1);
    });
}
