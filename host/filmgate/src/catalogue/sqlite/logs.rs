//! What plugins logged.

use sqlx::QueryBuilder;
use sqlx::sqlite::{SqlitePool, SqliteRow};

use super::codec::{Columns, Fault, millis};
use crate::catalogue::{LogAt, LogLine, Page};
use crate::job::JobId;

/// Rows of one statement: six values each, of which SQLite takes 32,766.
const LINES_AT_ONCE: usize = 1_000;

pub(super) async fn add(pool: &SqlitePool, lines: &[LogLine]) -> Result<(), Fault> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    for lines in lines.chunks(LINES_AT_ONCE) {
        let mut insert = QueryBuilder::new("INSERT INTO logs (job, run, line, at, source, text) ");
        insert.push_values(lines, |mut row, line| {
            row.push_bind(line.job.to_bytes().to_vec())
                .push_bind(millis(line.place.run))
                .push_bind(i64::from(line.place.line))
                .push_bind(millis(line.at))
                .push_bind(line.source.as_str())
                .push_bind(line.text.as_str());
        });
        insert.push(" ON CONFLICT (job, run, line) DO NOTHING");
        insert.build().persistent(false).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

pub(super) async fn of_job(pool: &SqlitePool, job: JobId, page: &Page<LogAt>) -> Result<Vec<LogLine>, Fault> {
    const SELECT: &str = "SELECT * FROM logs WHERE job = ?1 AND (run, line) > (?2, ?3) ORDER BY run, line LIMIT ?4";
    let (run, line) = page.after.map_or((i64::MIN, 0), |after| (millis(after.run), i64::from(after.line)));
    let rows = sqlx::query(SELECT).bind(job.to_bytes().to_vec()).bind(run).bind(line).bind(i64::from(page.limit));
    rows.fetch_all(pool).await?.iter().map(log_line).collect()
}

fn log_line(row: &SqliteRow) -> Result<LogLine, Fault> {
    let columns = Columns(row);
    Ok(LogLine {
        job: columns.job("job")?,
        place: LogAt { run: columns.moment("run")?, line: columns.count32("line")? },
        at: columns.moment("at")?,
        source: columns.parsed("source")?,
        text: columns.text("text")?,
    })
}
