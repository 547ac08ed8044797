use std::time::Duration;

/// Prints median and 99th percentile.
pub(crate) fn print(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1)).copied().unwrap_or_default();
    println!("{name:50} median {:>9.3} ms  p99 {:>9.3} ms  ({} rounds)", ms(at(50)), ms(at(99)), times.len());
}

pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
