//! Waits for standard input, which has ended.

use std::io::Read as _;

use hostile_plugins::bindings::wasi::cli::stdin::get_stdin;
use hostile_plugins::{failed, say};

hostile_plugins::plugin!(|_| {
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text).map_err(failed)?;
    let stream = get_stdin();
    stream.subscribe().block();
    say(format_args!("{read} bytes, {:?}", stream.blocking_read(u64::MAX).is_err()));
    Ok(String::new())
});
