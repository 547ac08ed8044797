//! Using up memory, tables and stacks; breaking where the host is in the middle of a call (P3).

use filmgate::Exhausted;
use filmgate::limits::MIB;
use filmgate::report::JobFault;

use crate::arena::Arena;
use crate::guests::{Guest, memory as guests};

/// The guest is refused more than its budget, comes close to it, and breaks.
fn ends_by_memory(guest: Guest) {
    Arena::of(guest).fight(|fight| {
        fight.exhausted(Exhausted::Memory);
        let peak = fight.usage().memory_bytes_peak;
        assert!(peak <= 64 * MIB, "{peak}");
    });
}

fn ends_by_tables(guest: Guest) {
    Arena::of(guest).fight(|fight| drop(fight.exhausted(Exhausted::Tables).to_owned()));
}

fn ends_by_trap(guest: Guest, part: &'static str) {
    Arena::of(guest).fight(move |fight| drop(fight.trapped(part).to_owned()));
}

#[test]
fn grow() {
    Arena::of(guests::GROW).fight(|fight| {
        fight.exhausted(Exhausted::Memory);
        let peak = fight.usage().memory_bytes_peak;
        assert!(peak <= 64 * MIB && peak > 48 * MIB, "{peak}");
    });
}

#[test]
fn grow_by_pages() {
    ends_by_memory(guests::GROW_BY_PAGES);
}

#[test]
fn growing_memories() {
    Arena::of(guests::GROWING_MEMORIES).fight(|fight| {
        fight.exhausted(Exhausted::Memory);
        let peak = fight.usage().memory_bytes_peak;
        assert!(peak <= 64 * MIB && peak > 60 * MIB, "all memories share one budget: {peak}");
    });
}

#[test]
fn many_memories() {
    ends_by_memory(guests::MANY_MEMORIES);
}

#[test]
fn huge_first_memory() {
    ends_by_memory(guests::HUGE_FIRST_MEMORY);
}

#[test]
fn too_many_memories() {
    ends_by_trap(guests::TOO_MANY_MEMORIES, "memory count too high");
}

#[test]
fn too_many_instances() {
    ends_by_trap(guests::TOO_MANY_INSTANCES, "instance count too high");
}

#[test]
fn tables() {
    ends_by_tables(guests::TABLES);
}

#[test]
fn many_tables() {
    ends_by_tables(guests::MANY_TABLES);
}

#[test]
fn huge_first_table() {
    ends_by_tables(guests::HUGE_FIRST_TABLE);
}

#[test]
fn refused_and_on() {
    Arena::of(guests::REFUSED_AND_ON).fight(|fight| {
        fight.said("refused true");
        fight.published(1);
    });
}

#[test]
fn deep_calls() {
    ends_by_trap(guests::DEEP_CALLS, "call stack exhausted");
}

#[test]
fn deep_frames() {
    ends_by_trap(guests::DEEP_FRAMES, "out of bounds memory access");
}

/// Either of its stacks may be the first to end.
#[test]
fn deep_host_calls() {
    Arena::of(guests::DEEP_HOST_CALLS).fight(|fight| {
        let JobFault::Trapped(text) = &fight.ended.as_ref().unwrap_err().fault else { panic!("{:?}", fight.ended) };
        assert!(text.contains("call stack exhausted") || text.contains("out of bounds memory access"), "{text}");
    });
}

#[test]
fn realloc_outside() {
    ends_by_trap(guests::REALLOC_OUTSIDE, "");
}

#[test]
fn realloc_breaks() {
    ends_by_trap(guests::REALLOC_BREAKS, "unreachable");
}

#[test]
fn answer_outside() {
    ends_by_trap(guests::ANSWER_OUTSIDE, "");
}

#[test]
fn start_breaks() {
    ends_by_trap(guests::START_BREAKS, "unreachable");
}
