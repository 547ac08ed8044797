//! Calls itself without end where nothing has an address: on the stack that belongs to the host.

use std::hint::black_box;

fn ackermann(left: u64, right: u64) -> u64 {
    match (left, right) {
        (0, right) => right + 1,
        (left, 0) => ackermann(left - 1, 1),
        (left, right) => ackermann(left - 1, ackermann(left, right - 1)),
    }
}

hostile_plugins::plugin!(|_| Ok(ackermann(black_box(4), black_box(5)).to_string()));
