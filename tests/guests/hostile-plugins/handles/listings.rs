//! Keeps listings of a folder with many long names, each of which the host holds in its own memory.

use hostile_plugins::files::{file, out};
use hostile_plugins::{failed, say};

hostile_plugins::plugin!(|_| {
    for number in 0..900 {
        file(&format!("{number:0>250}"), b"x")?;
    }
    let out = out();
    let mut kept = Vec::new();
    while kept.len() < 900 {
        match out.read_directory() {
            Ok(listing) => kept.push(listing),
            Err(code) => {
                say(format_args!("{} listings: {code:?}", kept.len()));
                return Err(failed(code));
            }
        }
    }
    Ok(kept.len().to_string())
});
