//! Objects and records.

use futures::{StreamExt as _, TryStreamExt as _};

use super::finding::{Finding, FindingKind, Side};
use super::join::{Case, Join, PAGE};
use super::mend::{Draft, Mend};
use super::{Pass, ReconcileError, ReconcileOptions, Reconciler, rebuild};
use crate::archive::Archive;
use crate::catalogue::{AssetAt, AssetRecord, AssetState, Page};
use crate::key::ObjectKey;
use crate::publish::State;
use crate::storage::{Durability, Integrity, LOCAL, Mode, ObjectInfo, Presence, PublishId, Storage};

/// Keys that are looked at at once.
const AT_ONCE: usize = 16;
/// Keys whose findings are mended together.
const TOGETHER: usize = 200;

/// A store, and what records call it.
pub(super) struct Place<'a> {
    pub(super) store: &'a dyn Storage,
    pub(super) name: String,
}

impl Pass<'_> {
    /// Each store by itself: what one of two has says nothing of the other.
    pub(super) async fn objects(&mut self) -> Result<(), ReconcileError> {
        let archive = &self.parts.archive;
        let storage = archive.storage();
        let Some(both) = storage.as_both() else {
            return self.objects_of(&Place { store: &**storage, name: archive.place() }).await;
        };
        self.objects_of(&Place { store: both.s3(), name: archive.place() }).await?;
        self.objects_of(&Place { store: both.local(), name: LOCAL.to_owned() }).await?;
        if both.mode() == Mode::Mirror { self.second_copies().await } else { Ok(()) }
    }

    /// A mirror's records name S3, and the directory has to have the object as well.
    async fn second_copies(&mut self) -> Result<(), ReconcileError> {
        let (archive, mut after) = (&self.parts.archive, None);
        while !self.cancel.is_cancelled() {
            let page = Page { after, limit: PAGE };
            let records = archive.catalogue().assets_by_key(&archive.place(), &self.parts.prefix(), page).await?;
            let Some(last) = records.last() else { break };
            after = Some(AssetAt { key: last.asset.key.clone(), id: last.asset.id });
            let mut drafts = Vec::new();
            for record in records.into_iter().filter(|record| record.state == AssetState::Stored) {
                let second = archive.storage().second_holding(record.asset.durability);
                let Some(directory) = second else { continue };
                let is_there = is_own(&directory.head(&record.asset.key).await?, &record);
                // It may have been deleted since.
                let now = if is_there { None } else { archive.catalogue().asset(record.asset.id).await? };
                if now.is_some_and(|now| now.state == AssetState::Stored) {
                    let why = "S3 has it; the directory lacks it until it is copied there, or published again";
                    drafts.push(missing(&record, Side::note("no object in the directory"), why));
                }
            }
            self.settle(drafts).await?;
        }
        Ok(())
    }

    async fn objects_of(&mut self, place: &Place<'_>) -> Result<(), ReconcileError> {
        let parts = self.parts;
        let mut join = Join::new(&**parts.archive.catalogue(), place, parts.prefix());
        // A directory that is not mounted, or another one than yesterday, must not cost every record.
        let is_store_empty = join.is_store_empty().await?;
        let judge = Judge { parts, place, options: self.options, is_store_empty };
        while !self.cancel.is_cancelled() {
            let mut cases = Vec::with_capacity(TOGETHER);
            while cases.len() < TOGETHER
                && let Some(case) = join.next().await?
            {
                self.done.objects += u64::from(case.object.is_some());
                self.done.records += case.records.len() as u64;
                cases.push(case);
            }
            if cases.is_empty() {
                break;
            }
            // All of them come to their end before anything is mended: one that waits holds a connection to the catalogue.
            let judged = futures::stream::iter(cases).map(|case| judge.case(case)).buffered(AT_ONCE);
            let drafts: Vec<Vec<Draft>> = judged.try_collect().await?;
            self.settle(drafts.into_iter().flatten().collect()).await?;
        }
        Ok(())
    }
}

/// Looks at one key.
#[derive(Clone, Copy)]
struct Judge<'a> {
    parts: &'a Reconciler,
    place: &'a Place<'a>,
    options: ReconcileOptions,
    is_store_empty: bool,
}

