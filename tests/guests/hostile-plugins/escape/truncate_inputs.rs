//! Truncates an input through the grant to read it.

use hostile_plugins::bindings::wasi::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use hostile_plugins::files::inputs;
use hostile_plugins::say;

hostile_plugins::plugin!(|_| {
    let inputs = inputs();
    let mut done = Vec::new();
    for flags in [DescriptorFlags::empty(), DescriptorFlags::READ, DescriptorFlags::MUTATE_DIRECTORY] {
        for open in [OpenFlags::TRUNCATE, OpenFlags::TRUNCATE | OpenFlags::CREATE] {
            done.push(inputs.open_at(PathFlags::SYMLINK_FOLLOW, "note.txt", open, flags).is_ok());
        }
    }
    let opened = inputs.open_at(PathFlags::empty(), "note.txt", OpenFlags::empty(), DescriptorFlags::READ);
    let length = opened.as_ref().map_or(0, |file| {
        done.push(file.set_size(0).is_ok());
        done.push(file.write(b"x", 0).is_ok());
        done.push(file.write_via_stream(0).is_ok());
        done.push(file.append_via_stream().is_ok());
        file.stat().map_or(0, |stat| stat.size)
    });
    say(format_args!("done {} length {length}", done.contains(&true)));
    Ok(String::new())
});
