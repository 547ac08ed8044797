//! Operating system errors as [`StorageError`].

use std::io;

use rustix::io::Errno;

use crate::storage::{StorageError, StorageFault};

/// An error of an operation that writes.
pub(super) fn of_write(error: &io::Error, operation: &'static str, place: &str) -> StorageError {
    of(error, operation, place, StorageFault::NotWritable)
}

/// An error of an operation that only reads.
pub(super) fn of_read(error: &io::Error, operation: &'static str, place: &str) -> StorageError {
    of(error, operation, place, StorageFault::Denied)
}

fn of(error: &io::Error, operation: &'static str, place: &str, refused: StorageFault) -> StorageError {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    let fault = match errno {
        Some(Errno::NOSPC | Errno::DQUOT) => StorageFault::NoSpace,
        Some(Errno::FBIG) => StorageFault::TooLarge,
        Some(Errno::ROFS | Errno::ACCESS | Errno::PERM) => refused,
        Some(Errno::NAMETOOLONG | Errno::NOTDIR | Errno::ISDIR | Errno::EXIST) => StorageFault::Unsupported,
        Some(Errno::NOENT) => StorageFault::NoSuchBucket,
        _ => StorageFault::Other,
    };
    StorageError::new(fault, operation, place, error.to_string())
}
