//! The one way in: what was published, and how jobs began and ended.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::codec::{Fault, json, millis, word};
use super::events::{self, NewEvent};
use crate::catalogue::{Batch, EventKind, JobEnd, JobHead, JobNote, JobState, NewAsset, Projected};
use crate::job::{RefId, RefName, Refs, UserId};

/// How long a job may take of which only a file is known.
const LEASE_UNKNOWN: SignedDuration = SignedDuration::from_hours(24);

pub(super) async fn project(pool: &SqlitePool, batch: &Batch) -> Result<Projected, Fault> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let (mut seen, mut events) = (HashSet::new(), Vec::new());
    for JobNote { head, .. } in &batch.jobs {
        note_user(&mut transaction, &head.user, head.accepted_at, &mut seen).await?;
        accept(&mut transaction, head, &mut events).await?;
        seen.insert(head.job.to_string());
    }
    let mut projected = Projected::default();
    for asset in &batch.assets {
        note_user(&mut transaction, &asset.user, asset.accepted_at, &mut seen).await?;
        if seen.insert(asset.job.to_string()) {
            accept(&mut transaction, &head_of(asset), &mut events).await?;
        }
        match store(&mut transaction, asset, &mut events).await? {
            Stored::New => projected.assets += 1,
            Stored::Known => {}
            Stored::Refused => projected.disagreements.push(asset.id),
        }
    }
    // Last: whoever hears of an end finds everything that came before it.
    for JobNote { head, end } in &batch.jobs {
        if let Some(end) = end {
            finish(&mut transaction, head, end, &mut events).await?;
        }
    }
    events::append(&mut transaction, &events).await?;
    transaction.commit().await?;
    Ok(projected)
}

async fn note_user(
    connection: &mut SqliteConnection,
    user: &UserId,
    at: Timestamp,
    seen: &mut HashSet<String>,
) -> Result<(), Fault> {
    // A job's id has other characters than `user:`.
    if seen.insert(format!("user:{user}")) {
        let statement = "INSERT INTO users (user, created_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        sqlx::query(statement).bind(user.as_str()).bind(millis(at)).execute(connection).await?;
    }
    Ok(())
}

/// What a file says of its job: enough, where its host died before it could tell.
fn head_of(asset: &NewAsset) -> JobHead {
    JobHead {
        job: asset.job,
        user: asset.user.clone(),
        layout: asset.layout.clone(),
        plugin: asset.plugin,
        refs: asset.refs.clone(),
        accepted_at: asset.accepted_at,
        lease_until: asset.accepted_at.checked_add(LEASE_UNKNOWN).ok(),
    }
}

async fn accept(connection: &mut SqliteConnection, head: &JobHead, events: &mut Vec<NewEvent>) -> Result<(), Fault> {
    const INSERT: &str = "INSERT INTO jobs (job, user, state, layout, plugin, refs, accepted_at, lease_until) \
         VALUES (?1, ?2, 'running', ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    let inserted = sqlx::query(INSERT)
        .bind(head.job.to_bytes().to_vec())
        .bind(head.user.as_str())
        .bind(head.layout.as_ref().map(ToString::to_string))
        .bind(head.plugin.map(|digest| digest.to_string()))
        .bind(json(&head.refs))
        .bind(millis(head.accepted_at))
        .bind(head.lease_until.map(millis))
        .execute(&mut *connection)
        .await?;
    if inserted.rows_affected() == 0 {
        return Ok(());
    }
    touch_session(connection, &head.user, &head.refs, head.accepted_at).await?;
    let about = NewEvent::new(EventKind::JobAccepted, head.accepted_at);
    events.push(NewEvent { user: Some(head.user.clone()), job: Some(head.job), ..about });
    Ok(())
}

