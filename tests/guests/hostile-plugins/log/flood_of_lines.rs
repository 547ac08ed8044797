//! Prints half a million empty lines, on both streams in turns.

use std::io::Write as _;

use hostile_plugins::failed;

hostile_plugins::plugin!(|_| {
    for _ in 0..100 {
        std::io::stdout().write_all(&[b'\n'; 5000]).map_err(failed)?;
        std::io::stderr().write_all(&[b'\n'; 5000]).map_err(failed)?;
    }
    Ok(String::new())
});
