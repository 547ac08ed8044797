use jiff::Timestamp;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::codec::{Columns, Fault, millis};
use super::events::{self, NewEvent};
use crate::catalogue::{
    AssetAt, AssetFilter, AssetRecord, AssetState, AuditAction, AuditEntry, Deletion, DeletionState, EventKind,
    NewAsset, Page,
};
use crate::job::{JobId, Sequence, UserId};
use crate::key::ObjectKey;
use crate::storage::PublishId;

pub(super) async fn one(pool: &SqlitePool, id: PublishId) -> Result<Option<AssetRecord>, Fault> {
    let row = sqlx::query("SELECT * FROM assets WHERE asset = ?1").bind(id.to_bytes().to_vec());
    row.fetch_optional(pool).await?.as_ref().map(record).transpose()
}

pub(super) async fn at_key(pool: &SqlitePool, key: &ObjectKey) -> Result<Vec<AssetRecord>, Fault> {
    let rows = sqlx::query("SELECT * FROM assets WHERE key = ?1 ORDER BY asset DESC LIMIT 100").bind(key.as_str());
    rows.fetch_all(pool).await?.iter().map(record).collect()
}

pub(super) async fn list(
    pool: &SqlitePool,
    filter: &AssetFilter,
    page: &Page<PublishId>,
) -> Result<Vec<AssetRecord>, Fault> {
    let mut query = QueryBuilder::new("SELECT * FROM assets WHERE true");
    narrow(&mut query, filter);
    if let Some(after) = page.after {
        query.push(" AND asset < ").push_bind(after.to_bytes().to_vec());
    }
    // A session of a user is small: sorting it takes less than looking for it among all that the user has.
    let sorts = filter.session.is_some() && filter.user.is_some();
    query.push(if sorts { " ORDER BY +asset DESC LIMIT " } else { " ORDER BY asset DESC LIMIT " });
    query.push_bind(i64::from(page.limit));
    query.build().fetch_all(pool).await?.iter().map(record).collect()
}

pub(super) async fn by_key(
    pool: &SqlitePool,
    place: &str,
    prefix: &str,
    page: &Page<AssetAt>,
) -> Result<Vec<AssetRecord>, Fault> {
    // `key >= prefix` first, so that the index of keys is entered where the page begins.
    let mut query = QueryBuilder::new("SELECT * FROM assets WHERE key >= ");
    match &page.after {
        None => query.push_bind(prefix.to_owned()),
        Some(after) => {
            query
                .push_bind(after.key.as_str().to_owned())
                .push(" AND (key > ")
                .push_bind(after.key.as_str().to_owned());
            query.push(" OR asset > ").push_bind(after.id.to_bytes().to_vec()).push(")")
        }
    };
    // No key of a layout has the last character of Unicode.
    query
        .push(" AND key < ")
        .push_bind(format!("{prefix}\u{10ffff}"))
        .push(" AND place = ")
        .push_bind(place.to_owned());
    query.push(" ORDER BY key, asset LIMIT ").push_bind(i64::from(page.limit));
    query.build().fetch_all(pool).await?.iter().map(record).collect()
}

