//! Calls the host from ever deeper in its stack: the host's own frames come on top.

use std::hint::black_box;

use hostile_plugins::bindings::filmgate::plugin::progress::report;
use hostile_plugins::bindings::wasi::filesystem::types::{Descriptor, PathFlags};
use hostile_plugins::files::out;

#[inline(never)]
#[expect(unconditional_recursion, reason = "the stack is to overflow")]
fn descend(out: &Descriptor, depth: u32) -> u32 {
    if depth.is_multiple_of(64) {
        let _ = out.stat_at(PathFlags::SYMLINK_FOLLOW, "a/b/c/d");
        report(0.5, "down");
    }
    black_box(descend(out, black_box(depth + 1))).rotate_left(3) ^ depth
}

hostile_plugins::plugin!(|_| Ok(descend(&out(), 0).to_string()));
