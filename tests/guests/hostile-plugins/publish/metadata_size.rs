//! Gives 3 KiB of metadata, too many pairs, too long names, and one name twice.

use hostile_plugins::bindings::filmgate::plugin::store_video::store_video;
use hostile_plugins::files::film;
use hostile_plugins::{Options, options, tell};

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    let all = [
        ("3 KiB", vec![pair("title", &"x".repeat(3 << 10))]),
        ("3 KiB together", (0..12).map(|n| pair(&format!("n{n}"), &"x".repeat(256))).collect()),
        ("one over", vec![pair("title", &"x".repeat(1020))]),
        ("17 pairs", (0..17).map(|n| pair(&format!("n{n}"), "x")).collect()),
        ("long name", vec![pair(&"n".repeat(65), "x")]),
        ("twice", vec![pair("title", "x"), pair("title", "y")]),
        ("all there is", vec![pair("title", &"x".repeat(1019))]),
    ];
    for (name, metadata) in all {
        tell(name, store_video("film.mp4", &Options { metadata, ..options() }));
    }
    Ok(String::new())
});
