//! Keeps a stream into its file, drops the descriptor, submits the file and writes on.

use hostile_plugins::bindings::filmgate::plugin::store_video::submit;
use hostile_plugins::files::{create, film};
use hostile_plugins::{failed, options, tell};

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    let stream = create("film.mp4").and_then(|file| file.write_via_stream(0)).map_err(failed)?;
    tell("submit", submit("film.mp4", &options()));
    let _ = stream.blocking_write_and_flush(&[b'!'; 4096]);
    Ok(String::new())
});
