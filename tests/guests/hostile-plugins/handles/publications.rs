//! Never gives back a publication, nor waits for it, nor looks at it.

use hostile_plugins::bindings::filmgate::plugin::store_video::submit;
use hostile_plugins::files::film;
use hostile_plugins::{Options, options};

hostile_plugins::plugin!(|_| {
    for number in 0..6 {
        film(&format!("{number}.mp4"), 1000 + number)?;
        let sequence = u32::try_from(number).ok().filter(|number| *number > 0);
        let publication = submit(&format!("{number}.mp4"), &Options { sequence, ..options() })?;
        std::mem::forget((publication.subscribe(), publication));
    }
    Ok(String::new())
});
