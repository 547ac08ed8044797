//! The journal, and what lies in the data directory.

use std::ffi::OsString;

use super::finding::{Finding, FindingKind, Side};
use super::mend::{Draft, Mend};
use super::{Outcome, Pass, ReconcileError};
use crate::publish::{State, Which};
use crate::storage::PublishId;

/// Entries that are read at once.
const PAGE: usize = 200;

impl Pass<'_> {
    /// Publishes under way that nobody works on.
    pub(super) async fn interrupted(&mut self) -> Result<(), ReconcileError> {
        let mut after = None;
        loop {
            let page = self.parts.journal().entries(Which::Unfinished, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.publish);
            for entry in page {
                if self.cancel.is_cancelled() {
                    return Ok(());
                }
                let (publish, path) = (entry.publish, entry.intent.staged.clone());
                let is_there = path.exists();
                if self.on_disk(move |data| data.is_under_way(publish, &path)).await? {
                    continue;
                }
                // Its process may have come to its end between the list and the look.
                let Some(entry) = self.parts.journal().entry(publish).await? else { continue };
                if entry.state.is_settled() {
                    continue;
                }
                let file = if is_there { "its file is there" } else { "its file is gone" };
                let finding = Finding::new(FindingKind::Interrupted, entry.intent.key.as_str(), Some(publish))
                    .recorded(Side::of_entry(&entry))
                    .found(Side::note(format!("nobody works on it, {file}")));
                self.settle(vec![Draft { finding, mend: Mend::TakeUp(Box::new(entry)) }]).await?;
            }
        }
    }

    /// Answers of the journal that the catalogue does not have. Those of publishes under way come there by themselves.
    pub(super) async fn stale_records(&mut self) -> Result<(), ReconcileError> {
        let mut after = None;
        loop {
            if self.cancel.is_cancelled() {
                return Ok(());
            }
            let page = self.parts.journal().entries(Which::Uncatalogued, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.publish);
            let (mut drafts, mut known) = (Vec::new(), Vec::new());
            for entry in page.into_iter().filter(|entry| entry.state.is_settled()) {
                let record = self.parts.archive.catalogue().asset(entry.publish).await?;
                let durability = entry.recorded.as_ref().map(|recorded| recorded.durability);
                // One that has moved to another store since is not on record as it is.
                if let Some(record) = record.filter(|record| Some(record.asset.durability) == durability) {
                    known.push((entry.publish, record.asset.durability));
                    continue;
                }
                let finding = Finding::new(FindingKind::StaleRecord, entry.intent.key.as_str(), Some(entry.publish))
                    .recorded(Side::of_entry(&entry).noting("in the journal, not in the catalogue"));
                drafts.push(Draft { finding, mend: Mend::Project(Box::new(entry)) });
            }
            if self.options.fix && !known.is_empty() {
                self.parts.journal().catalogued(&known).await?;
            }
            self.settle(drafts).await?;
        }
    }

    /// Directories of dead jobs, claimed files of no publish, and of publishes that are done.
    pub(super) async fn files(&mut self) -> Result<(), ReconcileError> {
        for name in self.on_disk(|data| data.abandoned_jobs()).await?? {
            let mut finding = orphan("jobs", &name, None, "the directory of a job whose process is gone");
            if self.options.fix {
                let removed = self.on_disk(move |data| data.remove_abandoned_job(&name)).await?;
                finding.outcome = match removed {
                    Ok(true) => Outcome::Mended("it is deleted".to_owned()),
                    Ok(false) => continue,
                    Err(error) => Outcome::Left(error.to_string()),
                };
            }
            self.tell(&finding);
        }
        for name in self.on_disk(|data| data.staged_names()).await?? {
            self.staged(name).await?;
        }
        Ok(())
    }

    async fn staged(&mut self, name: OsString) -> Result<(), ReconcileError> {
        // Somebody tries just now whether the directory can be written.
        if name.to_str().is_some_and(|name| name.starts_with(".probe-")) {
            return Ok(());
        }
        let asked = name.clone();
        // Locked from here on: whoever claimed it has either noted it in the journal, or is gone.
        let Some(held) = self.on_disk(move |data| data.abandoned(asked)).await? else { return Ok(()) };
        let publish = name.to_str().and_then(|name| name.parse::<PublishId>().ok());
        let entry = match publish {
            Some(publish) => self.parts.journal().entry(publish).await?,
            None => None,
        };
        let why = match entry {
            None => "no publish has begun with it",
            Some(entry) if matches!(entry.state, State::Replied) && entry.intent.remove => "its publish is done",
            Some(_) => return Ok(()),
        };
        let mut finding = orphan("staging", &name, publish, why);
        if self.options.fix {
            let removed = self.on_disk(move |data| data.remove_abandoned(&held)).await?;
            finding.outcome = match removed {
                Ok(()) => Outcome::Mended("it is deleted".to_owned()),
                Err(error) => Outcome::Left(error.to_string()),
            };
        }
        self.tell(&finding);
        Ok(())
    }
}

fn orphan(folder: &str, name: &OsString, publish: Option<PublishId>, why: &str) -> Finding {
    let path = format!("{folder}/{}", name.to_string_lossy());
    Finding::new(FindingKind::OrphanFile, path, publish).found(Side::note(why))
}
