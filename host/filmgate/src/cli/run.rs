use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use filmgate::job::{IdempotencyKey, JobRequest};
use filmgate::report::{JobError, JobFault, JobReport};
use filmgate::{Host, Keyed, Plugin, RunningJob};

use super::events::Display;
use super::exit::Exit;
use super::job_options::{JobOptions, PluginOptions, parse};
use super::open::{self, Session};
use super::problem::{Ended, Problem};
use super::recover::Beside;
use super::signals::Signals;
use super::terminal::print_error;
use super::{SettingOptions, answer};

const EXAMPLES: &str = "\
Examples:
  filmgate run recap.wasm --user ana
  filmgate run recap.wasm --user ana --period 2026-03 --params '{\"title\": \"March\"}'
  filmgate run recap.wasm --user ana --params @params.json --input photo=me.jpg
  filmgate run recap.wasm --user ana --layout pipeline --ref generation=gen_42 --json

The last line on standard output is the URL of the video. Progress and the plugin's log go to standard error.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RunArguments {
    /// The plugin: a WebAssembly component
    #[arg(value_name = "PLUGIN.wasm")]
    plugin: PathBuf,
    /// The plugin's manifest [default: PLUGIN.toml beside it, where it exists]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    #[command(flatten)]
    job: JobOptions,
    /// Your own name for this job: asked for again with it, the job is run at most until it has succeeded once, and no file
    /// is published twice
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Answer with what an equal job that was run so has brought before, if it is still there: same plugin, user, period,
    /// parameters, inputs and layout. An equal job that is under way is waited for. Only for plugins that render the same
    /// from the same
    #[arg(long, conflicts_with = "idempotency_key")]
    reuse: bool,
    #[command(flatten)]
    for_plugin: PluginOptions,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

pub(super) fn execute(arguments: RunArguments) -> Ended {
    let request = arguments.for_plugin.add_to(arguments.job.request()?)?;
    let RunArguments { plugin, manifest, idempotency_key, reuse, settings, .. } = arguments;
    let key = idempotency_key.map(|key| parse("--idempotency-key", &key)).transpose()?;
    let once = match key {
        Some(key) => Once::Named(key),
        None if reuse => Once::Equal,
        None => Once::No,
    };
    let order = Order { request, once, plugin, manifest };
    open::with_session(&settings, |session| run(session, order, settings.json))
}

/// What is to be run.
struct Order {
    request: JobRequest,
    once: Once,
    plugin: PathBuf,
    manifest: Option<PathBuf>,
}

/// Which earlier job would do.
#[derive(Debug)]
enum Once {
    /// None.
    No,
    /// That of this key.
    Named(IdempotencyKey),
    /// An equal one.
    Equal,
}

/// Between two looks whether an equal job is over.
const SINGLE_FLIGHT: Duration = Duration::from_millis(250);

async fn run(session: Session, order: Order, as_json: bool) -> Ended {
    let Order { request, once, plugin, manifest } = order;
    let prepared = async {
        let host = open::host(&session.config).await?;
        // What was done before needs no room: then the job itself finds out.
        if matches!(once, Once::No) {
            open::room(&host, &session.signals).await?;
        }
        let loaded = load(&host, &plugin, manifest.as_deref()).await?;
        Ok::<_, Problem>((host, loaded))
    };
    let (host, plugin) = tokio::select! {
        prepared = prepared => prepared?,
        () = session.signals.first() => return Err(session.signals.stopped()),
    };
    let beside = Beside::start(&host, &session.signals);
    let ended = run_once(&session, &host, request, &once, &plugin, as_json).await;
    beside.finish().await;
    ended
}

async fn run_once(
    session: &Session,
    host: &Host,
    request: JobRequest,
    once: &Once,
    plugin: &Plugin,
    as_json: bool,
) -> Ended {
    loop {
        let start = async {
            match once {
                Once::No => host.start(request.clone(), plugin).map(Keyed::Running),
                Once::Named(key) => host.start_keyed(key, request.clone(), plugin).await,
                Once::Equal => host.start_reusing(request.clone(), plugin).await,
            }
        };
        let started = tokio::select! {
            started = start => started,
            () = session.signals.first() => return Err(session.signals.stopped()),
        };
        let ended = match started {
            Ok(Keyed::Running(running)) => follow(session.clone(), running).await.0,
            Ok(Keyed::Done(report)) => {
                print_error("published before; nothing was run");
                Ok(report)
            }
            Err(error) => Err(error),
        };
        match ended {
            Err(JobError { fault: JobFault::UnderWay(_), .. }) if matches!(once, Once::Equal) => tokio::select! {
                () = tokio::time::sleep(SINGLE_FLIGHT) => {}
                () = session.signals.first() => return Err(session.signals.stopped()),
            },
            ended => {
                let report = ended.map_err(|error| Problem::of_job(&error, session.signals.exit()))?;
                return answer::print(&report, as_json).map(|()| Exit::Done);
            }
        }
    }
}

/// Loads a plugin with its manifest: the one that is named, else the one beside it.
pub(super) async fn load(host: &Host, plugin: &Path, manifest: Option<&Path>) -> Result<Plugin, Problem> {
    let loaded = match manifest {
        Some(manifest) => host.load_plugin_with_manifest(plugin, manifest).await,
        None => host.load_plugin(plugin).await,
    };
    loaded.map_err(|error| refused(&error, plugin))
}

fn refused(error: &JobError, plugin: &Path) -> Problem {
    let problem = Problem::of_job(error, None);
    if matches!(error.fault, JobFault::PluginRefused(_)) { problem.about(plugin) } else { problem }
}

/// Shows a job until it ends and prints its answer. A signal cancels it.
pub(super) async fn finish(session: Session, running: RunningJob, as_json: bool) -> Ended {
    let (ended, signals) = follow(session, running).await;
    let report = ended.map_err(|error| Problem::of_job(&error, signals.exit()))?;
    answer::print(&report, as_json)?;
    Ok(Exit::Done)
}

/// Shows a job until it ends. A signal cancels it.
pub(super) async fn follow(session: Session, running: RunningJob) -> (Result<JobReport, JobError>, Signals) {
    let Session { bars, signals, .. } = session;
    let cancel = running.cancel_token();
    let heard = signals.clone();
    let watch = tokio::spawn(async move {
        heard.first().await;
        cancel.cancel();
    });
    let display = tokio::spawn(Display::new(bars).follow(running.events()));
    let ended = running.wait().await;
    watch.abort();
    // The events end with the job; what was said last is still to be shown.
    let _ = display.await;
    let dropped =
        ended.as_ref().map_or_else(|error| error.usage.log_bytes_dropped, |report| report.usage.log_bytes_dropped);
    if dropped > 0 {
        print_error(&format!("{dropped} bytes of the plugin's log were dropped: raise budget.log"));
    }
    (ended, signals)
}
