//! Filmgate: run other people's video renderers in a sandbox and publish what they render to your own bucket.
//!
//! A [`Host`] holds the credentials. A [`Plugin`] is a WebAssembly component that sees one directory, its job's input and a
//! function to hand over finished files. [`Host::run`] runs it for one user and answers with the published assets.
//!
//! ```no_run
//! use filmgate::job::{JobRequest, Period};
//! use filmgate::{Host, Runner};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // First of all: this program is also the locked-in process in which the plugin runs.
//!     filmgate::enter();
//!     tokio::runtime::Runtime::new()?.block_on(render())
//! }
//!
//! async fn render() -> Result<(), Box<dyn std::error::Error>> {
//!     let host = Host::builder().data_dir("filmgate-data").runner(Runner::SelfExec).build()?;
//!     let plugin = host.load_plugin("recap.wasm".as_ref()).await?;
//!     let request = JobRequest::new("ana".to_owned().try_into()?).with_period(Period::new(2026, 3)?);
//!     let report = host.run(request, &plugin).await?;
//!     if let Some(video) = report.main_asset() {
//!         println!("{} ({} bytes)", video.url.url, video.size);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Without a storage of its own a host publishes to a directory. This example runs: it publishes a file that is finished.
//!
//! ```
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use filmgate::job::JobRequest;
//! use filmgate::{Host, Runner};
//!
//! # let folder = tempfile::tempdir()?;
//! # let (data, notes) = (folder.path().join("data"), folder.path().join("notes.json"));
//! std::fs::write(&notes, r#"{"title": "March"}"#)?;
//! let host = Host::builder().data_dir(data).runner(Runner::InProcess).build()?;
//! let (slot, keep_the_file) = ("metadata".parse()?, false);
//! let job = host.publish(JobRequest::new("ana".to_owned().try_into()?), Some(slot), &notes, keep_the_file)?;
//! let report = job.wait().await?;
//! let stored = report.main_asset().ok_or("nothing stored")?;
//! assert_eq!(stored.kind.content_type(), "application/json");
//! assert!(stored.key.as_str().starts_with("videos/ana/"));
//! assert!(notes.exists());
//! # Ok(())
//! # }
//! ```
//!
//! Every error is typed: [`report::JobFault`] says what a caller can act on. Every call may be cancelled: by
//! [`RunningJob::cancel_token`], or by dropping its future.

pub mod archive;
mod backoff;
mod cache;
pub mod catalogue;
pub mod checksum;
mod compiler;
pub mod config;
mod disk;
mod host;
pub mod job;
pub mod key;
pub mod layout;
pub mod limits;
pub mod manifest;
pub mod media;
pub mod outbox;
mod plugin;
pub mod policy;
mod pool;
pub mod publish;
pub mod reconcile;
pub mod report;
pub mod storage;
mod units;
pub mod url;

pub use compiler::CompileOptions;
pub use disk::{DiskLow, DiskReserve, DiskSpace};
pub use filmgate_protocol::{Budget, Exhausted, Layer, LayerState, LogStream, Measure, Usage};
pub use filmgate_runner::child::enter;
pub use host::{
    BuildError, DEFAULT_PUBLISHED_BYTES, Host, HostBuilder, Keyed, RecoveryError, RunningJob, default_budget,
};
pub use plugin::{Plugin, PluginDigest};
pub use pool::{Runner, probe_jail};
