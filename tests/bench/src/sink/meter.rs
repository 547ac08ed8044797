use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How finely the past is kept.
const SLICE: Duration = Duration::from_millis(50);
/// Slices of a second.
const SECOND: usize = 20;

/// Counts the bytes of bodies as they arrive, and when.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    began: Option<Instant>,
    ended: Duration,
    slices: Vec<u64>,
}

/// What arrived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Received {
    pub(super) bytes: u64,
    /// From the first of them to the last.
    pub(super) seconds: f64,
    /// Most bytes within any second.
    pub(super) best_second: u64,
}

impl Meter {
    /// Notes bytes that arrived just now.
    pub(super) fn add(&self, bytes: u64) {
        let now = Instant::now();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = now.saturating_duration_since(*counts.began.get_or_insert(now));
        counts.add(bytes, at);
    }

    /// Everything so far.
    pub(super) fn received(&self) -> Received {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).received()
    }
}

impl Counts {
    fn add(&mut self, bytes: u64, at: Duration) {
        self.ended = self.ended.max(at);
        let slice = usize::try_from(at.as_nanos() / SLICE.as_nanos()).unwrap_or(usize::MAX - 1);
        if self.slices.len() <= slice {
            self.slices.resize(slice + 1, 0);
        }
        self.slices[slice] += bytes;
    }

    fn received(&self) -> Received {
        let bytes = self.slices.iter().sum();
        let best = self.slices.windows(SECOND).map(|second| second.iter().sum()).max();
        Received { bytes, seconds: self.ended.as_secs_f64(), best_second: best.unwrap_or(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Counts, Received};

    #[test]
    fn the_best_second_may_begin_anywhere() {
        let mut counts = Counts::default();
        for (bytes, milliseconds) in [(1, 0), (10, 900), (20, 1500), (5, 1899), (1, 3000)] {
            counts.add(bytes, Duration::from_millis(milliseconds));
        }
        assert_eq!(counts.received(), Received { bytes: 37, seconds: 3.0, best_second: 35 });
    }
}
