//! Every attack that is known, each by a plugin of its own, beside an honest job (P1, P3).
//!
//! A guest of `tests/guests/hostile-plugins` has one test of its own name here, in the module of its folder; one without
//! does not compile ([`guests`]). Each test runs in a process of its own, once for each way of running plugins, so that
//! what is measured is the attack's, and what breaks is one test's: the hostile job ends as its test says, the honest job
//! beside it publishes the right bytes, and memory, descriptors, threads and directories return to their level
//! ([`arena`]).
//!
//! `just hostile` prints the table: attack, ended how, after how long, and how much later than alone the honest job was.

#![expect(clippy::unwrap_used, reason = "what cannot be set up is a failed test")]

mod arena;
#[path = "../guests/hostile-plugins/src/corpus.rs"]
#[expect(unreachable_pub, reason = "the guests use it from a library")]
mod corpus;
mod guests;
mod text;

mod data;
mod escape;
mod files;
mod handles;
mod imports;
mod log;
mod memory;
mod publish;
mod time;
