//! Deleting a hostile tree with a constant number of descriptors and no recursion.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use cap_std::fs::Dir;

/// Deletes the directory `name` in `parent` with everything below it. Symbolic links are deleted, never followed.
///
/// However deep the tree is, it is made flat first: a directory that is not empty gives its sub-directories to the top,
/// under names of our own, and is then empty.
pub(super) fn remove_tree(parent: &Dir, name: impl AsRef<Path>) -> io::Result<()> {
    let name = name.as_ref();
    let top = parent.open_dir(name)?;
    let mut moved: u64 = 0;
    loop {
        let folders = empty_of_files(&top)?;
        if folders.is_empty() {
            break;
        }
        for folder in folders {
            let inner = top.open_dir(&folder)?;
            for nested in empty_of_files(&inner)? {
                move_to_top(&inner, &nested, &top, &mut moved)?;
            }
            top.remove_dir(&folder)?;
        }
    }
    parent.remove_dir(name)
}

/// The plugin may have used our names: the next number is tried then.
fn move_to_top(from: &Dir, name: &OsString, top: &Dir, moved: &mut u64) -> io::Result<()> {
    loop {
        *moved += 1;
        match from.rename(name, top, format!(".filmgate-remove-{moved}")) {
            Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => {}
            other => return other,
        }
    }
}

/// Deletes everything in a directory but its sub-directories, whose names it answers.
fn empty_of_files(folder: &Dir) -> io::Result<Vec<OsString>> {
    let mut folders = Vec::new();
    for entry in folder.entries()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.file_name());
        } else {
            folder.remove_file(entry.file_name())?;
        }
    }
    Ok(folders)
}
