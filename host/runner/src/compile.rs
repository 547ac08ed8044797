//! Compiling in a child: what a component costs to compile is outside of anybody's promise, so it has limits.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use filmgate_protocol::{Compile, CompileLimits, Compiled, Layer, decode, encode};

use crate::artifact::{Artifact, new_memfd};
use crate::child::Role;
use crate::packets::{Packets, send_with};
use crate::plugin::{PluginRefusal, check_names};
use crate::process::{Spawner, StartError};

/// Why a child compiled nothing.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The component is none that may run.
    #[error(transparent)]
    Refused(#[from] PluginRefusal),
    /// Compiling it takes more than it may.
    #[error("compiling the component takes more than the {limit} it may have")]
    Limit {
        /// Of what.
        limit: CompileLimit,
    },
    /// The compiler broke down.
    #[error("the compiler broke down on the component ({0})")]
    Crashed(ExitStatus),
    /// The child did not start, or failed before it looked at the component.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// What compiling used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompileLimit {
    /// [`CompileLimits::cpu_seconds`], or a time that is long in proportion.
    Time,
    /// [`CompileLimits::memory_bytes`].
    Memory,
}

impl std::fmt::Display for CompileLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Time => "time",
            Self::Memory => "memory",
        })
    }
}

/// From CPU time to time on the clock: other work may keep the child from the processor.
const WALL_FACTOR: u32 = 3;
const WALL_MIN: Duration = Duration::from_secs(30);

impl Spawner {
    /// Checks a component by its names here, and compiles it in a locked-in child with limits. Dropping the future ends
    /// the child.
    ///
    /// The code is as trustworthy as a process that had nothing but the component: it belongs into jailed runners only.
    pub async fn compile(
        self: &Arc<Self>,
        component: Arc<[u8]>,
        limits: CompileLimits,
        allow_missing: &[Layer],
    ) -> Result<Artifact, CompileError> {
        let checked = tokio::task::spawn_blocking(move || {
            check_names(&component)?;
            memory_of(&component).map_err(PluginRefusal::Seal)
        });
        let component = checked.await.map_err(|error| StartError::Failed(error.to_string()))??;
        let code = new_memfd().map_err(PluginRefusal::Seal)?;
        let (process, socket) = self.start(Role::Compiler).await.map_err(StartError::Process)?;
        let order = Compile { host: std::process::id(), limits, allow_missing: allow_missing.to_vec() };
        let answer = async {
            // Fits into an empty socket's buffer, so this waits for nobody.
            send_with(socket.as_fd(), &encode(&order).map_err(io::Error::other)?, &[component.as_fd(), code.as_fd()])?;
            Packets::new(socket)?.receive().await
        };
        let wall = (Duration::from_secs(limits.cpu_seconds) * WALL_FACTOR).max(WALL_MIN);
        let answer = tokio::time::timeout(wall, answer).await;
        // Gone, it has the memory neither mapped nor open.
        let status = process.end().await;
        match answer {
            Err(_) => Err(CompileError::Limit { limit: CompileLimit::Time }),
            Ok(Ok(Some(frame))) => take(&frame, code),
            Ok(Ok(None) | Err(_)) => Err(died(status)),
        }
    }
}

fn take(frame: &[u8], code: OwnedFd) -> Result<Artifact, CompileError> {
    match decode(frame) {
        Ok(Compiled::Done) => {
            // SAFETY: made by our compiler in a process that had nothing else to do; as this function's caller is told,
            // only jailed runners load it.
            #[expect(unsafe_code, reason = "vouches for the origin of native code")]
            let sealed = unsafe { Artifact::from_trusted_memfd(code) };
            Ok(sealed.map_err(PluginRefusal::Seal)?)
        }
        Ok(Compiled::Refused(text)) => Err(PluginRefusal::Compile(wasmtime::Error::msg(text)).into()),
        Ok(Compiled::Mismatch(text)) => Err(PluginRefusal::Mismatch(wasmtime::Error::msg(text)).into()),
        Ok(Compiled::Missing { layer, reason }) => Err(StartError::Missing { layer, reason }.into()),
        Ok(Compiled::Failed(reason)) => Err(StartError::Failed(reason).into()),
        Err(error) => Err(StartError::Failed(error.to_string()).into()),
    }
}

/// What a child that said nothing ended of.
fn died(status: ExitStatus) -> CompileError {
    match status.signal() {
        Some(libc::SIGXCPU) => CompileError::Limit { limit: CompileLimit::Time },
        // How Rust ends a process that gets no memory; the system's own answer to too much of it is SIGKILL.
        Some(libc::SIGABRT | libc::SIGKILL) => CompileError::Limit { limit: CompileLimit::Memory },
        _ => CompileError::Crashed(status),
    }
}

fn memory_of(component: &[u8]) -> io::Result<File> {
    let mut memory = File::from(new_memfd()?);
    memory.write_all(component)?;
    memory.rewind()?;
    Ok(memory)
}
