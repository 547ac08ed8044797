//! Keeps timers, a hundred thousand of them.

use hostile_plugins::bindings::wasi::clocks::monotonic_clock::subscribe_duration;

hostile_plugins::plugin!(|_| {
    let kept: Vec<_> = (0..100_000).map(|_| subscribe_duration(u64::MAX)).collect();
    Ok(kept.len().to_string())
});
