//! Opens a folder again and again and keeps it open.

use hostile_plugins::files::{open_folder, out};
use hostile_plugins::{failed, say, wait_for_input};

hostile_plugins::plugin!(|_| {
    let mut kept = vec![out()];
    let error = loop {
        match open_folder(&kept[0], ".") {
            Ok(folder) => kept.push(folder),
            Err(code) => break code,
        }
    };
    say(format_args!("begun: {error:?}"));
    wait_for_input("go");
    Err(failed(error))
});
