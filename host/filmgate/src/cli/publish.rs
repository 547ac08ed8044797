use std::path::{Path, PathBuf};
use std::pin::pin;

use clap::Args;
use filmgate::Host;
use filmgate::job::{JobRequest, Slot};
use filmgate::report::JobReport;
use futures::StreamExt as _;
use indicatif::MultiProgress;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::events::Display;
use super::exit::Exit;
use super::job_options::{JobOptions, parse};
use super::open::{self, Session};
use super::problem::{Ended, Problem};
use super::recover::Beside;
use super::run::finish;
use super::terminal::print_json;
use super::{SettingOptions, answer};

const EXAMPLES: &str = "\
Examples:
  filmgate publish video.mp4 --user ana --period 2026-03
  filmgate publish cover.jpg --user ana --slot thumbnail --move --json
  filmgate publish *.mp4 --user ana

The file is checked like one from a plugin: it must be a kind the slot takes, and nobody may have it open for writing.
Each of several files is a job of its own: they go up side by side, their URLs come in the order of the files, and one that
fails does not keep the others back.";

/// Files under way at once. What of them is sent at once is the storage's matter.
const FILES_AT_ONCE: usize = 16;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PublishArguments {
    /// The finished files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    job: JobOptions,
    /// Place in the layout, for example video or thumbnail [default: the layout's main slot]
    #[arg(long, value_name = "SLOT")]
    slot: Option<String>,
    /// Delete each file once it is stored and proven
    #[arg(long = "move")]
    remove: bool,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

/// What is to be done with every file.
#[derive(Debug, Clone)]
struct Order {
    request: JobRequest,
    slot: Option<Slot>,
    remove: bool,
}

pub(super) fn execute(arguments: PublishArguments) -> Ended {
    let request = arguments.job.request()?;
    let slot: Option<Slot> = arguments.slot.as_deref().map(|slot| parse("--slot", slot)).transpose()?;
    let PublishArguments { files, remove, settings, .. } = arguments;
    if let Some(file) = files.iter().find(|file| !file.is_file()) {
        let fault = if file.exists() { "is not a file" } else { "does not exist" };
        return Err(Problem::input(format!("{} {fault}", file.display())).with_next_step("name an existing file"));
    }
    let order = Order { request, slot, remove };
    open::with_session(&settings, |session| publish(session, order, files, settings.json))
}

async fn publish(session: Session, order: Order, files: Vec<PathBuf>, as_json: bool) -> Ended {
    // Nothing is rendered first, so nothing is lost if the storage turns out to be away: the upload itself finds out.
    let host = tokio::select! {
        host = open::host_unreached(&session.config) => host?,
        () = session.signals.first() => return Err(session.signals.stopped()),
    };
    let (beside, signals) = (Beside::start(&host), session.signals.clone());
    let ended = if let [file] = files.as_slice() {
        let Order { request, slot, remove } = order;
        let running = host.publish(request, slot, file, remove).map_err(|error| Problem::of_job(&error, None))?;
        finish(session, running, as_json).await
    } else {
        publish_all(&session, &host, &order, files, as_json).await
    };
    beside.finish(&signals).await;
    ended
}

/// Answers for every file, in their order; the exit code is that of the first failure.
async fn publish_all(session: &Session, host: &Host, order: &Order, files: Vec<PathBuf>, as_json: bool) -> Ended {
    let cancel = CancellationToken::new();
    let (heard, stop) = (session.signals.clone(), cancel.clone());
    let watch = tokio::spawn(async move {
        heard.first().await;
        stop.cancel();
    });
    let jobs = files.into_iter().map(|file| {
        let (order, cancel, bars) = (order.clone(), &cancel, session.bars.clone());
        async move {
            let ended = publish_one(session, host, order, &file, cancel, bars).await;
            (file, ended)
        }
    });
    let mut ends = futures::stream::iter(jobs).buffered(FILES_AT_ONCE);
    let (mut exit, mut answers, mut reports) = (Exit::Done, Vec::new(), Vec::new());
    while let Some((file, ended)) = ends.next().await {
        let failure = match &ended {
            Ok(report) if as_json => answer::json_of(report).map(|object| answers.push(beside(object, &file))).err(),
            Ok(report) => answer::print_url(report).err(),
            Err(_) => None,
        };
        let problem = match ended {
            Ok(report) => {
                reports.push(report);
                failure
            }
            Err(problem) => Some(problem),
        };
        let Some(problem) = problem.map(|problem| problem.of_command("publish").about(&file)) else { continue };
        if exit == Exit::Done {
            exit = problem.exit();
        }
        if as_json {
            answers.push(beside(problem.to_json(), &file));
        } else {
            problem.print(false);
        }
    }
    watch.abort();
    if as_json {
        let object = json!({ "exit_code": exit.code(), "files": answers });
        print_json(&object).map_err(|lost| answer::lost_of(&lost, &reports))?;
    }
    Ok(exit)
}

async fn publish_one(
    session: &Session,
    host: &Host,
    order: Order,
    file: &Path,
    cancel: &CancellationToken,
    bars: MultiProgress,
) -> Result<JobReport, Problem> {
    if cancel.is_cancelled() {
        return Err(session.signals.stopped());
    }
    let Order { request, slot, remove } = order;
    let running = host.publish(request, slot, file, remove).map_err(|error| Problem::of_job(&error, None))?;
    let stop = running.cancel_token();
    let follow = Display::new(bars).follow(running.events());
    let mut job = pin!(async { tokio::join!(running.wait(), follow).0 });
    let ended = tokio::select! {
        ended = &mut job => ended,
        () = cancel.cancelled() => {
            stop.cancel();
            job.await
        }
    };
    ended.map_err(|error| Problem::of_job(&error, session.signals.exit()))
}

fn beside(mut object: Value, file: &Path) -> Value {
    object["file"] = file.display().to_string().into();
    object
}
