use std::path::PathBuf;

use clap::Args;
use filmgate::Plugin;
use filmgate::job::printable;
use serde_json::{Value, json};

use super::SettingOptions;
use super::exit::Exit;
use super::open::{self, Session};
use super::plugin_test::local;
use super::problem::{Ended, Problem};
use super::run::load;
use super::terminal::{print_json, print_line};

const EXAMPLES: &str = "\
Examples:
  filmgate plugin precompile recap.wasm
  filmgate plugin precompile plugins/*.wasm --data-dir /srv/filmgate

The code goes to the folder `components` of the data directory; what is there already is not compiled again. The first plugin
that cannot be used ends the command with the exit code it would have under `filmgate run`.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PrecompileArguments {
    /// The plugins: WebAssembly components, with their manifests beside them
    #[arg(value_name = "PLUGIN.wasm", required = true)]
    plugins: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

pub(super) fn execute(arguments: PrecompileArguments) -> Ended {
    let settings = arguments.settings.clone();
    open::with_session(&settings, |session| precompile(session, arguments))
}

async fn precompile(session: Session, arguments: PrecompileArguments) -> Ended {
    let place = tempfile::Builder::new().prefix("filmgate-precompile-").tempdir();
    let place = place.map_err(|error| Problem::input(format!("make a temporary directory: {error}")))?;
    // Nothing is published: no bucket has to be there.
    let config = local(&session.config, place.path());
    let host = open::host(&config).await?;
    let mut done = Vec::new();
    for path in &arguments.plugins {
        let plugin = tokio::select! {
            loaded = load(&host, path, None) => loaded?,
            () = session.signals.first() => return Err(session.signals.stopped()),
        };
        let file = printable(&path.display().to_string());
        if !arguments.settings.json {
            let how = if plugin.was_compiled() { "compiled" } else { "was compiled before" };
            print_line(&format!("{file}: {how}, {} bytes of code, {}", plugin.code_bytes(), plugin.digest()))?;
        }
        done.push(to_json(&file, &plugin));
    }
    if arguments.settings.json {
        print_json(&json!({ "plugins": done }))?;
    }
    Ok(Exit::Done)
}

fn to_json(file: &str, plugin: &Plugin) -> Value {
    json!({
        "file": file,
        "digest": plugin.digest().to_string(),
        "compiled": plugin.was_compiled(),
        "code_bytes": plugin.code_bytes(),
    })
}
