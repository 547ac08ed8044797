//! Prints bytes that are no text, cut in the middle of characters.

use hostile_plugins::bindings::wasi::cli::{stderr, stdout};
use hostile_plugins::failed;

hostile_plugins::plugin!(|_| {
    let (out, err) = (stdout::get_stdout(), stderr::get_stderr());
    for _ in 0..100 {
        for byte in b"\xff\xfe\0\x80\xc3\x28\xf0\x9f\xed\xa0\x80\xf4\x90\x80\x80" {
            out.blocking_write_and_flush(&[*byte]).map_err(failed)?;
            err.blocking_write_and_flush(&[*byte]).map_err(failed)?;
        }
    }
    Ok(String::new())
});
