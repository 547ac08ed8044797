//! The log of events and the audit log.

use jiff::Timestamp;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use super::codec::{Columns, Fault, json, millis};
use crate::catalogue::{AuditEntry, CatalogueError, Cursor, Event, EventKind};
use crate::job::{JobId, UserId};
use crate::storage::PublishId;

/// An event that is about to be written.
pub(super) struct NewEvent {
    pub(super) at: Timestamp,
    pub(super) kind: EventKind,
    pub(super) user: Option<UserId>,
    pub(super) job: Option<JobId>,
    pub(super) asset: Option<PublishId>,
    pub(super) data: Option<serde_json::Value>,
}

impl NewEvent {
    pub(super) fn new(kind: EventKind, at: Timestamp) -> Self {
        Self { at, kind, user: None, job: None, asset: None, data: None }
    }
}

/// What a cursor of this kind of catalogue begins with.
const CURSOR: &str = "s1.";

/// Events that one statement writes: a statement costs more than a row, and SQLite takes 32,766 values in one.
const APPENDED_AT_ONCE: usize = 500;

/// Writes events in their order.
pub(super) async fn append(connection: &mut SqliteConnection, events: &[NewEvent]) -> Result<(), Fault> {
    for events in events.chunks(APPENDED_AT_ONCE) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO events (at, kind, user, job, asset, data) ");
        insert.push_values(events, |mut row, event| {
            row.push_bind(millis(event.at))
                .push_bind(event.kind.as_str())
                .push_bind(event.user.as_ref().map(UserId::as_str))
                .push_bind(event.job.map(|job| job.to_bytes().to_vec()))
                .push_bind(event.asset.map(|asset| asset.to_bytes().to_vec()))
                .push_bind(event.data.as_ref().map(json));
        });
        insert.build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

/// One writer at a time: an event with a higher number was committed later, so that the number alone is a cursor.
pub(super) async fn after(pool: &SqlitePool, after: Option<&Cursor>, limit: u32) -> Result<Vec<Event>, Fault> {
    let mut connection = pool.begin().await?;
    let seq = match after {
        None => 0,
        Some(cursor) => {
            let seq = read_cursor(cursor)?;
            let cut: i64 = sqlx::query_scalar("SELECT seq FROM events_cut").fetch_one(&mut *connection).await?;
            if seq < cut {
                return Err(CatalogueError::CursorPassed.into());
            }
            seq
        }
    };
    let rows = sqlx::query("SELECT * FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2");
    let rows = rows.bind(seq).bind(i64::from(limit)).fetch_all(&mut *connection).await?;
    rows.iter().map(event).collect()
}

pub(super) async fn of_job(pool: &SqlitePool, job: JobId) -> Result<Vec<Event>, Fault> {
    let rows = sqlx::query("SELECT * FROM events WHERE job = ?1 AND job IS NOT NULL ORDER BY seq");
    rows.bind(job.to_bytes().to_vec()).fetch_all(pool).await?.iter().map(event).collect()
}

fn read_cursor(cursor: &Cursor) -> Result<i64, CatalogueError> {
    let number = cursor.as_str().strip_prefix(CURSOR).and_then(|text| text.parse().ok());
    number.filter(|seq: &i64| *seq >= 0).ok_or_else(|| CatalogueError::NoCursor(cursor.as_str().to_owned()))
}

fn event(row: &SqliteRow) -> Result<Event, Fault> {
    let columns = Columns(row);
    Ok(Event {
        cursor: Cursor::new(format!("{CURSOR}{}", columns.number("seq")?)),
        at: columns.moment("at")?,
        kind: columns.parsed("kind")?,
        user: columns.maybe_parsed("user")?,
        job: columns.maybe_job("job")?,
        asset: columns.maybe_asset("asset")?,
        data: columns.maybe_json("data")?,
    })
}

pub(super) async fn audit(pool: &SqlitePool, entry: &AuditEntry) -> Result<(), Fault> {
    let mut connection = pool.acquire().await?;
    write_audit(&mut connection, entry).await
}

pub(super) async fn write_audit(connection: &mut SqliteConnection, entry: &AuditEntry) -> Result<(), Fault> {
    sqlx::query("INSERT INTO audit (at, actor, action, subject, granted, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .bind(millis(entry.at))
        .bind(entry.actor.as_str())
        .bind(entry.action.as_str())
        .bind(entry.subject.as_str())
        .bind(entry.granted)
        .bind(entry.detail.as_deref())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn audit_log(pool: &SqlitePool, subject: Option<&str>, limit: u32) -> Result<Vec<AuditEntry>, Fault> {
    let rows = match subject {
        Some(subject) => {
            sqlx::query("SELECT * FROM audit WHERE subject = ?2 ORDER BY seq DESC LIMIT ?1")
                .bind(i64::from(limit))
                .bind(subject)
                .fetch_all(pool)
                .await?
        }
        None => {
            let rows = sqlx::query("SELECT * FROM audit ORDER BY seq DESC LIMIT ?1");
            rows.bind(i64::from(limit)).fetch_all(pool).await?
        }
    };
    rows.iter().map(audit_entry).collect()
}

fn audit_entry(row: &SqliteRow) -> Result<AuditEntry, Fault> {
    let columns = Columns(row);
    Ok(AuditEntry {
        at: columns.moment("at")?,
        actor: columns.text("actor")?,
        action: columns.parsed("action")?,
        subject: columns.text("subject")?,
        granted: row.try_get("granted")?,
        detail: columns.maybe_text("detail")?,
    })
}
