//! Submits a hundred files at once, without waiting for any.

use std::collections::BTreeMap;

use hostile_plugins::bindings::filmgate::plugin::store_video::submit;
use hostile_plugins::files::film;
use hostile_plugins::{Options, options, say};

hostile_plugins::plugin!(|_| {
    let mut codes = BTreeMap::<String, u32>::new();
    let mut kept = Vec::new();
    for number in 0..100 {
        film("film.mp4", 1000)?;
        match submit("film.mp4", &Options { sequence: Some(number), ..options() }) {
            Ok(publication) => kept.push(publication),
            Err(error) => *codes.entry(error.code).or_default() += 1,
        }
    }
    say(format_args!("submitted {} refused {codes:?}", kept.len()));
    Ok(String::new())
});
