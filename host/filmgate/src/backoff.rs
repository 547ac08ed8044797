//! Waiting longer after each failure, and not all at the same moment.

use std::time::Duration;

/// The wait before try number `failures` + 1: doubled with each failure from `first` to at most `longest`, of which a random
/// half is cut, so that those who failed together do not come back together.
pub(crate) fn wait(failures: u32, first: Duration, longest: Duration) -> Duration {
    let doubled = first.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1).min(30)).unwrap_or(u32::MAX));
    let whole = doubled.min(longest);
    // Without randomness of the system the waits are whole: longer, and good enough.
    let cut = getrandom::u32().map_or(0.0, |random| f64::from(random) / f64::from(u32::MAX) / 2.0);
    whole.mul_f64(1.0 - cut)
}

#[cfg(test)]
mod tests {
    use super::wait;
    use std::time::Duration;

    #[test]
    fn c4_waits_grow_to_a_limit_and_differ() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(60));
        for (failures, whole) in [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (40, 60), (u32::MAX, 60)] {
            for _ in 0..50 {
                let waited = wait(failures, first, longest);
                let whole = Duration::from_secs(whole);
                assert!(waited <= whole && waited >= whole / 2, "{failures}: {waited:?}");
            }
        }
        let waits: std::collections::BTreeSet<_> = (0..20).map(|_| wait(7, first, longest)).collect();
        assert!(waits.len() > 10, "{waits:?}");
    }
}
