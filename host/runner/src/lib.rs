//! Runs one plugin in the sandbox: no credentials, no network, no database.
//!
//! A host compiles a component into an [`Artifact`], native code in sealed memory, and has a runner for each job: a child
//! process that locks itself in ([`Spawner::runner`], [`jail`]), or knowingly a thread of its own process
//! ([`spawn_in_process`]). Both speak [`filmgate_protocol`] and nothing else and pass one suite, so what follows holds for
//! both.
//!
//! ```text
//! host                          child
//! ├ socket pair, fork, exec ──▶ enter(): other descriptors closed, one socket left
//! ├ Prepare + code, out, in ──▶ jail::Jail::lock(): from here on nothing else can be reached
//! │ ◀── Prepared: its layers ── component mapped; watchdog; the guest is brought to life and waits
//! ├ Start ────────────────────▶ render
//! │ ◀── Log Progress Usage Store … Finished
//! └ SIGKILL, wait
//! ```
//!
//! # What is defended where
//!
//! | against | by | ends as |
//! |---|---|---|
//! | imports that were not granted, another world version | `grants`, `plugin`: names checked before compiling, types by linking before running | [`PluginRefusal`] |
//! | threads, 64-bit memories, other proposals | `engine`: switched off | [`PluginRefusal::Compile`] |
//! | endless computing | `engine::ticker`, `cpu`: interrupted every 10 ms, CPU time of the job's thread compared with the budget | `Exhausted(Cpu)` |
//! | endless waiting, blocked calls | `serve`: the guest is dropped at the wall-clock limit, where it computes at its next interruption | `Exhausted(Wall)` |
//! | memory, tables | `limiter`: all of them summed; an abort after a refusal is put down to it | `Exhausted(Memory)`, `Exhausted(Tables)` |
//! | deep recursion | `engine`: 512 KiB of stack | `Trapped` |
//! | handles, large arguments and answers | wasmtime's handle limit, its hostcall fuel, the capacity of the resource table | `Exhausted(Handles)`, `Exhausted(HostcallBytes)` |
//! | floods of descriptors and listings | `filesystem::open`: 64 open files and folders, 32 listings | an error for the guest; `Exhausted(Handles)` if it then fails |
//! | full disk, holes, many or deep entries | `filesystem`: each growth and creation charged before it happens | an error for the guest; `Exhausted(Outbox…)` if it then fails |
//! | links, paths that leave the outbox, changed inputs | `filesystem`: links denied; `wasmtime-wasi` resolves paths below two directories, `/in` read-only | an error for the guest |
//! | network, environment, arguments | `state`: none allowed, none given. Sockets can be imported, since Python and JavaScript runtimes do | an error for the guest |
//! | endless log | `outbound`: bytes beyond the budget dropped and counted; a slow host makes the guest wait | |
//! | floods of reports and calls | `outbound`: 20 reports a second, the latest kept; `store_video`: calls counted, publications in flight limited | an error for the guest |
//! | large texts in what reaches the host | `store_video::bounds`, `progress`, `serve::guest`: refused or cut below the protocol's limits | |
//! | a host that leaves | `serve`: the guest is dropped. A child also ends by its parent-death signal, and by its watchdog when the socket closes | nothing |
//! | a flaw in wasmtime | `jail`, in a child: no file but the job's, no network, no other process, no key; the host believes nothing and kills what breaks the protocol | the host's `JobFault::Runner`, or whatever the escape pretends |
//!
//! What the guest says is never judged here beyond its size: paths, media types, slots and metadata are the host's, which
//! does not trust this side of the link.
//!
//! # What is not defended here
//!
//! A flaw in wasmtime opens the process that runs the guest: in a thread of the host that is everything, in a child it is
//! one job. Compiling is limited in input size only. A thread blocked in a file operation of the machine cannot be stopped; a
//! child can. The outbox's budget holds against guests, not against an escape: the host measures the directory every second,
//! and open files without a name are not in it. An escape can read the names and sizes of files everywhere (`stat`), and
//! start threads until the user's limit of processes.
//!
//! What it costs is in this crate's README. Runs on Linux.

mod artifact;
mod bindings;
mod calls;
pub mod child;
mod cpu;
mod engine;
mod filesystem;
mod grants;
mod host_end;
mod in_process;
pub mod jail;
mod limiter;
mod log;
mod meters;
mod outbound;
mod packets;
mod plugin;
mod process;
mod progress;
mod serve;
mod session;
mod setup;
mod state;
mod store_video;
mod text;
mod transport;

pub use artifact::{Artifact, new_memfd};
pub use engine::{Engine, EngineError};
pub use grants::{WORLD_VERSION, granted_imports};
pub use host_end::{HostEnd, HostSender, SendError};
pub use in_process::spawn_in_process;
pub use plugin::inspection::{Import, Inspection, Kind, inspect};
pub use plugin::{COMPONENT_BYTES_MAX, LoadError, Plugin, PluginRefusal};
pub use process::{ChildProcess, Program, Spawner, SpawnerError, StartError};
pub use serve::serve;
pub use setup::Setup;
pub use transport::{FrameReceiver, FrameSender, LinkClosed};
