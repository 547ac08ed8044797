//! Read leases: proof that nobody has a file open for writing.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// `F_SETSIG` of Linux's `fcntl.h`, which the libc crate lacks for glibc.
const F_SETSIG: libc::c_int = 10;

/// What asking for a lease found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lease {
    /// Held until the descriptor is closed. Whoever opens the file for writing now waits for us.
    Held,
    /// Somebody has the file open for writing.
    Writers,
    /// This file system, or this user, cannot have leases.
    Unsupported,
}

/// Takes a read lease (`F_SETLEASE`, `F_RDLCK`).
///
/// The break signal is set to SIGURG first, which is ignored by default: the default, SIGIO, ends the process, and a
/// library must not change how its process handles signals.
pub(super) fn take(file: BorrowedFd<'_>) -> io::Result<Lease> {
    fcntl(file, F_SETSIG, libc::SIGURG)?;
    match fcntl(file, libc::F_SETLEASE, libc::F_RDLCK) {
        Ok(_) => Ok(Lease::Held),
        Err(error) => match error.raw_os_error() {
            Some(libc::EAGAIN) => Ok(Lease::Writers),
            Some(libc::EINVAL | libc::EOPNOTSUPP | libc::ENOLCK | libc::EACCES) => Ok(Lease::Unsupported),
            _ => Err(error),
        },
    }
}

/// Whether the lease was never broken.
pub(super) fn is_held(file: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(fcntl(file, libc::F_GETLEASE, 0)? == libc::F_RDLCK)
}

fn fcntl(file: BorrowedFd<'_>, command: libc::c_int, argument: libc::c_int) -> io::Result<libc::c_int> {
    // SAFETY: the descriptor is open for the length of the borrow, and these commands take an integer, no pointer.
    #[expect(unsafe_code, reason = "rustix has no file leases")]
    let answer = unsafe { libc::fcntl(file.as_raw_fd(), command, argument) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}
