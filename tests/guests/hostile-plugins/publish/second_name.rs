//! Publishes a file that somebody gave a second name meanwhile, and one that somebody replaced by a link.

use hostile_plugins::files::film;
use hostile_plugins::{say, store, tell, wait_for_input};

hostile_plugins::plugin!(|_| {
    film("alias.mp4", 1000)?;
    say("begun");
    wait_for_input("go");
    for name in ["alias.mp4", "symbolic.mp4", "folder-link/film.mp4", "fifo.mp4"] {
        tell(name, store(name));
    }
    Ok(String::new())
});