/// Adds what a filter says to a query. No text of a caller becomes part of the statement.
///
/// Of several columns with an index the one that leaves the fewest rows leads; a `+` before the others keeps SQLite, which
/// does not count rows, from choosing another.
fn narrow(query: &mut QueryBuilder<Sqlite>, filter: &AssetFilter) {
    let AssetFilter { id, user, job, session, scene, slot, layout, state, stored_before, due_at } = filter;
    let columns: [(&str, Option<Bound<'_>>); 7] = [
        ("asset", id.map(|id: PublishId| Bound::Bytes(id.to_bytes()))),
        ("job", job.map(|job: JobId| Bound::Bytes(job.to_bytes()))),
        ("session", session.as_ref().map(|id| Bound::Text(id.as_str()))),
        ("user", user.as_ref().map(|id| Bound::Text(id.as_str()))),
        ("layout", layout.as_ref().map(|name| Bound::Text(name.as_str()))),
        ("slot", slot.as_ref().map(|slot| Bound::Text(slot.as_str()))),
        ("scene", scene.as_ref().map(|id| Bound::Text(id.as_str()))),
    ];
    let mut lead = None;
    for (column, value) in columns {
        let Some(value) = value else { continue };
        let lead = *lead.get_or_insert(column);
        // Its index goes on with these.
        let is_led = lead == column || matches!((lead, column), ("session", "user" | "scene") | ("layout", "slot"));
        query.push(if is_led { " AND " } else { " AND +" }).push(column).push(" = ");
        match value {
            Bound::Bytes(bytes) => query.push_bind(bytes.to_vec()),
            Bound::Text(text) => query.push_bind(text.to_owned()),
        };
    }
    match state {
        Some(AssetState::Stored) => query.push(" AND state = 'stored'"),
        // Said twice, so that SQLite sees that its index of what is not stored serves.
        Some(AssetState::Deleting) => query.push(" AND state = 'deleting' AND state <> 'stored'"),
        Some(AssetState::Gone) => query.push(" AND state = 'gone' AND state <> 'stored'"),
        None => query,
    };
    if let Some(before) = stored_before {
        query.push(" AND stored_at < ").push_bind(millis(*before));
    }
    if let Some(due) = due_at {
        query
            .push(" AND state = 'deleting' AND state <> 'stored' AND coalesce(next_try, 0) <= ")
            .push_bind(millis(*due));
    }
}

/// What a column is to be.
enum Bound<'a> {
    Bytes([u8; 16]),
    Text(&'a str),
}

pub(super) async fn delete(
    pool: &SqlitePool,
    filter: &AssetFilter,
    deletion: &Deletion,
    limit: u32,
) -> Result<Vec<PublishId>, Fault> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut query = QueryBuilder::new("SELECT asset, user, job FROM assets WHERE true");
    narrow(&mut query, &AssetFilter { state: Some(AssetState::Stored), ..filter.clone() });
    // The plus: sorting the few rows that are too old is less work than looking for them among all.
    query.push(" ORDER BY +asset LIMIT ").push_bind(i64::from(limit));
    let rows = query.build().fetch_all(&mut *transaction).await?;
    let ids = mark(&mut transaction, &rows, deletion).await?;
    transaction.commit().await?;
    Ok(ids)
}

pub(super) async fn delete_versions(
    pool: &SqlitePool,
    keep: u32,
    deletion: &Deletion,
    limit: u32,
) -> Result<Vec<PublishId>, Fault> {
    const OLD: &str = "SELECT asset, user, job FROM assets AS old WHERE state = 'stored' AND session IS NOT NULL \
         AND (SELECT count(*) FROM assets AS new WHERE new.session = old.session AND new.user = old.user \
             AND new.scene IS old.scene AND new.slot = old.slot AND new.sequence IS old.sequence \
             AND new.version > old.version AND new.state = 'stored') >= ?1 ORDER BY asset LIMIT ?2";
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let rows = sqlx::query(OLD).bind(i64::from(keep)).bind(i64::from(limit)).fetch_all(&mut *transaction).await?;
    let ids = mark(&mut transaction, &rows, deletion).await?;
    transaction.commit().await?;
    Ok(ids)
}

/// Marks the assets of these rows (asset, user, job) as to be deleted.
pub(super) async fn mark(
    connection: &mut SqliteConnection,
    rows: &[SqliteRow],
    deletion: &Deletion,
) -> Result<Vec<PublishId>, Fault> {
    const UPDATE: &str = "UPDATE assets SET state = 'deleting', deleted_at = ?2, deleted_by = ?3, reason = ?4, \
         next_try = ?2 WHERE asset = ?1";
    let (mut ids, mut events) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for row in rows {
        let columns = Columns(row);
        let (id, user, job) = (columns.asset("asset")?, columns.parsed::<UserId>("user")?, columns.job("job")?);
        let update = sqlx::query(UPDATE).bind(id.to_bytes().to_vec()).bind(millis(deletion.at));
        update.bind(deletion.by.as_str()).bind(deletion.reason.as_str()).execute(&mut *connection).await?;
        let data = Some(serde_json::json!({"by": deletion.by, "reason": deletion.reason}));
        let about = NewEvent::new(EventKind::AssetDeleted, deletion.at);
        events.push(NewEvent { user: Some(user), job: Some(job), asset: Some(id), data, ..about });
        events::write_audit(connection, &audit_entry(deletion, id.to_string())).await?;
        ids.push(id);
    }
    events::append(connection, &events).await?;
    Ok(ids)
}

