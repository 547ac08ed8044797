use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use filmgate::PluginDigest;
use filmgate::config::Config;
use filmgate::job::printable;
use filmgate::manifest::Manifest;
use filmgate::policy::NotGranted;
use filmgate::report::JobError;
use filmgate_runner::{Artifact, COMPONENT_BYTES_MAX, Engine, Inspection, Kind, PluginRefusal, inspect};
use serde_json::{Value, json};

use super::exit::Exit;
use super::plugin_grants::{self, Shown};
use super::problem::{Ended, Problem, with_sources};
use super::terminal::{print_error, print_json, print_line};
use super::{SettingOptions, open};

#[derive(Debug, Args)]
#[command(after_help = "Exit code 0: accepted. 10: refused, and the last line says why.")]
pub(super) struct InspectArguments {
    /// The plugin: a WebAssembly component
    #[arg(value_name = "PLUGIN.wasm")]
    plugin: PathBuf,
    /// The plugin's manifest [default: PLUGIN.toml beside it, where it exists]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

/// What is known of a plugin.
struct Known {
    inspection: Inspection,
    digest: PluginDigest,
    manifest: Option<Manifest>,
    shown: Shown,
    /// Why it may not run.
    refusal: Option<String>,
    not_granted: Option<NotGranted>,
}

pub(super) fn execute(arguments: &InspectArguments) -> Ended {
    let config = Config::load(&open::sources(&arguments.settings)?)?;
    let bytes = read(&arguments.plugin)?;
    let known = know(arguments, &config, &bytes)?;
    if arguments.settings.json {
        print_json(&to_json(&known));
    } else {
        print_table(&known);
    }
    Ok(if known.refusal.is_none() { Exit::Done } else { Exit::PluginRefused })
}

fn know(arguments: &InspectArguments, config: &Config, bytes: &[u8]) -> Result<Known, Problem> {
    let inspection = inspect(bytes).map_err(|refusal| refused(&refusal))?;
    let read = match &arguments.manifest {
        Some(path) => Manifest::read(path).map(Some),
        None => Manifest::beside(&arguments.plugin),
    };
    let manifest = read.map_err(|error| Problem::of_job(&JobError::before_start(error), None))?;
    let digest = PluginDigest::of(bytes);
    let defaults = plugin_grants::defaults(config);
    let granted = config.plugins.grant(&defaults, digest, manifest.as_ref());
    let not_granted = granted.as_ref().err().cloned();
    let shown = Shown::new(manifest.as_ref(), granted.ok());
    let engine = Engine::new().map_err(|error| Problem::internal(with_sources(&error)))?;
    let of_manifest = manifest.as_ref().and_then(|manifest| manifest.check(&inspection).err());
    // Only compiling tells whether it would run: types of functions are compared, too.
    let refusal = match (&not_granted, of_manifest) {
        (Some(refusal), _) => Some(refusal.to_string()),
        (None, Some(error)) => Some(error.to_string()),
        (None, None) => Artifact::compile(&engine, bytes).err().map(|refusal| with_sources(&refusal)),
    };
    Ok(Known { inspection, digest, manifest, shown, refusal, not_granted })
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

fn to_json(known: &Known) -> Value {
    let inspection = &known.inspection;
    let imports = inspection.imports.iter().map(|import| json!({"name": import.name, "granted": import.granted}));
    json!({
        "accepted": known.refusal.is_none(),
        "reason": known.refusal,
        "kind": kind(inspection),
        "world_version": inspection.world_version,
        "size": inspection.bytes,
        "digest": known.digest.to_string(),
        "imports": imports.collect::<Vec<_>>(),
        "exports": inspection.exports,
        "manifest": known.manifest.as_ref().map(manifest_json),
        "grants": known.shown.to_json(),
        "settings_to_write": known.not_granted.as_ref().map(plugin_grants::edits_json),
    })
}

fn manifest_json(manifest: &Manifest) -> Value {
    json!({
        "path": manifest.path().display().to_string(),
        "id": manifest.id(),
        "version": manifest.version(),
        "world": manifest.world(),
        "media": manifest.media(),
        "params_schema": manifest.params().is_some(),
    })
}

fn print_table(known: &Known) {
    let inspection = &known.inspection;
    let line = |name: &str, text: &str| print_line(&format!("{name:9} {}", printable(text)));
    line("kind", kind(inspection));
    line("world", inspection.world_version.as_deref().unwrap_or("none"));
    line("size", &format!("{} bytes", inspection.bytes));
    line("digest", &known.digest.to_string());
    for import in &inspection.imports {
        let granted = if import.granted { "granted    " } else { "NOT GRANTED" };
        line("import", &format!("{granted} {}", import.name));
    }
    for export in &inspection.exports {
        line("export", export);
    }
    match &known.manifest {
        None => line("manifest", "none: it asks for nothing of its own"),
        Some(manifest) => {
            let (id, version, path) = (manifest.id(), manifest.version(), manifest.path().display());
            line("manifest", &format!("{id} {version}, from {path}"));
            let params =
                if manifest.params().is_some() { "checked against the manifest's schema" } else { "not checked" };
            line("params", params);
        }
    }
    known.shown.lines().iter().for_each(|(name, text)| line(name, text));
    match &known.refusal {
        None => line("verdict", "accepted"),
        Some(reason) => line("verdict", &format!("refused: {reason}")),
    }
    if let Some(refusal) = &known.not_granted {
        print_error(&format!("next step: {}", printable(&refusal.advice())));
    }
}
