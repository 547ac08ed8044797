//! Polls the same timer a million times in one call.

use hostile_plugins::bindings::wasi::clocks::monotonic_clock::subscribe_duration;
use hostile_plugins::bindings::wasi::io::poll::poll;

hostile_plugins::plugin!(|_| {
    let timer = subscribe_duration(0);
    Ok(poll(&vec![&timer; 1_000_000]).len().to_string())
});
