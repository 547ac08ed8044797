//! Makes a file of 8 TiB without writing a byte, and publishes what it got.

use hostile_plugins::failed;
use hostile_plugins::files::{create, film};

hostile_plugins::plugin!(|_| {
    film("sparse.mp4", 1000)?;
    create("sparse.mp4").and_then(|file| file.set_size(8 << 40)).map_err(failed)?;
    hostile_plugins::store("sparse.mp4").map(|stored| stored.size.to_string()).map_err(failed)
});
