//! What the commands on records share: opening, problems, paging.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use filmgate::archive::{Archive, ArchiveError, Removal};
use filmgate::catalogue::{Catalogue, CatalogueError, Deletion, SqliteCatalogue};
use filmgate::config::Config;
use filmgate::outbox::DataDir;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::exit::Exit;
use super::open::data_dir_problem;
use super::problem::{ELSEWHERE_STEP, Problem};
use super::terminal::print_error;

/// Which of many rows.
#[derive(Debug, Clone, Args)]
pub(super) struct PageOptions {
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) limit: u32,
    /// Go on after this one, the last of the page before
    #[arg(long, value_name = "ID")]
    pub(super) after: Option<String>,
}

/// How to go on behind a page that is full.
pub(super) fn next<T>(page: &[T], limit: usize, id: impl Fn(&T) -> String) -> Option<String> {
    page.last().filter(|_| page.len() == limit).map(id)
}

/// The same for people.
pub(super) fn more(next: Option<String>) {
    if let Some(next) = next {
        print_error(&format!("there may be more: go on with --after {next}"));
    }
}

/// A text of the command line as what it is to be.
pub(super) fn parsed<T: FromStr<Err: Display>>(option: &str, text: Option<&str>) -> Result<Option<T>, Problem> {
    text.map(|text| super::job_options::parse(option, text)).transpose()
}

/// The catalogue of the data directory; `None`, and a word on standard error, where there is none yet.
pub(super) fn catalogue(config: &Config) -> Option<Arc<dyn Catalogue>> {
    let path = config.data_dir.join(SqliteCatalogue::FILE);
    if path.exists() {
        return Some(Arc::new(SqliteCatalogue::new(path)));
    }
    print_error(&format!("nothing is on record yet: there is no {}", path.display()));
    None
}

/// The records and the storage they speak of.
pub(super) async fn open(config: &Config) -> Result<Archive, Problem> {
    // First, because local storage lies in the data directory unless somebody says otherwise.
    DataDir::open(&config.data_dir).map_err(|error| data_dir_problem(&error))?;
    let catalogue = Arc::new(SqliteCatalogue::new(config.data_dir.join(SqliteCatalogue::FILE)));
    let storage = config.storage.open(&config.layouts).await.map_err(|error| Problem::of_storage(&error))?;
    Ok(Archive::new(catalogue, storage, config.urls.clone(), config.layouts.clone(), config.retention.clone()))
}

/// Who asks, for the audit log.
pub(super) fn actor() -> String {
    format!("operator (uid {})", rustix::process::getuid().as_raw())
}

pub(super) fn deletion(reason: &str) -> Deletion {
    Deletion { at: Timestamp::now(), by: actor(), reason: reason.to_owned() }
}

pub(super) fn unknown(what: &'static str, name: &str) -> Problem {
    problem(&ArchiveError::Unknown { what, name: name.to_owned() })
}

pub(super) fn problem(error: &ArchiveError) -> Problem {
    match error {
        ArchiveError::Catalogue(error) => catalogue_problem(error),
        ArchiveError::Storage(error) => Problem::of_storage(error),
        ArchiveError::Unknown { what, .. } => {
            let list = if *what == "session" {
                "sessions"
            } else if *what == "job" {
                "jobs"
            } else {
                "assets"
            };
            let step =
                format!("`filmgate {list} list` shows what is; records of what is gone are kept for retention.gone");
            Problem::new(Exit::NotFound, "not-found", error.to_string()).with_next_step(step)
        }
        ArchiveError::Gone { at, .. } => {
            let mut problem = Problem::new(Exit::Gone, "gone", error.to_string());
            problem.add("deleted_at", Some(at.to_string()));
            problem
        }
        ArchiveError::Elsewhere { .. } => {
            Problem::new(Exit::Usage, "invalid-settings", error.to_string()).with_next_step(ELSEWHERE_STEP)
        }
    }
}

pub(super) fn catalogue_problem(error: &CatalogueError) -> Problem {
    let problem = Problem::new(Exit::CatalogueUnusable, "catalogue-unusable", error.to_string());
    match error.next_step() {
        Some(step) => problem.with_next_step(step),
        None => problem,
    }
}

/// What a removal left, as a problem; `None` where it left nothing.
pub(super) fn left(removal: &Removal) -> Option<Problem> {
    if removal.is_complete() {
        return None;
    }
    let count = removal.failed + removal.left;
    let first = removal.failures.first().map(|failure| format!(": {}", failure.error)).unwrap_or_default();
    let objects = if count == 1 { "1 object is" } else { &format!("{count} objects are") };
    let detail = format!("deleted on record, but {objects} still in the store{first}");
    let mut problem = Problem::new(Exit::CleanUpIncomplete, "clean-up-incomplete", detail)
        .with_next_step("mend the cause, then `filmgate clean --retry-now` takes them away, or a later `clean`; nobody gets them meanwhile");
    problem.add("removal", Some(removal_json(removal)));
    Some(problem)
}

pub(super) fn removal_json(removal: &Removal) -> Value {
    let failures = removal.failures.iter().map(
        |failure| json!({"asset": failure.id.to_string(), "key": failure.key, "error": failure.error.to_string()}),
    );
    json!({
        "removed": removal.removed,
        "failed": removal.failed,
        "left": removal.left,
        "failures": failures.collect::<Vec<_>>(),
    })
}
