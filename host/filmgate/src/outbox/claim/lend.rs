//! Showing a claimed file to its examination.
//!
//! The file gets one more name, in a directory that the sandbox can read. It stays under its own name in the staging
//! directory all the while, so that no crash can lose it.

use std::io::{self, Seek as _, SeekFrom};
use std::os::fd::AsRawFd as _;

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, CWD, fstat, linkat};

use super::{Claimed, Fingerprint, lease};

impl Claimed {
    /// Makes the file readable as `name` in `folder`. Blocks.
    ///
    /// Costs nothing where nobody can write the file and both lie on one file system: then it is a hard link. Elsewhere it
    /// is a copy, which shares blocks where the file system can.
    pub(crate) fn lend(&self, folder: &Dir, name: &str) -> io::Result<()> {
        if self.is_ours() && self.link(folder, name).is_ok() {
            return Ok(());
        }
        let mut copy = folder.create(name)?.into_std();
        // Nothing else goes by the descriptor's position.
        (&self.file).seek(SeekFrom::Start(0))?;
        io::copy(&mut &self.file, &mut copy)?;
        Ok(())
    }

    /// Takes the further name away again. Blocks.
    ///
    /// Linking has changed the file's change time, which is part of what shows a tampered file later. The new one is taken
    /// over only where size and modification time are those of the claim and its lease has held throughout; else the end
    /// check of the upload finds the difference.
    pub(crate) fn take_back(&self, folder: &Dir, name: &str) -> io::Result<()> {
        folder.remove_file(name)?;
        let now = Fingerprint::of(&fstat(&self.file)?);
        let mut known = self.fingerprint();
        let is_unwritten = !self.leased || lease::is_held(std::os::fd::AsFd::as_fd(&self.file))?;
        if self.is_ours() && is_unwritten && (Fingerprint { changed: known.changed, ..now }) == known {
            known.changed = now.changed;
            self.set_fingerprint(known);
        }
        Ok(())
    }

    /// Nobody else can write it: there is a lease, or it is a copy of the host's own.
    fn is_ours(&self) -> bool {
        self.leased || self.is_staged()
    }

    /// Through the descriptor, so that it is the very file that was claimed.
    fn link(&self, folder: &Dir, name: &str) -> io::Result<()> {
        let held = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        Ok(linkat(CWD, held, folder, name, AtFlags::SYMLINK_FOLLOW)?)
    }
}
