//! The messages between a Filmgate host and a runner, and nothing else.
//!
//! One connection carries one job. The host sends [`ToRunner::Start`] first and once; the runner answers with any number
//! of [`FromRunner::Log`], [`FromRunner::Progress`], [`FromRunner::Usage`] and [`FromRunner::Store`] and ends with one
//! [`FromRunner::Finished`]. A runner that is a process of its own first gets one [`Prepare`], with its descriptors, and
//! answers with one [`Prepared`]. A frame is one message in postcard encoding, at most [`FRAME_BYTES_MAX`] bytes. Neither side trusts the other's
//! frames further than [`decode`] does: a runner executes strangers' code, so every text from it is bounded again where
//! it is used.

mod frame;
mod jail;
mod message;

pub use frame::{FRAME_BYTES_MAX, FrameError, decode, encode};
pub use jail::{Layer, LayerState, Measure, Prepare, Prepared};
pub use message::{
    Budget, Exhausted, FromRunner, JobInput, LogStream, Outcome, Period, PluginError, StoreOptions, StoreRequest,
    Stored, ToRunner, Usage,
};
