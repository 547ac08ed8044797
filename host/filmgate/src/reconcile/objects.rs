//! Objects and records.

use futures::{StreamExt as _, TryStreamExt as _};

use super::finding::{Finding, FindingKind, Side};
use super::join::{Case, Join};
use super::mend::{Draft, Mend};
use super::{Pass, ReconcileError, ReconcileOptions, Reconciler, rebuild};
use crate::catalogue::{AssetRecord, AssetState};
use crate::key::ObjectKey;
use crate::publish::State;
use crate::storage::{Integrity, ObjectInfo, Presence, PublishId};

/// Keys that are looked at at once.
const AT_ONCE: usize = 16;
/// Keys whose findings are mended together.
const TOGETHER: usize = 200;

impl Pass<'_> {
    pub(super) async fn objects(&mut self) -> Result<(), ReconcileError> {
        let parts = self.parts;
        let mut join = Join::new(&parts.archive, parts.prefix());
        // A directory that is not mounted, or another one than yesterday, must not cost every record.
        let is_store_empty = join.is_store_empty().await?;
        let judge = Judge { parts, options: self.options, is_store_empty };
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
        match self.parts.archive.storage().head(&key).await? {
            Presence::Present(info) => self.present(&key, &info, &records).await,
            Presence::Absent => Ok(stored.into_iter().map(|record| self.missing(record, None)).collect()),
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
                AssetState::Stored => drafts.push(self.missing(record, Some(info))),
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
            let is_here = record.asset.key == *key && record.asset.place == self.parts.archive.place();
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
            recorded.place = Some(self.parts.archive.place());
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
        let mut asset = match rebuild::asset_of(info, id, &self.parts.archive) {
            Ok(asset) => asset,
            Err(why) => return Ok(Some(foreign(info, &why))),
        };
        if self.options.fix && info.checksum.is_none() {
            let (_, size, checksum) = self.parts.archive.read(&info.key).await?;
            (asset.checksum, asset.size, asset.integrity) = (checksum, size, Integrity::SizeOnly);
        }
        Ok(Some(Draft { finding, mend: Mend::Record(Box::new(asset)) }))
    }

    fn missing(self, record: &AssetRecord, other: Option<&ObjectInfo>) -> Draft {
        let asset = &record.asset;
        let finding = Finding::new(FindingKind::MissingObject, asset.key.as_str(), Some(asset.id))
            .recorded(Side::of_record(record))
            .found(other.map_or_else(|| Side::note("no object"), Side::of_object));
        let mend = if self.is_store_empty {
            let why = "the store has no object at all: see that it is the right one, and mounted";
            Mend::Nothing(why.to_owned())
        } else {
            Mend::Gone(asset.id)
        };
        Draft { finding, mend }
    }
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