/// A job that failed may be run again by its caller's key: its later end counts.
async fn finish(
    connection: &mut SqliteConnection,
    head: &JobHead,
    end: &JobEnd,
    events: &mut Vec<NewEvent>,
) -> Result<(), Fault> {
    const UPDATE: &str = "UPDATE jobs SET state = ?2, ended_at = ?3, code = ?4, message = ?5, usage = ?6 \
         WHERE job = ?1 AND (state IN ('queued', 'running', 'lost') OR state IN ('failed', 'cancelled') AND ended_at < ?3)";
    let updated = sqlx::query(UPDATE)
        .bind(head.job.to_bytes().to_vec())
        .bind(end.state.as_str())
        .bind(millis(end.at))
        .bind(end.code.as_deref())
        .bind(end.message.as_deref())
        .bind(end.usage.as_ref().map(json))
        .execute(&mut *connection)
        .await?;
    if updated.rows_affected() == 0 {
        return Ok(());
    }
    let kind = match end.state {
        JobState::Succeeded => EventKind::JobSucceeded,
        JobState::Cancelled => EventKind::JobCancelled,
        JobState::Lost => EventKind::JobLost,
        JobState::Failed | JobState::Queued | JobState::Running => EventKind::JobFailed,
    };
    let data = end.code.as_ref().map(|code| json!({"code": code, "message": end.message}));
    let about = NewEvent::new(kind, end.at);
    events.push(NewEvent { user: Some(head.user.clone()), job: Some(head.job), data, ..about });
    Ok(())
}

enum Stored {
    New,
    Known,
    Refused,
}

async fn store(
    connection: &mut SqliteConnection,
    asset: &NewAsset,
    events: &mut Vec<NewEvent>,
) -> Result<Stored, Fault> {
    // Before anything else: what is known already does not begin a deleted session anew.
    let known = sqlx::query_scalar("SELECT place FROM assets WHERE asset = ?1").bind(asset.id.to_bytes().to_vec());
    if let Some(place) = known.fetch_optional(&mut *connection).await? {
        move_on(connection, asset, place, events).await?;
        return Ok(Stored::Known);
    }
    let session_deleted = touch_session(connection, &asset.user, &asset.refs, asset.stored_at).await?;
    if !insert(connection, asset, session_deleted.is_some()).await? {
        return Ok(Stored::Refused);
    }
    let data = json!({
        "slot": asset.slot, "sequence": asset.sequence, "key": asset.key, "size": asset.size,
        "content_type": asset.kind.content_type(),
    });
    events.push(NewEvent { data: Some(data), ..about(asset, EventKind::AssetStored, asset.stored_at) });
    if let Some(at) = session_deleted {
        events.push(about(asset, EventKind::AssetDeleted, at));
    }
    Ok(Stored::New)
}

/// The object may be in another store now (E1). Objects move from the directory to S3, never back: what an older reading of
/// the journal says changes nothing.
///
/// An event tells of it where the URL changes with it. The last step, which leaves the object in S3 alone, changes none.
async fn move_on(
    connection: &mut SqliteConnection,
    asset: &NewAsset,
    from: String,
    events: &mut Vec<NewEvent>,
) -> Result<(), Fault> {
    const MOVE: &str = "UPDATE assets SET place = ?2, durability = ?3, integrity = ?4, version_id = ?5 WHERE asset = ?1 \
         AND CASE durability WHEN 'local' THEN ?3 <> 'local' WHEN 'both' THEN ?3 = 's3' ELSE 0 END";
    let moved = sqlx::query(MOVE)
        .bind(asset.id.to_bytes().to_vec())
        .bind(asset.place.as_str())
        .bind(word(&asset.durability))
        .bind(word(&asset.integrity))
        .bind(asset.version_id.as_deref())
        .execute(&mut *connection)
        .await?;
    if moved.rows_affected() == 0 || from == asset.place {
        return Ok(());
    }
    let data = json!({"from": from, "place": asset.place, "durability": asset.durability, "key": asset.key});
    events.push(NewEvent { data: Some(data), ..about(asset, EventKind::AssetMoved, asset.stored_at) });
    Ok(())
}

fn about(asset: &NewAsset, kind: EventKind, at: Timestamp) -> NewEvent {
    let (user, job) = (Some(asset.user.clone()), Some(asset.job));
    NewEvent { user, job, asset: Some(asset.id), ..NewEvent::new(kind, at) }
}

