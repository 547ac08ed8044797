//! Gives files a second name, within and between its folders.

use hostile_plugins::bindings::wasi::filesystem::types::PathFlags;
use hostile_plugins::files::{file, inputs, out};
use hostile_plugins::say;

hostile_plugins::plugin!(|_| {
    file("mine", b"mine")?;
    let (out, inputs) = (out(), inputs());
    let mut done = Vec::new();
    for follow in [PathFlags::empty(), PathFlags::SYMLINK_FOLLOW] {
        done.push(inputs.link_at(follow, "note.txt", &out, "taken").is_ok());
        done.push(out.link_at(follow, "mine", &inputs, "given").is_ok());
        done.push(out.link_at(follow, "mine", &out, "second").is_ok());
        done.push(out.link_at(follow, "../in/note.txt", &out, "stolen").is_ok());
    }
    say(format_args!("done {}", done.contains(&true)));
    Ok(String::new())
});
