use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::storage::StorageError;

/// How long a batch waits in all, from the first time on.
const LONGEST: Duration = Duration::from_secs(30);

/// How long the others wait for the one that goes ahead: a large file takes longer, and says by then that the store is back.
const AHEAD: Duration = Duration::from_secs(2);

/// What a batch has while the store is left alone ([`StorageFault::Away`](crate::storage::StorageFault::Away)).
///
/// What fails at once lets a batch run through everything that it has in the second that an outage takes. It waits instead
/// until the store is asked again: through a short outage it comes with few failures, and one that lasts ends its waiting
/// after half a minute.
#[derive(Debug, Default)]
pub struct Patience {
    outage: Mutex<Option<Outage>>,
    /// Held by the one that goes ahead.
    scout: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone, Copy)]
struct Outage {
    /// When the store is asked again.
    until: Instant,
    /// When waiting makes no sense any more.
    end: Instant,
}

impl Patience {
    /// Notes a failure; answers whether it says that the store is left alone for a while.
    pub fn note(&self, error: &StorageError) -> bool {
        let Some(retry_at) = error.retry_at else { return false };
        let wait = Duration::try_from(retry_at.duration_since(jiff::Timestamp::now())).unwrap_or_default();
        let now = Instant::now();
        let mut outage = self.outage();
        let end = outage.map_or(now + LONGEST, |outage| outage.end);
        *outage = Some(Outage { until: now + wait, end });
        true
    }

    /// Waits until the store is asked again, where it is left alone. Answers whether to go on as if it were back: not where
    /// the patience has ended, or `cancel` fired.
    pub async fn wait(&self, cancel: &CancellationToken) -> bool {
        let Some(outage) = *self.outage() else { return true };
        if outage.until > outage.end {
            return false;
        }
        tokio::select! {
            biased;
            () = cancel.cancelled() => false,
            () = tokio::time::sleep_until(outage.until) => true,
        }
    }

    /// For work that runs side by side: waits as [`Patience::wait`] does, and lets one go ahead, so that what it finds out need
    /// not be found out by all. What is answered is held until that is [noted](Patience::note) or the patience
    /// [renewed](Patience::renew).
    pub async fn turn(&self, cancel: &CancellationToken) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if self.outage().is_none() {
            return None;
        }
        let ahead = tokio::time::timeout(AHEAD, self.scout.lock()).await.ok();
        self.wait(cancel).await;
        ahead.filter(|_| self.outage().is_some())
    }

    /// The store answers again: the next outage is another one.
    pub fn renew(&self) {
        *self.outage() = None;
    }

    fn outage(&self) -> std::sync::MutexGuard<'_, Option<Outage>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use super::Patience;
    use crate::storage::{StorageError, StorageFault};

    fn away(until: SignedDuration) -> StorageError {
        let mut error = StorageError::new(StorageFault::Away, "put object", "s3://bucket", "away");
        error.retry_at = Some(Timestamp::now().checked_add(until).expect("a time"));
        error
    }

    #[tokio::test]
    async fn a_batch_waits_for_the_next_try_and_half_a_minute_in_all() {
        let (patience, cancel) = (Patience::default(), CancellationToken::new());
        let other = StorageError::new(StorageFault::Unavailable, "put object", "s3://bucket", "no");
        assert!(!patience.note(&other) && patience.wait(&cancel).await, "there is nothing to wait for");
        let began = Instant::now();
        assert!(patience.note(&away(SignedDuration::from_millis(30))) && patience.wait(&cancel).await);
        assert!(began.elapsed() >= Duration::from_millis(29), "{:?}", began.elapsed());
        assert!(patience.note(&away(SignedDuration::from_secs(31))) && !patience.wait(&cancel).await, "too long");
        // The half minute counts from the first time on.
        if let Some(outage) = &mut *patience.outage() {
            outage.end = Instant::now();
        }
        assert!(patience.note(&away(SignedDuration::from_millis(30))) && !patience.wait(&cancel).await);
        patience.renew();
        assert!(patience.note(&away(SignedDuration::ZERO)) && patience.wait(&cancel).await);
        cancel.cancel();
        assert!(patience.note(&away(SignedDuration::from_secs(20))) && !patience.wait(&cancel).await, "cancelled");
    }
}
