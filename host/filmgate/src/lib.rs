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
//! # let (data, film) = (folder.path().join("data"), folder.path().join("film.webm"));
//! std::fs::write(&film, b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm")?;
//! let host = Host::builder().data_dir(data).runner(Runner::InProcess).build()?;
//! let keep_the_file = false;
//! let job = host.publish(JobRequest::new("ana".to_owned().try_into()?), None, &film, keep_the_file)?;
//! let report = job.wait().await?;
//! let video = report.main_asset().ok_or("no video")?;
//! assert_eq!(video.kind.content_type(), "video/webm");
//! assert!(video.key.as_str().starts_with("videos/ana/"));
//! assert!(film.exists());
//! # Ok(())
//! # }
//! ```
//!
//! Every error is typed: [`report::JobFault`] says what a caller can act on. Every call may be cancelled: by
//! [`RunningJob::cancel_token`], or by dropping its future.

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
mod pool;
pub mod publish;
pub mod report;
pub mod storage;
pub mod url;

pub use filmgate_protocol::{Budget, Exhausted, Layer, LayerState, LogStream, Measure, Usage};
pub use filmgate_runner::child::enter;
pub use host::{BuildError, DEFAULT_PUBLISHED_BYTES, Host, HostBuilder, RunningJob, default_budget};
pub use plugin::{Plugin, PluginDigest};
pub use pool::{Runner, probe_jail};
