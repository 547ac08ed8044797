use wasmparser::{Encoding, Parser, Payload};

use crate::grants::{self, InterfaceName, PLUGIN_PACKAGE};
use crate::plugin::{COMPONENT_BYTES_MAX, PluginRefusal};

/// The first bytes of every WebAssembly file.
const MAGIC: &[u8] = b"\0asm";

/// What a WebAssembly file says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Component or core module.
    pub kind: Kind,
    /// The component's imports, in its order; none for a core module.
    pub imports: Vec<Import>,
    /// Names of the component's exports, in its order; none for a core module.
    pub exports: Vec<String>,
    /// Version of the plugin world it was built for, by its renderer, else by what it imports.
    pub world_version: Option<String>,
    /// Size of the file in bytes.
    pub bytes: usize,
}

/// What kind of WebAssembly a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The kind plugins have.
    Component,
    /// What compilers for other targets make.
    CoreModule,
}

/// An import of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// As the component names it, `package/interface@version` for an interface.
    pub name: String,
    /// Whether plugins may import it. Interfaces under `wasi:sockets` may be imported, but every call is denied.
    pub granted: bool,
}

/// Reads what a file says about itself without compiling or executing it; works for files that [`crate::Artifact::compile`]
/// refuses. An error only where there is nothing to tell.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, PluginRefusal> {
    if !bytes.starts_with(MAGIC) {
        return Err(PluginRefusal::NotWasm);
    }
    if bytes.len() > COMPONENT_BYTES_MAX {
        return Err(PluginRefusal::TooLarge { bytes: bytes.len() });
    }
    let mut names = Names::default();
    names.read(bytes).map_err(PluginRefusal::Malformed)?;
    let imports = names.imports.into_iter();
    let imports: Vec<Import> = imports.map(|name| Import { granted: grants::granted(&name), name }).collect();
    let world_version = names
        .exports
        .iter()
        .chain(imports.iter().map(|import| &import.name))
        .find_map(|name| InterfaceName::parse(name).filter(|name| name.package == PLUGIN_PACKAGE))
        .map(|name| name.version.to_owned());
    let kind = names.kind.unwrap_or(Kind::CoreModule);
    Ok(Inspection { kind, imports, exports: names.exports, world_version, bytes: bytes.len() })
}

#[derive(Default)]
struct Names {
    kind: Option<Kind>,
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Names {
    /// Reads the outermost level only: what lies inside a component is its own matter.
    fn read(&mut self, bytes: &[u8]) -> wasmparser::Result<()> {
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { encoding, .. } => {
                    self.kind.get_or_insert(match encoding {
                        Encoding::Component => Kind::Component,
                        Encoding::Module => Kind::CoreModule,
                    });
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        self.imports.push(import?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        self.exports.push(export?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
