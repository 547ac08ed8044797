//! Asks for its standard streams for ever and keeps every answer.

use hostile_plugins::bindings::wasi::cli::{stderr, stdout};

hostile_plugins::plugin!(|_| {
    let mut kept = Vec::new();
    loop {
        kept.push((stdout::get_stdout(), stderr::get_stderr()));
    }
});
