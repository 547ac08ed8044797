use std::time::Duration;

use tokio::time::Instant;

/// Slots to begin with. One connection to a store carries some tens of megabytes a second: so many fill a line of a
/// gigabit, and more than two processor cores.
const FIRST: usize = 8;
/// A larger number of slots is kept if it makes the whole faster by this factor.
const WORTH: f64 = 1.15;
/// A number of slots is judged after so many parts of each.
const PARTS_EACH: u64 = 2;
/// … and not sooner.
const WINDOW_MIN: Duration = Duration::from_millis(200);
/// After this time a number that was found is doubted again: the line may be another one now.
const SETTLED_FOR: Duration = Duration::from_secs(30);

/// Finds the number of slots by trying: as long as twice as many make the whole faster, there are twice as many.
///
/// A store, a line or this machine that is busy already does not get faster, and goes back to fewer.
#[derive(Debug)]
pub(super) struct Trend {
    most: usize,
    slots: usize,
    /// The number before, and its bytes a second, while a larger one is tried.
    before: Option<(usize, f64)>,
    settled_until: Option<Instant>,
    window: Option<Window>,
}

/// A time in which all slots were wanted.
#[derive(Debug, Clone, Copy)]
struct Window {
    since: Instant,
    bytes: u64,
    parts: u64,
}

impl Trend {
    pub(super) fn new(most: usize) -> Self {
        Self { most, slots: FIRST.min(most), before: None, settled_until: None, window: None }
    }

    /// Slots that there are now.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// A part was acknowledged. `is_wanted`: somebody waits for the slot, so that the number of slots is what limits.
    pub(super) fn sent(&mut self, bytes: u64, is_wanted: bool, now: Instant) {
        if !is_wanted || self.most <= FIRST {
            self.window = None;
            return;
        }
        let Some(window) = &mut self.window else {
            self.window = Some(Window { since: now, bytes: 0, parts: 0 });
            return;
        };
        window.bytes += bytes;
        window.parts += 1;
        let time = now.duration_since(window.since);
        if time >= WINDOW_MIN && window.parts >= PARTS_EACH * self.slots as u64 {
            let rate = window.bytes as f64 / time.as_secs_f64();
            self.window = None;
            self.judge(rate, now);
        }
    }

    fn judge(&mut self, rate: f64, now: Instant) {
        if self.settled_until.is_some_and(|until| now < until) {
            return;
        }
        self.settled_until = None;
        if let Some((slots, before)) = self.before.take()
            && rate < before * WORTH
        {
            self.slots = slots;
            self.settled_until = Some(now + SETTLED_FOR);
            return;
        }
        if self.slots < self.most {
            self.before = Some((self.slots, rate));
            self.slots = (self.slots * 2).min(self.most);
        } else {
            self.settled_until = Some(now + SETTLED_FOR);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{FIRST, Trend};

    /// Sends parts for a while over a line that carries `rate` bytes a second with so many slots.
    fn send(trend: &mut Trend, now: &mut Instant, rate: impl Fn(usize) -> f64, parts: usize) {
        const PART: u64 = 8 << 20;
        for _ in 0..parts {
            *now += Duration::from_secs_f64(PART as f64 / rate(trend.slots()));
            trend.sent(PART, true, *now);
        }
    }

    #[test]
    fn slots_double_while_that_helps() {
        let (mut trend, mut now) = (Trend::new(64), Instant::now());
        assert_eq!(trend.slots(), FIRST);
        // 20 MB/s a connection, 500 MB/s in all.
        send(&mut trend, &mut now, |slots| (slots as f64 * 20e6).min(500e6), 400);
        assert_eq!(trend.slots(), 32);
    }

    #[test]
    fn a_line_that_is_full_keeps_few() {
        let (mut trend, mut now) = (Trend::new(64), Instant::now());
        send(&mut trend, &mut now, |_| 125e6, 200);
        assert_eq!(trend.slots(), FIRST);
    }

    #[test]
    fn never_more_than_allowed() {
        for most in [1, 4, 10, 16] {
            let (mut trend, mut now) = (Trend::new(most), Instant::now());
            send(&mut trend, &mut now, |slots| slots as f64 * 20e6, 1000);
            assert_eq!(trend.slots(), most);
        }
    }

    #[test]
    fn a_number_that_was_found_is_doubted_later() {
        let (mut trend, mut now) = (Trend::new(16), Instant::now());
        send(&mut trend, &mut now, |_| 125e6, 200);
        assert_eq!(trend.slots(), FIRST);
        now += super::SETTLED_FOR;
        send(&mut trend, &mut now, |slots| slots as f64 * 20e6, 200);
        assert_eq!(trend.slots(), 16);
    }

    #[test]
    fn slots_that_nobody_wants_are_no_measure() {
        let (mut trend, mut now) = (Trend::new(64), Instant::now());
        for _ in 0..100 {
            now += Duration::from_secs(1);
            trend.sent(8 << 20, false, now);
        }
        assert_eq!(trend.slots(), FIRST);
    }
}
