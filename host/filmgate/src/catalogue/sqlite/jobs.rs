use sqlx::QueryBuilder;
use sqlx::sqlite::{SqlitePool, SqliteRow};

use super::codec::{Columns, Fault};
use crate::catalogue::{JobFilter, JobHead, JobRecord, Page};
use crate::job::JobId;

/// A job and how many assets of it are stored.
const SELECT: &str = "SELECT *, (SELECT count(*) FROM assets WHERE assets.job = jobs.job AND assets.state = 'stored') \
     AS assets FROM jobs";

pub(super) async fn one(pool: &SqlitePool, id: JobId) -> Result<Option<JobRecord>, Fault> {
    let mut query = QueryBuilder::new(SELECT);
    query.push(" WHERE job = ").push_bind(id.to_bytes().to_vec());
    query.build().fetch_optional(pool).await?.as_ref().map(record).transpose()
}

pub(super) async fn list(pool: &SqlitePool, filter: &JobFilter, page: &Page<JobId>) -> Result<Vec<JobRecord>, Fault> {
    let mut query = QueryBuilder::new(SELECT);
    query.push(" WHERE true");
    if let Some(user) = &filter.user {
        query.push(" AND user = ").push_bind(user.as_str().to_owned());
    }
    if let Some(state) = filter.state {
        query.push(" AND state = ").push_bind(state.as_str());
    }
    if let Some(after) = page.after {
        query.push(" AND job < ").push_bind(after.to_bytes().to_vec());
    }
    query.push(" ORDER BY job DESC LIMIT ").push_bind(i64::from(page.limit));
    query.build().fetch_all(pool).await?.iter().map(record).collect()
}

fn record(row: &SqliteRow) -> Result<JobRecord, Fault> {
    let columns = Columns(row);
    Ok(JobRecord {
        head: JobHead {
            job: columns.job("job")?,
            user: columns.parsed("user")?,
            layout: columns.maybe_parsed("layout")?,
            plugin: columns.maybe_parsed("plugin")?,
            refs: columns.json("refs")?,
            accepted_at: columns.moment("accepted_at")?,
            lease_until: columns.maybe_moment("lease_until")?,
        },
        state: columns.parsed("state")?,
        ended_at: columns.maybe_moment("ended_at")?,
        code: columns.maybe_text("code")?,
        message: columns.maybe_text("message")?,
        usage: columns.maybe_json("usage")?,
        assets: columns.count("assets")?,
    })
}
