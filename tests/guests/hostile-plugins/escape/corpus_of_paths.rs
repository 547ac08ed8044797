//! Looks for a way out by every path of a generated corpus, with every call that takes a path.
//!
//! Parameters: the first number and how many. Beside its folders lie files that begin with `SECRET`, and links to them.

use hostile_plugins::bindings::wasi::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};
use hostile_plugins::files::{inputs, out};
use hostile_plugins::{corpus, failed, say, wait_for_input};

/// Whether what was opened is a file from outside.
fn is_secret(opened: &Descriptor) -> bool {
    opened.read(16, 0).is_ok_and(|(bytes, _)| bytes.starts_with(b"SECRET"))
}

/// Whether a folder holds what only the outside does.
fn is_outside(opened: &Descriptor) -> bool {
    opened.stat_at(PathFlags::empty(), "secret").is_ok() || opened.stat_at(PathFlags::empty(), "etc").is_ok()
}

fn look(root: &Descriptor, path: &str) -> bool {
    let mut reached = false;
    for follow in [PathFlags::empty(), PathFlags::SYMLINK_FOLLOW] {
        let opened = root.open_at(follow, path, OpenFlags::empty(), DescriptorFlags::READ);
        reached |= opened.is_ok_and(|opened| is_secret(&opened) || is_outside(&opened));
        let opened = root.open_at(follow, path, OpenFlags::DIRECTORY, DescriptorFlags::READ);
        reached |= opened.is_ok_and(|opened| is_outside(&opened));
    }
    reached
}

/// What these do outside, the test sees from outside.
fn harm(root: &Descriptor, path: &str) {
    let write = DescriptorFlags::READ | DescriptorFlags::WRITE;
    for follow in [PathFlags::empty(), PathFlags::SYMLINK_FOLLOW] {
        if let Ok(file) = root.open_at(follow, path, OpenFlags::TRUNCATE, write) {
            let _ = file.write(b"harmed", 0);
        }
    }
    let _ = root.create_directory_at(&format!("{path}/made"));
    let _ = root.symlink_at("/etc", &format!("{path}/linked"));
    let _ = root.link_at(PathFlags::SYMLINK_FOLLOW, path, root, "stolen");
    let _ = root.rename_at(path, root, "stolen");
    let _ = root.unlink_file_at(&format!("{path}/secret"));
}

hostile_plugins::plugin!(|job| {
    let mut numbers = job.params.trim_matches(['[', ']']).split(',').map(|number| number.trim().parse::<u64>());
    let (Some(Ok(first)), Some(Ok(count))) = (numbers.next(), numbers.next()) else { return Err(failed(job.params)) };
    say("begun");
    wait_for_input("go");
    let (out, inputs) = (out(), inputs());
    for number in first..first + count {
        let path = corpus::path(number);
        for (name, root) in [("out", &out), ("in", &inputs)] {
            if look(root, &path) {
                say(format_args!("REACHED from /{name} by {path:?}"));
            }
            harm(root, &path);
        }
    }
    say(format_args!("tried {count}"));
    Ok(String::new())
});
