//! Floods of handles, forged handles, handles given back in the wrong order or not at all (P3).

use filmgate::Exhausted;

use crate::arena::Arena;
use crate::guests::{Guest, handles as guests};

fn ends_by_handles(guest: Guest) {
    Arena::of(guest).fight(|fight| {
        fight.exhausted(Exhausted::Handles);
    });
}

/// The guest keeps as many descriptors of the host open as it gets, while an honest job needs some too.
fn leaves_descriptors(guest: Guest) {
    let arena = Arena::of(guest).budget(|budget| {
        // More than the process may open.
        budget.handles = 4000;
    });
    arena.help(|outside| outside.go()).fight(|fight| {
        fight.exhausted(Exhausted::Handles);
    });
}

fn ends_by_trap(guest: Guest, part: &'static str) {
    Arena::of(guest).fight(move |fight| drop(fight.trapped(part).to_owned()));
}

#[test]
fn timers() {
    ends_by_handles(guests::TIMERS);
}

#[test]
fn preopens() {
    ends_by_handles(guests::PREOPENS);
}

#[test]
fn outputs() {
    ends_by_handles(guests::OUTPUTS);
}

#[test]
fn errors() {
    ends_by_handles(guests::ERRORS);
}

#[test]
fn descriptors() {
    leaves_descriptors(guests::DESCRIPTORS);
}

#[test]
fn streams() {
    leaves_descriptors(guests::STREAMS);
}

#[test]
fn folders() {
    leaves_descriptors(guests::FOLDERS);
}

/// The host holds a whole listing for each: without a limit nearly 300 MiB here.
#[test]
fn listings() {
    let arena = Arena::of(guests::LISTINGS).budget(|budget| {
        budget.outbox_entries = 1000;
    });
    arena.fight(|fight| {
        fight.exhausted(Exhausted::Handles);
        assert!(fight.memory_peak < 64 << 20, "the host's memory rose by {} MiB", fight.memory_peak >> 20);
    });
}

#[test]
fn readers() {
    Arena::of(guests::READERS).fight(|fight| {
        fight.said("read");
        fight.published_nothing();
    });
}

#[test]
fn publications() {
    Arena::of(guests::PUBLICATIONS).budget(|budget| budget.stores_in_flight = 8).fight(|fight| {
        for (number, asset) in fight.published(6).iter().enumerate() {
            assert_eq!(asset.size, 1000 + number as u64);
        }
    });
}

#[test]
fn forged() {
    ends_by_trap(guests::FORGED, "unknown handle index");
}

#[test]
fn of_another_kind() {
    ends_by_trap(guests::OF_ANOTHER_KIND, "handle");
}

#[test]
fn dropped_twice() {
    ends_by_trap(guests::DROPPED_TWICE, "unknown handle index");
}

#[test]
fn parent_first() {
    ends_by_trap(guests::PARENT_FIRST, "children");
}

#[test]
fn drops_while_waiting() {
    Arena::of(guests::DROPS_WHILE_WAITING).fight(|fight| drop(fight.published(1).to_vec()));
}
