//! Keeps a folder open while it is moved up and replaced, and climbs from there.

use hostile_plugins::bindings::wasi::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use hostile_plugins::files::{open_folder, out};
use hostile_plugins::{failed, say};

hostile_plugins::plugin!(|_| {
    let out = out();
    let mut reached = Vec::new();
    for round in 0..200 {
        std::fs::create_dir_all("/out/a/b/c").map_err(failed)?;
        let deep = open_folder(&out, "a/b/c").map_err(failed)?;
        out.rename_at("a/b/c", &out, "moved").map_err(failed)?;
        for path in ["..", "../..", "../../..", "../../../..", "../in/note.txt", "../../in/note.txt"] {
            let opened = deep.open_at(PathFlags::SYMLINK_FOLLOW, path, OpenFlags::empty(), DescriptorFlags::READ);
            if opened.is_ok() || deep.stat_at(PathFlags::SYMLINK_FOLLOW, path).is_ok() {
                reached.push((round, path));
            }
        }
        let _ = deep.symlink_at("/etc", "x");
        out.remove_directory_at("moved").map_err(failed)?;
        // Removed, but still open.
        let made = deep.create_directory_at("../../made").is_ok() || deep.create_directory_at("made").is_ok();
        if made {
            reached.push((round, "made"));
        }
        std::fs::remove_dir_all("/out/a").map_err(failed)?;
        if round >= 3 {
            break;
        }
    }
    say(format_args!("reached {reached:?}"));
    Ok(String::new())
});
