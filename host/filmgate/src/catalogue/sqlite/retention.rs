//! Taking away old records, in small transactions: others write in between.

use jiff::Timestamp;
use sqlx::sqlite::SqlitePool;

use super::codec::{Columns, Fault, millis};
use super::events::{self, NewEvent};
use crate::catalogue::{Cuts, EventKind, Forgotten};
use crate::job::UserId;

/// Rows a transaction takes away: some milliseconds.
const ROWS: i64 = 1_000;

pub(super) async fn forget(pool: &SqlitePool, cuts: &Cuts) -> Result<Forgotten, Fault> {
    const AUDIT: &str = "DELETE FROM audit WHERE seq IN (SELECT seq FROM audit ORDER BY seq LIMIT ?2) AND at < ?1";
    const LOGS: &str = "DELETE FROM logs WHERE seq IN (SELECT seq FROM logs ORDER BY seq LIMIT ?2) AND at < ?1";
    // A job stays as long as an asset of it is there. Its log goes before it, in as small steps as everything.
    const LOGS_OF_JOBS: &str = "DELETE FROM logs WHERE seq IN (SELECT logs.seq FROM jobs JOIN logs ON logs.job = jobs.job \
         WHERE ended_at < ?1 AND ended_at IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM assets WHERE assets.job = jobs.job AND assets.state <> 'gone') LIMIT ?2)";
    const JOBS: &str = "DELETE FROM jobs WHERE job IN (SELECT job FROM jobs WHERE ended_at < ?1 AND ended_at IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM assets WHERE assets.job = jobs.job AND assets.state <> 'gone') LIMIT ?2)";
    const GONE: &str = "DELETE FROM assets WHERE asset IN (SELECT asset FROM assets WHERE state = 'gone' \
         AND state <> 'stored' AND gone_at < ?1 LIMIT ?2)";
    let forgotten = Forgotten {
        lost: give_up(pool, cuts.now).await?,
        events: forget_events(pool, cuts.events).await?,
        audit: in_steps(pool, AUDIT, cuts.audit).await?,
        logs: in_steps(pool, LOGS, cuts.logs).await? + in_steps(pool, LOGS_OF_JOBS, cuts.jobs).await?,
        gone: in_steps(pool, GONE, cuts.gone).await?,
        jobs: in_steps(pool, JOBS, cuts.jobs).await?,
    };
    give_back(pool).await?;
    Ok(forgotten)
}

/// Gives the space of what was taken away back to the file system.
async fn give_back(pool: &SqlitePool) -> Result<(), Fault> {
    loop {
        let free: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(pool).await?;
        // In steps: others write in between. Nothing happens in a file of another kind.
        sqlx::query("PRAGMA incremental_vacuum(1000)").execute(pool).await?;
        let left: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(pool).await?;
        if left == 0 || left >= free {
            return Ok(());
        }
    }
}

async fn in_steps(pool: &SqlitePool, statement: &'static str, before: Option<Timestamp>) -> Result<u64, Fault> {
    let Some(before) = before else { return Ok(0) };
    let mut all = 0;
    loop {
        let done = sqlx::query(statement).bind(millis(before)).bind(ROWS).execute(pool).await?.rows_affected();
        all += done;
        if done == 0 {
            return Ok(all);
        }
    }
}

/// Events go in their order, and the place up to which they are gone is noted with them: a cursor before it is refused.
async fn forget_events(pool: &SqlitePool, before: Option<Timestamp>) -> Result<u64, Fault> {
    const LAST: &str = "SELECT max(seq) FROM (SELECT seq FROM events AS old WHERE seq < coalesce( \
         (SELECT min(seq) FROM (SELECT seq, at FROM events ORDER BY seq LIMIT ?2) WHERE at >= ?1), \
         9223372036854775807) ORDER BY seq LIMIT ?2)";
    let Some(before) = before else { return Ok(0) };
    let mut all = 0;
    loop {
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
        let last: Option<i64> =
            sqlx::query_scalar(LAST).bind(millis(before)).bind(ROWS).fetch_one(&mut *transaction).await?;
        let Some(last) = last else { return Ok(all) };
        let gone = sqlx::query("DELETE FROM events WHERE seq <= ?1").bind(last).execute(&mut *transaction).await?;
        sqlx::query("UPDATE events_cut SET seq = ?1").bind(last).execute(&mut *transaction).await?;
        transaction.commit().await?;
        all += gone.rows_affected();
    }
}

/// Jobs whose host was to be done long ago.
async fn give_up(pool: &SqlitePool, now: Timestamp) -> Result<u64, Fault> {
    const UPDATE: &str = "UPDATE jobs SET state = 'lost', ended_at = ?1 WHERE state = 'running' AND lease_until < ?1 \
         RETURNING job, user";
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let rows = sqlx::query(UPDATE).bind(millis(now)).fetch_all(&mut *transaction).await?;
    let event = |row| {
        let (job, user) = (Columns(row).job("job")?, Columns(row).parsed::<UserId>("user")?);
        Ok(NewEvent { user: Some(user), job: Some(job), ..NewEvent::new(EventKind::JobLost, now) })
    };
    let events = rows.iter().map(event).collect::<Result<Vec<_>, Fault>>()?;
    events::append(&mut transaction, &events).await?;
    transaction.commit().await?;
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}
