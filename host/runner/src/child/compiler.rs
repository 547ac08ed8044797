//! A child that compiles one component, locked in: the compiler works on a stranger's bytes, and nothing bounds what it
//! makes of them but the limits of its process.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use filmgate_protocol::{Budget, Compile, CompileLimits, Compiled, decode, encode};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::child::watchdog;
use crate::engine::Engine;
use crate::jail::{Jail, JailError};
use crate::packets::{receive_with, send_with};
use crate::plugin::{PluginRefusal, compile};
use crate::text::cut;

/// Bytes of a refusal.
const TEXT_BYTES_MAX: usize = 4096;

/// Locks itself in, compiles, answers.
pub(super) fn run(socket: &OwnedFd) -> io::Result<()> {
    let Some((frame, descriptors)) = receive_with(socket.as_fd())? else { return Ok(()) };
    let order: Compile = decode(&frame).map_err(io::Error::other)?;
    let Ok([component, code]) = <[OwnedFd; 2]>::try_from(descriptors) else {
        return Err(io::Error::other("the component did not come along"));
    };
    let limits = order.limits;
    // Before the jail, which lets no process change its limits.
    limit_cpu(&limits)?;
    let budget = budget(&limits);
    let jail =
        Jail { host: order.host, outbox: None, inputs: None, budget: &budget, allow_missing: &order.allow_missing };
    let answer = match jail.lock() {
        Err(JailError { layer, reason }) => Compiled::Missing { layer, reason },
        Ok(_) => {
            watchdog::start(socket.try_clone()?)?;
            work(component, code).unwrap_or_else(|error| failed(&error))
        }
    };
    send_with(socket.as_fd(), &encode(&answer).map_err(io::Error::other)?, &[])
}

/// What the jail takes of a budget: memory, size of a file, descriptors.
fn budget(limits: &CompileLimits) -> Budget {
    Budget {
        memory_bytes: limits.memory_bytes,
        table_elements: 0,
        cpu: Duration::ZERO,
        wall: Duration::ZERO,
        outbox_bytes: limits.code_bytes,
        outbox_entries: 0,
        outbox_depth: 0,
        log_bytes: 0,
        store_calls: 0,
        stores_in_flight: 0,
        hostcall_bytes: 0,
        handles: 0,
    }
}

/// The system ends the process when the time is used up: first with a signal that tells why, soon after for good.
fn limit_cpu(limits: &CompileLimits) -> io::Result<()> {
    const GRACE_SECONDS: u64 = 5;
    let current = Some(limits.cpu_seconds.max(1));
    let maximum = current.map(|seconds| seconds.saturating_add(GRACE_SECONDS));
    Ok(setrlimit(Resource::Cpu, Rlimit { current, maximum })?)
}

fn work(component: OwnedFd, code: OwnedFd) -> io::Result<Compiled> {
    let mut bytes = Vec::new();
    File::from(component).read_to_end(&mut bytes)?;
    let engine = Engine::new().map_err(|error| io::Error::other(format!("{error:?}")))?;
    let shown = |error: &wasmtime::Error| cut(format!("{error:#}"), TEXT_BYTES_MAX);
    let compiled = match compile(&engine, &bytes) {
        Ok(compiled) => compiled,
        Err(PluginRefusal::Mismatch(error)) => return Ok(Compiled::Mismatch(shown(&error))),
        Err(PluginRefusal::Compile(error)) => return Ok(Compiled::Refused(shown(&error))),
        Err(refusal) => return Ok(Compiled::Refused(cut(refusal.to_string(), TEXT_BYTES_MAX))),
    };
    drop(bytes);
    match compiled.serialize() {
        Ok(made) => File::from(code).write_all(&made).map(|()| Compiled::Done),
        Err(error) => Ok(Compiled::Refused(shown(&error))),
    }
}

fn failed(error: &io::Error) -> Compiled {
    Compiled::Failed(cut(error.to_string(), TEXT_BYTES_MAX))
}
