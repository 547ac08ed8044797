use std::sync::Arc;

use wasmtime::component::Component;

use crate::artifact::Artifact;
use crate::bindings::RenderPluginPre;
use crate::engine::Engine;
use crate::grants::{self, InterfaceName, PLUGIN_PACKAGE, WORLD_VERSION, compatible};
use crate::plugin::inspection::{Kind, inspect};
use crate::state::PluginState;
use crate::text::cut;

pub(crate) mod inspection;

/// Largest component in bytes. Python components with common packages have about 20 MiB; compiling takes time and
/// memory in proportion.
pub const COMPONENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of a name in a refusal. The longest granted one has 40.
const NAME_BYTES_MAX: usize = 200;

/// A loaded component, ready to run any number of jobs one after the other or at once. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    pre: RenderPluginPre<PluginState>,
}

/// Why a file is not accepted as a plugin. Nothing of it was executed.
#[derive(Debug, thiserror::Error)]
pub enum PluginRefusal {
    /// Over [`COMPONENT_BYTES_MAX`].
    #[error("component has {bytes} bytes, at most {COMPONENT_BYTES_MAX} are allowed")]
    TooLarge {
        /// Size of the file.
        bytes: usize,
    },
    /// The file does not begin like WebAssembly.
    #[error("not WebAssembly: a plugin is a WebAssembly component in binary form")]
    NotWasm,
    /// A core module: compiled for another target, or not yet made a component.
    #[error("a core module, not a component: compile for wasm32-wasip2, or convert it with `wasm-tools component new`")]
    CoreModule,
    /// WebAssembly that cannot be read.
    #[error("malformed component")]
    Malformed(#[source] wasmparser::BinaryReaderError),
    /// An import outside the plugin world.
    #[error("import {import:?} is not granted to plugins; granted are {}", granted_text())]
    NotGranted {
        /// The import as the component names it.
        import: String,
    },
    /// The component was built for another version of the plugin world.
    #[error("built for {found:?}, this host runs {PLUGIN_PACKAGE} {WORLD_VERSION} and compatible versions")]
    WorldVersion {
        /// The import or export that tells the version.
        found: String,
    },
    /// The component exports no renderer.
    #[error("no export `{PLUGIN_PACKAGE}/renderer@{WORLD_VERSION}`: the component is not a plugin")]
    NoRenderer,
    /// wasmtime refused it: invalid, or it needs a WebAssembly proposal that is off.
    #[error("compile the component")]
    Compile(#[source] wasmtime::Error),
    /// A function of an import or of the renderer has another type than in the plugin world.
    #[error("match the component with the plugin world")]
    Mismatch(#[source] wasmtime::Error),
    /// The machine gave no memory for the compiled code.
    #[error("keep the compiled component in sealed memory")]
    Seal(#[source] std::io::Error),
}

/// An artifact is not of this build: another version of wasmtime, another machine, other settings.
#[derive(Debug, thiserror::Error)]
#[error("load the compiled component")]
pub struct LoadError(#[source] wasmtime::Error);

/// A stranger's name as part of a message.
fn shown(name: &str) -> String {
    cut(name.to_owned(), NAME_BYTES_MAX)
}

fn granted_text() -> String {
    grants::granted_imports().collect::<Vec<_>>().join(", ")
}

impl Plugin {
    /// Makes an artifact ready to run. Takes a millisecond: its code is mapped, not read.
    ///
    /// Fails where the artifact was made by another version of wasmtime, for another machine or with other settings.
    pub fn load(engine: &Engine, artifact: &Artifact) -> Result<Self, LoadError> {
        let component = artifact.load(engine).map_err(LoadError)?;
        let pre = link(engine, &component).map_err(LoadError)?;
        Ok(Self { inner: Arc::new(Inner { engine: engine.clone(), pre }) })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub(crate) fn pre(&self) -> &RenderPluginPre<PluginState> {
        &self.inner.pre
    }
}

/// Checks a component by its names, compiles it, and checks its types.
pub(crate) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, PluginRefusal> {
    check_names(bytes)?;
    let component = Component::from_binary(engine.wasmtime(), bytes).map_err(PluginRefusal::Compile)?;
    link(engine, &component).map_err(PluginRefusal::Mismatch)?;
    Ok(component)
}

fn link(engine: &Engine, component: &Component) -> wasmtime::Result<RenderPluginPre<PluginState>> {
    RenderPluginPre::new(engine.linker().instantiate_pre(component)?)
}

fn check_names(bytes: &[u8]) -> Result<(), PluginRefusal> {
    if bytes.len() > COMPONENT_BYTES_MAX {
        return Err(PluginRefusal::TooLarge { bytes: bytes.len() });
    }
    let inspection = inspect(bytes)?;
    if inspection.kind == Kind::CoreModule {
        return Err(PluginRefusal::CoreModule);
    }
    let imports = inspection.imports.iter().map(|import| import.name.as_str());
    let mut names = imports.chain(inspection.exports.iter().map(String::as_str));
    if let Some(found) = names.find(|name| of_other_version(name)) {
        return Err(PluginRefusal::WorldVersion { found: shown(found) });
    }
    if let Some(import) = inspection.imports.into_iter().find(|import| !import.granted) {
        return Err(PluginRefusal::NotGranted { import: shown(&import.name) });
    }
    if !inspection.exports.iter().any(|export| is_renderer(export)) {
        return Err(PluginRefusal::NoRenderer);
    }
    Ok(())
}

fn of_other_version(name: &str) -> bool {
    InterfaceName::parse(name)
        .is_some_and(|name| name.package == PLUGIN_PACKAGE && !compatible(WORLD_VERSION, name.version))
}

fn is_renderer(name: &str) -> bool {
    InterfaceName::parse(name).is_some_and(|name| name.package == PLUGIN_PACKAGE && name.interface == "renderer")
}
