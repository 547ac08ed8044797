//! Opens a file again and again and keeps it open, so that the host runs out of descriptors.

use hostile_plugins::files::create;
use hostile_plugins::{failed, say, wait_for_input};

hostile_plugins::plugin!(|_| {
    let mut kept = Vec::new();
    let error = loop {
        match create("flood") {
            Ok(file) => kept.push(file),
            Err(code) => break code,
        }
    };
    say(format_args!("begun: {error:?}"));
    wait_for_input("go");
    Err(failed(error))
});
