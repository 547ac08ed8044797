//! Sleeps for ever and is cancelled meanwhile: the call it waits in is dropped.

use hostile_plugins::bindings::wasi::clocks::monotonic_clock::subscribe_duration;
use hostile_plugins::say;

hostile_plugins::plugin!(|_| {
    say("begun");
    subscribe_duration(u64::MAX).block();
    Ok("awake".into())
});
