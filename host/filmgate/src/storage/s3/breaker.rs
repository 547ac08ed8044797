//! Leaves a store alone that does not answer.
//!
//! ```text
//! closed ── five calls in a row gave up ──▶ open ── its time is over ──▶ half open: one call, one try
//!   ▲                                        ▲                             │
//!   │                                        └── no answer, longer than before
//!   └────────── any answer, also a refusal ──────────────────────────────┘
//! ```
//!
//! What counts is a call that gave up: it was sent again as often as the settings and the [budget](super::budget) allow and
//! ended with no answer or one of a failing server. Tries are not counted. A short outage, which retries are for, so opens
//! nothing, however many parts are on their way in it. An answer, even a 429 or another refusal, shows that the store is
//! there, and begins the count anew: a store that fails one operation and answers others is not away.
//!
//! While it is open a new call fails at once. A call that began before goes on with its retries, and a call that goes on with
//! what this process began, or ends it ([`Purpose::Begun`]), is sent once all the same: an abort that is not tried leaves parts
//! behind that cost money, and a large upload whose own connections still work is not to fail with its neighbours. Their
//! answers close it, too.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::backoff;
use crate::storage::StorageError;

/// So many calls in a row …
const CALLS: usize = 5;
/// … within this time open it. Four tries of half a minute each are two minutes for one call.
const WINDOW: Duration = Duration::from_secs(600);
/// How long it is open at first; doubled each time, a random half of it cut.
const OPEN_FIRST: Duration = Duration::from_secs(1);
/// It is never open longer.
const OPEN_LONGEST: Duration = Duration::from_secs(30);
/// Who finds a trial under way is told to come back after this time.
const TRIAL: SignedDuration = SignedDuration::from_secs(1);
/// A trial that takes longer is not waited for: the next call makes another. A large part may take minutes.
const TRIAL_LONGEST: Duration = Duration::from_secs(2);

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is wanted for itself.
    Work,
    /// It goes on with what this process has begun, looks at it, or takes it back.
    Begun,
}

/// The breaker of one bucket.
#[derive(Debug)]
pub(super) struct Breaker {
    place: String,
    state: Mutex<State>,
    opened: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// When the last calls gave up, since the last answer.
    given_up: VecDeque<(Instant, Timestamp)>,
    outage: Option<Outage>,
    /// Counts all trials.
    trials: u64,
}

#[derive(Debug)]
struct Outage {
    since: Timestamp,
    /// Calls that gave up in it.
    calls: u64,
    /// What the last of them was told.
    last: String,
    openings: u32,
    until: Instant,
    until_time: Timestamp,
    /// A call that is under way to find out whether the store is back: its number, and when it has taken too long.
    trial: Option<(u64, Instant)>,
}

/// The store is considered away.
#[derive(Debug)]
pub(super) struct Away {
    /// When the next call is let through.
    pub retry_at: Timestamp,
    since: Timestamp,
    calls: u64,
    last: String,
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { retry_at, since, calls, last } = self;
        write!(
            f,
            "not asked: the store is considered away since {since:.0}, as {calls} calls in a row came to nothing, and is \
             tried again at {retry_at:.0}; the last one was told: {last}"
        )
    }
}

/// The right to send a call.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// With all its retries.
    Whole,
    /// One try, beside the breaker.
    Once,
    /// One try, by which the breaker finds out.
    Trial(u64),
}

impl Breaker {
    /// Closed. `place` is for the log.
    pub(super) fn new(place: String) -> Self {
        Self { place, state: Mutex::default(), opened: Notify::new() }
    }

