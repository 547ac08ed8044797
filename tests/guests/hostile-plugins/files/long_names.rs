//! Makes and publishes the longest names and paths, and longer ones.

use hostile_plugins::bindings::filmgate::plugin::store_video::store_video;
use hostile_plugins::{Options, files, options, say, tell};

hostile_plugins::plugin!(|_| {
    for (sequence, bytes) in [(0, 255), (1, 256), (2, 5000)] {
        let name = "n".repeat(bytes);
        let made = files::film(&name, 1000).is_ok();
        say(format_args!("made {bytes}: {made}"));
        tell(bytes, store_video(&name, &Options { sequence: Some(sequence), ..options() }));
    }
    let deep = ["d".repeat(200), "e".repeat(200), "f".repeat(200), "g".repeat(200), "h".repeat(200)].join("/");
    say(format_args!("deep {}", std::fs::create_dir_all(format!("/out/{deep}")).is_ok()));
    tell("deep", store_video(&format!("{deep}/{}", "i".repeat(200)), &options()));
    Ok(String::new())
});
