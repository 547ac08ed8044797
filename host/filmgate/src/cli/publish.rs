mod folder;

use std::path::{Path, PathBuf};
use std::pin::pin;

use clap::Args;
use filmgate::job::{JobRequest, Slot};
use filmgate::publish::Patience;
use filmgate::report::{JobError, JobFault, JobReport};
use filmgate::{Host, Keyed};
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
use super::terminal::{print_error, print_json};
use super::{SettingOptions, answer};
use folder::{Item, MANIFEST_FROM, Manifest};

const EXAMPLES: &str = "\
Examples:
  filmgate publish video.mp4 --user ana --period 2026-03
  filmgate publish cover.jpg --user ana --slot thumbnail --move --json
  filmgate publish *.mp4 --user ana
  filmgate publish clips/ --user ana --json

The file is checked like one from a plugin: it must be a kind the slot takes, and nobody may have it open for writing.
Each of several files is a job of its own: they go up side by side, their URLs come in the order of the files, and one that
fails does not keep the others back. A directory stands for the files below it. Those are published once: when the same
directory is published again, a file that is unchanged answers what it was published as, so that only failed and new ones go
up; one whose asset was deleted is told as gone, and goes up again only where it is named itself. More than 100 files of
directories get a manifest, in the slot metadata.";

/// Files under way at once. What of them is sent at once is the storage's matter.
const FILES_AT_ONCE: usize = 16;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PublishArguments {
    /// The finished files, or directories of them
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
    let items = folder::expand(&files)?;
    let order = Order { request, slot, remove };
    open::with_session(&settings, |session| publish(session, order, items, settings.json))
}

async fn publish(session: Session, order: Order, items: Vec<Item>, as_json: bool) -> Ended {
    // Nothing is rendered first, so nothing is lost if the storage turns out to be away: the upload itself finds out.
    let host = tokio::select! {
        host = open::host_unreached(&session.config) => host?,
        () = session.signals.first() => return Err(session.signals.stopped()),
    };
    // Files of directories may be published already: each finds out itself whether it needs room.
    if items.iter().any(|item| !item.is_found) {
        open::room(&host, &session.signals).await?;
    }
    let beside = Beside::start(&host, &session.signals);
    let ended = if let [Item { file, is_found: false }] = items.as_slice() {
        let Order { request, slot, remove } = order;
        let running = host.publish(request, slot, file, remove).map_err(|error| Problem::of_job(&error, None))?;
        finish(session, running, as_json).await
    } else {
        publish_all(&session, &host, &order, items, as_json).await
    };
    beside.finish().await;
    ended
}

/// Answers for every file, in their order; the exit code is that of the first failure.
async fn publish_all(session: &Session, host: &Host, order: &Order, items: Vec<Item>, as_json: bool) -> Ended {
    let cancel = session.signals.token();
    let patience = Patience::default();
    let jobs = items.into_iter().map(|item| {
        let (order, bars, patience) = (order.clone(), session.bars.clone(), &patience);
        async move {
            let ended = publish_one(session, host, order, &item, bars, patience).await;
            (item, ended)
        }
    });
    let mut ends = futures::stream::iter(jobs).buffered(FILES_AT_ONCE);
    let (mut exit, mut answers, mut reports, mut found) = (Exit::Done, Vec::new(), Vec::new(), Vec::new());
    while let Some((Item { file, is_found }, ended)) = ends.next().await {
        let failure = match &ended {
            Ok(report) if as_json => answer::json_of(report).map(|object| answers.push(beside(object, &file))).err(),
            Ok(report) => answer::print_url(report).err(),
            Err(_) => None,
        };
        let problem = match ended {
            Ok(report) => {
                if is_found {
                    found.push((file.clone(), report.clone()));
                }
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
    let manifest = if found.len() > MANIFEST_FROM && !cancel.is_cancelled() {
        publish_manifest(session, host, order, &found, cancel).await?
    } else {
        None
    };
    if as_json {
        let manifest = manifest.as_ref().map(answer::json_of).transpose()?;
        let object = json!({ "exit_code": exit.code(), "files": answers, "manifest": manifest });
        print_json(&object).map_err(|lost| answer::lost_of(&lost, &reports))?;
    }
    Ok(exit)
}

/// The list of what directories brought, published like the files themselves. Nothing where it was published and deleted.
async fn publish_manifest(
    session: &Session,
    host: &Host,
    order: &Order,
    found: &[(PathBuf, JobReport)],
    cancel: &CancellationToken,
) -> Result<Option<JobReport>, Problem> {
    let failed = |error: &dyn std::fmt::Display| Problem::internal(format!("write the manifest: {error}"));
    let manifest = Manifest::write(found, &order.request).map_err(|error| failed(&error))?;
    let slot: Slot = "metadata".parse().map_err(|error| failed(&error))?;
    let started = host.publish_keyed(&manifest.key, order.request.clone(), Some(slot), &manifest.file, false);
    let started = match started.await {
        Err(JobError { fault: fault @ JobFault::Gone(_), .. }) => {
            print_error(&format!("the manifest of {} files is not made again: {fault}", found.len()));
            return Ok(None);
        }
        started => started,
    };
    let ended = until_end(started, cancel, session.bars.clone()).await;
    let report = ended.map_err(|error| Problem::of_job(&error, session.signals.exit()))?;
    if let Some(asset) = report.main_asset() {
        print_error(&format!("manifest of {} files: {}", found.len(), asset.key));
    }
    Ok(Some(report))
}

/// One of several files. While the store is left alone, the next ones wait.
async fn publish_one(
    session: &Session,
    host: &Host,
    order: Order,
    item: &Item,
    bars: MultiProgress,
    patience: &Patience,
) -> Result<JobReport, Problem> {
    let cancel = session.signals.token();
    if cancel.is_cancelled() {
        return Err(session.signals.stopped());
    }
    let _ahead = patience.turn(cancel).await;
    let Order { request, slot, remove } = order;
    let file = &item.file;
    let started = if item.is_found {
        let key = folder::key_of(file, &request, slot.as_ref());
        let key = key.map_err(|error| Problem::input(format!("{}: {error}", file.display())))?;
        host.publish_keyed(&key, request, slot, file, remove).await
    } else {
        host.publish(request, slot, file, remove).map(Keyed::Running)
    };
    // What was published before says nothing of the store now.
    let is_new = matches!(started, Ok(Keyed::Running(_)));
    let ended = until_end(started, cancel, bars).await;
    match &ended {
        Ok(_) if is_new => patience.renew(),
        Ok(_) => {}
        Err(error) => {
            if let Some(error) = error.storage() {
                patience.note(error);
            }
        }
    }
    ended.map_err(|error| Problem::of_job(&error, session.signals.exit()))
}

/// Shows a job until it ends; `cancel` ends it early.
async fn until_end(
    started: Result<Keyed, JobError>,
    cancel: &CancellationToken,
    bars: MultiProgress,
) -> Result<JobReport, JobError> {
    let running = match started? {
        Keyed::Done(report) => return Ok(report),
        Keyed::Running(running) => running,
    };
    let stop = running.cancel_token();
    let follow = Display::new(bars).follow(running.events());
    let mut job = pin!(async { tokio::join!(running.wait(), follow).0 });
    tokio::select! {
        ended = &mut job => ended,
        () = cancel.cancelled() => {
            stop.cancel();
            job.await
        }
    }
}

fn beside(mut object: Value, file: &Path) -> Value {
    object["file"] = file.display().to_string().into();
    object
}
