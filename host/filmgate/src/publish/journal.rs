use std::fmt::Debug;

use async_trait::async_trait;

use super::state::{Entry, Identity, Intent, State};
use crate::storage::PublishId;

/// Remembers how far each publish is. A journal is written before what it says happens, so that a host that was
/// interrupted anywhere can find out what is left to do.
#[async_trait]
pub trait Journal: Debug + Send + Sync {
    /// Begins a publish in [`State::Intent`], unless its identity is known already.
    async fn begin(&self, identity: Identity, publish: PublishId, intent: Intent) -> Result<Begin, JournalError>;

    /// Brings a publish into its next state.
    async fn advance(&self, publish: PublishId, next: State) -> Result<(), JournalError>;

    /// The publishes that are neither published nor failed, in the order in which they began.
    async fn unfinished(&self) -> Result<Vec<Entry>, JournalError>;
}

/// What [`Journal::begin`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// The identity is new; the publish has begun.
    New,
    /// The identity was begun before, under this entry; nothing was changed.
    Known(Box<Entry>),
}

/// Why a journal did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// No such publish was begun.
    #[error("publish {0} is not in the journal")]
    Unknown(PublishId),
    /// The states do not follow each other: a fault of the host.
    #[error("publish {publish} cannot become {to:?} after {from:?}")]
    Order {
        /// Which publish.
        publish: PublishId,
        /// The state it is in.
        from: &'static str,
        /// The state it was to come into.
        to: &'static str,
    },
}
