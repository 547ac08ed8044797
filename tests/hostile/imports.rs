//! Components that are refused before anything of them runs, by the name of what they want (P1), and components that fight
//! those who read them (P3).

use crate::arena::Arena;
use crate::guests::{Guest, imports as guests};

/// The refusal names this.
fn is_refused(guest: Guest, parts: &'static [&'static str]) {
    Arena::of(guest).refused_at_load().fight(move |fight| {
        let refusal = fight.refused_at_load();
        for part in parts {
            assert!(refusal.contains(part), "{part:?} is missing in {refusal}");
        }
        assert!(refusal.len() < 10_000, "{} bytes", refusal.len());
    });
}

#[test]
fn http() {
    is_refused(guests::HTTP, &["wasi:http/outgoing-handler@0.2.12", "not granted"]);
}

#[test]
fn keyvalue() {
    is_refused(guests::KEYVALUE, &["wasi:keyvalue/store@0.2.0", "not granted"]);
}

#[test]
fn vendor() {
    is_refused(guests::VENDOR, &["other:vendor/thing@1.0.0", "not granted"]);
}

#[test]
fn next_wasi() {
    is_refused(guests::NEXT_WASI, &["wasi:filesystem/types@0.3.0", "not granted"]);
}

#[test]
fn sockets_of_old() {
    is_refused(guests::SOCKETS_OF_OLD, &["wasi:sockets/tcp@0.1.0", "not granted"]);
}

#[test]
fn bare_function() {
    is_refused(guests::BARE_FUNCTION, &["\"run\"", "not granted"]);
}

#[test]
fn later_world() {
    is_refused(guests::LATER_WORLD, &["filmgate:plugin/store-video@0.2.0", "0.1.0"]);
}

#[test]
fn later_renderer() {
    is_refused(guests::LATER_RENDERER, &["filmgate:plugin/renderer@0.9.0", "0.1.0"]);
}

#[test]
fn no_renderer() {
    is_refused(guests::NO_RENDERER, &["filmgate:plugin/renderer@0.1.0"]);
}

#[test]
fn core_module() {
    is_refused(guests::CORE_MODULE, &["core module"]);
}

#[test]
fn wrong_type() {
    is_refused(guests::WRONG_TYPE, &["cancelled"]);
}

#[test]
fn shared_memory() {
    is_refused(guests::SHARED_MEMORY, &["threads"]);
}

#[test]
fn long_memory() {
    is_refused(guests::LONG_MEMORY, &["memory64"]);
}

#[test]
fn two_memories() {
    is_refused(guests::TWO_MEMORIES, &["multi"]);
}

#[test]
fn damaged() {
    is_refused(guests::DAMAGED, &["malformed component"]);
}

#[test]
fn type_bomb() {
    is_refused(guests::TYPE_BOMB, &["type size"]);
}

#[test]
fn deep_component() {
    is_refused(guests::DEEP_COMPONENT, &["is not a plugin"]);
}
