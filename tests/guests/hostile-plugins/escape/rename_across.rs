//! Moves files between what it may write and what it may only read.

use hostile_plugins::files::{file, inputs, out};
use hostile_plugins::say;

hostile_plugins::plugin!(|_| {
    file("mine", b"mine")?;
    let (out, inputs) = (out(), inputs());
    let done = [
        inputs.rename_at("note.txt", &out, "note.txt").is_ok(),
        out.rename_at("mine", &inputs, "mine").is_ok(),
        out.rename_at("mine", &inputs, "note.txt").is_ok(),
        inputs.rename_at("note.txt", &inputs, "other.txt").is_ok(),
        out.rename_at("mine", &out, "../in/mine").is_ok(),
        out.rename_at("../in/note.txt", &out, "note.txt").is_ok(),
        out.rename_at("../out", &out, "self").is_ok(),
        out.rename_at(".", &inputs, "out").is_ok(),
    ];
    say(format_args!("done {}", done.contains(&true)));
    Ok(String::new())
});
