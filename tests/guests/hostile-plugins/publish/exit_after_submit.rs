//! Ends its process while its file is uploaded.

use hostile_plugins::bindings::filmgate::plugin::store_video::submit;
use hostile_plugins::bindings::wasi::cli::exit::exit;
use hostile_plugins::files::film;
use hostile_plugins::options;

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    let _publication = submit("film.mp4", &options())?;
    exit(Ok(()));
    Ok(String::new())
});
