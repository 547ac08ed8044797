//! Publishes a file that it keeps open for writing.

use hostile_plugins::files::{create, film};
use hostile_plugins::{failed, store, tell};

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    let kept = create("film.mp4").map_err(failed)?;
    tell("open", store("film.mp4"));
    drop(kept);
    Ok(String::new())
});
