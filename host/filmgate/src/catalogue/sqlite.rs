//! The catalogue in one file, `catalogue.db` in the data directory.
//!
//! Any number of processes may use it at once: it is in WAL mode, so readers wait for nobody, and writers take turns
//! (`BEGIN IMMEDIATE`, waited for at most [`BUSY_PATIENCE`]). Commits are synced: what is on record survives a power cut.

mod assets;
mod codec;
mod events;
mod jobs;
mod logs;
mod open;
mod project;
mod retention;
mod sessions;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqlitePool;
use tokio::sync::Mutex;

use super::{
    AssetAt, AssetFilter, AssetRecord, AuditEntry, Batch, Catalogue, CatalogueError, Cursor, Cuts, Deletion, Event,
    Forgotten, JobFilter, JobRecord, LogAt, LogLine, Page, Projected, SceneRecord, SessionFilter, SessionId,
    SessionRecord,
};
use crate::job::JobId;
use crate::key::ObjectKey;
use crate::storage::PublishId;
use codec::Fault;
use open::Opened;

/// How long a writer waits for another one, of whatever process.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);

/// A catalogue in a file. Cheap to make: nothing is opened before the first call, and a file that cannot be opened is tried
/// again by the next one.
#[derive(Debug)]
pub struct SqliteCatalogue {
    path: PathBuf,
    opened: Mutex<Option<Opened>>,
}

impl SqliteCatalogue {
    /// The name of the file in the data directory.
    pub const FILE: &'static str = "catalogue.db";

    /// The catalogue in `path`, which is made when it is first used. Its directory must be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), opened: Mutex::new(None) }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file; opens it where that has not been done, or where another file has taken its place.
    async fn pool(&self) -> Result<SqlitePool, Fault> {
        let mut opened = self.opened.lock().await;
        if let Some(opened) = opened.as_ref().filter(|opened| opened.is_still(&self.path)) {
            return Ok(opened.pool.clone());
        }
        *opened = None;
        let fresh = Opened::open(&self.path).await?;
        let pool = fresh.pool.clone();
        *opened = Some(fresh);
        Ok(pool)
    }

    /// Runs `work` on the open file. After a fault that may be the file's the next call opens it anew.
    async fn run<T, F, W>(&self, operation: &'static str, work: W) -> Result<T, CatalogueError>
    where
        W: FnOnce(SqlitePool) -> F + Send,
        F: Future<Output = Result<T, Fault>> + Send,
    {
        let done = match self.pool().await {
            Ok(pool) => work(pool).await,
            Err(fault) => Err(fault),
        };
        match done {
            Ok(done) => Ok(done),
            Err(fault) => {
                if fault.may_be_the_files() {
                    *self.opened.lock().await = None;
                }
                Err(fault.named(operation, &self.path))
            }
        }
    }
}

#[async_trait]
impl Catalogue for SqliteCatalogue {
    fn describe(&self) -> String {
        self.path.display().to_string()
    }

    async fn check(&self) -> Result<(), CatalogueError> {
        self.run("read the schema", |pool| async move { open::check(&pool).await }).await
    }

    async fn project(&self, batch: &Batch) -> Result<Projected, CatalogueError> {
        if batch.is_empty() {
            return Ok(Projected::default());
        }
        self.run("record what was published", |pool| async move { project::project(&pool, batch).await }).await
    }

    async fn asset(&self, id: PublishId) -> Result<Option<AssetRecord>, CatalogueError> {
        self.run("read an asset", |pool| async move { assets::one(&pool, id).await }).await
    }

    async fn assets_at(&self, key: &ObjectKey) -> Result<Vec<AssetRecord>, CatalogueError> {
        self.run("read an asset", |pool| async move { assets::at_key(&pool, key).await }).await
    }

    async fn assets(&self, filter: &AssetFilter, page: Page<PublishId>) -> Result<Vec<AssetRecord>, CatalogueError> {
        self.run("list assets", |pool| async move { assets::list(&pool, filter, &page).await }).await
    }

    async fn assets_by_key(
        &self,
        place: &str,
        prefix: &str,
        page: Page<AssetAt>,
    ) -> Result<Vec<AssetRecord>, CatalogueError> {
        self.run("list assets", |pool| async move { assets::by_key(&pool, place, prefix, &page).await }).await
    }

