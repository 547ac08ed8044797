//! Hands over slots, types and metadata of 100 KiB each.

use hostile_plugins::bindings::filmgate::plugin::store_video::store_video;
use hostile_plugins::files::film;
use hostile_plugins::{Options, options, tell};

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    let long = "v".repeat(100 << 10);
    let all = [
        ("slot", Options { slot: Some(long.clone()), ..options() }),
        ("type", Options { content_type: Some(long.clone()), ..options() }),
        ("value", Options { metadata: vec![("name".into(), long.clone())], ..options() }),
        ("name", Options { metadata: vec![(long.clone(), "value".into())], ..options() }),
        ("pairs", Options { metadata: vec![(String::new(), String::new()); 10_000], ..options() }),
    ];
    for (name, options) in all {
        tell(name, store_video("film.mp4", &options));
    }
    tell("path", store_video(&long, &options()));
    Ok(String::new())
});
