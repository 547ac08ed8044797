//! From a component's bytes to its code: out of the cache, or compiled under limits.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use filmgate_protocol::CompileLimits;
use filmgate_runner::{Artifact, Engine, EngineError};
use tokio::task::spawn_blocking;

use crate::cache::{Cached, ComponentCache, EntryId, Turn};
use crate::limits::{ARTIFACT_BYTES_MAX, GIB};
use crate::plugin::PluginDigest;
use crate::pool::Pool;
use crate::report::JobFault;

/// What compiling a component may use, and where its code is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileOptions {
    /// Memory of the compiling process. Not enforced where plugins run in this process, and so compile there.
    pub memory_bytes: u64,
    /// CPU time of the compiling process, in whole seconds. Enforced like the memory.
    pub cpu: Duration,
    /// How much code is kept on disk; 0 keeps none.
    pub cache_bytes: u64,
    /// The folder for it; several hosts can share one. Default: `components` in the data directory.
    pub cache_dir: Option<PathBuf>,
}

impl Default for CompileOptions {
    fn default() -> Self {
        let cpu = Duration::from_secs(300);
        Self { memory_bytes: 4 * GIB, cpu, cache_bytes: 2 * GIB, cache_dir: None }
    }
}

/// Makes code of components.
pub(crate) struct Compiler {
    engine: Engine,
    cache: Option<Arc<ComponentCache>>,
    limits: CompileLimits,
}

impl Compiler {
    /// Opens the cache. One that cannot be used is told in the log and done without.
    pub(crate) fn new(options: CompileOptions, data_dir: &Path) -> Result<Self, EngineError> {
        let folder = options.cache_dir.unwrap_or_else(|| data_dir.join("components"));
        let cache = (options.cache_bytes > 0).then(|| ComponentCache::open(&folder, options.cache_bytes));
        let cache = cache.and_then(|opened| match opened {
            Ok(cache) => Some(Arc::new(cache)),
            Err(error) => {
                tracing::warn!(?folder, %error, "compiled components cannot be kept");
                None
            }
        });
        let limits = CompileLimits {
            memory_bytes: options.memory_bytes,
            cpu_seconds: options.cpu.as_secs(),
            code_bytes: ARTIFACT_BYTES_MAX,
        };
        Ok(Self { engine: Engine::new()?, cache, limits })
    }

    /// The code of a component, and whether it was compiled for this call. If the future is dropped, a compiling process
    /// ends.
    pub(crate) async fn code(
        &self,
        component: Vec<u8>,
        digest: PluginDigest,
        pool: &Pool,
    ) -> Result<(Artifact, bool), JobFault> {
        let turn = match self.look_up(EntryId::new(digest, &self.engine, pool.spawner().is_some())).await? {
            Some(Cached::Hit(artifact)) => return Ok((artifact, false)),
            Some(Cached::Miss(turn)) => Some(turn),
            None => None,
        };
        let start = Instant::now();
        let artifact = self.compile(component, pool).await?;
        let (seconds, bytes) = (start.elapsed().as_secs_f64(), artifact.size());
        tracing::info!(plugin = %digest, seconds, bytes, "component compiled");
        if let Some(turn) = turn {
            self.keep(turn, &artifact).await?;
        }
        Ok((artifact, true))
    }

    async fn look_up(&self, id: EntryId) -> Result<Option<Cached>, JobFault> {
        let Some(cache) = self.cache.clone() else { return Ok(None) };
        let found =
            spawn_blocking(move || cache.get(id)).await.map_err(|error| JobFault::Internal(error.to_string()))?;
        Ok(found.inspect_err(tell).ok())
    }

    async fn keep(&self, turn: Turn, artifact: &Artifact) -> Result<(), JobFault> {
        let Some(cache) = self.cache.clone() else { return Ok(()) };
        let artifact = artifact.clone();
        let kept = spawn_blocking(move || cache.keep(turn, &artifact)).await;
        // The job has its code either way.
        let _ = kept.map_err(|error| JobFault::Internal(error.to_string()))?.inspect_err(tell);
        Ok(())
    }

    async fn compile(&self, component: Vec<u8>, pool: &Pool) -> Result<Artifact, JobFault> {
        if let Some((spawner, allow_missing)) = pool.spawner() {
            return Ok(spawner.compile(component.into(), self.limits, allow_missing).await?);
        }
        let engine = self.engine.clone();
        let compiled = spawn_blocking(move || Artifact::compile(&engine, &component)).await;
        Ok(compiled.map_err(|error| JobFault::Internal(error.to_string()))??)
    }
}

fn tell(error: &io::Error) {
    tracing::warn!(%error, "keep a compiled component");
}
