//! Filmgate: run other people's video renderers in a sandbox and publish what they render to your own bucket.

pub mod checksum;
pub mod config;
pub mod job;
pub mod key;
pub mod layout;
pub mod limits;
pub mod media;
pub mod storage;
pub mod url;
