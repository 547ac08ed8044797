//! Hears that it is cancelled and goes on computing.

use hostile_plugins::bindings::filmgate::plugin::progress::cancelled;
use hostile_plugins::say;

hostile_plugins::plugin!(|_| {
    say("begun");
    while !cancelled() {}
    say("heard");
    loop {
        std::hint::black_box(());
    }
});
