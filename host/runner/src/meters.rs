use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use filmgate_protocol::{Exhausted, Usage};

use crate::cpu::CpuClock;

/// What a job has used and which limits it hit; readable when the guest's store is already gone.
///
/// One thread writes: the order of the single counters does not matter.
pub(crate) struct Meters {
    started: OnceLock<Instant>,
    clock: CpuClock,
    pub(crate) memory_peak: AtomicU64,
    pub(crate) outbox_bytes: AtomicU64,
    pub(crate) outbox_entries: AtomicU64,
    pub(crate) log_dropped: AtomicU64,
    pub(crate) store_calls: AtomicU32,
    pub(crate) stores_in_flight_peak: AtomicU32,
    pub(crate) table_elements_peak: AtomicU64,
    pub(crate) outbox_depth_max: AtomicU32,
    hostcall_bytes_peak: AtomicU64,
    pub(crate) handles_peak: AtomicU32,
    memory_hit: OnceLock<Exhausted>,
    outbox_hit: OnceLock<Exhausted>,
}

impl Meters {
    /// Starts the CPU clock, that of the calling thread: a guest that comes to life before its job computes already.
    pub(crate) fn new() -> Self {
        Self {
            started: OnceLock::new(),
            clock: CpuClock::start(),
            memory_peak: AtomicU64::new(0),
            outbox_bytes: AtomicU64::new(0),
            outbox_entries: AtomicU64::new(0),
            log_dropped: AtomicU64::new(0),
            store_calls: AtomicU32::new(0),
            stores_in_flight_peak: AtomicU32::new(0),
            table_elements_peak: AtomicU64::new(0),
            outbox_depth_max: AtomicU32::new(0),
            hostcall_bytes_peak: AtomicU64::new(0),
            handles_peak: AtomicU32::new(0),
            memory_hit: OnceLock::new(),
            outbox_hit: OnceLock::new(),
        }
    }

    /// Starts the wall clock: the job is there.
    pub(crate) fn start(&self) {
        self.started.get_or_init(Instant::now);
    }

    /// CPU time since the start. Only right on the thread that started.
    pub(crate) fn cpu(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Remembers that memory or table growth was refused. Allocators turn this into an abort, which says nothing.
    pub(crate) fn refuse_memory(&self, limit: Exhausted) {
        self.memory_hit.get_or_init(|| limit);
    }

    /// Remembers that the outbox was full in one of its ways. Standard libraries turn this into an I/O error.
    pub(crate) fn refuse_outbox(&self, limit: Exhausted) {
        self.outbox_hit.get_or_init(|| limit);
    }

    /// Notes that one host call brought this much. wasmtime, which holds calls to their limit, does not tell.
    pub(crate) fn moved(&self, bytes: usize) {
        self.hostcall_bytes_peak.fetch_max(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn memory_hit(&self) -> Option<Exhausted> {
        self.memory_hit.get().copied()
    }

    pub(crate) fn outbox_hit(&self) -> Option<Exhausted> {
        self.outbox_hit.get().copied()
    }

    pub(crate) fn usage(&self) -> Usage {
        Usage {
            cpu: self.cpu(),
            wall: self.started.get().map(Instant::elapsed).unwrap_or_default(),
            memory_bytes_peak: self.memory_peak.load(Ordering::Relaxed),
            outbox_bytes_written: self.outbox_bytes.load(Ordering::Relaxed),
            outbox_entries_created: self.outbox_entries.load(Ordering::Relaxed),
            log_bytes_dropped: self.log_dropped.load(Ordering::Relaxed),
            store_calls: self.store_calls.load(Ordering::Relaxed),
            stores_in_flight_peak: self.stores_in_flight_peak.load(Ordering::Relaxed),
            table_elements_peak: self.table_elements_peak.load(Ordering::Relaxed),
            outbox_depth_max: self.outbox_depth_max.load(Ordering::Relaxed),
            hostcall_bytes_peak: self.hostcall_bytes_peak.load(Ordering::Relaxed),
            handles_peak: self.handles_peak.load(Ordering::Relaxed),
        }
    }
}
