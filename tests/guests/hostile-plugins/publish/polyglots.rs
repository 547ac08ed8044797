//! Publishes files that are two things at once: a film to one reader, a page, archive or script to another.

use hostile_plugins::bindings::filmgate::plugin::store_video::store_video;
use hostile_plugins::files::{FILM_HEAD, file};
use hostile_plugins::{Options, options, tell};

hostile_plugins::plugin!(|_| {
    let page = b"<!doctype html><script>alert(document.domain)</script>".as_slice();
    let all = [
        ("film and page", "video", [FILM_HEAD, page].concat()),
        ("brand and page", "video", [b"\0\0\0\x18ftyp<svg".as_slice(), page].concat()),
        ("film and archive", "video", [FILM_HEAD, b"PK\x05\x06", &[0; 18]].concat()),
        ("page and film", "video", [b"<!-- ".as_slice(), FILM_HEAD, page].concat()),
        ("picture and page", "thumbnail", [b"\xff\xd8\xff\xfe\0\x60".as_slice(), page].concat()),
        ("sound and page", "audio", [b"ID3\x03\0\0\0\0\0\0".as_slice(), page].concat()),
        ("json and page", "metadata", [b"[\"".as_slice(), page, b"\"]"].concat()),
    ];
    for (number, (name, slot, content)) in all.into_iter().enumerate() {
        file("file", &content)?;
        let sequence = u32::try_from(number).ok().filter(|number| *number > 0);
        tell(name, store_video("file", &Options { slot: Some(slot.into()), sequence, ..options() }));
    }
    Ok(String::new())
});
