//! Publishes pages, drawings and programs as films.

use hostile_plugins::bindings::filmgate::plugin::store_video::store_video;
use hostile_plugins::files::file;
use hostile_plugins::{Options, options, tell};

const CONTENTS: [(&str, &[u8]); 9] = [
    ("html", b"<!doctype html><script>alert(1)</script>"),
    ("svg", b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>"),
    ("elf", b"\x7fELF\x02\x01\x01"),
    ("zip", b"PK\x03\x04\x14\0\0\0"),
    ("pdf", b"%PDF-1.7\n"),
    ("script", b"#!/bin/sh\nrm -rf /\n"),
    ("nearly", b"\0\0\0\x18ftyp"),
    ("late", b"        ftypisom\0\0\x02\0"),
    ("zeroes", &[0; 64]),
];

hostile_plugins::plugin!(|_| {
    for (name, content) in CONTENTS {
        file("film.mp4", content)?;
        let options = Options { content_type: Some("video/mp4".into()), ..options() };
        tell(name, store_video("film.mp4", &options));
    }
    Ok(String::new())
});