/// Answers false where another publish has the identity.
async fn insert(connection: &mut SqliteConnection, asset: &NewAsset, is_deleted: bool) -> Result<bool, Fault> {
    // The version is counted in the same statement, under the same lock.
    const INSERT: &str = "INSERT INTO assets (asset, job, slot, sequence, user, session, scene, version, layout, plugin, \
         refs, key, place, durability, kind, size, crc64nvme, integrity, version_id, encryption, class, facts, metadata, \
         accepted_at, stored_at, state, deleted_at, deleted_by, reason, next_try) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, \
         CASE WHEN ?6 IS NULL THEN 1 ELSE coalesce((SELECT max(version) FROM assets WHERE session = ?6 AND user = ?5 \
             AND scene IS ?7 AND slot = ?3 AND sequence IS ?4), 0) + 1 END, \
         ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, deleted_at, \
         CASE WHEN ?25 = 'deleting' THEN 'host' END, CASE WHEN ?25 = 'deleting' THEN 'its session was deleted' END, \
         CASE WHEN ?25 = 'deleting' THEN deleted_at END \
         FROM (SELECT CASE WHEN ?25 = 'deleting' THEN \
             (SELECT deleted_at FROM sessions WHERE user = ?5 AND session = ?6) END AS deleted_at) \
         WHERE true ON CONFLICT DO NOTHING";
    let inserted = sqlx::query(INSERT)
        .bind(asset.id.to_bytes().to_vec())
        .bind(asset.job.to_bytes().to_vec())
        .bind(asset.slot.as_str())
        .bind(asset.sequence.map(|sequence| i64::from(sequence.get())))
        .bind(asset.user.as_str())
        .bind(asset.session().map(RefId::as_str))
        .bind(asset.scene().map(RefId::as_str))
        .bind(asset.layout.as_ref().map(ToString::to_string))
        .bind(asset.plugin.map(|digest| digest.to_string()))
        .bind(json(&asset.refs))
        .bind(asset.key.as_str())
        .bind(asset.place.as_str())
        .bind(word(&asset.durability))
        .bind(word(&asset.kind))
        .bind(i64::try_from(asset.size).unwrap_or(i64::MAX))
        .bind(asset.checksum.to_string())
        .bind(word(&asset.integrity))
        .bind(asset.version_id.as_deref())
        .bind(asset.encryption.as_deref())
        .bind(word(&asset.class))
        .bind(asset.facts.as_ref().map(json))
        .bind(json(&asset.metadata))
        .bind(millis(asset.accepted_at))
        .bind(millis(asset.stored_at))
        .bind(if is_deleted { "deleting" } else { "stored" })
        .execute(connection)
        .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Notes that something of a session was seen, and answers when it was deleted, where that was later. What comes after a
/// deletion begins the session anew.
async fn touch_session(
    connection: &mut SqliteConnection,
    user: &UserId,
    refs: &Refs,
    at: Timestamp,
) -> Result<Option<Timestamp>, Fault> {
    const UPSERT: &str = "INSERT INTO sessions (user, session, created_at, updated_at) VALUES (?1, ?2, ?3, ?3) \
         ON CONFLICT (user, session) DO UPDATE SET created_at = min(created_at, excluded.created_at), \
         updated_at = max(updated_at, excluded.updated_at), \
         deleted_at = CASE WHEN deleted_at < excluded.updated_at THEN NULL ELSE deleted_at END RETURNING deleted_at";
    let Some(session) = refs.get(&RefName::Session) else { return Ok(None) };
    let deleted: Option<i64> = sqlx::query_scalar(UPSERT)
        .bind(user.as_str())
        .bind(session.as_str())
        .bind(millis(at))
        .fetch_one(&mut *connection)
        .await?;
    if let Some(scene) = refs.get(&RefName::Scene) {
        const SCENE: &str = "INSERT INTO scenes (user, session, scene, created_at) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (user, session, scene) DO UPDATE SET created_at = min(created_at, excluded.created_at)";
        let scene = sqlx::query(SCENE).bind(user.as_str()).bind(session.as_str()).bind(scene.as_str());
        scene.bind(millis(at)).execute(connection).await?;
    }
    deleted
        .map(|millis| Timestamp::from_millisecond(millis).map_err(|error| Fault::Value(error.to_string())))
        .transpose()
}
