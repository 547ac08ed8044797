//! Publishes a file of no bytes.

use hostile_plugins::files::file;
use hostile_plugins::{store, tell};

hostile_plugins::plugin!(|_| {
    file("empty.mp4", b"")?;
    tell("empty", store("empty.mp4"));
    Ok(String::new())
});
