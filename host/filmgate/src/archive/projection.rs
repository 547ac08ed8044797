use crate::catalogue::NewAsset;
use crate::checksum::Crc64Nvme;
use crate::publish::Entry;

/// What the journal knows of a published file, for the catalogue. Nothing where it has no answer yet. `place` is the store of
/// the settings: that of answers from before the journal kept it.
pub(crate) fn asset_of(entry: Entry, place: &str) -> Option<NewAsset> {
    let (recorded, intent) = (entry.recorded?, entry.intent);
    let place = recorded.place_or(place);
    Some(NewAsset {
        id: entry.publish,
        job: entry.identity.job,
        slot: entry.identity.slot,
        sequence: entry.identity.sequence,
        user: intent.user,
        refs: intent.refs,
        layout: intent.metadata.get("filmgate-layout").and_then(|name| name.parse().ok()),
        plugin: intent.plugin,
        key: recorded.key,
        place,
        durability: recorded.durability,
        kind: recorded.kind,
        size: recorded.size,
        checksum: Crc64Nvme(recorded.checksum),
        integrity: recorded.integrity,
        version_id: recorded.version_id,
        encryption: None,
        class: intent.class,
        facts: recorded.facts,
        metadata: intent.metadata,
        accepted_at: intent.accepted_at,
        stored_at: entry.changed_at,
    })
}
