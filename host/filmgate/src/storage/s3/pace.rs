//! Bandwidth limits: of a storage, and of each user of it.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

/// How much lost time is made up for: timers wake a millisecond late, and a busy machine later. A limit holds for any time that
/// is long beside it.
const CATCH_UP: Duration = Duration::from_millis(20);

/// A line of a given width: bytes are sent one behind the other, in the order in which they asked. Time that nobody used is
/// not made up for, beyond [`CATCH_UP`].
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: NonZeroU64,
    free_at: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(bytes_per_second: NonZeroU64) -> Self {
        Self { bytes_per_second, free_at: Mutex::default() }
    }

    /// Takes room for `bytes`; answers when they may be sent, which may be a moment ago.
    pub(super) fn reserve(&self, bytes: usize, now: Instant) -> Instant {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
        let turn = free_at.map_or(now, |free_at| free_at.max(earliest));
        *free_at = Some(turn + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second.get() as f64));
        turn
    }
}

/// The limits of a storage.
#[derive(Debug, Default)]
pub(super) struct Paces {
    all: Option<Arc<Pace>>,
    per_user: Option<NonZeroU64>,
    users: Mutex<HashMap<String, Weak<Pace>>>,
}

impl Paces {
    pub(super) fn new(all: Option<NonZeroU64>, per_user: Option<NonZeroU64>) -> Self {
        Self { all: all.map(|limit| Arc::new(Pace::new(limit))), per_user, users: Mutex::default() }
    }

    /// What bytes of this user must keep to. A user's limit lives as long as one of its uploads.
    pub(super) fn of(&self, user: &str) -> Vec<Arc<Pace>> {
        let own = self.per_user.map(|limit| {
            let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
            users.retain(|_, pace| pace.strong_count() > 0);
            let known = users.get(user).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let pace = Arc::new(Pace::new(limit));
                users.insert(user.to_owned(), Arc::downgrade(&pace));
                pace
            })
        });
        self.all.iter().cloned().chain(own).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{CATCH_UP, Pace, Paces};

    #[test]
    fn bytes_are_spread_over_time_and_idle_time_is_lost() {
        let pace = Pace::new(NonZeroU64::new(1000).expect("a rate"));
        let start = Instant::now();
        assert_eq!(pace.reserve(500, start), start);
        assert_eq!(pace.reserve(1000, start), start + Duration::from_millis(500));
        assert_eq!(pace.reserve(1, start), start + Duration::from_millis(1500));
        let later = start + Duration::from_secs(10);
        let earliest = later - CATCH_UP;
        assert_eq!(pace.reserve(1000, later), earliest);
        assert_eq!(pace.reserve(1, later), earliest + Duration::from_secs(1));
    }

    #[test]
    fn a_late_sender_makes_up_for_its_lateness() {
        let pace = Pace::new(NonZeroU64::new(1_000_000).expect("a rate"));
        let start = Instant::now();
        let mut now = start;
        for _ in 0..1000 {
            let turn = pace.reserve(1000, now);
            // Each timer is late by more than the bytes take.
            now = if turn > now { turn + Duration::from_micros(1500) } else { now };
        }
        let expected = Duration::from_millis(999);
        assert!(now - start <= expected + CATCH_UP, "{:?} instead of {expected:?}", now - start);
        assert!(now - start >= expected - CATCH_UP, "{:?} instead of {expected:?}", now - start);
    }

    #[test]
    fn uploads_of_one_user_share_a_limit_and_users_do_not() {
        let limit = NonZeroU64::new(1000);
        let paces = Paces::new(None, limit);
        let (first, second, other) = (paces.of("ana"), paces.of("ana"), paces.of("bea"));
        let now = Instant::now();
        assert_eq!(first[0].reserve(1000, now), now);
        assert_eq!(second[0].reserve(1, now), now + Duration::from_secs(1));
        assert_eq!(other[0].reserve(1, now), now);
        drop((first, second, other));
        assert_eq!(paces.of("cid").len(), 1);
        assert_eq!(paces.users.lock().expect("a lock").len(), 1);
        assert!(Paces::new(None, None).of("ana").is_empty());
    }
}
