//! What happens in a random schedule of two stores, and a journal whose process dies at a chosen note.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use filmgate::publish::{Begin, Identity, Intent, Journal, JournalError, MemoryJournal, State};
use filmgate::storage::{Mode, PublishId};
use filmgate_tests::fault_proxy::Rule;
use filmgate_tests::wrapped::AroundJournal;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

use crate::cell::Size;
use crate::model::{faults, size};

/// The end of a process: at the journal's nth note from now on, counted from 0, before or after that is on disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Death {
    at: usize,
    is_noted: bool,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Publish {
        who: u32,
        size: Size,
        faults: Vec<Rule>,
        cancel_at: Option<usize>,
        death: Option<Death>,
    },
    Delete {
        who: u32,
        faults: Vec<Rule>,
    },
    /// S3 goes away, or is back.
    Outage(bool),
    /// A process begins: it takes up what was left, and moves what waits, the latter under faults.
    Restart {
        faults: Vec<Rule>,
        death: Option<Death>,
    },
}

/// A policy, and what happens under it.
pub(super) fn schedule() -> impl Strategy<Value = (Mode, Vec<Step>)> {
    let mode = prop_oneof![2 => Just(Mode::Fallback), 1 => Just(Mode::Mirror)];
    (mode, proptest::collection::vec(step(), 1..12))
}

fn step() -> impl Strategy<Value = Step> {
    let cancel_at = prop_oneof![6 => Just(None), 1 => (0..8usize).prop_map(Some)];
    let publish = (0..4u32, size(), faults(), cancel_at, death(7))
        .prop_map(|(who, size, faults, cancel_at, death)| Step::Publish { who, size, faults, cancel_at, death });
    let delete = (0..4u32, faults()).prop_map(|(who, faults)| Step::Delete { who, faults });
    let restart = (faults(), death(5)).prop_map(|(faults, death)| Step::Restart { faults, death });
    prop_oneof![5 => publish, 1 => delete, 2 => any::<bool>().prop_map(Step::Outage), 2 => restart]
}

fn death(notes: usize) -> impl Strategy<Value = Option<Death>> {
    let death = (0..notes, any::<bool>()).prop_map(|(at, is_noted)| Some(Death { at, is_noted }));
    prop_oneof![3 => Just(None), 1 => death]
}

/// A journal whose process dies: from there on it does nothing, until the next process comes.
#[derive(Debug, Default)]
pub(super) struct Mortal {
    inner: MemoryJournal,
    death: Mutex<Option<Death>>,
    is_dead: AtomicBool,
}

fn killed() -> JournalError {
    JournalError::File { path: "journal".into(), message: "killed".to_owned() }
}

impl Mortal {
    /// A process begins that will die so.
    pub(super) fn begin_process(&self, death: Option<Death>) {
        *self.death.lock().unwrap_or_else(PoisonError::into_inner) = death;
        self.is_dead.store(false, Ordering::SeqCst);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    async fn note<T>(&self, noting: impl Future<Output = Result<T, JournalError>> + Send) -> Result<T, JournalError> {
        if self.is_dead() {
            return Err(killed());
        }
        let is_noted = {
            let mut death = self.death.lock().unwrap_or_else(PoisonError::into_inner);
            match &mut *death {
                Some(Death { at: 0, is_noted }) => Some(*is_noted),
                Some(Death { at, .. }) => {
                    *at -= 1;
                    None
                }
                None => None,
            }
        };
        let Some(is_noted) = is_noted else { return noting.await };
        if is_noted {
            noting.await?;
        }
        self.is_dead.store(true, Ordering::SeqCst);
        Err(killed())
    }
}

#[async_trait]
impl AroundJournal for Mortal {
    fn inner(&self) -> &dyn Journal {
        &self.inner
    }

    async fn begin(&self, identity: Identity, publish: PublishId, intent: Intent) -> Result<Begin, JournalError> {
        self.note(self.inner.begin(identity, publish, intent)).await
    }

    async fn advance(&self, publish: PublishId, next: State) -> Result<(), JournalError> {
        self.note(self.inner.advance(publish, next)).await
    }

    async fn forget(&self, publish: PublishId) -> Result<(), JournalError> {
        self.note(self.inner.forget(publish)).await
    }
}
