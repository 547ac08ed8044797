use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::journal::{Begin, Journal, JournalError, KeyedJob, Noted, Which};
use super::state::{Entry, Identity, Intent, State};
use crate::job::IdempotencyKey;
use crate::key::ObjectKey;
use crate::storage::{Durability, PublishId};

/// A journal that lives as long as the process.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: BTreeMap<PublishId, Entry>,
    catalogued: HashSet<PublishId>,
    jobs: HashMap<IdempotencyKey, KeyedJob>,
}

impl MemoryJournal {
    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        // Every change below is one assignment: a panic elsewhere cannot leave half of one.
        act(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn begin(&self, identity: Identity, publish: PublishId, intent: Intent) -> Result<Begin, JournalError> {
        self.with(|kept| {
            if let Some(entry) = kept.entries.values().find(|entry| entry.identity == identity) {
                return Ok(Begin::Known(Box::new(entry.clone())));
            }
            kept.entries.insert(publish, Entry::begun(identity, publish, intent));
            Ok(Begin::New)
        })
    }

    async fn advance(&self, publish: PublishId, next: State) -> Result<(), JournalError> {
        self.with(|kept| {
            let has_moved = matches!(next, State::Moved(_));
            kept.entries.get_mut(&publish).ok_or(JournalError::Unknown(publish))?.advance(next)?;
            if has_moved {
                kept.catalogued.remove(&publish);
            }
            Ok(())
        })
    }

    async fn entries(&self, which: Which, after: Option<PublishId>, limit: usize) -> Result<Vec<Entry>, JournalError> {
        Ok(self.with(|kept| {
            let meant = |entry: &&Entry| {
                after.is_none_or(|after| entry.publish > after)
                    && which.holds(entry, kept.catalogued.contains(&entry.publish))
            };
            kept.entries.values().filter(meant).take(limit).cloned().collect()
        }))
    }

    async fn entry(&self, publish: PublishId) -> Result<Option<Entry>, JournalError> {
        Ok(self.with(|kept| kept.entries.get(&publish).cloned()))
    }

    async fn at_key(&self, key: &ObjectKey) -> Result<Vec<Noted>, JournalError> {
        Ok(self.with(|kept| {
            let found = kept.entries.values().filter(|entry| entry.intent.key == *key).cloned();
            found.map(|entry| Noted { catalogued: kept.catalogued.contains(&entry.publish), entry }).collect()
        }))
    }

    async fn catalogued(&self, seen: &[(PublishId, Durability)]) -> Result<(), JournalError> {
        self.with(|kept| {
            for (publish, durability) in seen {
                let recorded = kept.entries.get(publish).and_then(|entry| entry.recorded.as_ref());
                if recorded.is_some_and(|recorded| recorded.durability == *durability) {
                    kept.catalogued.insert(*publish);
                }
            }
        });
        Ok(())
    }

    async fn forget(&self, publish: PublishId) -> Result<(), JournalError> {
        self.with(|kept| match kept.entries.get(&publish).map(|entry| &entry.state) {
            None => Err(JournalError::Unknown(publish)),
            Some(State::Failed(_)) => {
                kept.entries.remove(&publish);
                Ok(())
            }
            Some(other) => Err(JournalError::Order { publish, from: other.name(), to: "forgotten" }),
        })
    }

    async fn keyed_job(&self, key: &IdempotencyKey, new: KeyedJob) -> Result<KeyedJob, JournalError> {
        Ok(self.with(|kept| kept.jobs.entry(key.clone()).or_insert(new).clone()))
    }

    async fn keyed_job_ended(&self, key: &IdempotencyKey, summary: &str) -> Result<(), JournalError> {
        self.with(|kept| {
            if let Some(job) = kept.jobs.get_mut(key) {
                job.summary = Some(summary.to_owned());
            }
        });
        Ok(())
    }
}
