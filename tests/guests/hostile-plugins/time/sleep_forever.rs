//! Sleeps for ever.

use hostile_plugins::bindings::wasi::clocks::monotonic_clock::subscribe_duration;

hostile_plugins::plugin!(|_| loop {
    subscribe_duration(u64::MAX).block();
});
