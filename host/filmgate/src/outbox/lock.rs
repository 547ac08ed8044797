//! Who works on what lies in the data directory: the process that has it locked. The kernel takes a lock away with its
//! process, however that ends, so none is ever stale.

use std::os::fd::AsFd;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Locks a file or directory, as long as the descriptor lives. `false`: somebody else has it. A file system without locks
/// is taken for one where nobody else is.
pub(super) fn take(file: impl AsFd) -> bool {
    !matches!(flock(file, FlockOperation::NonBlockingLockExclusive), Err(Errno::WOULDBLOCK))
}

/// Locks a file against [`take`], not against others who share it.
pub(super) fn share(file: impl AsFd) {
    let _ = flock(file, FlockOperation::NonBlockingLockShared);
}
