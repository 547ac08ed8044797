//! Runners: where plugins run, and those that are kept ready.
//!
//! A runner runs one job. Starting one takes milliseconds, so the next one for a plugin that was just used is started
//! ahead, locked in and with its guest brought to life; it waits in a directory of its own, ends when nobody needs it for
//! some time, and never outlives this process.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use filmgate_protocol::{Budget, Layer, Measure};
use filmgate_runner::{
    Engine, EngineError, HostEnd, LoadError, Program, Setup, Spawner, SpawnerError, StartError, spawn_in_process,
};
use tokio::task::spawn_blocking;

use crate::outbox::{DataDir, Outbox, OutboxError};
use crate::plugin::{Plugin, PluginDigest};
use crate::report::JobFault;

/// Where plugins run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runner {
    /// In a locked-in process of this program, whose `main` must call [`enter`](crate::enter) first.
    SelfExec,
    /// In a locked-in process of another program whose `main` calls [`enter`](crate::enter), as that of `filmgate` and
    /// `filmgate-runner` do.
    Path(PathBuf),
    /// In a thread of this process. A flaw in the WebAssembly runtime then opens this process, with every key it holds.
    InProcess,
}

/// Why a plugin got no runner.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunnerError {
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("start a thread for a job: {0}")]
    Thread(#[from] std::io::Error),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("{0}")]
    Panicked(#[from] tokio::task::JoinError),
}

/// A runner that has everything but its job, and the directories that will be the job's.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) end: HostEnd,
    pub(crate) outbox: Outbox,
}

/// Gives out runners.
#[derive(Debug)]
pub(crate) struct Pool {
    data: Arc<DataDir>,
    place: Place,
}

enum Place {
    Threads { engine: Engine, loaded: Mutex<HashMap<PluginDigest, filmgate_runner::Plugin>> },
    Processes(Arc<Processes>),
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Threads { .. } => f.write_str("Threads"),
            Self::Processes(processes) => processes.fmt(f),
        }
    }
}

/// What starting a locked-in process takes, and those that wait.
#[derive(Debug)]
struct Processes {
    spawner: Arc<Spawner>,
    allow_missing: Vec<Layer>,
    /// Runners kept ready for each plugin.
    ahead: usize,
    /// How long one waits for a job.
    idle_max: Duration,
    waiting: Mutex<Vec<Waiting>>,
    /// How many were ever kept.
    kept: AtomicU64,
    /// How many are being started ahead.
    /// Being started, for which jobs.
    starting: Mutex<Vec<(PluginDigest, Budget)>>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    plugin: PluginDigest,
    budget: Budget,
    ready: Ready,
}

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PoolError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Spawner(#[from] SpawnerError),
}

impl Pool {
    pub(crate) fn new(
        runner: &Runner,
        allow_missing: Vec<Layer>,
        (ahead, idle_max): (usize, Duration),
        data: &Arc<DataDir>,
    ) -> Result<Self, PoolError> {
        let spawner = match runner {
            Runner::SelfExec => Spawner::new(Program::SelfExe)?,
            Runner::Path(path) => Spawner::new(Program::Path(path.clone()))?,
            Runner::InProcess => {
                let place = Place::Threads { engine: Engine::new()?, loaded: Mutex::default() };
                return Ok(Self { data: Arc::clone(data), place });
            }
        };
        let processes = Processes {
            spawner,
            allow_missing,
            ahead,
            idle_max,
            waiting: Mutex::default(),
            kept: AtomicU64::new(0),
            starting: Mutex::default(),
        };
        Ok(Self { data: Arc::clone(data), place: Place::Processes(Arc::new(processes)) })
    }

    /// What starts locked-in processes, with the layers that may be missing; `None` where plugins run in this process.
    pub(crate) fn spawner(&self) -> Option<(&Arc<Spawner>, &[Layer])> {
        match &self.place {
            Place::Threads { .. } => None,
            Place::Processes(processes) => Some((&processes.spawner, &processes.allow_missing)),
        }
    }

    /// A runner for one job of `plugin`, one that waits for it if there is one.
    pub(crate) async fn take(&self, plugin: &Plugin, budget: &Budget) -> Result<Ready, RunnerError> {
        match &self.place {
            Place::Threads { engine, loaded } => {
                let loaded = load(engine, loaded, plugin)?;
                let outbox = prepare(&self.data).await?;
                let started = own(&outbox).and_then(|(out, inputs)| {
                    spawn_in_process(&loaded, Setup { outbox: out, inputs, budget: budget.clone() })
                });
                match started {
                    Ok(end) => Ok(Ready { end, outbox }),
                    Err(error) => {
                        discard(outbox).await;
                        Err(error.into())
                    }
                }
            }
            Place::Processes(processes) => {
                let taken = match processes.pop(plugin.digest, budget) {
                    Some(ready) => ready,
                    None => processes.start(plugin, budget, &self.data).await?,
                };
                processes.start_ahead(plugin, budget, &self.data);
                Ok(taken)
            }
        }
    }
}

