//! Compiled components that runners map instead of compiling: native code in sealed memory.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use rustix::io::Errno;
use wasmtime::component::Component;

use crate::engine::Engine;
use crate::plugin::{PluginRefusal, compile};

/// Seals of an artifact: its bytes are the same for ever, and for every process that has a descriptor of it.
const SEALS: SealFlags = SealFlags::WRITE.union(SealFlags::GROW).union(SealFlags::SHRINK).union(SealFlags::SEAL);

/// A compiled component: anonymous memory that nobody can change any more, and a descriptor of it. Cheap to clone.
///
/// It holds native code. Whoever maps it runs it, so there are two ways to make one only: [`Artifact::compile`], and the
/// two `unsafe` constructors, whose callers vouch for where the bytes come from. Runners map it copy-on-write: a
/// component of 40 MB costs a job no reading and no memory of its own.
///
/// The bytes fit one version of wasmtime, one machine type and the settings of [`Engine`];
/// [`Plugin::load`](crate::Plugin::load) refuses others.
#[derive(Debug, Clone)]
pub struct Artifact {
    memory: Arc<File>,
    bytes: u64,
}

impl Artifact {
    /// Checks and compiles a component. Takes seconds for large ones, on all cores; call it off async threads.
    ///
    /// Compile time and memory are bounded by the component's size only: a hostile component belongs into a limited
    /// process.
    pub fn compile(engine: &Engine, component: &[u8]) -> Result<Self, PluginRefusal> {
        let compiled = compile(engine, component)?;
        let code = compiled.serialize().map_err(PluginRefusal::Compile)?;
        // SAFETY: serialised a line ago by this process's own compiler.
        #[expect(unsafe_code, reason = "vouches for the origin of native code")]
        let sealed = unsafe { Self::from_trusted_reader(code.as_slice()) };
        sealed.map_err(PluginRefusal::Seal)
    }

    /// Copies stored bytes into sealed memory.
    ///
    /// # Safety
    /// `code` must yield the unchanged bytes of an artifact that [`Artifact::compile`] made: they are executed. A store
    /// that others can write to must authenticate them first.
    #[expect(unsafe_code, reason = "the caller vouches for the origin of native code")]
    pub unsafe fn from_trusted_reader(mut code: impl Read) -> io::Result<Self> {
        let mut memory = File::from(new_memfd()?);
        io::copy(&mut code, &mut memory)?;
        // SAFETY: the caller's promise.
        unsafe { Self::from_trusted_memfd(memory.into()) }
    }

    /// Seals memory that another process has filled, for example a compiler in a process of its own.
    ///
    /// Fails with [`io::ErrorKind::ResourceBusy`] while somebody has the memory mapped for writing, and for descriptors
    /// that cannot be sealed.
    ///
    /// # Safety
    /// The memory must hold the unchanged bytes of an artifact that [`Artifact::compile`] made. They may be those of a
    /// process that only had to compile, however hostile its input was, as long as nobody but jailed runners loads them.
    #[expect(unsafe_code, reason = "the caller vouches for the origin of native code")]
    pub unsafe fn from_trusted_memfd(memory: OwnedFd) -> io::Result<Self> {
        if !fcntl_get_seals(&memory)?.contains(SEALS) {
            fcntl_add_seals(&memory, SEALS)?;
        }
        let memory = File::from(memory);
        let bytes = memory.metadata()?.len();
        Ok(Self { memory: Arc::new(memory), bytes })
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.bytes
    }

    /// Writes the bytes out, for a cache.
    pub fn write_to(&self, target: &mut impl Write) -> io::Result<()> {
        const PIECE_BYTES: usize = 256 * 1024;
        let mut piece = vec![0; PIECE_BYTES];
        let mut at = 0;
        while at < self.bytes {
            let read = self.memory.read_at(&mut piece, at)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            target.write_all(&piece[..read])?;
            at += read as u64;
        }
        Ok(())
    }

    /// Maps the code. The mapping outlives the descriptor.
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        let path = format!("/proc/self/fd/{}", self.memory.as_raw_fd());
        // SAFETY: every constructor makes sure, or has its caller promise, that these bytes came out of our compiler; the
        // seals keep them as they were. wasmtime checks itself that they are of its version and our settings.
        #[expect(unsafe_code, reason = "native code is mapped; its origin was vouched for")]
        unsafe {
            Component::deserialize_file(engine.wasmtime(), path)
        }
    }
}

impl AsFd for Artifact {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.memory.as_fd()
    }
}

/// Memory that can be sealed and never be executed as a program. For [`Artifact::from_trusted_memfd`].
pub fn new_memfd() -> io::Result<OwnedFd> {
    let name = "filmgate-artifact";
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        // Linux before 6.3 does not know the flag.
        Err(Errno::INVAL) => Ok(memfd_create(name, flags)?),
        made => Ok(made?),
    }
}
