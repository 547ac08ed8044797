//! `filmgate assets list --failed`: files whose publish has failed. They are kept, and on no record but the journal.

use filmgate::config::Config;
use filmgate::publish::{Entry, Journal as _, SqliteJournal, State, Which};
use filmgate::storage::PublishId;
use serde_json::{Value, json};

use super::archive::{more, next};
use super::exit::Exit;
use super::open;
use super::problem::{Ended, Problem};
use super::table::{Table, size, time};
use super::terminal::{print_error, print_json};

/// Lists them, the oldest first.
pub(super) async fn list(config: &Config, after: Option<PublishId>, limit: u32, as_json: bool) -> Ended {
    let limit = limit as usize;
    let entries = entries(config, after, limit).await?;
    let next = next(&entries, limit, |last| last.publish.to_string());
    if as_json {
        let failed: Vec<_> = entries.iter().map(object).collect();
        print_json(&json!({"failed": failed, "next": next}))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["PUBLISH", "USER", "SLOT", "SIZE>", "FAILED", "FILE", "ERROR"]);
    for entry in &entries {
        table.add(vec![
            entry.publish.to_string(),
            entry.intent.user.to_string(),
            entry.identity.slot.to_string(),
            size(entry.intent.bytes),
            time(entry.changed_at),
            entry.intent.staged.display().to_string(),
            why(entry).to_owned(),
        ]);
    }
    table.print()?;
    more(next);
    if !entries.is_empty() {
        print_error(
            "`filmgate retry PUBLISH` tries again, `filmgate discard PUBLISH` gives up, and deletes what a plugin made",
        );
    }
    Ok(Exit::Done)
}

async fn entries(config: &Config, after: Option<PublishId>, limit: usize) -> Result<Vec<Entry>, Problem> {
    let path = config.data_dir.join(SqliteJournal::FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let journal = SqliteJournal::open(&path).map_err(|error| open::journal_problem(&error))?;
    journal.entries(Which::Failed, after, limit).await.map_err(|error| open::journal_problem(&error))
}

fn why(entry: &Entry) -> &str {
    match &entry.state {
        State::Failed(why) => why,
        other => other.name(),
    }
}

fn object(entry: &Entry) -> Value {
    json!({
        "publish": entry.publish.to_string(),
        "user": entry.intent.user,
        "job": entry.identity.job,
        "slot": entry.identity.slot,
        "sequence": entry.identity.sequence,
        "key": entry.intent.key,
        "size": entry.intent.bytes,
        "content_type": entry.intent.kind.content_type(),
        "failed_at": entry.changed_at.to_string(),
        "file": entry.intent.staged.display().to_string(),
        "error": why(entry),
    })
}