impl Judge<'_> {
    async fn case(self, case: Case) -> Result<Vec<Draft>, ReconcileError> {
        let Case { key, object, records } = case;
        let is_stored = |record: &&AssetRecord| record.state == AssetState::Stored;
        let stored: Vec<_> = records.iter().filter(is_stored).collect();
        match (&object, stored.as_slice()) {
            (Some(object), [one]) if object.size == one.asset.size && !self.options.checksums => return Ok(Vec::new()),
            (None, []) => return Ok(Vec::new()),
            _ => {}
        }
        // A listing tells neither whose an object is nor what happened since.
        match self.place.store.head(&key).await? {
            Presence::Present(info) => self.present(&key, &info, &records).await,
            Presence::Absent => {
                let mut drafts = Vec::new();
                for record in stored {
                    drafts.extend(self.missing(record, None).await?);
                }
                Ok(drafts)
            }
            Presence::Unknown => Ok(unseen(&key, object.as_ref(), &stored)),
        }
    }

    async fn present(
        self,
        key: &ObjectKey,
        info: &ObjectInfo,
        records: &[AssetRecord],
    ) -> Result<Vec<Draft>, ReconcileError> {
        let owner = info.publish_id();
        let (mut drafts, mut is_known) = (Vec::new(), false);
        for record in records {
            let is_own = owner == Some(record.asset.id);
            match record.state {
                // An object whose metadata was lost, by a copy for example, may still be the file.
                AssetState::Stored if is_own || owner.is_none() => {
                    is_known = true;
                    drafts.extend(compare(record, info));
                }
                AssetState::Stored => drafts.extend(self.missing(record, Some(info)).await?),
                AssetState::Deleting | AssetState::Gone if is_own => {
                    is_known = true;
                    drafts.push(deleted(record, info));
                }
                AssetState::Deleting | AssetState::Gone => {}
            }
        }
        if !is_known {
            drafts.extend(self.unrecorded(key, info, owner).await?);
        }
        Ok(drafts)
    }

    /// An object that none of the records read so far is of.
    async fn unrecorded(
        self,
        key: &ObjectKey,
        info: &ObjectInfo,
        owner: Option<PublishId>,
    ) -> Result<Option<Draft>, ReconcileError> {
        let Some(id) = owner else { return Ok(Some(foreign(info, "it names no publish"))) };
        let orphan = Finding::new(FindingKind::OrphanObject, key.as_str(), Some(id)).found(Side::of_object(info));
        if let Some(record) = self.parts.archive.catalogue().asset(id).await? {
            // The record of what both stores have names S3.
            let has_two = record.asset.durability == Durability::Both && self.place.name == LOCAL;
            let is_here = record.asset.key == *key && (record.asset.place == self.place.name || has_two);
            return Ok(match record.state {
                // Recorded since.
                AssetState::Stored if is_here => compare(&record, info),
                AssetState::Deleting | AssetState::Gone if is_here => Some(deleted(&record, info)),
                _ => {
                    let elsewhere = format!("its asset is on record at {} in {}", record.asset.key, record.asset.place);
                    let finding = orphan.recorded(Side::of_record(&record).noting(elsewhere));
                    Some(Draft { finding, mend: Mend::Nothing("it is a copy: nobody but you can tell why".to_owned()) })
                }
            });
        }
        let at_key = self.parts.journal().at_key(key).await?;
        let noted = at_key.into_iter().find(|noted| noted.entry.publish == id);
        let Some(noted) = noted else { return self.unknown(orphan, id, info).await };
        let finding = orphan.recorded(Side::of_entry(&noted.entry));
        let (mut entry, catalogued) = (Box::new(noted.entry), noted.catalogued);
        // It was found here, wherever it was stored.
        if let Some(recorded) = &mut entry.recorded {
            recorded.place = Some(self.place.name.clone());
        }
        Ok(match &entry.state {
            State::Failed(_) => Some(Draft { finding, mend: Mend::TakeUp(entry) }),
            // Found in the journal already, as stale.
            State::Replied if !catalogued => None,
            State::Replied => Some(Draft { finding, mend: Mend::Project(entry) }),
            // Under way, or found in the journal already, as interrupted.
            _ => None,
        })
    }

    /// An object that neither catalogue nor journal know: all there is of it is its metadata.
    async fn unknown(
        self,
        finding: Finding,
        id: PublishId,
        info: &ObjectInfo,
    ) -> Result<Option<Draft>, ReconcileError> {
        if let Some(entry) = self.parts.journal().entry(id).await? {
            let elsewhere = format!("its publish has the key {}", entry.intent.key);
            let finding = finding.recorded(Side::of_entry(&entry).noting(elsewhere));
            let why = "it is a copy: nobody but you can tell why".to_owned();
            return Ok(Some(Draft { finding, mend: Mend::Nothing(why) }));
        }
        let mut asset = match rebuild::asset_of(info, id, &self.parts.archive, self.place) {
            Ok(asset) => asset,
            Err(why) => return Ok(Some(foreign(info, &why))),
        };
        if self.options.fix && info.checksum.is_none() {
            let (_, size, checksum) = Archive::read(self.place.store, &info.key).await?;
            (asset.checksum, asset.size, asset.integrity) = (checksum, size, Integrity::SizeOnly);
        }
        Ok(Some(Draft { finding, mend: Mend::Record(Box::new(asset)) }))
    }

    /// Nothing where it is in the other one of two stores, on its way from here.
    async fn missing(self, record: &AssetRecord, other: Option<&ObjectInfo>) -> Result<Option<Draft>, ReconcileError> {
        let found = other.map_or_else(|| Side::note("no object"), Side::of_object);
        if let Some(both) = self.parts.archive.storage().as_both() {
            let key = &record.asset.key;
            if self.place.name == LOCAL {
                if is_own(&both.s3().head(key).await?, record) {
                    return Ok(None);
                }
            } else if is_own(&both.local().head(key).await?, record) {
                let why = "the directory has it: S3 lacks it until it is copied there, or published again";
                return Ok(Some(missing(record, found, why)));
            }
        }
        if self.is_store_empty {
            let why = "the store has no object at all: see that it is the right one, and mounted";
            return Ok(Some(missing(record, found, why)));
        }
        Ok(Some(Draft { mend: Mend::Gone(record.asset.id), ..missing(record, found, "") }))
    }
}

