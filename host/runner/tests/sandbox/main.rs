//! The sandbox from outside: real components, driven over the protocol, each trying to get past one limit.

mod cancel;
mod limits;
mod link;
mod log;
mod outbox;
mod plugins;
mod probe;
mod progress;
mod store_video;
mod support;
mod surroundings;
mod text;
