//! How many requests may be sent a second time: one budget for everything that is asked of a bucket.
//!
//! Retries help against a fault that passes, and do harm to a store that cannot bear the load it has: they multiply it. So
//! each takes a token. A call that comes through in the end gives back what it took; one that does not has spent it, and
//! only time brings tokens back. First tries are free.
//!
//! The bucket is so large that a file whose every part fails as often as the settings allow, and then passes, never waits.
//! A dead store gets that many retries and then a trickle, however many calls there are.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

/// An empty budget is full again after this time.
const FILLED_AFTER: Duration = Duration::from_secs(10);
/// Retries are kept for at least so many calls at once: requests without a body keep to no slots.
const CALLS_MIN: usize = 16;

#[derive(Debug)]
pub(super) struct Budget {
    tokens: Semaphore,
    most: usize,
    /// The time in which one token comes back.
    each: Duration,
    /// Until when the tokens of passing time have been added.
    filled_until: Mutex<Instant>,
}

impl Budget {
    /// Full, for calls that are sent again at most `retries` times each, `at_once` of them side by side.
    pub(super) fn new(retries: u32, at_once: usize) -> Self {
        let most = (retries as usize).saturating_mul(at_once.max(CALLS_MIN)).min(Semaphore::MAX_PERMITS);
        let each = FILLED_AFTER / u32::try_from(most).unwrap_or(u32::MAX).max(1);
        Self { tokens: Semaphore::new(most), most, each, filled_until: Mutex::new(Instant::now()) }
    }

    /// Takes a token; waits for one until `until`, those who wait longest first. Answers whether there was one.
    pub(super) async fn take(&self, until: Instant) -> bool {
        let token = self.tokens.acquire();
        tokio::pin!(token);
        loop {
            let now = Instant::now();
            self.fill(now);
            let next = until.min(now + self.each);
            tokio::select! {
                biased;
                // Only a closed semaphore has none, and nobody closes it.
                token = &mut token => return token.map(|token| token.forget()).is_ok(),
                () = sleep_until(next) => if next == until { return false },
            }
        }
    }

    /// Gives back what a call took that came through.
    pub(super) fn give_back(&self, tokens: u32) {
        if tokens > 0 {
            let _filling = self.filling();
            self.add(tokens as usize);
        }
    }

    /// Adds what has come back by now. Time in which the budget was full is lost.
    fn fill(&self, now: Instant) {
        let mut filled_until = self.filling();
        let due = now.saturating_duration_since(*filled_until).as_nanos() / self.each.as_nanos().max(1);
        let due = usize::try_from(due).unwrap_or(self.most);
        if due < self.add(due) {
            *filled_until += self.each * u32::try_from(due).unwrap_or(u32::MAX);
        } else {
            *filled_until = now;
        }
    }

    /// Answers how many there was room for before.
    fn add(&self, tokens: usize) -> usize {
        let room = self.most.saturating_sub(self.tokens.available_permits());
        self.tokens.add_permits(tokens.min(room));
        room
    }

    /// Held while tokens are added: there are never more than the budget has room for.
    fn filling(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.filled_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Budget, CALLS_MIN, FILLED_AFTER};

    impl Budget {
        fn take_all(&self) -> usize {
            self.tokens.forget_permits(usize::MAX)
        }

        pub(in crate::storage::s3) fn is_full(&self) -> bool {
            self.tokens.available_permits() == self.most
        }
    }

    #[test]
    fn every_part_on_its_way_has_all_its_retries() {
        assert_eq!(Budget::new(3, 64).take_all(), 3 * 64);
        assert_eq!(Budget::new(20, 1).take_all(), 20 * CALLS_MIN);
        assert_eq!(Budget::new(0, 16).take_all(), 0);
    }

    #[test]
    fn tokens_come_back_with_time_and_never_too_many() {
        let budget = Budget::new(3, 16);
        let mut now = Instant::now() + FILLED_AFTER;
        budget.fill(now);
        assert_eq!(budget.take_all(), 48, "it was full");
        let mut after = |time: Duration| {
            now += time;
            budget.fill(now);
            budget.take_all()
        };
        assert_eq!(after(FILLED_AFTER / 4), 12);
        // More than half of a token's time, twice, is one token.
        let half = FILLED_AFTER / 48 / 2 + Duration::from_millis(1);
        assert_eq!((after(half), after(half)), (0, 1));
        assert_eq!(after(FILLED_AFTER * 10), 48);
        assert_eq!(after(Duration::ZERO), 0);
    }

    #[test]
    fn what_a_call_gives_back_can_be_taken_again() {
        let budget = Budget::new(1, 16);
        assert_eq!(budget.take_all(), 16);
        budget.give_back(3);
        assert_eq!(budget.take_all(), 3);
        budget.give_back(1000);
        assert_eq!(budget.take_all(), 16);
    }

    #[tokio::test]
    async fn who_finds_none_waits_in_line_and_not_for_ever() {
        let budget = Budget::new(1, 16);
        let later = Instant::now() + FILLED_AFTER * 60;
        assert!(budget.take(Instant::now()).await, "it is full");
        budget.take_all();
        assert!(!budget.take(Instant::now()).await, "it is empty");
        let (mut first, mut second) = (Box::pin(budget.take(later)), Box::pin(budget.take(later)));
        assert!(futures::poll!(first.as_mut()).is_pending() && futures::poll!(second.as_mut()).is_pending());
        // A call that comes through lets the one go that waits longest.
        budget.give_back(1);
        assert!(futures::poll!(second.as_mut()).is_pending());
        assert!(first.await);
        // So does time.
        budget.fill(Instant::now() + FILLED_AFTER / 16);
        assert!(second.await);
    }
}
