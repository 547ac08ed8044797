//! Filmgate: run other people's video renderers in a sandbox and publish what they render to your own bucket.

pub mod checksum;
pub mod config;
mod host;
pub mod job;
pub mod key;
pub mod layout;
pub mod limits;
pub mod media;
pub mod outbox;
mod plugin;
pub mod publish;
pub mod report;
pub mod storage;
pub mod url;

pub use filmgate_protocol::Budget;
pub use host::{BuildError, DEFAULT_PUBLISHED_BYTES, Host, HostBuilder, RunningJob, default_budget};
pub use plugin::{Plugin, PluginDigest};
