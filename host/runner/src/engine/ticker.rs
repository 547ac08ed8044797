use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wasmtime::EngineWeak;

/// How often a running guest hands control back. A tenth of what a person notices; costs a running guest under 1 %.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// The thread that advances the engine's epoch.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    jobs: Mutex<Jobs>,
    changed: Condvar,
}

#[derive(Default)]
struct Jobs {
    running: usize,
    stop: bool,
}

impl Ticker {
    pub(crate) fn start(engine: EngineWeak) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        std::thread::Builder::new().name("filmgate-epoch".into()).spawn(move || tick(&of_thread, &engine))?;
        Ok(Self { shared })
    }

    pub(crate) fn running(&self) -> Running {
        self.shared.lock().running += 1;
        self.shared.changed.notify_one();
        Running { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_one();
    }
}

/// A job that runs; the thread sleeps when there is none.
pub(crate) struct Running {
    shared: Arc<Shared>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.lock().running -= 1;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    loop {
        let mut jobs = shared.lock();
        while jobs.running == 0 && !jobs.stop {
            jobs = shared.changed.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
        if jobs.stop {
            return;
        }
        drop(jobs);
        std::thread::sleep(TICK);
        match engine.upgrade() {
            Some(engine) => engine.increment_epoch(),
            None => return,
        }
    }
}
