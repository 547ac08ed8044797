//! Publishes more bytes than a job may.

use hostile_plugins::bindings::filmgate::plugin::store_video::store_video;
use hostile_plugins::files::film;
use hostile_plugins::{Options, options, tell};

hostile_plugins::plugin!(|_| {
    for number in 0..6_u32 {
        film("film.mp4", 400_000)?;
        let sequence = Some(number).filter(|number| *number > 0);
        tell(number, store_video("film.mp4", &Options { sequence, ..options() }));
    }
    Ok(String::new())
});
