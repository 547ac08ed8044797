//! Computes for ever in one instruction that fills memory, which the host may carry out.

use std::hint::black_box;

hostile_plugins::plugin!(|_| {
    let mut memory = vec![0_u8; 16 << 20];
    loop {
        black_box(&mut memory).fill(7);
    }
});
