//! Publishes files whose names steer terminals, forge lines, read backwards or differ only in case or composition.

use hostile_plugins::bindings::filmgate::plugin::store_video::store_video;
use hostile_plugins::{Options, files, options, tell};

const NAMES: [&str; 20] = [
    "line\nend",
    "return\rcarriage",
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "nul\u{85}next",
    "\u{202e}4pm.exe",
    "\u{2066}isolated\u{2069}",
    "zero\u{200b}width",
    "film.mp4",
    "FILM.MP4",
    "Film.mp4",
    "caf\u{e9}.mp4",
    "cafe\u{301}.mp4",
    "-rf",
    "*",
    "$(reboot)",
    "`id`",
    "CON",
    "a\\b",
    "\u{ffff}\u{fdd0}",
    ".filmgate-remove-1",
];

hostile_plugins::plugin!(|_| {
    for (number, name) in NAMES.iter().enumerate() {
        if files::film(name, 1000 + number).is_err() {
            hostile_plugins::say(format_args!("{name:?}: not made"));
            continue;
        }
        let sequence = u32::try_from(number).ok().filter(|number| *number > 0);
        tell(name, store_video(name, &Options { sequence, ..options() }));
    }
    Ok(String::new())
});
