//! The log of events and the audit log.

use jiff::Timestamp;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Row as _, SqliteConnection};

use super::codec::{Columns, Fault, json, millis};
use crate::catalogue::{AuditEntry, CatalogueError, Cursor, Event, EventKind};
use crate::job::{JobId, UserId};
use crate::storage::PublishId;

/// An event that is about to be written.
pub(super) struct NewEvent<'a> {
    pub(super) kind: EventKind,
    pub(super) user: Option<&'a UserId>,
    pub(super) job: Option<JobId>,
    pub(super) asset: Option<PublishId>,
    pub(super) data: Option<serde_json::Value>,
}

impl NewEvent<'_> {
    pub(super) fn new(kind: EventKind) -> Self {
        Self { kind, user: None, job: None, asset: None, data: None }
    }
}

/// What a cursor of this kind of catalogue begins with.
const CURSOR: &str = "s1.";

pub(super) async fn append(connection: &mut SqliteConnection, at: Timestamp, event: NewEvent<'_>) -> Result<(), Fault> {
    sqlx::query("INSERT INTO events (at, kind, user, job, asset, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .bind(millis(at))
        .bind(event.kind.as_str())
        .bind(event.user.map(UserId::as_str))
        .bind(event.job.map(|job| job.to_bytes().to_vec()))
        .bind(event.asset.map(|asset| asset.to_bytes().to_vec()))
        .bind(event.data.as_ref().map(json))
        .execute(connection)
        .await?;
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
