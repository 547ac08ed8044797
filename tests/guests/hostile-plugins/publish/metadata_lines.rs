//! Gives metadata with line ends and other controls, which would become headers of its own.

use hostile_plugins::bindings::filmgate::plugin::store_video::store_video;
use hostile_plugins::files::film;
use hostile_plugins::{Options, options, tell};

const PAIRS: [(&str, &str); 12] = [
    ("title", "a\r\nx-amz-acl: public-read"),
    ("title", "a\nb"),
    ("title", "a\rb"),
    ("title", "a\0b"),
    ("title", "\u{1b}[2J"),
    ("title", "\u{202e}live"),
    ("title", "\u{e9}"),
    ("title", " led"),
    ("title", ""),
    ("title\r\nx-amz-acl", "public-read"),
    ("title:", "a"),
    ("", "a"),
];

hostile_plugins::plugin!(|_| {
    film("film.mp4", 1000)?;
    for (name, value) in PAIRS {
        let metadata = vec![(name.into(), value.into())];
        tell((name, value), store_video("film.mp4", &Options { metadata, ..options() }));
    }
    Ok(String::new())
});
