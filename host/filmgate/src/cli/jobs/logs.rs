//! `filmgate jobs logs`: what a job's plugin logged.

use clap::Args;
use filmgate::catalogue::{Catalogue, JobRecord, LogAt, LogLine, Page};
use filmgate::config::Span;
use filmgate::job::{JobId, printable};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::cli::SettingOptions;
use crate::cli::archive;
use crate::cli::exit::Exit;
use crate::cli::open::Session;
use crate::cli::problem::{Ended, Problem};
use crate::cli::table::time;
use crate::cli::terminal::{AnswerLost, JsonList, print_error, print_line};

const NOTES: &str = "\
Lines come in the order in which they were heard: time, stream, text. Those of the stream `host` say what is missing.
A job keeps as much as budget.log allows, for as long as retention.logs says. While the job is under way its log is some
seconds old; with catalogue.on_write off it is there when the job is over. Signatures of presigned URLs are left out.";

#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(in crate::cli) struct LogsArguments {
    /// The job's id
    #[arg(value_name = "JOB")]
    pub(super) job: String,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingOptions,
}

/// Lines that are read at once.
const PAGE: u32 = 1_000;

pub(super) async fn logs(session: Session, id: JobId, as_json: bool) -> Ended {
    let unknown = || archive::unknown("job", &id.to_string());
    let catalogue = archive::catalogue(&session.config).ok_or_else(unknown)?;
    let problem = |error| archive::catalogue_problem(&error);
    let record = catalogue.job(id).await.map_err(problem)?.ok_or_else(unknown)?;
    // Read before the answer is begun: what fails here is a problem object of its own.
    let first = catalogue.log_of_job(id, Page::first(PAGE)).await.map_err(problem)?;
    if first.is_empty() {
        print_error(&nothing(&record, session.config.retention.logs));
    }
    let mut told = Told { list: as_json.then(|| JsonList::begin("lines")).transpose()?, lines: 0 };
    let ended = told.all(&*catalogue, id, first).await;
    match (told.list, ended) {
        (Some(list), Ok(())) => list.end(&json!({"job": id, "state": record.state, "count": told.lines}))?,
        (Some(list), Err(problem)) => {
            list.end(&problem.to_json())?;
            return Ok(problem.exit());
        }
        (None, ended) => ended?,
    }
    Ok(Exit::Done)
}

/// The answer, told while it is read: a log may be as large as its budget.
struct Told {
    list: Option<JsonList>,
    lines: u64,
}

impl Told {
    async fn all(&mut self, catalogue: &dyn Catalogue, id: JobId, mut lines: Vec<LogLine>) -> Result<(), Problem> {
        loop {
            for line in &lines {
                self.tell(line)?;
            }
            let Some(last) = lines.last() else { return Ok(()) };
            let page: Page<LogAt> = Page::after(last.place, PAGE);
            lines = catalogue.log_of_job(id, page).await.map_err(|error| archive::catalogue_problem(&error))?;
        }
    }

    fn tell(&mut self, line: &LogLine) -> Result<(), AnswerLost> {
        self.lines += 1;
        match &mut self.list {
            Some(list) => list.add(&json!({
                "at": line.at.to_string(),
                "stream": line.source,
                "text": line.text,
            })),
            // Another program may have written the records.
            None => {
                let text = printable(&line.text).replace('\n', " ");
                print_line(format!("{}  {:<6}  {text}", time(line.at), line.source.as_str()).trim_end())
            }
        }
    }
}

/// Why there is no line.
fn nothing(record: &JobRecord, kept: Option<std::time::Duration>) -> String {
    let id = record.head.job;
    let kept = kept.filter(|kept| {
        let age = SignedDuration::try_from(*kept).unwrap_or(SignedDuration::MAX);
        record.ended_at.is_some_and(|ended| Timestamp::now().duration_since(ended) > age)
    });
    match kept {
        _ if record.head.plugin.is_none() => format!("job {id} has no log: no plugin ran in it"),
        Some(kept) => format!("job {id} has no log: it ended longer ago than logs are kept ({})", Span(kept)),
        None if record.ended_at.is_none() => format!("job {id} has logged nothing so far"),
        None => format!("job {id} logged nothing"),
    }
}
