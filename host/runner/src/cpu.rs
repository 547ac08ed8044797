use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of the calling thread since a start.
///
/// A job has a thread to itself, so this is the guest's own code and the work of its host calls, but neither waiting nor
/// other processes on a busy machine. Counting guest code alone would leave `memory.fill` and a million `stat` calls free.
pub(crate) struct CpuClock {
    started: Duration,
}

impl CpuClock {
    pub(crate) fn start() -> Self {
        Self { started: thread_time() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        thread_time().saturating_sub(self.started)
    }
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The guest used up [`filmgate_protocol::Budget::cpu`].
#[derive(Debug, thiserror::Error)]
#[error("the CPU budget is used up")]
pub(crate) struct CpuSpent;
