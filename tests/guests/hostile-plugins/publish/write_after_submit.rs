//! Keeps its file open for writing, submits it and writes on.

use hostile_plugins::bindings::filmgate::plugin::store_video::submit;
use hostile_plugins::files::{create, film};
use hostile_plugins::{failed, options, tell};

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    let kept = create("film.mp4").map_err(failed)?;
    tell("submit", submit("film.mp4", &options()));
    let _ = kept.write(&[b'!'; 4096], 0);
    Ok(String::new())
});
