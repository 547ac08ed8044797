//! Runs one plugin in the sandbox: no credentials, no network, no database.

mod bindings;
mod calls;
mod cpu;
mod engine;
mod filesystem;
mod grants;
mod in_process;
mod limiter;
mod log;
mod meters;
mod outbound;
mod plugin;
mod progress;
mod serve;
mod session;
mod state;
mod store_video;
mod text;
mod transport;

pub use engine::{Engine, EngineError};
pub use grants::{WORLD_VERSION, granted_imports};
pub use in_process::{HostEnd, HostSender, SendError, spawn_in_process};
pub use plugin::inspection::{Import, Inspection, Kind, inspect};
pub use plugin::{COMPONENT_BYTES_MAX, Plugin, PluginRefusal};
pub use serve::serve;
pub use transport::{FrameReceiver, FrameSender, LinkClosed};
