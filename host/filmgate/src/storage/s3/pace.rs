//! Bandwidth limits: of a storage, and of each user of it.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

/// A line of a given width: bytes are sent one behind the other, in the order in which they asked. Time that nobody used is
/// not made up for.
#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: NonZeroU64,
    free_at: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(bytes_per_second: NonZeroU64) -> Self {
        Self { bytes_per_second, free_at: Mutex::default() }
    }

    /// Takes room for `bytes`; answers when they may be sent.
    pub(super) fn reserve(&self, bytes: usize, now: Instant) -> Instant {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = free_at.map_or(now, |free_at| free_at.max(now));
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

    use super::{Pace, Paces};

    #[test]
    fn bytes_are_spread_over_time_and_idle_time_is_lost() {
        let pace = Pace::new(NonZeroU64::new(1000).expect("a rate"));
        let start = Instant::now();
        assert_eq!(pace.reserve(500, start), start);
        assert_eq!(pace.reserve(1000, start), start + Duration::from_millis(500));
        assert_eq!(pace.reserve(1, start), start + Duration::from_millis(1500));
        let later = start + Duration::from_secs(10);
        assert_eq!(pace.reserve(1000, later), later);
        assert_eq!(pace.reserve(1, later), later + Duration::from_secs(1));
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
