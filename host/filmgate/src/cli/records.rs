//! Records as JSON: the same fields in every command.

use filmgate::catalogue::{AssetRecord, DeletionState, Event, JobRecord, SceneRecord, SessionRecord};
use serde_json::{Value, json};

pub(super) fn asset(record: &AssetRecord) -> Value {
    let asset = &record.asset;
    json!({
        "id": asset.id.to_string(),
        "state": record.state,
        "user": asset.user,
        "job": asset.job,
        "session": asset.session(),
        "scene": asset.scene(),
        "slot": asset.slot,
        "sequence": asset.sequence,
        "version": record.version,
        "refs": asset.refs,
        "key": asset.key,
        "place": asset.place,
        "durability": asset.durability,
        "size": asset.size,
        "content_type": asset.kind.content_type(),
        "checksum": {"crc64nvme": asset.checksum.to_string()},
        "integrity": asset.integrity,
        "version_id": asset.version_id,
        "encryption": asset.encryption,
        "class": asset.class,
        "layout": asset.layout,
        "plugin": asset.plugin.map(|digest| digest.to_string()),
        "facts": asset.facts,
        "metadata": asset.metadata,
        "accepted_at": asset.accepted_at.to_string(),
        "stored_at": asset.stored_at.to_string(),
        "deletion": record.deletion.as_ref().map(deletion),
    })
}

fn deletion(state: &DeletionState) -> Value {
    json!({
        "at": state.asked.at.to_string(),
        "by": state.asked.by,
        "reason": state.asked.reason,
        "attempts": state.attempts,
        "last_error": state.last_error,
        "next_try": state.next_try.map(|time| time.to_string()),
        "gone_at": state.gone_at.map(|time| time.to_string()),
    })
}

pub(super) fn job(record: &JobRecord) -> Value {
    json!({
        "id": record.head.job,
        "state": record.state,
        "user": record.head.user,
        "layout": record.head.layout,
        "plugin": record.head.plugin.map(|digest| digest.to_string()),
        "refs": record.head.refs,
        "accepted_at": record.head.accepted_at.to_string(),
        "ended_at": record.ended_at.map(|time| time.to_string()),
        "code": record.code,
        "message": record.message,
        "usage": record.usage,
        "assets": record.assets,
    })
}

pub(super) fn event(event: &Event) -> Value {
    json!({
        "cursor": event.cursor,
        "at": event.at.to_string(),
        "kind": event.kind,
        "user": event.user,
        "job": event.job,
        "asset": event.asset.map(|id| id.to_string()),
        "data": event.data,
    })
}

pub(super) fn session(record: &SessionRecord) -> Value {
    json!({
        "user": record.id.user,
        "session": record.id.session,
        "created_at": record.created_at.to_string(),
        "updated_at": record.updated_at.to_string(),
        "deleted_at": record.deleted_at.map(|time| time.to_string()),
        "scenes": record.scenes,
        "assets": record.assets,
        "bytes": record.bytes,
    })
}

pub(super) fn scene(record: &SceneRecord) -> Value {
    json!({
        "scene": record.scene,
        "created_at": record.created_at.to_string(),
        "assets": record.assets,
        "bytes": record.bytes,
    })
}
