//! The catalogue: what was published, for whom, in which job, session and scene, and what became of it.
//!
//! It is a projection of the journal ([`Catalogue::project`] is the only way in for what was published, and may be repeated
//! at will), so that it can be away without a publish being lost: the record catches up. A backend implements [`Catalogue`];
//! `tests/catalogue` holds one conformance suite that every backend passes.

mod error;
mod event;
mod filter;
mod log;
mod record;
mod retention;
mod sqlite;

pub use error::CatalogueError;
pub use event::{AuditAction, AuditEntry, Cursor, Event, EventKind};
pub use filter::{AssetAt, AssetFilter, JobFilter, Page, SessionFilter};
pub use log::{LogAt, LogLine, LogSource};
pub use record::{
    AssetRecord, AssetState, Batch, Deletion, DeletionState, JobEnd, JobHead, JobNote, JobRecord, JobState, NewAsset,
    Projected, SceneRecord, SessionId, SessionRecord,
};
pub use retention::{Cuts, Forgotten};
pub use sqlite::SqliteCatalogue;

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::job::JobId;
use crate::key::ObjectKey;
use crate::storage::PublishId;

/// A place that keeps records.
///
/// Every write is one transaction: it happened as a whole or not at all, and what succeeded survives a power cut. If a call
/// is cancelled, whether it happened is unknown; every write may be repeated.
#[async_trait]
pub trait Catalogue: Debug + Send + Sync {
    /// Where and what this is, for people.
    fn describe(&self) -> String;

    /// Whether it can be used: opens it, brings its schema up to date and reads from it.
    async fn check(&self) -> Result<(), CatalogueError>;

    /// Takes over what was published and how jobs began and ended. What it knows already changes nothing: the same batch
    /// may come any number of times, in any order.
    ///
    /// An asset of a session that was deleted after the asset was stored is taken over as one to be deleted.
    async fn project(&self, batch: &Batch) -> Result<Projected, CatalogueError>;

    /// One asset.
    async fn asset(&self, id: PublishId) -> Result<Option<AssetRecord>, CatalogueError>;

    /// The assets under a key, the latest first. A key has one at a time; it may have had others.
    async fn assets_at(&self, key: &ObjectKey) -> Result<Vec<AssetRecord>, CatalogueError>;

    /// The assets a filter names, the latest first.
    async fn assets(&self, filter: &AssetFilter, page: Page<PublishId>) -> Result<Vec<AssetRecord>, CatalogueError>;

    /// The assets of one store whose keys start with `prefix`, deleted ones too, in order of the keys' bytes and of their ids:
    /// those after `after`, the last one of the page before.
    async fn assets_by_key(
        &self,
        place: &str,
        prefix: &str,
        page: Page<AssetAt>,
    ) -> Result<Vec<AssetRecord>, CatalogueError>;

    /// Marks at most `limit` of the stored assets a filter names as to be deleted (C6), the oldest first, and answers which.
    /// From then on they read as deleted; their objects stay until a clean-up.
    async fn delete_assets(
        &self,
        filter: &AssetFilter,
        deletion: &Deletion,
        limit: u32,
    ) -> Result<Vec<PublishId>, CatalogueError>;

    /// Marks a session and every stored asset of it as to be deleted; answers which assets, or nothing where there is no
    /// such session.
    async fn delete_session(
        &self,
        session: &SessionId,
        deletion: &Deletion,
    ) -> Result<Option<Vec<PublishId>>, CatalogueError>;

    /// Notes that the objects of assets that were to be deleted are gone in every store.
    async fn deleted(&self, ids: &[PublishId], at: Timestamp) -> Result<(), CatalogueError>;

    /// Notes that the object of an asset could not be deleted, why, and when to try again.
    async fn delete_failed(&self, id: PublishId, error: &str, next_try: Timestamp) -> Result<(), CatalogueError>;

    /// One job.
    async fn job(&self, id: JobId) -> Result<Option<JobRecord>, CatalogueError>;

    /// The jobs a filter names, the latest first.
    async fn jobs(&self, filter: &JobFilter, page: Page<JobId>) -> Result<Vec<JobRecord>, CatalogueError>;

    /// One session.
    async fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, CatalogueError>;

    /// The scenes of a session, in order of their ids.
    async fn scenes(&self, id: &SessionId) -> Result<Vec<SceneRecord>, CatalogueError>;

    /// The sessions a filter names, in order of users and ids.
    async fn sessions(
        &self,
        filter: &SessionFilter,
        page: Page<SessionId>,
    ) -> Result<Vec<SessionRecord>, CatalogueError>;

    /// At most `limit` events that come after a cursor, in their order; without one from the first that is kept. A reader
    /// that goes on from the last event's cursor misses none and sees none twice.
    ///
    /// # Errors
    /// [`CatalogueError::CursorPassed`] where retention has taken away events after the cursor.
    async fn events(&self, after: Option<&Cursor>, limit: u32) -> Result<Vec<Event>, CatalogueError>;

    /// The events of one job that are kept, in their order.
    async fn events_of_job(&self, job: JobId) -> Result<Vec<Event>, CatalogueError>;

    /// Keeps lines of jobs' logs. A line that is there already, by job, run and number, changes nothing.
    async fn log(&self, lines: &[LogLine]) -> Result<(), CatalogueError>;

    /// The lines of a job's log that are kept, in their order: those after one, the last of the page before.
    async fn log_of_job(&self, job: JobId, page: Page<LogAt>) -> Result<Vec<LogLine>, CatalogueError>;

    /// Writes who asked for what.
    async fn audit(&self, entry: &AuditEntry) -> Result<(), CatalogueError>;

    /// The latest entries of the audit log, the latest first; those about `subject` where one is named.
    async fn audit_log(&self, subject: Option<&str>, limit: u32) -> Result<Vec<AuditEntry>, CatalogueError>;

    /// Marks the oldest versions beyond `keep` of each file of each session as to be deleted, at most `limit` assets.
    async fn delete_versions(
        &self,
        keep: u32,
        deletion: &Deletion,
        limit: u32,
    ) -> Result<Vec<PublishId>, CatalogueError>;

    /// Takes away what is older than the cuts say, and gives up jobs whose lease has ended long ago.
    async fn forget(&self, cuts: &Cuts) -> Result<Forgotten, CatalogueError>;
}
