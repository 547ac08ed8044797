use jiff::Timestamp;

use crate::catalogue::{AssetState, JobState};
use crate::job::{JobId, RefId, Slot, UserId};
use crate::layout::LayoutName;
use crate::storage::PublishId;

/// Which assets: those that everything said here is true of. Nothing said means every asset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssetFilter {
    /// This one.
    pub id: Option<PublishId>,
    /// Of this user.
    pub user: Option<UserId>,
    /// Of this job.
    pub job: Option<JobId>,
    /// Of this session.
    pub session: Option<RefId>,
    /// Of this scene.
    pub scene: Option<RefId>,
    /// In this slot.
    pub slot: Option<Slot>,
    /// Under a key of this layout.
    pub layout: Option<LayoutName>,
    /// In this state.
    pub state: Option<AssetState>,
    /// Stored before this moment.
    pub stored_before: Option<Timestamp>,
    /// To be deleted, and due at this moment.
    pub due_at: Option<Timestamp>,
}

/// Which jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// For this user.
    pub user: Option<UserId>,
    /// In this state.
    pub state: Option<JobState>,
}

/// Which sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Of this user.
    pub user: Option<UserId>,
    /// Those that were deleted, too.
    pub with_deleted: bool,
}

/// Which of many answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<Id> {
    /// Go on after this one, the last of the page before.
    pub after: Option<Id>,
    /// At most so many.
    pub limit: u32,
}

impl<Id> Page<Id> {
    /// The first so many.
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    /// So many after this one.
    pub fn after(id: Id, limit: u32) -> Self {
        Self { after: Some(id), limit }
    }
}
