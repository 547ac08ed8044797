//! `filmgate assets list --failed`: publishes of the journal that have failed.

use filmgate::catalogue::Page;
use filmgate::publish::{Entry, Journal as _, SqliteJournal, State, Which};
use filmgate::storage::PublishId;
use serde_json::{Value, json};

use super::assets::more;
use super::exit::Exit;
use super::open::{self, Session};
use super::problem::{Ended, Problem};
use super::table::{Table, size, time};
use super::terminal::{print_error, print_json};

pub(super) async fn list(session: Session, page: Page<PublishId>, as_json: bool) -> Ended {
    let path = session.config.data_dir.join("journal.db");
    let entries = if path.exists() {
        let journal = SqliteJournal::open(&path).map_err(|error| open::journal_problem(&error))?;
        let entries = journal.entries(Which::Failed, page.after, page.limit as usize).await;
        entries.map_err(|error| Problem::internal(error.to_string()))?
    } else {
        print_error(&format!("nothing was published yet: there is no {}", path.display()));
        Vec::new()
    };
    let next = entries.last().filter(|_| entries.len() == page.limit as usize).map(|last| last.publish.to_string());
    if as_json {
        let failed: Vec<_> = entries.iter().map(to_json).collect();
        print_json(&json!({"failed": failed, "next": next}))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["PUBLISH", "USER", "SLOT", "SIZE>", "FAILED", "FILE", "REASON"]);
    for entry in &entries {
        let intent = &entry.intent;
        let file = if intent.staged.exists() { intent.staged.display().to_string() } else { "gone".to_owned() };
        table.add(vec![
            entry.publish.to_string(),
            intent.user.to_string(),
            entry.identity.slot.to_string(),
            size(intent.bytes),
            time(entry.changed_at),
            file,
            reason(entry).to_owned(),
        ]);
    }
    table.print()?;
    more(next);
    Ok(Exit::Done)
}

fn to_json(entry: &Entry) -> Value {
    let intent = &entry.intent;
    json!({
        "publish": entry.publish.to_string(),
        "job": entry.identity.job.to_string(),
        "user": intent.user,
        "slot": entry.identity.slot,
        "sequence": entry.identity.sequence,
        "key": intent.key,
        "size": intent.bytes,
        "content_type": intent.kind.content_type(),
        "failed_at": entry.changed_at.to_string(),
        "reason": reason(entry),
        "kept": intent.staged.exists().then(|| intent.staged.display().to_string()),
    })
}

fn reason(entry: &Entry) -> &str {
    match &entry.state {
        State::Failed(reason) => reason,
        other => other.name(),
    }
}
