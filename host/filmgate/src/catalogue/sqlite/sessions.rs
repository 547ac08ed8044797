use sqlx::QueryBuilder;
use sqlx::sqlite::{SqlitePool, SqliteRow};

use super::assets;
use super::codec::{Columns, Fault, millis};
use super::events;
use crate::catalogue::{Deletion, Page, SceneRecord, SessionFilter, SessionId, SessionRecord};
use crate::storage::PublishId;

/// A session and what of it is stored.
const SELECT: &str = "SELECT *, \
     (SELECT count(*) FROM scenes WHERE scenes.user = s.user AND scenes.session = s.session) AS scenes, \
     (SELECT count(*) FROM assets WHERE assets.session = s.session AND assets.user = s.user AND state = 'stored') \
         AS assets, \
     (SELECT coalesce(sum(size), 0) FROM assets WHERE assets.session = s.session AND assets.user = s.user \
         AND state = 'stored') AS bytes \
     FROM sessions AS s";

pub(super) async fn one(pool: &SqlitePool, id: &SessionId) -> Result<Option<SessionRecord>, Fault> {
    let mut query = QueryBuilder::new(SELECT);
    query.push(" WHERE user = ").push_bind(id.user.as_str().to_owned());
    query.push(" AND session = ").push_bind(id.session.as_str().to_owned());
    query.build().fetch_optional(pool).await?.as_ref().map(record).transpose()
}

pub(super) async fn list(
    pool: &SqlitePool,
    filter: &SessionFilter,
    page: &Page<SessionId>,
) -> Result<Vec<SessionRecord>, Fault> {
    let mut query = QueryBuilder::new(SELECT);
    query.push(" WHERE true");
    if let Some(user) = &filter.user {
        query.push(" AND user = ").push_bind(user.as_str().to_owned());
    }
    if !filter.with_deleted {
        query.push(" AND deleted_at IS NULL");
    }
    if let Some(after) = &page.after {
        query.push(" AND (user, session) > (").push_bind(after.user.as_str().to_owned());
        query.push(", ").push_bind(after.session.as_str().to_owned()).push(")");
    }
    query.push(" ORDER BY user, session LIMIT ").push_bind(i64::from(page.limit));
    query.build().fetch_all(pool).await?.iter().map(record).collect()
}

pub(super) async fn scenes(pool: &SqlitePool, id: &SessionId) -> Result<Vec<SceneRecord>, Fault> {
    const SCENES: &str = "SELECT scene, created_at, \
         (SELECT count(*) FROM assets WHERE assets.session = s.session AND assets.user = s.user \
             AND assets.scene = s.scene AND state = 'stored') AS assets, \
         (SELECT coalesce(sum(size), 0) FROM assets WHERE assets.session = s.session AND assets.user = s.user \
             AND assets.scene = s.scene AND state = 'stored') AS bytes \
         FROM scenes AS s WHERE user = ?1 AND session = ?2 ORDER BY scene";
    let rows = sqlx::query(SCENES).bind(id.user.as_str()).bind(id.session.as_str()).fetch_all(pool).await?;
    rows.iter()
        .map(|row| {
            let columns = Columns(row);
            Ok(SceneRecord {
                scene: columns.parsed("scene")?,
                created_at: columns.moment("created_at")?,
                assets: columns.count("assets")?,
                bytes: columns.count("bytes")?,
            })
        })
        .collect()
}

pub(super) async fn delete(
    pool: &SqlitePool,
    id: &SessionId,
    deletion: &Deletion,
) -> Result<Option<Vec<PublishId>>, Fault> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let update = sqlx::query("UPDATE sessions SET deleted_at = ?3 WHERE user = ?1 AND session = ?2");
    let update = update.bind(id.user.as_str()).bind(id.session.as_str()).bind(millis(deletion.at));
    if update.execute(&mut *transaction).await?.rows_affected() == 0 {
        return Ok(None);
    }
    let rows = sqlx::query(
        "SELECT asset, user, job FROM assets WHERE session = ?2 AND user = ?1 AND state = 'stored' ORDER BY asset",
    );
    let rows = rows.bind(id.user.as_str()).bind(id.session.as_str()).fetch_all(&mut *transaction).await?;
    let ids = assets::mark(&mut transaction, &rows, deletion).await?;
    events::write_audit(&mut transaction, &assets::audit_entry(deletion, id.to_string())).await?;
    transaction.commit().await?;
    Ok(Some(ids))
}

fn record(row: &SqliteRow) -> Result<SessionRecord, Fault> {
    let columns = Columns(row);
    Ok(SessionRecord {
        id: SessionId { user: columns.parsed("user")?, session: columns.parsed("session")? },
        created_at: columns.moment("created_at")?,
        updated_at: columns.moment("updated_at")?,
        deleted_at: columns.maybe_moment("deleted_at")?,
        scenes: columns.count("scenes")?,
        assets: columns.count("assets")?,
        bytes: columns.count("bytes")?,
    })
}
