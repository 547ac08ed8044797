//! Locking a process in: what it may still do when it runs a stranger's code.
//!
//! Applied by a single-threaded process to itself, once, in this order; nothing of it can be taken back.
//!
//! | layer | what is left |
//! |---|---|
//! | parent death | no life without its host |
//! | limits | memory, descriptors and file size of one job, no core dump |
//! | capabilities | none, also for root |
//! | `no_new_privs` | no gain by executing anything |
//! | Landlock | files below the outbox, read-only files below the inputs; no network, no signals outwards |
//! | not dumpable | no core, and nobody of the same user traces it or reads its `/proc` entries |
//! | seccomp | the system calls that running a component takes |
//!
//! Landlock and seccomp need each other: Landlock alone leaves UDP, Unix sockets by path and forks; seccomp alone leaves
//! every file readable. What both together leave: `stat` of any path, as long as no other mount hides it, and special
//! modes on files in the outbox, which the host takes away when it claims a file.

use std::io;
use std::os::fd::BorrowedFd;

use filmgate_protocol::{Budget, Layer, LayerState, Measure};
use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, Signal, getppid, getrlimit, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};

mod files;
mod syscalls;

/// Memory beside the guest's: the engine, its stacks, the queues, and the mapped code, which counts as writable and may be
/// some times as large as the largest component.
const OWN_MEMORY_BYTES: u64 = 512 * 1024 * 1024;

/// Descriptors beside the guest's.
const OWN_DESCRIPTORS: u64 = 64;

/// Who is locked in, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Jail<'a> {
    /// Process id of the host: its death is this process's.
    pub host: u32,
    /// The directory that may be written, where there is one.
    pub outbox: Option<BorrowedFd<'a>>,
    /// The directory that may be read, where there is one.
    pub inputs: Option<BorrowedFd<'a>>,
    /// What the job may use; memory, file size and handles become limits of the process.
    pub budget: &'a Budget,
    /// Layers that may be missing. Only Landlock and seccomp can be; without any other a process is not locked in.
    pub allow_missing: &'a [Layer],
}

/// A layer that is missing and may not be.
#[derive(Debug, thiserror::Error)]
#[error("the layer {layer} of the jail is missing: {reason}")]
pub struct JailError {
    /// Which one.
    pub layer: Layer,
    /// What the system answered.
    pub reason: String,
}

impl Jail<'_> {
    /// Locks the calling process in and tells what was applied. After an error the process must end: it is locked in by
    /// half.
    ///
    /// The process must have one thread, and `/proc` must be mounted.
    pub fn lock(&self) -> Result<Vec<Measure>, JailError> {
        let mut measures = Vec::new();
        let mut note = |layer: Layer, applied: Result<String, String>| {
            let (state, detail) = match applied {
                Ok(detail) => (LayerState::Applied, detail),
                Err(reason) if may_be_missing(layer) && self.allow_missing.contains(&layer) => {
                    (LayerState::Missing, reason)
                }
                Err(reason) => return Err(JailError { layer, reason }),
            };
            measures.push(Measure { layer, state, detail });
            Ok(())
        };
        note(Layer::ParentDeath, self.die_with_host())?;
        note(Layer::Limits, self.limit())?;
        note(Layer::Capabilities, told(drop_capabilities(), "none left"))?;
        note(Layer::NoNewPrivileges, told(set_no_new_privileges(), "set"))?;
        note(Layer::Landlock, files::restrict(self.outbox, self.inputs))?;
        note(Layer::NotDumpable, told(not_dumpable(), "set"))?;
        note(Layer::Seccomp, syscalls::restrict())?;
        Ok(measures)
    }

    fn die_with_host(&self) -> Result<String, String> {
        // Landlock and seccomp bind a thread and those that it starts: one that is there already would stay free.
        let threads = std::fs::read_dir("/proc/self/task").map_err(|error| format!("count the threads: {error}"))?;
        match threads.count() {
            1 => {}
            threads => return Err(format!("the process has {threads} threads already: call `enter` first in `main`")),
        }
        told(set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from), "SIGKILL")?;
        // The host may have died before that.
        let parent = getppid().map(Pid::as_raw_pid).and_then(|pid| u32::try_from(pid).ok());
        if parent == Some(self.host) { Ok("SIGKILL".into()) } else { Err("the host is gone".into()) }
    }

    fn limit(&self) -> Result<String, String> {
        let memory = self.budget.memory_bytes.saturating_add(OWN_MEMORY_BYTES);
        let descriptors = u64::from(self.budget.handles).saturating_add(OWN_DESCRIPTORS);
        // No limit of processes: it counts those of the user, of whom the host and other jobs are too. seccomp allows none.
        let limits = [
            // Not the address space: every linear memory reserves 4 GiB of it.
            (Resource::Data, memory),
            (Resource::Nofile, descriptors),
            (Resource::Fsize, self.budget.outbox_bytes),
            (Resource::Core, 0),
            (Resource::Memlock, 0),
            (Resource::Msgqueue, 0),
        ];
        for (resource, limit) in limits {
            told(lower(resource, limit), "")?;
        }
        ignore_file_size_signal();
        Ok(format!("{memory} bytes of memory, {descriptors} descriptors, no core"))
    }
}

fn may_be_missing(layer: Layer) -> bool {
    matches!(layer, Layer::Landlock | Layer::Seccomp)
}

fn told(applied: io::Result<()>, detail: &str) -> Result<String, String> {
    applied.map(|()| detail.to_owned()).map_err(|error| error.to_string())
}

/// Never above what the process was allowed before.
fn lower(resource: Resource, limit: u64) -> io::Result<()> {
    let allowed = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let limit = Some(limit.min(allowed));
    Ok(setrlimit(resource, Rlimit { current: limit, maximum: limit })?)
}

/// A write beyond the file size limit is then an error for the guest instead of the process's end.
fn ignore_file_size_signal() {
    // SAFETY: ignoring a signal runs no handler.
    #[expect(unsafe_code, reason = "the standard library sets no signal dispositions")]
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

fn drop_capabilities() -> io::Result<()> {
    /// `_LINUX_CAPABILITY_VERSION_3` of `linux/capability.h`: two words a set.
    const VERSION: u32 = 0x2008_0522;
    let header = [VERSION, 0];
    let none = [0_u32; 6];
    // SAFETY: both point to as many words as this version of the call reads, and it writes none of them.
    #[expect(unsafe_code, reason = "neither the standard library nor the features of rustix built here have it")]
    let answer = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn set_no_new_privileges() -> io::Result<()> {
    // SAFETY: takes numbers only.
    #[expect(unsafe_code, reason = "neither the standard library nor the features of rustix built here have it")]
    let answer = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn not_dumpable() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
