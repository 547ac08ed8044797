//! Strings and lists that are too large, in both directions, and answers that are none (P3).

use filmgate::Exhausted;

use crate::arena::Arena;
use crate::guests::{Guest, data as guests};

/// One call moves more than it may.
fn ends_by_hostcall(guest: Guest) {
    Arena::of(guest).fight(|fight| {
        fight.exhausted(Exhausted::HostcallBytes);
    });
}

fn ends_by_trap(guest: Guest, part: &'static str) {
    Arena::of(guest).fight(move |fight| drop(fight.trapped(part).to_owned()));
}

#[test]
fn huge_string() {
    ends_by_hostcall(guests::HUGE_STRING);
}

#[test]
fn huge_list() {
    ends_by_hostcall(guests::HUGE_LIST);
}

#[test]
fn huge_poll() {
    ends_by_hostcall(guests::HUGE_POLL);
}

#[test]
fn huge_write() {
    ends_by_hostcall(guests::HUGE_WRITE);
}

#[test]
fn larger_summary() {
    ends_by_hostcall(guests::LARGER_SUMMARY);
}

#[test]
fn huge_options() {
    Arena::of(guests::HUGE_OPTIONS).fight(|fight| {
        for name in ["slot", "type", "value", "name", "pairs"] {
            assert_eq!(fight.outcome(name), "invalid-options", "{name}");
        }
        assert_eq!(fight.outcome("path"), "invalid-path");
        // Nothing of it reached the host, which would have kept the last refusal.
        fight.published_nothing();
    });
}

#[test]
fn huge_stage() {
    Arena::of(guests::HUGE_STAGE).fight(|fight| {
        assert_eq!(fight.progress, [(0.5, format!("x{}", "é".repeat(99)))]);
        fight.published_nothing();
    });
}

#[test]
fn huge_summary() {
    Arena::of(guests::HUGE_SUMMARY).fight(|fight| assert_eq!(fight.failed().0, "summary-too-large"));
}

#[test]
fn huge_error() {
    Arena::of(guests::HUGE_ERROR).fight(|fight| {
        let (code, message) = fight.failed();
        assert_eq!((code.len(), message.len()), (64, 4096));
    });
}

#[test]
fn huge_random() {
    ends_by_trap(guests::HUGE_RANDOM, "exceeds limit 65536");
}

#[test]
fn huge_reads() {
    Arena::of(guests::HUGE_READS).fight(|fight| {
        fight.said("most Some(65536) end 0");
        fight.published_nothing();
    });
}

#[test]
fn huge_zeroes() {
    ends_by_trap(guests::HUGE_ZEROES, "check_write");
}

#[test]
fn unasked_write() {
    ends_by_trap(guests::UNASKED_WRITE, "check-write");
}

#[test]
fn no_json() {
    Arena::of(guests::NO_JSON).fight(|fight| {
        assert_eq!(fight.failed().0, "invalid-summary");
        assert_eq!(fight.assets().len(), 1, "what was published stays published");
    });
}

#[test]
fn deep_json() {
    Arena::of(guests::DEEP_JSON).fight(|fight| {
        let (code, message) = fight.failed();
        assert_eq!(code, "invalid-summary");
        assert!(message.contains("recursion limit"), "{message}");
    });
}

#[test]
fn no_text() {
    ends_by_trap(guests::NO_TEXT, "utf-8");
}

#[test]
fn surrogates() {
    ends_by_trap(guests::SURROGATES, "utf-8");
}

#[test]
fn no_variant() {
    ends_by_trap(guests::NO_VARIANT, "");
}

/// What is refused first, its length or its place, is not ours to say.
#[test]
fn long_answer() {
    Arena::of(guests::LONG_ANSWER).fight(|fight| {
        assert!(fight.ended.is_err(), "{:?}", fight.ended);
        assert!(fight.assets().is_empty());
    });
}
