//! Calls itself without end with large frames: on the stack in its own memory.

use std::hint::black_box;

#[expect(unconditional_recursion, reason = "the stack is to overflow")]
fn descend(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    descend(frame[63] + 1) + black_box(frame[0])
}

hostile_plugins::plugin!(|_| Ok(descend(0).to_string()));
