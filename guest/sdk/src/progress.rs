//! Telling the caller how far the job is, and hearing that it is not wanted any more.
//!
//! Outside a component, in a unit test, reports go nowhere and nothing is ever cancelled.

#[cfg(target_family = "wasm")]
use crate::bindings::filmgate::plugin::progress as wire;
use crate::{Error, ErrorCode};

/// Reports the share of the work done, 0.0 to 1.0, and what is being done (at most 200 bytes; longer text is cut).
///
/// Cheap enough for every frame: the host keeps the latest report and passes on at most 20 a second.
pub fn report(fraction: f32, stage: &str) {
    #[cfg(target_family = "wasm")]
    wire::report(fraction, stage);
    #[cfg(not(target_family = "wasm"))]
    let _ = (fraction, stage);
}

/// Whether the job was cancelled. A plugin that hears `true` should return soon; it is stopped in any case.
pub fn cancelled() -> bool {
    #[cfg(target_family = "wasm")]
    return wire::cancelled();
    #[cfg(not(target_family = "wasm"))]
    false
}

/// Fails with `cancelled` once the job was cancelled: `progress::check()?` between two frames ends the plugin in time.
pub fn check() -> Result<(), Error> {
    if cancelled() { Err(Error::new(ErrorCode::Cancelled, "the job was cancelled")) } else { Ok(()) }
}
