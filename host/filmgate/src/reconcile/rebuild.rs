//! A record from nothing but an object: what the catalogue can be made anew from (D6).

use super::objects::Place;
use crate::archive::Archive;
use crate::catalogue::NewAsset;
use crate::checksum::Crc64Nvme;
use crate::job::{InvalidValue, JobId, RefName, Refs, Sequence};
use crate::media::MediaKind;
use crate::storage::{Integrity, ObjectInfo, PublishId};
use crate::url::UrlClass;

/// The record that an object tells of itself, or what it does not say. Its checksum is the store's; where that has none, it is
/// zero until the object was read.
///
/// What the metadata does not hold is lost: what the examination found, ids other than session and scene, and the order in
/// which versions were stored. The moments are those in the ids, and that of the object.
pub(super) fn asset_of(
    info: &ObjectInfo,
    id: PublishId,
    archive: &Archive,
    place: &Place<'_>,
) -> Result<NewAsset, String> {
    let said = |name: &str| info.metadata.get(&format!("filmgate-{name}")).map(String::as_str);
    let needed = |name: &str| said(name).ok_or_else(|| format!("its metadata names no {name}"));
    let job: JobId = needed("job")?.parse().map_err(unfit("job"))?;
    let slot = needed("slot")?.parse().map_err(unfit("slot"))?;
    let sequence = said("sequence").map(|text| {
        let number = text.parse().ok().and_then(|number: u32| Sequence::try_from(number).ok());
        number.ok_or_else(|| format!("sequence {text:?} in its metadata is none"))
    });
    let mut refs = Refs::new();
    for name in [RefName::Session, RefName::Scene] {
        if let Some(text) = said(name.as_str()) {
            refs.insert(name, text.parse().map_err(unfit(name.as_str()))?);
        }
    }
    let content_type = info.content_type.as_deref().unwrap_or_default();
    let kind = MediaKind::ALL.into_iter().find(|kind| kind.is_declared_by(content_type));
    let layout = said("layout").and_then(|name| name.parse().ok());
    let rule = layout.as_ref().and_then(|name| archive.layouts().get(Some(name)).ok());
    let class = rule.and_then(|layout| layout.slot(Some(&slot)).ok()).map(|rule| rule.class());
    let stored_at = info.modified.or(id.made_at()).unwrap_or_default();
    let mut metadata = info.metadata.clone();
    metadata.remove(PublishId::METADATA_NAME);
    Ok(NewAsset {
        id,
        job,
        slot,
        sequence: sequence.transpose()?,
        user: needed("user")?.parse().map_err(unfit("user"))?,
        refs,
        layout,
        plugin: said("plugin").and_then(|digest| digest.parse().ok()),
        key: info.key.clone(),
        place: place.name.clone(),
        durability: place.store.durability(),
        kind: kind.ok_or_else(|| format!("its content type {content_type:?} is none of Filmgate's"))?,
        size: info.size,
        checksum: info.checksum.unwrap_or(Crc64Nvme(0)),
        integrity: if info.checksum.is_some() { Integrity::FullObject } else { Integrity::SizeOnly },
        version_id: info.version_id.clone(),
        encryption: None,
        // Of a slot that nobody knows any more URLs live shortly.
        class: class.unwrap_or(UrlClass::Internal),
        facts: None,
        metadata,
        accepted_at: job.made_at().unwrap_or(stored_at),
        stored_at,
    })
}

fn unfit(name: &str) -> impl Fn(InvalidValue) -> String {
    move |error| format!("{name} in its metadata: {error}")
}
