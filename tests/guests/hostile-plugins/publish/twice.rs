//! Publishes one slot again and again.

use hostile_plugins::files::film;
use hostile_plugins::{store, tell};

hostile_plugins::plugin!(|_| {
    for number in 0..5 {
        film("film.mp4", 1000 + number)?;
        tell(number, store("film.mp4"));
    }
    Ok(String::new())
});
