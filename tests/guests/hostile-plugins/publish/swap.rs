//! Swaps the file at a path as fast as it can while it publishes what is there.

use hostile_plugins::bindings::filmgate::plugin::store_video::submit;
use hostile_plugins::files::film;
use hostile_plugins::{Options, failed, options};

hostile_plugins::plugin!(|_| {
    for number in 0..6_u32 {
        film("a", 1000 + number as usize)?;
        film("b", 2000)?;
        std::fs::rename("/out/a", "/out/film.mp4").map_err(failed)?;
        let sequence = Some(number).filter(|number| *number > 0);
        let publication = submit("film.mp4", &Options { sequence, ..options() })?;
        std::fs::rename("/out/b", "/out/film.mp4").map_err(failed)?;
        let _ = std::fs::remove_file("/out/film.mp4");
        drop(publication);
    }
    Ok(String::new())
});
