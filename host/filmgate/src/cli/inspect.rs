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
use filmgate_runner::{COMPONENT_BYTES_MAX, Inspection, Kind, PluginRefusal, inspect};
use serde_json::{Value, json};

use super::exit::Exit;
use super::open::Session;
use super::plugin_grants::{self, Shown};
use super::plugin_test::local;
use super::problem::{Ended, Problem, with_sources};
use super::terminal::{AnswerLost, print_error, print_json, print_line};
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

pub(super) fn execute(arguments: InspectArguments) -> Ended {
    let settings = arguments.settings.clone();
    open::with_session(&settings, |session| inspect_plugin(session, arguments))
}

async fn inspect_plugin(session: Session, arguments: InspectArguments) -> Ended {
    let bytes = read(&arguments.plugin)?;
    let mut known = know(&arguments, &session.config, &bytes)?;
    if known.refusal.is_none() {
        known.refusal = tokio::select! {
            refusal = compile(&session.config, &arguments) => refusal?,
            () = session.signals.first() => return Err(session.signals.stopped()),
        };
    }
    if arguments.settings.json {
        print_json(&to_json(&known))?;
    } else {
        print_table(&known)?;
    }
    Ok(if known.refusal.is_none() { Exit::Done } else { Exit::PluginRefused })
}

/// What is to be known without compiling.
fn know(arguments: &InspectArguments, config: &Config, bytes: &[u8]) -> Result<Known, Problem> {
    let inspection = inspect(bytes).map_err(|refusal| refused(&refusal))?;
    let read = match &arguments.manifest {
        Some(path) => Manifest::read(path).map(Some),
        None => Manifest::beside(&arguments.plugin),
    };
    let manifest = read.map_err(|error| Problem::of_job(&JobError::before_start(error), None))?;
    let digest = PluginDigest::of(bytes);
    let granted = config.plugins.grant(&plugin_grants::defaults(config), digest, manifest.as_ref());
    let not_granted = granted.as_ref().err().cloned();
    let shown = Shown::new(manifest.as_ref(), granted.ok());
    let of_manifest = manifest.as_ref().and_then(|manifest| manifest.check(&inspection).err());
    let refusal = not_granted.as_ref().map(ToString::to_string).or(of_manifest.map(|error| error.to_string()));
    Ok(Known { inspection, digest, manifest, shown, refusal, not_granted })
}

/// Only compiling tells whether it would run: types of functions are compared, too. In a place of its own, so that nothing
/// is left of it; under the limits that hold for every plugin.
async fn compile(config: &Config, arguments: &InspectArguments) -> Result<Option<String>, Problem> {
    let place = tempfile::Builder::new().prefix("filmgate-inspect-").tempdir();
    let place = place.map_err(|error| Problem::input(format!("make a temporary directory: {error}")))?;
    let mut config = local(config, place.path());
    config.compile.cache_bytes = 0;
    let host = open::host(&config).await?;
    let loaded = match &arguments.manifest {
        Some(manifest) => host.load_plugin_with_manifest(&arguments.plugin, manifest).await,
        None => host.load_plugin(&arguments.plugin).await,
    };
    match loaded {
        Ok(_) => Ok(None),
        Err(error) if Exit::of_job(&error.fault) == Exit::PluginRefused => Ok(Some(with_sources(&error))),
        Err(error) => Err(Problem::of_job(&error, None)),
    }
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

fn print_table(known: &Known) -> Result<(), AnswerLost> {
    let inspection = &known.inspection;
    let line = |name: &str, text: &str| print_line(&format!("{name:9} {}", printable(text)));
    line("kind", kind(inspection))?;
    line("world", inspection.world_version.as_deref().unwrap_or("none"))?;
    line("size", &format!("{} bytes", inspection.bytes))?;
    line("digest", &known.digest.to_string())?;
    for import in &inspection.imports {
        let granted = if import.granted { "granted    " } else { "NOT GRANTED" };
        line("import", &format!("{granted} {}", import.name))?;
    }
    for export in &inspection.exports {
        line("export", export)?;
    }
    match &known.manifest {
        None => line("manifest", "none: it asks for nothing of its own")?,
        Some(manifest) => {
            let (id, version, path) = (manifest.id(), manifest.version(), manifest.path().display());
            line("manifest", &format!("{id} {version}, from {path}"))?;
            let params =
                if manifest.params().is_some() { "checked against the manifest's schema" } else { "not checked" };
            line("params", params)?;
        }
    }
    known.shown.lines().iter().try_for_each(|(name, text)| line(name, text))?;
    match &known.refusal {
        None => line("verdict", "accepted")?,
        Some(reason) => line("verdict", &format!("refused: {reason}"))?,
    }
    if let Some(refusal) = &known.not_granted {
        print_error(&format!("next step: {}", printable(&refusal.advice())));
    }
    Ok(())
}
