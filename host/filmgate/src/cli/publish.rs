use std::path::PathBuf;

use clap::Args;
use filmgate::job::{JobRequest, Slot};

use super::SettingOptions;
use super::job_options::{JobOptions, parse};
use super::open::{self, Session};
use super::problem::{Ended, Problem};
use super::run::finish;

const EXAMPLES: &str = "\
Examples:
  filmgate publish video.mp4 --user ana --period 2026-03
  filmgate publish cover.jpg --user ana --slot thumbnail --move --json

The file is checked like one from a plugin: it must be a kind the slot takes, and nobody may have it open for writing.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PublishArguments {
    /// The finished file
    file: PathBuf,
    #[command(flatten)]
    job: JobOptions,
    /// Place in the layout, for example video or thumbnail [default: the layout's main slot]
    #[arg(long, value_name = "SLOT")]
    slot: Option<String>,
    /// Delete the file once it is stored and proven
    #[arg(long = "move")]
    remove: bool,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

pub(super) fn execute(arguments: PublishArguments) -> Ended {
    let request = arguments.job.request()?;
    let slot: Option<Slot> = arguments.slot.as_deref().map(|slot| parse("--slot", slot)).transpose()?;
    let PublishArguments { file, remove, settings, .. } = arguments;
    if !file.is_file() {
        let fault = if file.exists() { "is not a file" } else { "does not exist" };
        return Err(Problem::input(format!("{} {fault}", file.display())).with_next_step("name an existing file"));
    }
    open::with_session(&settings, |session| publish(session, request, slot, file, remove, settings.json))
}

async fn publish(
    session: Session,
    request: JobRequest,
    slot: Option<Slot>,
    file: PathBuf,
    remove: bool,
    as_json: bool,
) -> Ended {
    let host = tokio::select! {
        host = open::host(&session.config) => host?,
        () = session.signals.first() => return Err(session.signals.stopped()),
    };
    let running = host.publish(request, slot, &file, remove).map_err(|error| Problem::of_job(&error, None))?;
    finish(session, running, as_json).await
}
