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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use tempfile::TempDir;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::job::JobId;
    use crate::outbox::{DataDir, Outbox};
    use crate::storage::{PublishId, Source as _};

    const CONTENT: &[u8] = b"a film";

    /// A data directory below `parent` with one job.
    fn job(parent: &Path) -> (TempDir, Outbox) {
        let folder = tempfile::tempdir_in(parent).unwrap();
        let data = Arc::new(DataDir::open(folder.path()).unwrap());
        (folder, Outbox::create(&data, JobId::generate(), &[]).unwrap())
    }

    /// A file that the host has taken into its staging directory, and where it is.
    fn staged(folder: &TempDir, outbox: &Outbox) -> (Claimed, PathBuf) {
        fs::write(outbox.out_path().join("film.mp4"), CONTENT).unwrap();
        let publish = PublishId::generate();
        let claimed = outbox.open("film.mp4", &CancellationToken::new()).unwrap().take(publish).unwrap();
        (claimed, folder.path().join("staging").join(publish.to_string()))
    }

    #[test]
    fn a_file_is_lent_without_a_copy_and_taken_back_as_it_was() {
        let (folder, outbox) = job(&std::env::temp_dir());
        let (claimed, place) = staged(&folder, &outbox);
        claimed.lend(outbox.inputs_dir(), "file").unwrap();
        let lent = outbox.in_path().join("file");
        assert_eq!(fs::read(&lent).unwrap(), CONTENT);
        let (one, other) = (fs::metadata(&lent).unwrap(), fs::metadata(&place).unwrap());
        assert_eq!((one.ino(), one.nlink()), (other.ino(), 2));
        claimed.take_back(outbox.inputs_dir(), "file").unwrap();
        assert!(!lent.exists() && place.exists());
        claimed.verify_unchanged().unwrap();
        // As often as it is wanted.
        claimed.lend(outbox.inputs_dir(), "again").unwrap();
        claimed.take_back(outbox.inputs_dir(), "again").unwrap();
        claimed.verify_unchanged().unwrap();
    }

    #[test]
    fn who_wants_to_write_it_while_it_is_lent_is_found() {
        let (folder, outbox) = job(&std::env::temp_dir());
        let (claimed, _) = staged(&folder, &outbox);
        claimed.lend(outbox.inputs_dir(), "file").unwrap();
        // Without waiting for the lease to end, which takes most of a minute; where there is none, it is written.
        let mut options = fs::File::options();
        let opened = options.write(true).custom_flags(libc::O_NONBLOCK).open(outbox.in_path().join("file"));
        if let Ok(mut file) = opened {
            file.write_all(b"another film").unwrap();
        }
        claimed.take_back(outbox.inputs_dir(), "file").unwrap();
        claimed.verify_unchanged().unwrap_err();
    }

    #[test]
    fn on_another_file_system_a_copy_is_lent() {
        let (folder, outbox) = job(&std::env::temp_dir());
        let Some(elsewhere) = [Path::new("/dev/shm"), Path::new(env!("CARGO_MANIFEST_DIR"))]
            .into_iter()
            .find(|other| fs::metadata(other).is_ok_and(|other| other.dev() != fs::metadata(&folder).unwrap().dev()))
        else {
            // A machine with one file system has no such case.
            return;
        };
        let (_other_folder, other) = job(elsewhere);
        let (claimed, place) = staged(&folder, &outbox);
        claimed.lend(other.inputs_dir(), "file").unwrap();
        let lent = other.in_path().join("file");
        assert_eq!((fs::read(&lent).unwrap(), fs::metadata(&place).unwrap().nlink()), (CONTENT.to_vec(), 1));
        // Whatever becomes of the copy is not the file's.
        fs::write(&lent, "another film").unwrap();
        claimed.take_back(other.inputs_dir(), "file").unwrap();
        assert!(!lent.exists());
        claimed.verify_unchanged().unwrap();
    }

    #[test]
    fn a_name_that_is_gone_cannot_be_taken_back() {
        let (folder, outbox) = job(&std::env::temp_dir());
        let (claimed, _) = staged(&folder, &outbox);
        claimed.take_back(outbox.inputs_dir(), "file").unwrap_err();
        claimed.verify_unchanged().unwrap();
    }
}
