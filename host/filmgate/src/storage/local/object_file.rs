//! An object of the directory as the file of another put.

use std::io;
use std::time::SystemTime;

use cap_std::fs::{File, FileExt as _};

use super::faults;
use super::tree::Tree;
use crate::key::ObjectKey;
use crate::storage::{ObjectInfo, Source, SourceError, StorageError};

/// Held open: it can be read to its end though it is deleted meanwhile.
///
/// Anybody who may write the directory may change it, also without a trace: whoever puts it elsewhere compares the checksum
/// that was recorded.
#[derive(Debug)]
pub(super) struct ObjectFile {
    file: File,
    size: u64,
    modified: SystemTime,
}

/// Blocks.
pub(super) fn open(tree: &Tree, key: &ObjectKey) -> Result<(ObjectInfo, ObjectFile), StorageError> {
    let (info, file) = tree.open_object(key)?;
    let modified =
        modified(&file).map_err(|error| faults::of_read(&error, "open object", &tree.place()).with_key(key))?;
    let size = info.size;
    Ok((info, ObjectFile { file, size, modified }))
}

fn modified(file: &File) -> io::Result<SystemTime> {
    Ok(file.metadata()?.modified()?.into_std())
}

impl Source for ObjectFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), SourceError> {
        self.file.read_exact_at(buffer, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => SourceError::Changed("it became shorter"),
            _ => SourceError::Io(error),
        })
    }

    /// Names may come and go: only what tells of other bytes counts.
    fn verify_unchanged(&self) -> Result<(), SourceError> {
        let metadata = self.file.metadata()?;
        let same = metadata.len() == self.size && metadata.modified()?.into_std() == self.modified;
        if same { Ok(()) } else { Err(SourceError::Changed("its size or time differs")) }
    }
}
