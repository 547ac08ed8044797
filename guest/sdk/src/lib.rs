//! Write a Filmgate plugin: one function and one macro line.
//!
//! A plugin is a WebAssembly component that renders files into its outbox, `/out`, and hands them to the host. It has
//! no network, no environment and no credentials; the host chooses where a file is stored and tells its URL.
//!
//! ```
//! use std::io::Write;
//!
//! use filmgate_plugin::{Error, Job, Outbox, Stored, progress, store_video};
//!
//! /// What the caller may ask for. A wrong value is answered with `invalid-params` and the path of the field.
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Params {
//!     #[serde(default = "default_frames")]
//!     frames: u32,
//! }
//!
//! fn default_frames() -> u32 {
//!     30
//! }
//!
//! /// What the caller gets back beside the URL.
//! #[derive(serde::Serialize)]
//! struct Summary {
//!     video: Stored,
//! }
//!
//! fn render(job: &Job<Params>) -> Result<Summary, Error> {
//!     if job.params.frames == 0 {
//!         return Err(Error::invalid_params("params.frames: 0 is not allowed; at least 1"));
//!     }
//!     let mut file = Outbox::new().create("recap.mp4")?;
//!     for frame in 0..job.params.frames {
//!         progress::check()?;
//!         file.write_all(b"an encoder would write here")?;
//!         progress::report(frame as f32 / job.params.frames as f32, "encoding");
//!     }
//!     let path = file.finish()?;
//!     let video = store_video(path).metadata("frames", job.params.frames.to_string()).send()?;
//!     Ok(Summary { video })
//! }
//!
//! filmgate_plugin::plugin!(render);
//! ```
//!
//! Build it as a `cdylib` for `wasm32-wasip2`. The file in `target/wasm32-wasip2/release` is the plugin.
//!
//! What a plugin prints, and the message of a panic, goes to the job's log. The crate also compiles for the
//! developer's own machine, so that a plugin's logic can be unit-tested there; only the calls that need a host fail.
pub mod bindings;
mod entry;
mod error;
mod inputs;
mod job;
mod outbox;
pub mod progress;
mod store;

pub use entry::__private;
pub use error::{Error, ErrorCode};
pub use inputs::Inputs;
pub use job::{Job, NoParams, Period};
pub use outbox::{Outbox, OutboxFile};
pub use store::{Publication, StoreVideo, Stored, store_video};

/// The plugin in the author's chapter compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct AuthorsChapter;
