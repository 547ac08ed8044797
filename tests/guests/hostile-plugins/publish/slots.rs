//! Gives slots that would change an object's key: ways up, slashes, encodings, another user's prefix.

use hostile_plugins::bindings::filmgate::plugin::store_video::store_video;
use hostile_plugins::files::film;
use hostile_plugins::{Options, options, tell};

const SLOTS: [&str; 14] = [
    "../x",
    "..",
    "video/../../ben",
    "%2e%2e%2f",
    "%2f",
    "video\0",
    "video\n",
    "VIDEO",
    "",
    " video",
    "{user}",
    "vid\u{202e}eo",
    "a-slot-of-more-than-thirty-two-characters",
    "no-such-slot",
];

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    for slot in SLOTS {
        tell(slot, store_video("film.mp4", &Options { slot: Some(slot.into()), ..options() }));
    }
    Ok(String::new())
});
