use wasmtime::component::{HasData, HasSelf, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem as wasi_filesystem, io, random, sockets};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView};
use wasmtime_wasi::sockets::{WasiSockets, WasiSocketsView};

use crate::bindings::filmgate::plugin::types;
use crate::filesystem::GuardedFilesystem;
use crate::state::PluginState;

/// The packages a plugin may import from, with the interfaces of each. What is not here is refused by name before a
/// plugin runs. The versions are those that the linked host functions have.
const GRANTED: &[(&str, &str, &[&str])] = &[
    ("wasi:io", "0.2.12", &["error", "poll", "streams"]),
    ("wasi:clocks", "0.2.12", &["monotonic-clock", "wall-clock"]),
    ("wasi:random", "0.2.12", &["random", "insecure", "insecure-seed"]),
    ("wasi:filesystem", "0.2.12", &["types", "preopens"]),
    (
        "wasi:cli",
        "0.2.12",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    // The Python and JavaScript runtimes import these whatever the plugin does. Every call answers `access-denied`.
    (
        "wasi:sockets",
        "0.2.12",
        &["instance-network", "ip-name-lookup", "network", "tcp", "tcp-create-socket", "udp", "udp-create-socket"],
    ),
    (PLUGIN_PACKAGE, WORLD_VERSION, &["types", "store-video", "progress"]),
];

/// The package of the plugin world.
pub(crate) const PLUGIN_PACKAGE: &str = "filmgate:plugin";

/// The version of the plugin world that this runner serves, with all earlier ones of the same compatibility track.
pub const WORLD_VERSION: &str = "0.1.0";

/// An interface name of the component model taken apart: `package/interface@version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InterfaceName<'a> {
    pub(crate) package: &'a str,
    pub(crate) interface: &'a str,
    pub(crate) version: &'a str,
}

impl<'a> InterfaceName<'a> {
    /// `None` for names of another form, which plain functions and types have.
    pub(crate) fn parse(name: &'a str) -> Option<Self> {
        let (path, version) = name.split_once('@').unwrap_or((name, ""));
        let (package, interface) = path.split_once('/')?;
        Some(Self { package, interface, version })
    }
}

/// Whether two versions are served by the same functions: equal up to the first number that is not zero.
pub(crate) fn compatible(left: &str, right: &str) -> bool {
    track(left).is_some_and(|left| Some(left) == track(right))
}

fn track(version: &str) -> Option<(u64, u64)> {
    // A pre-release is compatible with itself only; none is served.
    let mut numbers = version.split('.').map(|number| number.parse::<u64>().ok());
    match (numbers.next()??, numbers.next()??, numbers.next()??) {
        (0, 0, _) => None,
        (0, minor, _) => Some((0, minor)),
        (major, _, _) => Some((major, 0)),
    }
}

/// Whether a component may import `name`.
pub(crate) fn granted(name: &str) -> bool {
    let Some(name) = InterfaceName::parse(name) else { return false };
    GRANTED.iter().any(|(package, version, interfaces)| {
        *package == name.package && interfaces.contains(&name.interface) && compatible(version, name.version)
    })
}

/// Everything a plugin may import, for messages and documentation: `package/interface@version`.
pub fn granted_imports() -> impl Iterator<Item = String> {
    GRANTED.iter().flat_map(|(package, version, interfaces)| {
        interfaces.iter().map(move |interface| format!("{package}/{interface}@{version}"))
    })
}

/// The resource table is all that `wasi:io` needs.
struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

/// Links the granted interfaces one by one, so that nothing comes in by being part of a larger set.
pub(crate) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<PluginState>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    io::error::add_to_linker::<_, Table>(l, PluginState::table)?;
    io::poll::add_to_linker::<_, Table>(l, PluginState::table)?;
    io::streams::add_to_linker::<_, Table>(l, PluginState::table)?;

    clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(l, PluginState::clocks)?;
    clocks::wall_clock::add_to_linker::<_, WasiClocks>(l, PluginState::clocks)?;
    random::random::add_to_linker::<_, WasiRandom>(l, PluginState::random)?;
    random::insecure::add_to_linker::<_, WasiRandom>(l, PluginState::random)?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(l, PluginState::random)?;

    wasi_filesystem::types::add_to_linker::<_, GuardedFilesystem>(l, PluginState::guarded_filesystem)?;
    wasi_filesystem::preopens::add_to_linker::<_, GuardedFilesystem>(l, PluginState::guarded_filesystem)?;

    cli::environment::add_to_linker::<_, WasiCli>(l, PluginState::cli)?;
    cli::exit::add_to_linker::<_, WasiCli>(l, PluginState::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(l, PluginState::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(l, PluginState::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(l, PluginState::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, PluginState::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, PluginState::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, PluginState::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, PluginState::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, PluginState::cli)?;
    link_sockets(l)?;

    types::add_to_linker::<_, HasSelf<_>>(l, |state| state)?;
    crate::store_video::add_to_linker(l)?;
    crate::progress::add_to_linker(l)?;
    Ok(linker)
}

/// Present so that runtimes which import them load; [`PluginState`] allows none of their calls.
fn link_sockets(l: &mut Linker<PluginState>) -> wasmtime::Result<()> {
    sockets::network::add_to_linker::<_, WasiSockets>(
        l,
        &sockets::network::LinkOptions::default(),
        PluginState::sockets,
    )?;
    sockets::instance_network::add_to_linker::<_, WasiSockets>(l, PluginState::sockets)?;
    sockets::ip_name_lookup::add_to_linker::<_, WasiSockets>(l, PluginState::sockets)?;
    sockets::tcp::add_to_linker::<_, WasiSockets>(l, PluginState::sockets)?;
    sockets::tcp_create_socket::add_to_linker::<_, WasiSockets>(l, PluginState::sockets)?;
    sockets::udp::add_to_linker::<_, WasiSockets>(l, PluginState::sockets)?;
    sockets::udp_create_socket::add_to_linker::<_, WasiSockets>(l, PluginState::sockets)?;
    Ok(())
}
