//! Returns while a storage takes for ever with its file.

use hostile_plugins::bindings::filmgate::plugin::store_video::submit;
use hostile_plugins::files::film;
use hostile_plugins::options;

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    drop(submit("film.mp4", &options())?);
    Ok(String::new())
});