pub(super) fn audit_entry(deletion: &Deletion, subject: String) -> AuditEntry {
    AuditEntry {
        at: deletion.at,
        actor: deletion.by.clone(),
        action: AuditAction::Delete,
        subject,
        granted: true,
        detail: Some(deletion.reason.clone()),
    }
}

pub(super) async fn deleted(pool: &SqlitePool, ids: &[PublishId], at: Timestamp) -> Result<(), Fault> {
    const UPDATE: &str = "UPDATE assets SET state = 'gone', gone_at = ?2, next_try = NULL, last_error = NULL \
         WHERE asset = ?1 AND state = 'deleting' RETURNING user, job";
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let mut events = Vec::new();
    for id in ids {
        let update = sqlx::query(UPDATE).bind(id.to_bytes().to_vec()).bind(millis(at));
        if let Some(row) = update.fetch_optional(&mut *transaction).await? {
            let (user, job) = (Columns(&row).parsed::<UserId>("user")?, Columns(&row).job("job")?);
            let about = NewEvent::new(EventKind::AssetGone, at);
            events.push(NewEvent { user: Some(user), job: Some(job), asset: Some(*id), ..about });
        }
    }
    events::append(&mut transaction, &events).await?;
    transaction.commit().await?;
    Ok(())
}

pub(super) async fn delete_failed(
    pool: &SqlitePool,
    id: PublishId,
    error: &str,
    next_try: Timestamp,
) -> Result<(), Fault> {
    const UPDATE: &str = "UPDATE assets SET attempts = attempts + 1, last_error = ?2, next_try = ?3 \
         WHERE asset = ?1 AND state = 'deleting'";
    let update = sqlx::query(UPDATE).bind(id.to_bytes().to_vec()).bind(error).bind(millis(next_try));
    update.execute(pool).await?;
    Ok(())
}

pub(super) fn record(row: &SqliteRow) -> Result<AssetRecord, Fault> {
    let columns = Columns(row);
    let sequence = columns.maybe_number("sequence")?.map(|number| {
        let sequence = u32::try_from(number).ok().and_then(|number| Sequence::try_from(number).ok());
        sequence.ok_or_else(|| Fault::Value(format!("column sequence is {number}")))
    });
    let checksum = columns.parsed("crc64nvme")?;
    let key = ObjectKey::try_from(columns.text("key")?).map_err(|error| Fault::Value(error.to_string()))?;
    let asset = NewAsset {
        id: columns.asset("asset")?,
        job: columns.job("job")?,
        slot: columns.parsed("slot")?,
        sequence: sequence.transpose()?,
        user: columns.parsed("user")?,
        refs: columns.json("refs")?,
        layout: columns.maybe_parsed("layout")?,
        plugin: columns.maybe_parsed("plugin")?,
        key,
        place: columns.text("place")?,
        durability: columns.word("durability")?,
        kind: columns.word("kind")?,
        size: columns.count("size")?,
        checksum,
        integrity: columns.word("integrity")?,
        version_id: columns.maybe_text("version_id")?,
        encryption: columns.maybe_text("encryption")?,
        class: columns.word("class")?,
        facts: columns.maybe_json("facts")?,
        metadata: columns.json("metadata")?,
        accepted_at: columns.moment("accepted_at")?,
        stored_at: columns.moment("stored_at")?,
    };
    let deletion = match columns.maybe_moment("deleted_at")? {
        None => None,
        Some(at) => Some(DeletionState {
            asked: Deletion {
                at,
                by: columns.maybe_text("deleted_by")?.unwrap_or_default(),
                reason: columns.maybe_text("reason")?.unwrap_or_default(),
            },
            attempts: columns.count32("attempts")?,
            last_error: columns.maybe_text("last_error")?,
            next_try: columns.maybe_moment("next_try")?,
            gone_at: columns.maybe_moment("gone_at")?,
        }),
    };
    Ok(AssetRecord { asset, version: columns.count32("version")?, state: columns.parsed("state")?, deletion })
}