    async fn delete_assets(
        &self,
        filter: &AssetFilter,
        deletion: &Deletion,
        limit: u32,
    ) -> Result<Vec<PublishId>, CatalogueError> {
        self.run("delete assets", |pool| async move { assets::delete(&pool, filter, deletion, limit).await }).await
    }

    async fn delete_session(
        &self,
        session: &SessionId,
        deletion: &Deletion,
    ) -> Result<Option<Vec<PublishId>>, CatalogueError> {
        self.run("delete a session", |pool| async move { sessions::delete(&pool, session, deletion).await }).await
    }

    async fn deleted(&self, ids: &[PublishId], at: Timestamp) -> Result<(), CatalogueError> {
        self.run("note deleted assets", |pool| async move { assets::deleted(&pool, ids, at).await }).await
    }

    async fn delete_failed(&self, id: PublishId, error: &str, next_try: Timestamp) -> Result<(), CatalogueError> {
        self.run("note a deletion that failed", |pool| async move {
            assets::delete_failed(&pool, id, error, next_try).await
        })
        .await
    }

    async fn job(&self, id: JobId) -> Result<Option<JobRecord>, CatalogueError> {
        self.run("read a job", |pool| async move { jobs::one(&pool, id).await }).await
    }

    async fn jobs(&self, filter: &JobFilter, page: Page<JobId>) -> Result<Vec<JobRecord>, CatalogueError> {
        self.run("list jobs", |pool| async move { jobs::list(&pool, filter, &page).await }).await
    }

    async fn session(&self, id: &SessionId) -> Result<Option<SessionRecord>, CatalogueError> {
        self.run("read a session", |pool| async move { sessions::one(&pool, id).await }).await
    }

    async fn scenes(&self, id: &SessionId) -> Result<Vec<SceneRecord>, CatalogueError> {
        self.run("list scenes", |pool| async move { sessions::scenes(&pool, id).await }).await
    }

    async fn sessions(
        &self,
        filter: &SessionFilter,
        page: Page<SessionId>,
    ) -> Result<Vec<SessionRecord>, CatalogueError> {
        self.run("list sessions", |pool| async move { sessions::list(&pool, filter, &page).await }).await
    }

    async fn events(&self, after: Option<&Cursor>, limit: u32) -> Result<Vec<Event>, CatalogueError> {
        self.run("read events", |pool| async move { events::after(&pool, after, limit).await }).await
    }

    async fn events_of_job(&self, job: JobId) -> Result<Vec<Event>, CatalogueError> {
        self.run("read events", |pool| async move { events::of_job(&pool, job).await }).await
    }

    async fn log(&self, lines: &[LogLine]) -> Result<(), CatalogueError> {
        if lines.is_empty() {
            return Ok(());
        }
        self.run("write a job's log", |pool| async move { logs::add(&pool, lines).await }).await
    }

    async fn log_of_job(&self, job: JobId, page: Page<LogAt>) -> Result<Vec<LogLine>, CatalogueError> {
        self.run("read a job's log", |pool| async move { logs::of_job(&pool, job, &page).await }).await
    }

    async fn audit(&self, entry: &AuditEntry) -> Result<(), CatalogueError> {
        self.run("write the audit log", |pool| async move { events::audit(&pool, entry).await }).await
    }

    async fn audit_log(&self, subject: Option<&str>, limit: u32) -> Result<Vec<AuditEntry>, CatalogueError> {
        self.run("read the audit log", |pool| async move { events::audit_log(&pool, subject, limit).await }).await
    }

    async fn delete_versions(
        &self,
        keep: u32,
        deletion: &Deletion,
        limit: u32,
    ) -> Result<Vec<PublishId>, CatalogueError> {
        self.run(
            "delete old versions",
            |pool| async move { assets::delete_versions(&pool, keep, deletion, limit).await },
        )
        .await
    }

    async fn forget(&self, cuts: &Cuts) -> Result<Forgotten, CatalogueError> {
        self.run("take away old records", |pool| async move { retention::forget(&pool, cuts).await }).await
    }
}