    /// Asks whether a call may be sent.
    pub(super) fn admit(&self, purpose: Purpose, now: Instant) -> Result<Pass<'_>, Away> {
        let mut state = self.state();
        let State { outage, trials, .. } = &mut *state;
        let kind = match outage {
            None => Kind::Whole,
            Some(_) if purpose == Purpose::Begun => Kind::Once,
            Some(outage) if now >= outage.until && outage.trial.is_none_or(|(_, end)| now >= end) => {
                *trials += 1;
                outage.trial = Some((*trials, now + TRIAL_LONGEST));
                Kind::Trial(*trials)
            }
            Some(outage) => return Err(outage.away()),
        };
        Ok(Pass { breaker: self, kind })
    }

    /// Waits until the store is considered away.
    pub(super) async fn opened(&self) {
        loop {
            let opened = self.opened.notified();
            tokio::pin!(opened);
            opened.as_mut().enable();
            if self.state().outage.is_some() {
                return;
            }
            opened.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self) {
        let mut state = self.state();
        state.given_up.clear();
        if let Some(outage) = state.outage.take() {
            drop(state);
            let (place, since) = (&self.place, outage.since);
            tracing::warn!(%place, %since, calls = outage.calls, "the store is back");
        }
    }

    /// Answers when the store is tried again, where it is considered away now.
    fn gave_up(&self, kind: Kind, error: &StorageError, now: Instant) -> Option<Timestamp> {
        let time = Timestamp::now();
        let mut state = self.state();
        if let Some(outage) = &mut state.outage {
            outage.calls += 1;
            outage.last = error.told(None);
            if outage.is_tried_by(kind) {
                outage.open(now, time);
                tracing::info!(place = %self.place, until = %outage.until_time, "the store is still away");
            }
            return Some(outage.until_time);
        }
        state.given_up.push_back((now, time));
        while state.given_up.front().is_some_and(|(then, _)| now.saturating_duration_since(*then) > WINDOW) {
            state.given_up.pop_front();
        }
        let (Some((_, since)), calls) = (state.given_up.front().copied(), state.given_up.len()) else { return None };
        if calls < CALLS {
            return None;
        }
        let calls = calls as u64;
        let (openings, last) = (0, error.told(None));
        let mut outage = Outage { since, calls, last, openings, until: now, until_time: time, trial: None };
        outage.open(now, time);
        let (place, until, last) = (&self.place, &outage.until_time, &outage.last);
        tracing::warn!(%place, %since, calls, %until, last, "the store is considered away and left alone for a while");
        let until = Some(*until);
        state.given_up.clear();
        state.outage = Some(outage);
        drop(state);
        self.opened.notify_waiters();
        until
    }
}

impl Outage {
    fn open(&mut self, now: Instant, time: Timestamp) {
        self.openings = self.openings.saturating_add(1);
        let wait = backoff::wait(self.openings, OPEN_FIRST, OPEN_LONGEST);
        self.until = now + wait;
        self.until_time =
            SignedDuration::try_from(wait).ok().and_then(|wait| time.checked_add(wait).ok()).unwrap_or(time);
        self.trial = None;
    }

    /// Whether this is the call that it waits for; not where another trial took its place.
    fn is_tried_by(&self, kind: Kind) -> bool {
        self.trial.is_some_and(|(number, _)| kind == Kind::Trial(number))
    }

    fn away(&self) -> Away {
        let soon = Timestamp::now().checked_add(TRIAL).unwrap_or(self.until_time);
        let retry_at = if self.trial.is_some() { soon } else { self.until_time };
        Away { retry_at, since: self.since, calls: self.calls, last: self.last.clone() }
    }
}

impl Pass<'_> {
    /// Whether a call that gets no answer is not to be sent again.
    pub(super) fn is_for_one_try(&self) -> bool {
        self.kind != Kind::Whole
    }

    /// The store answered, whatever it was.
    pub(super) fn answered(&mut self) {
        self.breaker.answered();
        self.kind = Kind::Whole;
    }

    /// The call ends without an answer. Answers when the store is tried again, where it is considered away now.
    pub(super) fn gave_up(mut self, error: &StorageError, now: Instant) -> Option<Timestamp> {
        let retry_at = self.breaker.gave_up(self.kind, error, now);
        self.kind = Kind::Whole;
        retry_at
    }
}

