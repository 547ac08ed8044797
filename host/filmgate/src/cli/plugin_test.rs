use std::path::{Path, PathBuf};

use clap::Args;
use filmgate::Plugin;
use filmgate::config::{Config, StorageConfig};
use filmgate::job::{JobRequest, printable};
use filmgate::layout::Layout;
use filmgate::publish::Asset;
use filmgate::report::{JobError, JobEvent, JobReport};
use filmgate::url::UrlPolicy;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::exit::Exit;
use super::job_options::{PluginOptions, TestJobOptions};
use super::open::{self, Session};
use super::plugin_budgets::Budgets;
use super::problem::{Ended, Problem};
use super::run::{follow, load};
use super::terminal::{AnswerLost, print_json, print_line};
use super::{SettingOptions, answer, plugin_facts, plugin_grants};

const EXAMPLES: &str = "\
Examples:
  filmgate plugin test recap.wasm
  filmgate plugin test recap.wasm --params @params.json --input photo=me.jpg --out rendered
  filmgate plugin test recap.wasm --json

The plugin runs as under `filmgate run`, with the same budgets and refusals, but publishes to a directory that is deleted
afterwards: no bucket is touched. Exit codes are those of `filmgate run`; warnings do not change them.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TestArguments {
    /// The plugin: a WebAssembly component
    #[arg(value_name = "PLUGIN.wasm")]
    plugin: PathBuf,
    /// The plugin's manifest [default: PLUGIN.toml beside it, where it exists]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    #[command(flatten)]
    job: TestJobOptions,
    #[command(flatten)]
    for_plugin: PluginOptions,
    /// Directory to keep what the plugin handed over, as SLOT.EXTENSION or SLOT-SEQUENCE.EXTENSION; existing files of
    /// these names are replaced
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

pub(super) fn execute(arguments: TestArguments) -> Ended {
    let request = arguments.for_plugin.add_to(arguments.job.request()?)?;
    let settings = arguments.settings.clone();
    open::with_session(&settings, |session| test(session, request, arguments))
}

async fn test(session: Session, request: JobRequest, arguments: TestArguments) -> Ended {
    let place = tempfile::Builder::new().prefix("filmgate-test-").tempdir();
    let place = place.map_err(|error| Problem::input(format!("make a temporary directory: {error}")))?;
    let config = local(&session.config, place.path());
    if let Some(out) = &arguments.out {
        std::fs::create_dir_all(out).map_err(|error| refuse_out(out, &error))?;
    }
    let prepared = async {
        let host = open::host(&config).await?;
        let loaded = load(&host, &arguments.plugin, arguments.manifest.as_deref()).await?;
        Ok::<_, Problem>((host, loaded))
    };
    let (host, plugin) = tokio::select! {
        prepared = prepared => prepared?,
        () = session.signals.first() => return Err(session.signals.stopped()),
    };
    let layout = config.layouts.get(request.layout()).map_err(|error| Problem::input(error.to_string()))?;
    let running = host.start(request, &plugin).map_err(|error| Problem::of_job(&error, None))?;
    let heard = tokio::spawn(Heard::listen(running.events()));
    let (ended, signals) = follow(session, running).await;
    let heard = heard.await.unwrap_or_default();
    let tested = Tested::new(&config, &plugin, layout, &ended, &heard)?;
    let storage = place.path().join("storage");
    let saved = arguments.out.as_deref().map(|out| save(&ended, &storage, out)).transpose()?.unwrap_or_default();
    match ended {
        Ok(report) if arguments.settings.json => print_json(&tested.to_json(&report, &saved))?,
        Ok(report) => {
            tested.print(&report.assets, &saved)?;
            let (files, warnings) = (report.assets.len(), tested.warnings.len());
            print_line(&format!("passed: {files} {}, {warnings} {}", noun(files, "file"), noun(warnings, "warning")))?;
        }
        Err(error) => {
            if !arguments.settings.json {
                // A table that is lost does not hide the failure.
                let _ = tested.print(&error.assets, &saved);
            }
            let mut problem = Problem::of_job(&error, signals.exit());
            problem.add("budgets", Some(tested.budgets.to_json()));
            problem.add("warnings", Some(tested.warnings));
            return Err(problem);
        }
    }
    Ok(Exit::Done)
}

fn noun(number: usize, word: &str) -> String {
    if number == 1 { word.to_owned() } else { format!("{word}s") }
}

/// The settings with everything in a place of the test's own, but for the compiled components.
pub(super) fn local(config: &Config, place: &Path) -> Config {
    let storage = StorageConfig::Local { root: place.join("storage") };
    Config { data_dir: place.to_owned(), storage, urls: UrlPolicy::default(), ..config.clone() }
}

/// What a job told while it ran.
#[derive(Debug, Default)]
struct Heard {
    log_bytes: u64,
    progress: bool,
}

impl Heard {
    async fn listen(mut events: Receiver<JobEvent>) -> Self {
        let mut heard = Self::default();
        loop {
            match events.recv().await {
                Ok(JobEvent::Log { text, .. }) => heard.log_bytes += text.len() as u64,
                Ok(JobEvent::Progress { .. }) => heard.progress = true,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return heard,
            }
        }
    }
}

/// What a test found out.
struct Tested {
    budgets: Budgets,
    warnings: Vec<String>,
}

/// A job without news of that length leaves whoever waits in the dark.
const SILENCE_SECONDS: u64 = 5;

impl Tested {
    fn new(
        config: &Config,
        plugin: &Plugin,
        layout: &Layout,
        ended: &Result<JobReport, JobError>,
        heard: &Heard,
    ) -> Result<Self, Problem> {
        let defaults = plugin_grants::defaults(config);
        let grants = config.plugins.grant(&defaults, plugin.digest(), plugin.manifest());
        let grants = grants.map_err(|error| Problem::internal(error.to_string()))?;
        let (usage, assets) = match ended {
            Ok(report) => (&report.usage, &report.assets),
            Err(error) => (&error.usage, &error.assets),
        };
        let published = assets.iter().map(|asset| asset.size).sum();
        let budgets = Budgets::new(&grants.allowance, usage, published, heard.log_bytes);
        let mut warnings = budgets.warnings();
        let mut warn = |text: String| warnings.push(text);
        if usage.log_bytes_dropped > 0 {
            warn(format!("{} bytes of log were dropped: they were beyond the limit log", usage.log_bytes_dropped));
        }
        if plugin.manifest().is_none() {
            warn("there is no manifest: operators cannot see what the plugin needs (guest/README.md)".to_owned());
        }
        if ended.is_ok() {
            let thumbnail = layout.slots().find(|rule| rule.slot().as_str() == "thumbnail");
            if thumbnail.is_some() && !assets.iter().any(|asset| asset.identity.slot.as_str() == "thumbnail") {
                warn(format!("no thumbnail was stored: layout {} has a slot for one", layout.name()));
            }
            assets.iter().flat_map(plugin_facts::warnings).for_each(&mut warn);
            if !heard.progress && usage.wall.as_secs() >= SILENCE_SECONDS {
                warn(format!("no progress was reported in {} seconds", usage.wall.as_secs()));
            }
        }
        Ok(Self { budgets, warnings })
    }

    fn print(&self, assets: &[Asset], saved: &[PathBuf]) -> Result<(), AnswerLost> {
        for (number, asset) in assets.iter().enumerate() {
            let sequence = asset.identity.sequence.map(|sequence| format!(" {}", sequence.get())).unwrap_or_default();
            let place = saved.get(number).map(|path| format!(", saved as {}", path.display())).unwrap_or_default();
            let (slot, kind, size, checksum) = (&asset.identity.slot, asset.kind, asset.size, asset.checksum);
            let line = format!("file      {slot}{sequence}: {kind}, {size} bytes, crc64nvme {checksum}{place}");
            print_line(&printable(&line))?;
            print_line(&format!("{:9} {}", "", plugin_facts::line(asset.facts.as_ref())))?;
        }
        self.budgets.lines().iter().try_for_each(|line| print_line(line))?;
        for warning in &self.warnings {
            print_line(&format!("warning   {warning}"))?;
        }
        Ok(())
    }

    fn to_json(&self, report: &JobReport, saved: &[PathBuf]) -> Value {
        let files = report.assets.iter().enumerate().map(|(number, asset)| {
            let mut file = answer::asset(asset);
            // Its URL ends with the test.
            file["url"] = Value::Null;
            file["saved"] = saved.get(number).map(|path| path.display().to_string()).into();
            file
        });
        json!({
            "job": report.job.to_string(),
            "files": files.collect::<Vec<_>>(),
            "budgets": self.budgets.to_json(),
            "warnings": self.warnings,
            "summary": report.summary,
        })
    }
}

/// Copies what was stored to `out`; answers where to, in the order of the assets.
fn save(ended: &Result<JobReport, JobError>, storage: &Path, out: &Path) -> Result<Vec<PathBuf>, Problem> {
    let assets = match ended {
        Ok(report) => &report.assets,
        Err(error) => &error.assets,
    };
    let copied = assets.iter().map(|asset| {
        let sequence = asset.identity.sequence.map(|sequence| format!("-{:03}", sequence.get())).unwrap_or_default();
        let path = out.join(format!("{}{sequence}.{}", asset.identity.slot, asset.kind.extension()));
        let copied = std::fs::copy(storage.join(asset.key.as_str()), &path);
        copied.map(|_| path).map_err(|error| refuse_out(out, &error))
    });
    copied.collect()
}

fn refuse_out(out: &Path, error: &std::io::Error) -> Problem {
    Problem::input(format!("--out: write to {}: {error}", out.display())).with_next_step("name a directory to write to")
}
