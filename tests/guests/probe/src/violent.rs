use std::hint::black_box;
use std::io::{self, Write};

use filmgate_plugin::Error;
use filmgate_plugin::bindings::wasi::clocks::monotonic_clock;
use serde_json::{Value, json};

use crate::params::{FileParams, LogStyle, Stack, Stdio};
use crate::store;

const MIB: usize = 1 << 20;

pub(crate) fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Two stacks can overflow: the one that WebAssembly hides, and the compiler's own in linear memory.
pub(crate) fn recurse(stack: Stack) -> u64 {
    match stack {
        Stack::Hidden => descend(black_box(1)),
        Stack::Memory => descend_with_frame(0),
    }
}

/// The answer is changed after each call, so that the compiler cannot make a loop of it.
#[inline(never)]
fn descend(depth: u64) -> u64 {
    if depth == 0 {
        return 1;
    }
    descend(depth.wrapping_add(1) | 1).rotate_left(5) ^ depth
}

#[expect(unconditional_recursion, reason = "the stack is to overflow")]
fn descend_with_frame(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    descend_with_frame(frame[63] + 1) + black_box(frame[0])
}

pub(crate) fn sleep_forever() -> ! {
    loop {
        monotonic_clock::subscribe_duration(u64::MAX).block();
    }
}

pub(crate) fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

#[expect(clippy::exit, reason = "that a plugin does it is what is tested")]
pub(crate) fn exit(code: i32) -> ! {
    std::process::exit(code)
}

/// Touches every page, so that the memory is really used.
pub(crate) fn alloc(mib: Option<usize>) -> Value {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    while mib.is_none_or(|mib| blocks.len() < mib) {
        let mut block = Vec::new();
        if block.try_reserve_exact(MIB).is_err() {
            return json!({ "mib": blocks.len(), "refused": true });
        }
        block.resize(MIB, 1);
        blocks.push(black_box(block));
    }
    json!({ "mib": blocks.len(), "refused": false })
}

pub(crate) fn handles(count: usize) -> Value {
    let kept: Vec<_> = (0..count).map(|_| monotonic_clock::subscribe_duration(u64::MAX)).collect();
    json!({ "handles": black_box(kept).len() })
}

pub(crate) fn trap_after_store(files: &[FileParams], submit: bool) -> Result<Value, Error> {
    if submit {
        let publications = store::submit_all(files)?;
        black_box(&publications);
        trap()
    }
    store::store(files)?;
    trap()
}

pub(crate) fn log_flood(mib: usize, to: Stdio, style: LogStyle) -> Value {
    let line: &[u8] = match style {
        LogStyle::Plain => b"the same line again, and again, and again\n",
        LogStyle::Ansi => b"\x1b[2J\x1b]0;title\x07\x1b[31mred\x1b[8mhidden\r\x1b[K\n",
        LogStyle::Bidi => "user\u{202e}gpj.\u{2066}exe\u{2069}\u{200b}\u{2028}\n".as_bytes(),
        LogStyle::Line => b"no newline ",
        LogStyle::Binary => b"\xff\xfe\0\x80\xc3\x28\n",
    };
    let block = line.repeat(MIB / line.len());
    let mut stream: Box<dyn Write> = match to {
        Stdio::Stdout => Box::new(io::stdout().lock()),
        Stdio::Stderr => Box::new(io::stderr().lock()),
    };
    let mut bytes = 0;
    while bytes < mib * MIB {
        if let Err(error) = stream.write_all(&block) {
            return json!({ "bytes": bytes, "error": error.to_string() });
        }
        bytes += block.len();
    }
    json!({ "bytes": bytes, "error": null })
}
