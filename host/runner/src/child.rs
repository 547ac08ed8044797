//! The other side of a re-execution: what this program is when a host started it to be a child.
//!
//! A host starts its own program again, with an empty environment, a marker in place of the program's name, a role as the
//! only argument, and a socket as standard input. [`enter`] sees that first thing in `main` and never comes back.

use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

mod runner;
mod watchdog;

/// What a child is started with as its own name. Nobody calls a program that by accident.
pub(crate) const MARKER: &str = "filmgate-child";

/// Whether [`enter`] was called in this process: only then its program may be started again as a child.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// What a child is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Runs one job, locked in.
    Runner,
}

impl Role {
    /// The argument that names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Runner => "runner",
        }
    }
}

/// Call this first in `main` of every program that starts its own children: where the process is one, it does its work
/// and ends; everywhere else this returns at once.
///
/// It must come before any thread, and before anything is opened or read that a stranger's code must not see.
pub fn enter() {
    ENTERED.store(true, Ordering::Relaxed);
    let mut arguments = std::env::args_os();
    if arguments.next().is_none_or(|name| name != MARKER) {
        return;
    }
    let role = arguments.next();
    let done = match role.as_ref().and_then(|role| role.to_str()) {
        Some("runner") => take_socket().and_then(runner::run),
        _ => Err(std::io::Error::other("this child has no such role")),
    };
    match done {
        Err(_) => end(EX_SOFTWARE),
        Ok(()) => end(0),
    };
}

/// Whether this process's `main` calls [`enter`].
pub fn is_entered() -> bool {
    ENTERED.load(Ordering::Relaxed)
}

/// What a child ends with when it could not do its work; its host was told why, where that was possible.
const EX_SOFTWARE: i32 = 70;

/// The socket to the host. Everything else that came along by mistake is closed: descriptors of the host that are not
/// marked `CLOEXEC`.
fn take_socket() -> std::io::Result<OwnedFd> {
    use std::os::fd::AsFd as _;

    // SAFETY: nothing in this process has opened a descriptor yet; those from 3 on belong to nobody here.
    #[expect(unsafe_code, reason = "closes descriptors that no value owns")]
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    if closed != 0 {
        return Err(std::io::Error::last_os_error());
    }
    std::io::stdin().as_fd().try_clone_to_owned()
}

/// Ends the process now, whatever its threads do, without running anything at exit.
fn end(status: i32) -> Infallible {
    // SAFETY: ends the process; nothing of it is used afterwards.
    #[expect(unsafe_code, reason = "the standard library runs exit handlers, which a locked-in process must not need")]
    unsafe {
        libc::_exit(status)
    }
}
