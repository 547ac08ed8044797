//! Gives sequences that do not fit: the last of 32 bits, the first that is too large, one twice.

use hostile_plugins::bindings::filmgate::plugin::store_video::store_video;
use hostile_plugins::files::film;
use hostile_plugins::{Options, options, tell};

hostile_plugins::plugin!(|_| {
    for sequence in [u32::MAX, 1000, 999, 999, 0, 0] {
        film("film.mp4", 1000)?;
        tell(sequence, store_video("film.mp4", &Options { sequence: Some(sequence), ..options() }));
    }
    film("film.mp4", 1000)?;
    tell("none", store_video("film.mp4", &options()));
    Ok(String::new())
});
