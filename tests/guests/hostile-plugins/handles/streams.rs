//! Keeps streams into a file whose descriptors it has dropped: each keeps a descriptor of the host open.

use hostile_plugins::files::{create, file};
use hostile_plugins::{failed, say, wait_for_input};

hostile_plugins::plugin!(|_| {
    file("flood", b"x")?;
    let mut kept = Vec::new();
    let error = loop {
        match create("flood") {
            Ok(file) => kept.push((file.write_via_stream(0), file.read_via_stream(0))),
            Err(code) => break code,
        }
    };
    say(format_args!("begun: {error:?}"));
    wait_for_input("go");
    Err(failed(error))
});
