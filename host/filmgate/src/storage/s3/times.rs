use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Parts that are remembered.
const KEPT: usize = 64;
/// So many must be known before one is called late.
const KNOWN_MIN: usize = 8;
/// A part is late after so many times what half of the others took …
const LATE: u32 = 3;
/// … and not before.
const LATE_MIN: Duration = Duration::from_secs(1);

/// How long the parts of an upload took.
#[derive(Debug, Default)]
pub(super) struct Times {
    kept: Mutex<VecDeque<Duration>>,
}

impl Times {
    pub(super) fn note(&self, time: Duration) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(time);
    }

    /// How long a part may take before it is sent a second time; absent while too little is known.
    pub(super) fn patience(&self) -> Option<Duration> {
        let mut sorted: Vec<_> = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.iter().copied().collect()
        };
        sorted.sort_unstable();
        let middle = sorted.get(sorted.len() / 2).filter(|_| sorted.len() >= KNOWN_MIN)?;
        Some((*middle * LATE).max(LATE_MIN))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{KEPT, KNOWN_MIN, LATE_MIN, Times};

    #[test]
    fn late_is_measured_by_the_others() {
        let times = Times::default();
        for _ in 1..KNOWN_MIN {
            times.note(Duration::from_secs(2));
        }
        assert_eq!(times.patience(), None);
        times.note(Duration::from_secs(100));
        assert_eq!(times.patience(), Some(Duration::from_secs(6)));
        for _ in 0..KEPT {
            times.note(Duration::from_millis(10));
        }
        assert_eq!(times.patience(), Some(LATE_MIN));
    }
}
