//! Hands over a million pairs of metadata.

use hostile_plugins::bindings::filmgate::plugin::store_video::store_video;
use hostile_plugins::{Options, failed, options};

hostile_plugins::plugin!(|_| {
    let metadata = vec![(String::new(), String::new()); 1_000_000];
    store_video("film.mp4", &Options { metadata, ..options() }).map(|_| String::new()).map_err(failed)
});
