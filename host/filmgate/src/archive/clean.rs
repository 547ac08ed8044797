use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Archive, ArchiveError, PAGE, Removal};
use crate::catalogue::{AssetFilter, AssetState, Cuts, Deletion, Forgotten};
use crate::units::Span;

/// How a clean-up goes about its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanOptions {
    /// The moment that ages are counted to.
    pub now: Timestamp,
    /// Try deletions that failed even if their wait is not over.
    pub retry_all: bool,
}

impl Default for CleanOptions {
    fn default() -> Self {
        Self { now: Timestamp::now(), retry_all: false }
    }
}

/// What a clean-up did.
#[derive(Debug, Default)]
pub struct CleanReport {
    /// Assets that were older than their slot keeps them (B4).
    pub expired: u64,
    /// Old versions beyond those that are kept (C6).
    pub superseded: u64,
    /// What became of the objects of all assets to be deleted.
    pub removal: Removal,
    /// Deletions that failed before and wait for their next try.
    pub waiting: u64,
    /// Records that were taken away.
    pub forgotten: Forgotten,
}

impl Archive {
    /// Marks what retention keeps no longer, deletes the objects of everything that is marked, tries again what failed, and
    /// takes away old records. May run at any time, beside others of its kind.
    pub async fn clean(&self, options: CleanOptions) -> Result<CleanReport, ArchiveError> {
        let now = options.now;
        let mut report = CleanReport { expired: self.expire(now).await?, ..CleanReport::default() };
        if let Some(keep) = self.retention.versions {
            // The latest one is no old version.
            let reason = format!("an old version; {keep} are kept beside the latest");
            let deletion = by_retention(now, reason);
            loop {
                let marked = self.catalogue.delete_versions(keep.saturating_add(1), &deletion, PAGE).await?.len();
                report.superseded += marked as u64;
                if marked == 0 {
                    break;
                }
            }
        }
        let deleting = AssetFilter { state: Some(AssetState::Deleting), ..AssetFilter::default() };
        let due_at = (!options.retry_all).then_some(now);
        report.removal = self.remove_pages(&AssetFilter { due_at, ..deleting.clone() }).await?;
        let marked = self.count(&deleting, crate::catalogue::Page::first(PAGE)).await?;
        report.waiting = marked.saturating_sub(report.removal.failed + report.removal.left);
        report.forgotten = self.catalogue.forget(&self.cuts(now)).await?;
        Ok(report)
    }

    /// Marks assets that are older than their slot keeps them.
    async fn expire(&self, now: Timestamp) -> Result<u64, ArchiveError> {
        let mut expired = 0;
        for layout in self.layouts.iter() {
            for rule in layout.slots() {
                let Some(age) = rule.retention() else { continue };
                let filter = AssetFilter {
                    layout: Some(layout.name().clone()),
                    slot: Some(rule.slot().clone()),
                    stored_before: Some(before(now, age)),
                    ..AssetFilter::default()
                };
                let reason =
                    format!("older than {}, which slot {} of layout {} keeps", Span(age), rule.slot(), layout.name());
                let deletion = by_retention(now, reason);
                loop {
                    let marked = self.catalogue.delete_assets(&filter, &deletion, PAGE).await?.len();
                    expired += marked as u64;
                    if marked == 0 {
                        break;
                    }
                }
            }
        }
        Ok(expired)
    }

    fn cuts(&self, now: Timestamp) -> Cuts {
        let policy = &self.retention;
        let cut = |age: Option<Duration>| age.map(|age| before(now, age));
        Cuts {
            now,
            events: cut(policy.events),
            audit: cut(policy.audit),
            logs: cut(policy.logs),
            jobs: cut(policy.jobs),
            gone: cut(policy.gone),
        }
    }
}

fn by_retention(at: Timestamp, reason: String) -> Deletion {
    Deletion { at, by: "retention".to_owned(), reason }
}

/// Ages beyond the beginning of time keep everything.
fn before(now: Timestamp, age: Duration) -> Timestamp {
    let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
    now.checked_sub(age).unwrap_or(Timestamp::MIN)
}
