//! Waits for ever for timers of no time at all.

use hostile_plugins::bindings::wasi::clocks::monotonic_clock::subscribe_duration;

hostile_plugins::plugin!(|_| loop {
    subscribe_duration(0).block();
});
