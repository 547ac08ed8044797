//! Behaviours that make entries and leave the directories given.

use std::fs::{self, File, OpenOptions};

use crate::Answer;
use crate::bindings::wasi::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};
use crate::files::{directory, outbox};

pub(crate) fn run(behaviour: &str, number: usize) -> Option<Answer> {
    Some(match behaviour {
        "many-files" => many_files(number),
        "many-directories" => many_directories(number),
        "reopen-files" => reopen_files(number),
        "failed-creations" => failed_creations(number),
        "deep-tree" => deep_tree(number),
        "deep-by-handles" => deep_by_handles(number),
        "deep-by-renames" => deep_by_renames(),
        "rename-within" => rename_within(),
        "links" => links(),
        "write-inputs" => write_inputs(),
        "read-input" => fs::read_to_string("/in/note.txt").map_err(|error| error.to_string()),
        "escape" => escape(),
        _ => return None,
    })
}

fn many_files(count: usize) -> Answer {
    for number in 0..count {
        File::create(format!("/out/{number}")).map_err(|error| format!("file {number}: {error}"))?;
    }
    Ok("created".into())
}

fn many_directories(count: usize) -> Answer {
    for number in 0..count {
        fs::create_dir(format!("/out/{number}")).map_err(|error| format!("directory {number}: {error}"))?;
        fs::remove_dir(format!("/out/{number}")).map_err(|error| format!("directory {number}: {error}"))?;
    }
    Ok("created".into())
}

/// Opening what exists, with every flag that could create, makes no entry.
fn reopen_files(count: usize) -> Answer {
    for _ in 0..count {
        File::create("/out/same").map_err(|error| error.to_string())?;
        let options = OpenOptions::new().write(true).create(true).truncate(false).open("/out/same");
        options.map_err(|error| error.to_string())?;
    }
    Ok("reopened".into())
}

/// Creations that fail make no entry.
fn failed_creations(count: usize) -> Answer {
    File::create("/out/there").map_err(|error| error.to_string())?;
    let mut failed = 0;
    for _ in 0..count {
        failed += usize::from(OpenOptions::new().write(true).create_new(true).open("/out/there").is_err());
        failed += usize::from(File::create("/out/missing/file").is_err());
        failed += usize::from(fs::create_dir("/out/there").is_err());
        failed += usize::from(File::create("/in/new").is_err());
    }
    Ok(failed.to_string())
}

fn deep_tree(depth: usize) -> Answer {
    let mut path = String::from("/out");
    for level in 1..=depth {
        path.push_str("/d");
        fs::create_dir(&path).map_err(|error| format!("level {level}: {error}"))?;
    }
    Ok("deep".into())
}

fn open_directory(parent: &Descriptor, name: &str) -> Result<Descriptor, String> {
    let flags = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
    parent.open_at(PathFlags::empty(), name, OpenFlags::DIRECTORY, flags).map_err(|code| format!("open {code:?}"))
}

/// Each level from a handle to the one above, so that no path is longer than one name.
fn deep_by_handles(depth: usize) -> Answer {
    let mut parent = outbox();
    for level in 1..=depth {
        parent.create_directory_at("d").map_err(|code| format!("level {level}: {code:?}"))?;
        parent = open_directory(&parent, "d")?;
    }
    Ok("deep".into())
}

/// Two shallow trees, one moved to the bottom of the other; then one made under a handle that was moved up.
fn deep_by_renames() -> Answer {
    fs::create_dir_all("/out/a/a").map_err(|error| error.to_string())?;
    fs::create_dir_all("/out/b/b").map_err(|error| error.to_string())?;
    let down = fs::rename("/out/a", "/out/b/b/a").is_ok();
    let handle = open_directory(&outbox(), "b/b")?;
    let up = fs::rename("/out/b/b", "/out/c").is_ok();
    let below = handle.create_directory_at("x").is_ok();
    let file = File::create("/out/f").is_ok() && fs::rename("/out/f", "/out/b/f").is_ok();
    Ok(format!("down {down} up {up} below {below} file {file}"))
}

