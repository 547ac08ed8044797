//! Polls a hundred timers that never ring.

use hostile_plugins::bindings::wasi::clocks::monotonic_clock::subscribe_duration;
use hostile_plugins::bindings::wasi::io::poll::poll;

hostile_plugins::plugin!(|_| {
    let timers: Vec<_> = (0..100).map(|_| subscribe_duration(u64::MAX)).collect();
    let timers: Vec<_> = timers.iter().collect();
    loop {
        poll(&timers);
    }
});
