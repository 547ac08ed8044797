//! Asks a hundred thousand times for a file to be published that is not there.

use std::collections::BTreeMap;

use hostile_plugins::{say, store};

hostile_plugins::plugin!(|_| {
    let mut codes = BTreeMap::<String, u32>::new();
    for _ in 0..100_000 {
        if let Err(error) = store("absent.mp4") {
            *codes.entry(error.code).or_default() += 1;
        }
    }
    say(format_args!("{codes:?}"));
    Ok(String::new())
});
