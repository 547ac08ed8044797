use std::io::{self, Read as _, Write as _};

use cap_std::fs::{Dir, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// The file that holds it.
const NAME: &str = "key";
const BYTES: usize = 32;

/// A secret of this folder. Who has it can make entries that are executed.
pub(super) struct Key([u8; BYTES]);

impl Key {
    /// Reads the key, making one where there is none. One that others could have read or changed is replaced: what it
    /// proved is worth nothing.
    pub(super) fn open(folder: &Dir) -> io::Result<Self> {
        for _ in 0..3 {
            match Self::read(folder)? {
                Some(Ok(key)) => return Ok(key),
                Some(Err(fault)) => {
                    tracing::warn!(fault, "the key of the compiled components is replaced; they are compiled again");
                    remove(folder, NAME)?;
                }
                None => {}
            }
            Self::make(folder)?;
        }
        Err(io::Error::other("the key of the compiled components is changed by somebody else"))
    }

    fn read(folder: &Dir) -> io::Result<Option<Result<Self, &'static str>>> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        let file = match folder.open_with(NAME, &options) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return Ok(Some(Err("it is a link"))),
            opened => opened?,
        };
        let metadata = file.metadata()?;
        let own = rustix::process::geteuid().as_raw();
        if !metadata.is_file() || metadata.uid() != own || metadata.mode() & 0o077 != 0 {
            return Ok(Some(Err("others could read or change it")));
        }
        let mut bytes = Vec::new();
        file.take(BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes.try_into().map(Self).map_err(|_| "it has another length")))
    }

    /// Whole or not at all, and never over another's: processes that start together end up with one key.
    fn make(folder: &Dir) -> io::Result<()> {
        let mut key = [0; BYTES];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        let unfinished = format!("{}key-{}", super::UNFINISHED, uuid::Uuid::now_v7());
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = folder.open_with(&unfinished, &options)?;
        let linked = file.write_all(&key).and_then(|()| folder.hard_link(&unfinished, folder, NAME));
        remove(folder, &unfinished)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// What proves an entry.
    pub(super) fn mac(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.0).expect("every length is a key's")
    }
}

fn remove(folder: &Dir, name: &str) -> io::Result<()> {
    match folder.remove_file(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(not shown)")
    }
}