/// What the jail of a runner is made of on this machine, layer by layer; nothing where plugins run in this process. Starts
/// a runner that does nothing else.
pub async fn probe_jail(
    runner: &Runner,
    allow_missing: &[Layer],
    data: &Arc<DataDir>,
) -> Result<Vec<Measure>, JobFault> {
    let pool = Pool::new(runner, allow_missing.to_vec(), (0, Duration::ZERO), data)
        .map_err(|error| JobFault::Internal(error.to_string()))?;
    let Place::Processes(processes) = &pool.place else { return Ok(Vec::new()) };
    let outbox = prepare(data).await?;
    let budget = crate::default_budget();
    let probed = processes.spawner.probe(outbox.out(), outbox.inputs(), &budget, allow_missing).await;
    discard(outbox).await;
    Ok(probed.map_err(RunnerError::from)?)
}

fn load(
    engine: &Engine,
    loaded: &Mutex<HashMap<PluginDigest, filmgate_runner::Plugin>>,
    plugin: &Plugin,
) -> Result<filmgate_runner::Plugin, LoadError> {
    let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = loaded.get(&plugin.digest) {
        return Ok(known.clone());
    }
    let new = filmgate_runner::Plugin::load(engine, &plugin.artifact)?;
    loaded.insert(plugin.digest, new.clone());
    Ok(new)
}

async fn prepare(data: &Arc<DataDir>) -> Result<Outbox, RunnerError> {
    let data = Arc::clone(data);
    Ok(spawn_blocking(move || Outbox::prepare(&data)).await??)
}

/// Descriptors that stay when the outbox goes: a thread may open what is behind them at any time.
fn own(outbox: &Outbox) -> std::io::Result<(OwnedFd, OwnedFd)> {
    Ok((outbox.out().try_clone_to_owned()?, outbox.inputs().try_clone_to_owned()?))
}

/// Directories that no job was given.
async fn discard(outbox: Outbox) {
    super::host::destroy(Arc::new(outbox)).await;
}

impl Processes {
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn starting(&self) -> MutexGuard<'_, Vec<(PluginDigest, Budget)>> {
        self.starting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that waits for such a job and is still alive.
    fn pop(&self, plugin: PluginDigest, budget: &Budget) -> Option<Ready> {
        let mut waiting = self.waiting();
        let fits = |one: &mut Waiting| one.plugin == plugin && one.budget == *budget && one.ready.end.is_alive();
        let at = waiting.iter_mut().position(fits)?;
        Some(waiting.swap_remove(at).ready)
    }

    async fn start(&self, plugin: &Plugin, budget: &Budget, data: &Arc<DataDir>) -> Result<Ready, RunnerError> {
        let outbox = prepare(data).await?;
        let started =
            self.spawner.runner(&plugin.artifact, outbox.out(), outbox.inputs(), budget, &self.allow_missing).await;
        match started {
            Ok((end, measures)) => {
                tracing::debug!(?measures, "runner started");
                Ok(Ready { end, outbox })
            }
            Err(error) => {
                discard(outbox).await;
                Err(error.into())
            }
        }
    }

    /// Starts the next runner in the background, unless enough wait already.
    fn start_ahead(self: &Arc<Self>, plugin: &Plugin, budget: &Budget, data: &Arc<DataDir>) {
        let same = self.waiting().iter().filter(|one| one.plugin == plugin.digest && one.budget == *budget).count();
        {
            let mut starting = self.starting();
            let begun = starting.iter().filter(|(digest, of)| *digest == plugin.digest && of == budget).count();
            if same + begun >= self.ahead {
                return;
            }
            starting.push((plugin.digest, budget.clone()));
        }
        let (this, plugin, budget, data) = (Arc::downgrade(self), plugin.clone(), budget.clone(), Arc::clone(data));
        tokio::spawn(async move {
            let Some(processes) = this.upgrade() else { return };
            let started = processes.start(&plugin, &budget, &data).await;
            {
                let mut starting = processes.starting();
                let at = starting.iter().position(|(digest, of)| *digest == plugin.digest && *of == budget);
                at.map(|at| starting.swap_remove(at));
            }
            match started {
                Ok(ready) => processes.keep(plugin.digest, budget, ready, &this),
                Err(error) => tracing::warn!(%error, "start a runner ahead"),
            }
        });
    }

    /// Keeps a runner for its time.
    fn keep(&self, plugin: PluginDigest, budget: Budget, ready: Ready, this: &Weak<Self>) {
        let number = self.kept.fetch_add(1, Ordering::Relaxed);
        self.waiting().push(Waiting { number, plugin, budget, ready });
        let (this, idle_max) = (Weak::clone(this), self.idle_max);
        tokio::spawn(async move {
            tokio::time::sleep(idle_max).await;
            let Some(processes) = this.upgrade() else { return };
            let idle = {
                let mut waiting = processes.waiting();
                let at = waiting.iter().position(|one| one.number == number);
                at.map(|at| waiting.swap_remove(at))
            };
            if let Some(Waiting { ready, .. }) = idle {
                ready.end.end().await;
                discard(ready.outbox).await;
            }
        });
    }
}

/// The host goes: nobody can wait for its runners any more, but what they hold on disk goes with them.
impl Drop for Processes {
    fn drop(&mut self) {
        for Waiting { ready, .. } in self.waiting.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // Killed here; its guest, which has no job, writes nothing.
            drop(ready.end);
            if let Err(error) = ready.outbox.remove() {
                tracing::debug!(%error, "delete the directories of a runner that waited");
            }
        }
    }
}