fn rename_within() -> Answer {
    File::create("/out/part").map_err(|error| error.to_string())?;
    fs::rename("/out/part", "/out/whole").map_err(|error| error.to_string())?;
    fs::create_dir("/out/part").map_err(|error| error.to_string())?;
    fs::rename("/out/part", "/out/directory").map_err(|error| error.to_string())?;
    Ok("renamed".into())
}

fn links() -> Answer {
    File::create("/out/file").map_err(|error| error.to_string())?;
    let hard = fs::hard_link("/out/file", "/out/hard").is_ok();
    let (out, inputs) = (outbox(), directory("/in"));
    let from_inputs = inputs.link_at(PathFlags::empty(), "note.txt", &out, "taken").is_ok();
    let symbolic = out.symlink_at("file", "soft").is_ok();
    let outside = out.symlink_at("/etc/passwd", "passwd").is_ok();
    Ok(format!("hard {hard} from-inputs {from_inputs} symbolic {symbolic} outside {outside}"))
}

fn write_inputs() -> Answer {
    let done = [
        fs::write("/in/note.txt", "changed").is_ok(),
        fs::write("/in/new", "new").is_ok(),
        OpenOptions::new().write(true).truncate(true).open("/in/note.txt").is_ok(),
        OpenOptions::new().append(true).open("/in/note.txt").is_ok(),
        File::open("/in/note.txt").is_ok_and(|file| file.set_len(0).is_ok()),
        fs::remove_file("/in/note.txt").is_ok(),
        fs::create_dir("/in/new").is_ok(),
        fs::rename("/in/note.txt", "/in/other").is_ok(),
        fs::rename("/in/note.txt", "/out/note.txt").is_ok(),
        File::create("/out/x").is_ok_and(|_| fs::rename("/out/x", "/in/x").is_ok()),
        truncate_by_reading_handle(),
    ];
    Ok(done.map(|done| done.to_string()).join(" "))
}

/// Opens for reading only, but with the flag to truncate.
fn truncate_by_reading_handle() -> bool {
    let inputs = directory("/in");
    inputs.open_at(PathFlags::empty(), "note.txt", OpenFlags::TRUNCATE, DescriptorFlags::READ).is_ok()
}

/// Opens, makes and removes things outside by every way of writing a path; answers those that worked.
fn escape() -> Answer {
    let paths = [
        "..",
        "../",
        "../secret.txt",
        "./../secret.txt",
        "a/../../secret.txt",
        "/secret.txt",
        "/etc/passwd",
        "//etc/passwd",
        "../../../../../../../etc/passwd",
        "/proc/self/environ",
        "/proc/self/fd/0",
        "..\\secret.txt",
        "link/secret.txt",
        "link/",
        "file-link",
        "..\0",
        "",
    ];
    let mut reached = Vec::new();
    for root in [outbox(), directory("/in")] {
        for path in paths {
            for follow in [PathFlags::empty(), PathFlags::SYMLINK_FOLLOW] {
                let opened = root.open_at(follow, path, OpenFlags::empty(), DescriptorFlags::READ).is_ok();
                let stat = follow == PathFlags::SYMLINK_FOLLOW && root.stat_at(follow, path).is_ok();
                if opened || stat {
                    reached.push(format!("look {path:?}"));
                }
            }
            let flags = DescriptorFlags::WRITE;
            if !path.starts_with("..\\")
                && root.open_at(PathFlags::SYMLINK_FOLLOW, path, OpenFlags::CREATE, flags).is_ok()
            {
                reached.push(format!("create {path:?}"));
            }
            if root.unlink_file_at(path).is_ok() && path != "file-link" {
                reached.push(format!("unlink {path:?}"));
            }
            if root.rename_at(path, &root, "taken").is_ok() {
                reached.push(format!("rename {path:?}"));
            }
        }
    }
    if reached.is_empty() { Ok("nothing".into()) } else { Ok(reached.join(", ")) }
}
