use filmgate_protocol::{Exhausted, Outcome, PluginError};
use rustc_demangle::demangle;
use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::cpu::CpuSpent;
use crate::meters::Meters;
use crate::text::cut;

/// Bytes of a trap's text.
const TEXT_BYTES_MAX: usize = 4 * 1024;

// wasmtime 48 gives these two no public type. The tests of these limits fail if the texts change.
const HOSTCALL_FUEL_TEXT: &str = "fuel allocated for hostcalls has been exhausted";
const HANDLES_TEXT: &str = "store handle limit exceeded";

/// The error with its causes, for people: where it was comes last, since it may be cut.
pub(super) fn text(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return cut(format!("{error:#}"), TEXT_BYTES_MAX);
    };
    // wasmtime puts its own rendering of the backtrace in front of the causes.
    let own = backtrace.to_string();
    let causes = error.chain().map(ToString::to_string).filter(|cause| !cause.ends_with(&own));
    let mut text = causes.collect::<Vec<_>>().join(": ");
    for (name, times) in places(backtrace) {
        text.push_str("\n  in ");
        text.push_str(&name);
        if times > 1 {
            text.push_str(&format!(" ({times} times)"));
        }
    }
    cut(text, TEXT_BYTES_MAX)
}

/// The guest's functions, innermost first, recursion counted.
fn places(backtrace: &WasmBacktrace) -> Vec<(String, u32)> {
    let mut places: Vec<(String, u32)> = Vec::new();
    for frame in backtrace.frames() {
        let name = match frame.func_name() {
            Some(name) => format!("{:#}", demangle(name)),
            None => format!("function {}", frame.func_index()),
        };
        match places.last_mut() {
            Some((last, times)) if *last == name => *times += 1,
            _ => places.push((name, 1)),
        }
    }
    places
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
