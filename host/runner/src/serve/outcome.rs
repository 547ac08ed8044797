use filmgate_protocol::{Exhausted, Outcome, PluginError};
use wasmtime::Trap;
use wasmtime::component::ResourceTableError;
use wasmtime_wasi::I32Exit;

use crate::cpu::CpuSpent;
use crate::meters::Meters;
use crate::text::cut;

/// Bytes of a trap's text.
const TEXT_BYTES_MAX: usize = 4 * 1024;

// wasmtime 48 gives these two no public type. The tests of these limits fail if the texts change.
const HOSTCALL_FUEL_TEXT: &str = "fuel allocated for hostcalls has been exhausted";
const HANDLES_TEXT: &str = "store handle limit exceeded";

/// The error with its causes, for people.
pub(super) fn text(error: &wasmtime::Error) -> String {
    cut(format!("{error:#}"), TEXT_BYTES_MAX)
}

/// `render` answered with an error. Standard libraries turn a full outbox into a bare I/O error, so the limit is named
/// beside it.
pub(super) fn failed(error: PluginError, meters: &Meters) -> Outcome {
    match meters.outbox_hit() {
        Some(limit) => Outcome::Exhausted { limit, detail: cut(error.to_string(), TEXT_BYTES_MAX) },
        None => Outcome::Failed(error),
    }
}

/// The component did not come to life.
pub(super) fn not_instantiated(error: &wasmtime::Error, meters: &Meters) -> Outcome {
    let limit = limit_of(error).or(meters.memory_hit());
    match limit {
        Some(limit) => Outcome::Exhausted { limit, detail: text(error) },
        None => Outcome::NotInstantiated(text(error)),
    }
}

/// `render` did not return. An abort after memory or outbox space was refused is put down to that refusal.
pub(super) fn trapped(error: &wasmtime::Error, meters: &Meters) -> Outcome {
    if let Some(limit) = limit_of(error) {
        return Outcome::Exhausted { limit, detail: text(error) };
    }
    let exit = error.downcast_ref::<I32Exit>().map(|exit| exit.0);
    let deliberate = exit == Some(0) || error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow);
    match (meters.memory_hit().or(meters.outbox_hit()), exit) {
        (Some(limit), _) if !deliberate => Outcome::Exhausted { limit, detail: text(error) },
        (_, Some(status)) => Outcome::Exited(u8::try_from(status).unwrap_or(u8::MAX)),
        _ => Outcome::Trapped(text(error)),
    }
}

/// The limit that raised this error itself.
fn limit_of(error: &wasmtime::Error) -> Option<Exhausted> {
    if error.is::<CpuSpent>() {
        return Some(Exhausted::Cpu);
    }
    if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
        return Some(Exhausted::Handles);
    }
    error.chain().map(ToString::to_string).find_map(|cause| {
        if cause.contains(HOSTCALL_FUEL_TEXT) {
            Some(Exhausted::HostcallBytes)
        } else if cause.contains(HANDLES_TEXT) {
            Some(Exhausted::Handles)
        } else {
            None
        }
    })
}
