use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::journal::{Begin, Journal, JournalError};
use super::state::{Entry, Identity, Intent, State};
use crate::storage::PublishId;

/// A journal that lives as long as the process.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    entries: Mutex<BTreeMap<PublishId, Entry>>,
}

impl MemoryJournal {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<PublishId, Entry>) -> T) -> T {
        // Every change below is one assignment: a panic elsewhere cannot leave half of one.
        act(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn begin(&self, identity: Identity, publish: PublishId, intent: Intent) -> Result<Begin, JournalError> {
        self.with(|entries| {
            if let Some(entry) = entries.values().find(|entry| entry.identity == identity) {
                return Ok(Begin::Known(Box::new(entry.clone())));
            }
            entries.insert(publish, Entry { identity, publish, intent, state: State::Intent, recorded: None });
            Ok(Begin::New)
        })
    }

    async fn advance(&self, publish: PublishId, next: State) -> Result<(), JournalError> {
        self.with(|entries| {
            let entry = entries.get_mut(&publish).ok_or(JournalError::Unknown(publish))?;
            if !entry.state.may_become(&next) {
                return Err(JournalError::Order { publish, from: entry.state.name(), to: next.name() });
            }
            if let State::Recorded(recorded) = &next {
                entry.recorded = Some(recorded.clone());
            }
            entry.state = next;
            Ok(())
        })
    }

    async fn unfinished(&self) -> Result<Vec<Entry>, JournalError> {
        let finished = |entry: &&Entry| !matches!(entry.state, State::Replied | State::Failed(_));
        Ok(self.with(|entries| entries.values().filter(finished).cloned().collect()))
    }
}
