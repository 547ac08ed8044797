//! Declares types that the bytes are not of, and types that would become headers of their own.

use hostile_plugins::bindings::filmgate::plugin::store_video::store_video;
use hostile_plugins::files::film;
use hostile_plugins::{Options, options, tell};

const TYPES: [&str; 10] = [
    "video/webm",
    "text/html",
    "image/svg+xml",
    "video/mp4\r\nx-amz-acl: public-read",
    "video/mp4, text/html",
    "text/html; video/mp4",
    "\u{202e}4pm/oediv",
    "",
    "*/*",
    "VIDEO/MP4 ; charset=\"<script>\"",
];

hostile_plugins::plugin!(|_| {
    for (number, declared) in TYPES.into_iter().enumerate() {
        film("film.mp4", 1000)?;
        let sequence = u32::try_from(number).ok();
        let options = Options { content_type: Some(declared.into()), sequence, ..options() };
        tell(declared, store_video("film.mp4", &options));
    }
    Ok(String::new())
});
