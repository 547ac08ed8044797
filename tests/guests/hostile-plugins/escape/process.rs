//! Looks for the host's process: its memory, environment, descriptors, devices.

use std::fs;

use hostile_plugins::say;

const PLACES: [&str; 14] = [
    "/proc/self/environ",
    "/proc/self/mem",
    "/proc/self/maps",
    "/proc/self/fd/0",
    "/proc/self/fd/3",
    "/proc/1/environ",
    "/dev/mem",
    "/dev/null",
    "/dev/stdin",
    "/sys/kernel",
    "/etc/passwd",
    "/tmp",
    "/",
    "",
];

hostile_plugins::plugin!(|_| {
    let mut reached = Vec::new();
    for place in PLACES {
        for prefix in ["", "/out", "/in", "/out/..", "/in/../.."] {
            let path = format!("{prefix}{place}");
            let is_own = ["/out", "/in", "/out/", "/in/"].contains(&path.as_str());
            if !is_own && (fs::metadata(&path).is_ok() || fs::read(&path).is_ok() || fs::read_dir(&path).is_ok()) {
                reached.push(path);
            }
        }
    }
    say(format_args!("reached {reached:?}"));
    Ok(String::new())
});
