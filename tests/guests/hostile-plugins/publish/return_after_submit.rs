//! Returns while its files are uploaded, as it may.

use hostile_plugins::bindings::filmgate::plugin::store_video::submit;
use hostile_plugins::files::film;
use hostile_plugins::{Options, options};

hostile_plugins::plugin!(|_| {
    for number in 0..4_u32 {
        film("film.mp4", 1000 + number as usize)?;
        let sequence = Some(number).filter(|number| *number > 0);
        drop(submit("film.mp4", &Options { sequence, ..options() })?);
    }
    Ok(String::new())
});
