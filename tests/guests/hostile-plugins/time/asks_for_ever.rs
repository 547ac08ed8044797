//! Asks for ever whether it was cancelled.

use hostile_plugins::bindings::filmgate::plugin::progress::cancelled;

hostile_plugins::plugin!(|_| loop {
    std::hint::black_box(cancelled());
});
