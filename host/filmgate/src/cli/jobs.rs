//! `filmgate jobs`: what was asked for, and how it ended.

mod logs;

use clap::{Args, Subcommand};
use filmgate::catalogue::{AssetFilter, JobFilter, JobRecord, Page};
use filmgate::job::JobId;
use serde_json::json;

use super::archive::{self, PageOptions, more, next, parsed};
use super::exit::Exit;
use super::open::{self, Session};
use super::problem::Ended;
use super::table::{Table, or_dash, print_fields, size, time};
use super::terminal::{print_json, print_line};
use super::{SettingOptions, records};

#[derive(Debug, Subcommand)]
pub(super) enum JobsCommand {
    /// List jobs, the latest first
    List(ListArguments),
    /// Show a job, its assets and what happened in it
    Show(ShowArguments),
    /// Show what a job's plugin logged
    Logs(logs::LogsArguments),
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Those for this user
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Those in this state: queued, running, succeeded, failed, cancelled or lost
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    #[command(flatten)]
    page: PageOptions,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The job's id
    #[arg(value_name = "JOB")]
    job: String,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

/// Assets of a job that are shown: a job stores at most some dozen files.
const ASSETS_SHOWN: u32 = 1_000;

pub(super) fn execute(command: JobsCommand) -> Ended {
    match command {
        JobsCommand::List(arguments) => {
            let filter = JobFilter {
                user: parsed("--user", arguments.user.as_deref())?,
                state: parsed("--state", arguments.state.as_deref())?,
            };
            let after = parsed("--after", arguments.page.after.as_deref())?;
            let (page, as_json) = (Page { after, limit: arguments.page.limit }, arguments.settings.json);
            open::with_session(&arguments.settings, |session| list(session, filter, page, as_json))
        }
        JobsCommand::Show(ShowArguments { job, settings }) => {
            let id = super::job_options::parse("JOB", &job)?;
            open::with_session(&settings, |session| show(session, id, settings.json))
        }
        JobsCommand::Logs(logs::LogsArguments { job, settings }) => {
            let id = super::job_options::parse("JOB", &job)?;
            open::with_session(&settings, |session| logs::logs(session, id, settings.json))
        }
    }
}

impl JobsCommand {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "jobs list",
            Self::Show(_) => "jobs show",
            Self::Logs(_) => "jobs logs",
        }
    }

    pub(super) fn wants_json(&self) -> bool {
        match self {
            Self::List(arguments) => arguments.settings.json,
            Self::Show(arguments) => arguments.settings.json,
            Self::Logs(arguments) => arguments.settings.json,
        }
    }
}

async fn list(session: Session, filter: JobFilter, page: Page<JobId>, as_json: bool) -> Ended {
    let limit = page.limit as usize;
    let jobs = match archive::catalogue(&session.config) {
        Some(catalogue) => catalogue.jobs(&filter, page).await.map_err(|error| archive::catalogue_problem(&error))?,
        None => Vec::new(),
    };
    let next = next(&jobs, limit, |last| last.head.job.to_string());
    if as_json {
        let jobs: Vec<_> = jobs.iter().map(records::job).collect();
        print_json(&json!({"jobs": jobs, "next": next}))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["JOB", "USER", "STATE", "ASSETS>", "ACCEPTED", "SECONDS>", "CODE"]);
    for record in &jobs {
        table.add(vec![
            record.head.job.to_string(),
            record.head.user.to_string(),
            record.state.to_string(),
            record.assets.to_string(),
            time(record.head.accepted_at),
            seconds(record),
            record.code.clone().unwrap_or_default(),
        ]);
    }
    table.print()?;
    more(next);
    Ok(Exit::Done)
}

/// From acceptance to end.
fn seconds(record: &JobRecord) -> String {
    let lasted = record.ended_at.map(|ended| ended.duration_since(record.head.accepted_at).as_secs_f64());
    or_dash(lasted.map(|seconds| format!("{seconds:.1}")))
}

async fn show(session: Session, id: JobId, as_json: bool) -> Ended {
    let unknown = || archive::unknown("job", &id.to_string());
    let catalogue = archive::catalogue(&session.config).ok_or_else(unknown)?;
    let problem = |error| archive::catalogue_problem(&error);
    let record = catalogue.job(id).await.map_err(problem)?.ok_or_else(unknown)?;
    let of_job = AssetFilter { job: Some(id), ..AssetFilter::default() };
    let assets = catalogue.assets(&of_job, Page::first(ASSETS_SHOWN)).await.map_err(problem)?;
    let events = catalogue.events_of_job(id).await.map_err(problem)?;
    if as_json {
        let mut object = records::job(&record);
        object["asset_list"] = assets.iter().rev().map(records::asset).collect();
        object["events"] = events.iter().map(records::event).collect();
        print_json(&object)?;
        return Ok(Exit::Done);
    }
    print_fields(&[
        ("job", record.head.job.to_string()),
        ("state", record.state.to_string()),
        ("user", record.head.user.to_string()),
        ("layout", or_dash(record.head.layout.as_ref())),
        ("plugin", or_dash(record.head.plugin)),
        ("accepted", time(record.head.accepted_at)),
        ("ended", or_dash(record.ended_at.map(time))),
        ("seconds", seconds(&record)),
        ("failure", or_dash(record.code.as_ref())),
        ("message", or_dash(record.message.as_ref())),
    ])?;
    if !assets.is_empty() {
        print_line("")?;
        let mut table = Table::new(&["ASSET", "SLOT", "SIZE>", "STATE", "KEY"]);
        for record in assets.iter().rev() {
            let asset = &record.asset;
            let (id, slot, key) = (asset.id.to_string(), asset.slot.to_string(), asset.key.to_string());
            table.add(vec![id, slot, size(asset.size), record.state.to_string(), key]);
        }
        table.print()?;
    }
    print_line("")?;
    let mut table = Table::new(&["TIME", "EVENT", "ASSET"]);
    for event in &events {
        table.add(vec![time(event.at), event.kind.to_string(), or_dash(event.asset)]);
    }
    Ok(table.print().map(|()| Exit::Done)?)
}
