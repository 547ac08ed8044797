//! Whole jobs through the library: real components, real storage, and what is left when they end.

mod claims;
mod endings;
mod escape;
mod facts;
mod frozen;
mod journal;
mod journals;
mod operator;
mod policies;
mod recap;
mod s3;
mod slots;
mod support;
mod uploads;
mod waiting;