fn is_own(presence: &Presence, record: &AssetRecord) -> bool {
    matches!(presence, Presence::Present(info) if info.is_of(record.asset.id, record.asset.size))
}

fn missing(record: &AssetRecord, found: Side, why: &str) -> Draft {
    let asset = &record.asset;
    let finding = Finding::new(FindingKind::MissingObject, asset.key.as_str(), Some(asset.id));
    let finding = finding.recorded(Side::of_record(record)).found(found);
    Draft { finding, mend: Mend::Nothing(why.to_owned()) }
}

/// What record and object of the same asset disagree about.
fn compare(record: &AssetRecord, info: &ObjectInfo) -> Option<Draft> {
    let asset = &record.asset;
    let kind = if asset.size != info.size {
        FindingKind::SizeMismatch
    } else if info.checksum.is_some_and(|checksum| checksum != asset.checksum) {
        FindingKind::ChecksumMismatch
    } else {
        return None;
    };
    let finding = Finding::new(kind, asset.key.as_str(), Some(asset.id));
    let finding = finding.recorded(Side::of_record(record)).found(Side::of_object(info));
    Some(Draft { finding, mend: Mend::NoRule })
}

fn deleted(record: &AssetRecord, info: &ObjectInfo) -> Draft {
    let finding = Finding::new(FindingKind::DeletedObject, record.asset.key.as_str(), Some(record.asset.id))
        .recorded(Side::of_record(record))
        .found(Side::of_object(info));
    Draft { finding, mend: Mend::Remove(Box::new(record.clone())) }
}

fn foreign(info: &ObjectInfo, why: &str) -> Draft {
    let finding = Finding::new(FindingKind::ForeignObject, info.key.as_str(), info.publish_id());
    Draft { finding: finding.found(Side::of_object(info).noting(why)), mend: Mend::NoRule }
}

/// The credentials may not look at the key.
fn unseen(key: &ObjectKey, object: Option<&ObjectInfo>, stored: &[&AssetRecord]) -> Vec<Draft> {
    let note = "the credentials may not look at it";
    let Some(object) = object else {
        let finding = |record: &&AssetRecord| {
            let finding = Finding::new(FindingKind::MissingObject, key.as_str(), Some(record.asset.id));
            finding.recorded(Side::of_record(record)).found(Side::note(note))
        };
        let drafts = stored.iter().map(finding);
        return drafts.map(|finding| Draft { finding, mend: Mend::Nothing(note.to_owned()) }).collect();
    };
    if stored.is_empty() {
        return vec![foreign(object, note)];
    }
    stored.iter().filter_map(|record| compare(record, object)).collect()
}
