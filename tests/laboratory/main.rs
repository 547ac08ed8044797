//! The fault laboratory: publishing through the library's front door while everything behind it fails.
//!
//! `README.md` beside this file says what is injected and what must hold all the same.

mod bench;
mod cell;
mod clock;
mod crash;
mod disk;
mod kills;
mod matrix;
mod model;
mod policies;
mod reads;
mod resume;
mod schedule;
