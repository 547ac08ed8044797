//! The locks that the system says a process has.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// How many locks of a file this process has.
///
/// # Panics
/// If there is no such file.
pub fn own(file: &Path) -> usize {
    let (inode, process) = (std::fs::metadata(file).expect("a file").ino(), std::process::id());
    let locks = std::fs::read_to_string("/proc/locks").expect("the locks");
    let is_own = |line: &&str| line.contains(&format!(" {process} ")) && line.contains(&format!(":{inode} "));
    locks.lines().filter(is_own).count()
}
