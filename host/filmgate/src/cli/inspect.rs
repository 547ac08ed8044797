use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use filmgate::PluginDigest;
use filmgate::job::printable;
use filmgate_runner::{Artifact, COMPONENT_BYTES_MAX, Engine, Inspection, Kind, PluginRefusal, inspect};
use serde_json::json;

use super::exit::Exit;
use super::problem::{Ended, Problem, with_sources};
use super::terminal::{print_json, print_line};

#[derive(Debug, Args)]
#[command(after_help = "Exit code 0: accepted. 10: refused, and the last line says why.")]
pub(super) struct InspectArguments {
    /// The plugin: a WebAssembly component
    #[arg(value_name = "PLUGIN.wasm")]
    plugin: PathBuf,
    /// Answer with one JSON object on standard output
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn execute(arguments: &InspectArguments) -> Ended {
    let bytes = read(&arguments.plugin)?;
    let inspection = inspect(&bytes).map_err(|refusal| refused(&refusal))?;
    let engine = Engine::new().map_err(|error| Problem::internal(with_sources(&error)))?;
    // Only compiling tells whether it would run: types of functions are compared, too.
    let refusal = Artifact::compile(&engine, &bytes).err().map(|refusal| with_sources(&refusal));
    let digest = PluginDigest::of(&bytes).to_string();
    if arguments.json {
        print_json(&to_json(&inspection, &digest, refusal.as_deref()));
    } else {
        print_table(&inspection, &digest, refusal.as_deref());
    }
    Ok(if refusal.is_none() { Exit::Done } else { Exit::PluginRefused })
}

fn refused(refusal: &PluginRefusal) -> Problem {
    Problem::new(Exit::PluginRefused, "plugin-refused", with_sources(refusal))
        .with_next_step("build the plugin for wasm32-wasip2 with the filmgate-plugin crate")
}

/// At most one byte more than a plugin may have, so that a larger file is refused without reading it all.
fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let limit = COMPONENT_BYTES_MAX as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    read.map_err(|error| {
        Problem::input(format!("read plugin {}: {error}", path.display())).with_next_step("name an existing file")
    })?;
    Ok(bytes)
}

fn kind(inspection: &Inspection) -> &'static str {
    match inspection.kind {
        Kind::Component => "component",
        Kind::CoreModule => "core module",
    }
}

fn to_json(inspection: &Inspection, digest: &str, refusal: Option<&str>) -> serde_json::Value {
    let imports = inspection.imports.iter().map(|import| json!({"name": import.name, "granted": import.granted}));
    json!({
        "accepted": refusal.is_none(),
        "reason": refusal,
        "kind": kind(inspection),
        "world_version": inspection.world_version,
        "size": inspection.bytes,
        "digest": digest,
        "imports": imports.collect::<Vec<_>>(),
        "exports": inspection.exports,
    })
}

fn print_table(inspection: &Inspection, digest: &str, refusal: Option<&str>) {
    let line = |name: &str, text: &str| print_line(&format!("{name:9} {}", printable(text)));
    line("kind", kind(inspection));
    line("world", inspection.world_version.as_deref().unwrap_or("none"));
    line("size", &format!("{} bytes", inspection.bytes));
    line("digest", digest);
    for import in &inspection.imports {
        let granted = if import.granted { "granted    " } else { "NOT GRANTED" };
        line("import", &format!("{granted} {}", import.name));
    }
    for export in &inspection.exports {
        line("export", export);
    }
    match refusal {
        None => line("verdict", "accepted"),
        Some(reason) => line("verdict", &format!("refused: {reason}")),
    }
}
