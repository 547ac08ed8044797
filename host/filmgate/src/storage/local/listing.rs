use std::io;

use super::tree::{PRIVATE, Tree};
use super::{faults, object_info};
use crate::key::ObjectKey;
use crate::storage::{Listing, ObjectInfo, StorageError};

/// Keys a page holds, as S3's.
const PAGE: usize = 1000;

/// One page of the keys that start with `prefix` and come behind `after`, in order of their bytes.
pub(super) fn list(tree: &Tree, prefix: &str, after: Option<&str>) -> Result<Listing, StorageError> {
    let mut walk = Walk { tree, prefix, after: after.unwrap_or(""), found: Vec::new() };
    walk.visit("").map_err(|error| faults::of_read(&error, "list objects", &tree.place()))?;
    let more = walk.found.len() > PAGE;
    walk.found.truncate(PAGE);
    let next = walk.found.last().filter(|_| more).map(|info| info.key.as_str().to_owned());
    Ok(Listing { objects: walk.found, next })
}

struct Walk<'a> {
    tree: &'a Tree,
    prefix: &'a str,
    after: &'a str,
    /// One more than a page at most, which says that there is a next one.
    found: Vec<ObjectInfo>,
}

impl Walk<'_> {
    /// Visits the directory `above`: empty, or a path that ends in `/`.
    fn visit(&mut self, above: &str) -> io::Result<()> {
        let dir = if above.is_empty() { self.tree.dir.try_clone()? } else { self.tree.dir.open_dir(above)? };
        let mut names = Vec::new();
        for entry in dir.entries()? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if above.is_empty() && name == PRIVATE {
                continue;
            }
            // A directory sorts by its name with the `/`, as its keys do.
            if kind.is_dir() {
                names.push((format!("{above}{name}/"), true));
            } else if kind.is_file() {
                names.push((format!("{above}{name}"), false));
            }
        }
        names.sort_unstable();
        for (path, is_dir) in names {
            if self.found.len() > PAGE {
                break;
            }
            if is_dir && self.may_hold(&path) {
                match self.visit(&path) {
                    // Deleted since it was read.
                    Err(error) if super::tree::is_absent(&error) => {}
                    other => other?,
                }
            } else if !is_dir && path.starts_with(self.prefix) && path.as_str() > self.after {
                self.add(path)?;
            }
        }
        Ok(())
    }

    /// Whether a directory can hold keys that are asked for.
    fn may_hold(&self, dir: &str) -> bool {
        (dir.starts_with(self.prefix) || self.prefix.starts_with(dir))
            && (dir > self.after || self.after.starts_with(dir))
    }

    fn add(&mut self, path: String) -> io::Result<()> {
        // A file whose name is no key is not ours.
        let Ok(key) = ObjectKey::try_from(path) else { return Ok(()) };
        match self.tree.dir.symlink_metadata(key.as_str()) {
            Ok(metadata) => self.found.push(object_info(&key, &metadata, None)),
            Err(error) if super::tree::is_absent(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
