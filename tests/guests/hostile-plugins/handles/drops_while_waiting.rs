//! Gives pollables of an upload back while others of it are waited for, again and again.

use hostile_plugins::bindings::filmgate::plugin::store_video::submit;
use hostile_plugins::bindings::wasi::clocks::monotonic_clock::subscribe_duration;
use hostile_plugins::bindings::wasi::io::poll::poll;
use hostile_plugins::files::film;
use hostile_plugins::{options, say};

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    let publication = submit("film.mp4", &options())?;
    let mut rounds = 0;
    while publication.get().is_none() {
        let (kept, given) = (publication.subscribe(), publication.subscribe());
        let soon = subscribe_duration(1_000_000);
        poll(&[&given, &soon]);
        drop(given);
        poll(&[&kept, &soon]);
        rounds += 1;
    }
    say(format_args!("waited {}", rounds > 0));
    Ok(String::new())
});
