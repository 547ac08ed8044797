//! Waits for the last instants that 64 bits can name, by each way of waiting.

use hostile_plugins::bindings::wasi::clocks::monotonic_clock::{now, subscribe_duration, subscribe_instant};
use hostile_plugins::bindings::wasi::io::poll::poll;
use hostile_plugins::say;

hostile_plugins::plugin!(|_| {
    let last = subscribe_instant(u64::MAX);
    let longest = subscribe_duration(u64::MAX);
    let nearly = subscribe_duration(u64::MAX - now());
    say([&last, &longest, &nearly].map(|timer| timer.ready().to_string()).join(" "));
    poll(&[&last, &longest, &nearly]);
    Ok("the end of time".into())
});
