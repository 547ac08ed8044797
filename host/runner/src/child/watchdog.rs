//! Ends this process when its host lets go of it, whatever its job's thread is doing then.

use std::io;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::end;

/// Starts the thread that waits for the other end of `socket` to be closed.
pub(super) fn start(socket: OwnedFd) -> io::Result<()> {
    /// It calls `poll` and nothing else.
    const STACK_BYTES: usize = 64 * 1024;
    let watch = move || {
        // Asked for nothing, it wakes for the end only.
        while poll(&mut [PollFd::new(&socket, PollFlags::empty())], None) == Err(Errno::INTR) {}
        end(0);
    };
    std::thread::Builder::new().name("filmgate-watch".into()).stack_size(STACK_BYTES).spawn(watch)?;
    Ok(())
}
