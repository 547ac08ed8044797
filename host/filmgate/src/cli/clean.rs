//! `filmgate clean`: deletes what is marked or too old, and takes away old records.

use clap::Args;
use filmgate::archive::{CleanOptions, CleanReport};
use serde_json::json;

use super::SettingOptions;
use super::archive;
use super::exit::Exit;
use super::open::{self, Session};
use super::problem::Ended;
use super::table::print_fields;
use super::terminal::print_json;

const NOTES: &str = "\
Files go as the slots of the layouts and retention.prefixes say, old versions by retention.versions, records by
retention.events, .audit, .logs, .jobs and .gone. Run it now and then, for example every hour by a timer; it may run beside
anything else, and beside itself.";

#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(super) struct CleanArguments {
    /// Try deletions that failed before at once, without their wait
    #[arg(long)]
    retry_now: bool,
    #[command(flatten)]
    pub(super) settings: SettingOptions,
}

pub(super) fn execute(arguments: CleanArguments) -> Ended {
    let CleanArguments { retry_now, settings } = arguments;
    open::with_session(&settings, |session| clean(session, retry_now, settings.json))
}

async fn clean(session: Session, retry_all: bool, as_json: bool) -> Ended {
    let archive = archive::open(&session.config).await?;
    let options = CleanOptions { retry_all, ..CleanOptions::default() };
    let report = tokio::select! {
        report = archive.clean(options) => report.map_err(|error| archive::problem(&error))?,
        () = session.signals.first() => return Err(session.signals.stopped()),
    };
    if let Some(mut problem) = archive::left(&report.removal) {
        problem.add("report", Some(to_json(&report)));
        return Err(problem);
    }
    if as_json {
        print_json(&to_json(&report))?;
    } else {
        print_fields(&[
            ("marked by age", report.expired.to_string()),
            ("marked as old versions", report.superseded.to_string()),
            ("objects deleted", report.removal.removed.to_string()),
            ("waiting for another try", report.waiting.to_string()),
            ("jobs given up", report.forgotten.lost.to_string()),
            ("old events", report.forgotten.events.to_string()),
            ("old audit entries", report.forgotten.audit.to_string()),
            ("old lines of logs", report.forgotten.logs.to_string()),
            ("old jobs", report.forgotten.jobs.to_string()),
            ("old records of gone assets", report.forgotten.gone.to_string()),
        ])?;
    }
    Ok(Exit::Done)
}

fn to_json(report: &CleanReport) -> serde_json::Value {
    json!({
        "expired": report.expired,
        "superseded": report.superseded,
        "removal": archive::removal_json(&report.removal),
        "waiting": report.waiting,
        "forgotten": {
            "events": report.forgotten.events,
            "audit": report.forgotten.audit,
            "logs": report.forgotten.logs,
            "jobs": report.forgotten.jobs,
            "gone": report.forgotten.gone,
        },
        "jobs_lost": report.forgotten.lost,
    })
}
