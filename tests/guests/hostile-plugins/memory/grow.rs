//! Takes memory for ever and uses each page of it.

use std::hint::black_box;

hostile_plugins::plugin!(|_| {
    let mut kept = Vec::new();
    loop {
        kept.push(black_box(vec![1_u8; 1 << 20]));
    }
});
