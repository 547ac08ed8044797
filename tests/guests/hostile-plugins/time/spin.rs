//! Computes for ever.

use std::hint::black_box;

hostile_plugins::plugin!(|_| loop {
    black_box(());
});
