use std::hash::{Hash as _, Hasher};
use std::num::NonZeroUsize;
use std::sync::Arc;

use wasmtime::Config;
use wasmtime::component::Linker;

use crate::engine::ticker::{Running, Ticker};
use crate::grants;
use crate::state::PluginState;

mod ticker;

/// Stack of a guest in bytes: deep enough for the Python interpreter, four times less than the fiber it runs on.
const WASM_STACK_BYTES: usize = 512 * 1024;

/// Frames kept of a trap's backtrace.
const BACKTRACE_FRAMES: NonZeroUsize = NonZeroUsize::new(32).unwrap();

/// One compiler and its settings, shared by all plugins and jobs of a process.
///
/// Cheap to clone. A thread of its own interrupts guests ten times in 100 ms while at least one job runs and sleeps
/// otherwise; it ends with the last clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    engine: wasmtime::Engine,
    linker: Linker<PluginState>,
    ticker: Ticker,
}

/// Why there is no engine: the machine cannot run WebAssembly, or no thread could be started.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime refused the settings on this machine.
    #[error("configure the WebAssembly engine")]
    Config(#[source] wasmtime::Error),
    /// The host functions could not be linked.
    #[error("link the host functions")]
    Link(#[source] wasmtime::Error),
    /// The operating system gave no thread.
    #[error("start the thread that interrupts guests")]
    Thread(#[source] std::io::Error),
}

impl Engine {
    /// Starts an engine.
    pub fn new() -> Result<Self, EngineError> {
        let engine = wasmtime::Engine::new(&config()).map_err(EngineError::Config)?;
        let linker = grants::linker(&engine).map_err(EngineError::Link)?;
        let ticker = Ticker::start(engine.weak()).map_err(EngineError::Thread)?;
        Ok(Self { inner: Arc::new(Inner { engine, linker, ticker }) })
    }

    /// Hashes everything that compiled code must fit: version of wasmtime, machine, settings.
    pub fn hash_compatibility(&self, hasher: &mut impl Hasher) {
        self.inner.engine.precompile_compatibility_hash().hash(hasher);
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner.engine
    }

    pub(crate) fn linker(&self) -> &Linker<PluginState> {
        &self.inner.linker
    }

    /// Keeps the interrupts coming while the returned value lives.
    pub(crate) fn running(&self) -> Running {
        self.inner.ticker.running()
    }
}

/// What a guest may use of WebAssembly: the features that compilers for plugins need and no proposal beyond them.
fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES))
        .wasm_simd(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false);
    config
}
