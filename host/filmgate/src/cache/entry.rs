use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Read, Write};
use std::time::SystemTime;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use filmgate_runner::{Artifact, new_memfd};
use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};

use super::key::Key;
use crate::checksum::hexadecimal;
use crate::limits::ARTIFACT_BYTES_MAX;
use crate::plugin::PluginDigest;

/// Ending of an entry's name.
pub(super) const SUFFIX: &str = ".component";
/// An entry is this, its proof and the code.
const MAGIC: &[u8; 16] = b"filmgate code 1\n";
const PROOF_BYTES: usize = 32;

/// Which code of which component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryId {
    pub(super) digest: PluginDigest,
    /// What the code fits, version of wasmtime, machine and settings, and who compiled it.
    fits: [u8; 32],
}

/// What is there under an entry's name.
#[derive(Debug)]
pub(super) enum Found {
    Good(Artifact),
    Nothing,
    Bad(&'static str),
}

impl EntryId {
    /// Code that a child compiled, `in_child`, is as trustworthy as a process with a stranger's component in it: enough for
    /// jailed runners, not for a host that runs plugins itself. So each has entries of its own.
    pub(crate) fn new(digest: PluginDigest, engine: &filmgate_runner::Engine, in_child: bool) -> Self {
        let mut hasher = WideHasher(Sha256::new());
        hasher.write_u8(in_child.into());
        engine.hash_compatibility(&mut hasher);
        Self { digest, fits: hasher.0.finalize().into() }
    }

    pub(super) fn file_name(&self) -> String {
        format!("{}-{}{SUFFIX}", hexadecimal(self.digest.as_bytes()), hexadecimal(&self.fits[..8]))
    }

    /// Everything but the code, each part of one length.
    fn proof(&self, key: &Key) -> Hmac<Sha256> {
        let mut mac = key.mac();
        mac.update(MAGIC);
        mac.update(self.digest.as_bytes());
        mac.update(&self.fits);
        mac
    }

    #[cfg(test)]
    pub(super) fn of_another_engine(mut self) -> Self {
        self.fits[0] ^= 1;
        self
    }
}

/// Feeds what is hashed into SHA-256: the standard hasher promises nothing from one release to the next.
struct WideHasher(Sha256);

impl Hasher for WideHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest: [u8; 32] = self.0.clone().finalize().into();
        u64::from_le_bytes(digest[..8].try_into().expect("eight bytes"))
    }
}

/// Bytes of an entry.
pub(super) fn size(artifact: &Artifact) -> u64 {
    artifact.size() + (MAGIC.len() + PROOF_BYTES) as u64
}

pub(super) fn write(folder: &Dir, name: &str, key: &Key, id: &EntryId, artifact: &Artifact) -> io::Result<()> {
    let mut proof = Proving { mac: id.proof(key), inner: io::sink() };
    artifact.write_to(&mut proof)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = folder.open_with(name, &options)?.into_std();
    file.write_all(MAGIC)?;
    file.write_all(&proof.mac.finalize().into_bytes())?;
    artifact.write_to(&mut file)
}

/// Copies an entry into memory that nobody else has, proves the copy, and seals it.
pub(super) fn read(folder: &Dir, key: &Key, id: &EntryId) -> io::Result<Found> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let mut file = match folder.open_with(id.file_name(), &options) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return Ok(Found::Bad("it is a link")),
        opened => opened?.into_std(),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > ARTIFACT_BYTES_MAX {
        return Ok(Found::Bad("it is no file of possible size"));
    }
    let mut head = [0; MAGIC.len() + PROOF_BYTES];
    match file.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Found::Bad("it is cut off")),
        read => read?,
    }
    let (magic, proof) = head.split_at(MAGIC.len());
    if magic != MAGIC {
        return Ok(Found::Bad("it has another form"));
    }
    let memory = new_memfd()?;
    let mut proving = Proving { mac: id.proof(key), inner: File::from(memory) };
    io::copy(&mut (&file).take(ARTIFACT_BYTES_MAX), &mut proving)?;
    // Compared in constant time.
    if proving.mac.verify_slice(proof).is_err() {
        return Ok(Found::Bad("it is damaged, or was made by somebody else"));
    }
    // Kept longest is what was used last. Who may not say so has a folder that somebody else keeps in order.
    let _ = file.set_modified(SystemTime::now());
    // SAFETY: just proven to be the bytes that `write` was given, which come from our compiler, and only we have the
    // memory they are in.
    #[expect(unsafe_code, reason = "vouches for native code whose origin was proven")]
    let artifact = unsafe { Artifact::from_trusted_memfd(proving.inner.into()) }?;
    Ok(Found::Good(artifact))
}

/// Passes bytes on and takes them into the proof.
struct Proving<W> {
    mac: Hmac<Sha256>,
    inner: W,
}

impl<W: Write> Write for Proving<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.mac.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
