//! Publishes a file that somebody made set-user-id meanwhile.

use hostile_plugins::files::film;
use hostile_plugins::{say, store, tell, wait_for_input};

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    say("begun");
    wait_for_input("go");
    tell("special", store("film.mp4"));
    Ok(String::new())
});
