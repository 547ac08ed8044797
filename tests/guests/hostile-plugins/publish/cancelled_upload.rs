//! Is cancelled while a storage takes for ever with its file.

use hostile_plugins::bindings::filmgate::plugin::store_video::submit;
use hostile_plugins::files::film;
use hostile_plugins::{options, say};

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    let publication = submit("film.mp4", &options())?;
    say("begun");
    while publication.get().is_none() {
        publication.subscribe().block();
    }
    Ok(String::new())
});