/// A trial that was cancelled has found out nothing: the next call makes another.
impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some(outage) = &mut self.breaker.state().outage
            && outage.is_tried_by(self.kind)
        {
            outage.trial = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::{SignedDuration, Timestamp};
    use tokio::time::Instant;

    use super::{Away, Breaker, CALLS, OPEN_FIRST, OPEN_LONGEST, Pass, Purpose, TRIAL_LONGEST, WINDOW};
    use crate::storage::{StorageError, StorageFault};

    /// A breaker, and a clock that only tests move.
    struct Bench {
        breaker: Breaker,
        now: Instant,
    }

    fn outage() -> StorageError {
        let mut error = StorageError::new(StorageFault::Unavailable, "put object", "s3://bucket", "please reduce");
        error.status = Some(503);
        error
    }

    impl Bench {
        fn new() -> Self {
            Self { breaker: Breaker::new("s3://bucket".to_owned()), now: Instant::now() }
        }

        fn opened() -> Self {
            let bench = Self::new();
            bench.give_up(CALLS);
            bench
        }

        fn admitted(&self) -> Pass<'_> {
            self.breaker.admit(Purpose::Work, self.now).expect("it is closed, or its time is over")
        }

        fn clean_up(&self) -> Pass<'_> {
            self.breaker.admit(Purpose::Begun, self.now).expect("always")
        }

        fn away(&self) -> Away {
            self.breaker.admit(Purpose::Work, self.now).expect_err("it is open")
        }

        fn give_up(&self, calls: usize) {
            for _ in 0..calls {
                self.admitted().gave_up(&outage(), self.now);
            }
        }

        fn is_closed(&self) -> bool {
            self.breaker.admit(Purpose::Work, self.now).is_ok_and(|pass| !pass.is_for_one_try())
        }
    }

    #[test]
    fn five_calls_in_a_row_open_it_and_the_fault_says_since_when_and_until_when() {
        let (bench, before) = (Bench::new(), Timestamp::now());
        bench.give_up(CALLS - 1);
        assert!(bench.is_closed());
        bench.give_up(1);
        let away = bench.away();
        let longest = SignedDuration::try_from(OPEN_FIRST).expect("a second");
        assert!(away.since >= before && away.retry_at <= Timestamp::now() + longest, "{away:?}");
        let told = away.to_string();
        for part in ["5 calls in a row", "please reduce (HTTP 503)", &format!("{:.0}", away.since)] {
            assert!(told.contains(part), "{part} is missing in {told}");
        }
    }

    #[test]
    fn an_answer_between_begins_the_count_anew() {
        let bench = Bench::new();
        for _ in 0..10 {
            bench.give_up(CALLS - 1);
            bench.admitted().answered();
        }
        assert!(bench.is_closed());
    }

    #[test]
    fn what_is_long_ago_does_not_count() {
        let mut bench = Bench::new();
        for _ in 0..CALLS * 3 {
            bench.give_up(1);
            bench.now += WINDOW / 4 + Duration::from_secs(1);
        }
        assert!(bench.is_closed());
    }

    #[test]
    fn when_its_time_is_over_one_call_finds_out() {
        let mut bench = Bench::opened();
        bench.away();
        bench.now += OPEN_FIRST;
        let trial = bench.admitted();
        assert!(trial.is_for_one_try());
        bench.away();
        // One that was cancelled has found out nothing.
        drop(trial);
        let mut trial = bench.admitted();
        bench.away();
        trial.answered();
        assert!(!trial.is_for_one_try() && bench.is_closed());
    }

    #[test]
    fn a_trial_that_takes_long_is_followed_by_another_and_counts_no_more() {
        let mut bench = Bench::opened();
        bench.now += OPEN_FIRST;
        let slow = bench.admitted();
        bench.away();
        let next = bench.breaker.admit(Purpose::Work, bench.now + TRIAL_LONGEST).expect("another trial");
        bench.away();
        // It neither opens it for longer, nor ends the trial of another.
        assert!(slow.gave_up(&outage(), bench.now).is_some());
        bench.away();
        let retry_at = next.gave_up(&outage(), bench.now).expect("still away");
        assert_eq!(retry_at, bench.away().retry_at);
    }

    #[test]
    fn it_stays_open_longer_each_time_up_to_a_limit() {
        let mut bench = Bench::opened();
        let mut whole = OPEN_FIRST;
        for _ in 0..10 {
            let opened = bench.now;
            // A random half is cut.
            bench.now = opened + whole / 2 - Duration::from_millis(1);
            bench.away();
            bench.now = opened + whole;
            bench.give_up(1);
            whole = (whole * 2).min(OPEN_LONGEST);
        }
        assert_eq!((whole, bench.away().calls), (OPEN_LONGEST, CALLS as u64 + 10));
        // Once it was closed, it begins anew.
        bench.clean_up().answered();
        bench.give_up(CALLS);
        bench.now += OPEN_FIRST;
        bench.admitted();
    }

    #[test]
    fn what_ends_something_is_tried_once_and_keeps_nothing_open() {
        let mut bench = Bench::new();
        {
            let began_before = bench.admitted();
            bench.give_up(CALLS);
            let clean_up = bench.clean_up();
            assert!(clean_up.is_for_one_try() && !began_before.is_for_one_try());
            clean_up.gave_up(&outage(), bench.now);
            began_before.gave_up(&outage(), bench.now);
        }
        bench.now += OPEN_FIRST;
        bench.give_up(1);
        bench.away();
        bench.clean_up().answered();
        assert!(bench.is_closed());
    }

    #[tokio::test]
    async fn who_waits_hears_of_it() {
        let bench = Bench::new();
        let mut waiting = Box::pin(bench.breaker.opened());
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        bench.give_up(CALLS);
        assert!(futures::poll!(waiting.as_mut()).is_ready());
        bench.breaker.opened().await;
    }
}
