use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use filmgate_protocol::{Budget, Layer};

use super::examine::Examiner;
use super::recorder::Recorder;
use super::{Host, Parts};
use crate::archive::{Archive, RetentionPolicy};
use crate::catalogue::{Catalogue, SqliteCatalogue};
use crate::compiler::{CompileOptions, Compiler};
use crate::disk::DiskReserve;
use crate::layout::Layouts;
use crate::limits::{GIB, MIB};
use crate::media::FactsPolicy;
use crate::outbox::{DataDir, DataDirError};
use crate::policy::PluginPolicy;
use crate::pool::{Pool, PoolError, Runner};
use crate::publish::{Journal, JournalError, Publisher, SqliteJournal};
use crate::storage::{LocalStorage, Storage, StorageError};
use crate::url::UrlPolicy;

/// Puts a [`Host`] together. Only the data directory and the place where plugins run must be given.
#[derive(Debug)]
pub struct HostBuilder {
    data_dir: Option<PathBuf>,
    storage: Option<Arc<dyn Storage>>,
    journal: Option<Arc<dyn Journal>>,
    catalogue: Option<Arc<dyn Catalogue>>,
    record_on_write: bool,
    retention: RetentionPolicy,
    layouts: Layouts,
    urls: UrlPolicy,
    disk_reserve: DiskReserve,
    budget: Budget,
    published_bytes: u64,
    plugins_see_urls: bool,
    policy: PluginPolicy,
    compile: CompileOptions,
    runner: Option<Runner>,
    allow_missing: Vec<Layer>,
    runners_ahead: usize,
    runners_idle: Duration,
    media_facts: FactsPolicy,
}

/// Why a host cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// [`HostBuilder::data_dir`] was not called.
    #[error("a host needs a data directory: call `data_dir`")]
    NoDataDir,
    /// It cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The default storage cannot be used.
    #[error("open local storage: {0}")]
    Storage(#[from] StorageError),
    /// The default journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// [`HostBuilder::runner`] was not called.
    #[error("a host needs to know where plugins run: call `runner`")]
    NoRunner,
    /// Runners cannot be started.
    #[error("{0}")]
    Runner(#[from] filmgate_runner::SpawnerError),
    /// The runtime does not work on this machine.
    #[error("start the WebAssembly engine: {0}")]
    Engine(#[from] filmgate_runner::EngineError),
}

impl From<PoolError> for BuildError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Engine(error) => Self::Engine(error),
            PoolError::Spawner(error) => Self::Runner(error),
        }
    }
}

/// What a job may use unless the operator says otherwise. The README shows the same table.
pub fn default_budget() -> Budget {
    Budget {
        memory_bytes: 512 * MIB,
        table_elements: 100_000,
        cpu: Duration::from_secs(300),
        wall: Duration::from_secs(900),
        outbox_bytes: 8 * GIB,
        outbox_entries: 1_000,
        outbox_depth: 16,
        log_bytes: MIB,
        store_calls: 64,
        stores_in_flight: 8,
        hostcall_bytes: MIB,
        handles: 1_000,
    }
}

/// Bytes all files of one job together may publish unless the operator says otherwise.
pub const DEFAULT_PUBLISHED_BYTES: u64 = 8 * GIB;

impl Default for HostBuilder {
    fn default() -> Self {
        Self {
            data_dir: None,
            storage: None,
            journal: None,
            catalogue: None,
            record_on_write: true,
            retention: RetentionPolicy::default(),
            layouts: Layouts::shipped(),
            urls: UrlPolicy::default(),
            disk_reserve: DiskReserve::default(),
            budget: default_budget(),
            published_bytes: DEFAULT_PUBLISHED_BYTES,
            plugins_see_urls: true,
            policy: PluginPolicy::default(),
            compile: CompileOptions::default(),
            runner: None,
            allow_missing: Vec::new(),
            runners_ahead: 1,
            runners_idle: Duration::from_secs(60),
            media_facts: FactsPolicy::default(),
        }
    }
}

impl HostBuilder {
    /// Where jobs under way, claimed files and the journal live; made if it is missing. Hosts may share a directory: each
    /// works on what it has locked.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Where files are published to. Default: local storage in `storage` below the data directory.
    #[must_use]
    pub fn storage(mut self, storage: Arc<dyn Storage>) -> Self {
        self.storage = Some(storage);
        self
    }

    /// Where the progress of publishes is kept. Default: [`SqliteJournal`] in `journal.db` in the data directory.
    #[must_use]
    pub fn journal(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Where records are kept. Default: [`SqliteCatalogue`] in `catalogue.db` in the data directory. A catalogue that cannot
    /// be used fails no job: what was published stays in the journal and is recorded later.
    #[must_use]
    pub fn catalogue(mut self, catalogue: Arc<dyn Catalogue>) -> Self {
        self.catalogue = Some(catalogue);
        self
    }

    /// Whether each file is recorded when it is published (C10); else all files of a job when it ends. Default: yes.
    #[must_use]
    pub fn record_on_write(mut self, yes: bool) -> Self {
        self.record_on_write = yes;
        self
    }

    /// How long [`Archive::clean`] keeps records and old versions. How long files are kept is part of the layouts.
    #[must_use]
    pub fn retention(mut self, policy: RetentionPolicy) -> Self {
        self.retention = policy;
        self
    }

    /// Which key layouts there are and which is the default. Default: the shipped ones, `recap` first.
    #[must_use]
    pub fn layouts(mut self, layouts: Layouts) -> Self {
        self.layouts = layouts;
        self
    }

    /// Which URLs are handed out. Default: presigned ones, or `file://` for local storage.
    #[must_use]
    pub fn urls(mut self, urls: UrlPolicy) -> Self {
        self.urls = urls;
        self
    }

    /// How much stays free on the file system of the data directory: while less is, no job and no publish is begun. Default:
    /// [`DiskReserve::Automatic`].
    #[must_use]
    pub fn disk_reserve(mut self, reserve: DiskReserve) -> Self {
        self.disk_reserve = reserve;
        self
    }

    /// What a job may use. Default: [`default_budget`].
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// How many bytes all files of one job together may publish. Default: [`DEFAULT_PUBLISHED_BYTES`].
    #[must_use]
    pub fn published_bytes(mut self, bytes: u64) -> Self {
        self.published_bytes = bytes;
        self
    }

    /// Whether `store-video` answers URLs to plugins. The caller gets them in any case. Default: yes.
    #[must_use]
    pub fn plugins_see_urls(mut self, yes: bool) -> Self {
        self.plugins_see_urls = yes;
        self
    }

    /// What single plugins are granted, and whether others may run. Default: every plugin may run, all with the same
    /// [`budget`](Self::budget).
    #[must_use]
    pub fn plugins(mut self, policy: PluginPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Where plugins run. Must be said: in a locked-in process, which takes a program that can become one, or knowingly in
    /// this one.
    #[must_use]
    pub fn runner(mut self, runner: Runner) -> Self {
        self.runner = Some(runner);
        self
    }

    /// Layers of the jail that may be missing on this machine. Only [`Layer::Landlock`] and [`Layer::Seccomp`] can be; each
    /// is worth little without the other. Default: none.
    #[must_use]
    pub fn allow_missing(mut self, layers: impl IntoIterator<Item = Layer>) -> Self {
        self.allow_missing = layers.into_iter().collect();
        self
    }

    /// How many runners are kept ready for each plugin that was used not long ago ([`Self::runners_idle`]). A job then starts
    /// in a tenth of a millisecond instead of some. Default: 1.
    #[must_use]
    pub fn runners_ahead(mut self, count: usize) -> Self {
        self.runners_ahead = count;
        self
    }

    /// How long a runner that is kept ready waits for a job. Default: a minute.
    #[must_use]
    pub fn runners_idle(mut self, time: Duration) -> Self {
        self.runners_idle = time;
        self
    }

    /// What compiling a plugin may use, and where its code is kept.
    #[must_use]
    pub fn compile(mut self, options: CompileOptions) -> Self {
        self.compile = options;
        self
    }

    /// Whether files are examined in the sandbox before they are uploaded, and what is made of it. Default: an unsound file
    /// is refused.
    #[must_use]
    pub fn media_facts(mut self, policy: FactsPolicy) -> Self {
        self.media_facts = policy;
        self
    }

    /// Opens the data directory and starts the engine. Blocks for some milliseconds.
    pub fn build(self) -> Result<Host, BuildError> {
        let data = Arc::new(DataDir::open(self.data_dir.ok_or(BuildError::NoDataDir)?)?);
        let runner = self.runner.ok_or(BuildError::NoRunner)?;
        let pool = Pool::new(&runner, self.allow_missing, (self.runners_ahead, self.runners_idle), &data)?;
        let compiler = Compiler::new(self.compile, data.path())?;
        let storage = match self.storage {
            Some(storage) => storage,
            None => Arc::new(LocalStorage::open(data.path().join("storage"))?),
        };
        let journal = match self.journal {
            Some(journal) => journal,
            None => Arc::new(SqliteJournal::open(&data.path().join(SqliteJournal::FILE))?),
        };
        let catalogue =
            self.catalogue.unwrap_or_else(|| Arc::new(SqliteCatalogue::new(data.path().join(SqliteCatalogue::FILE))));
        let recorder = Recorder::new(Arc::clone(&catalogue), Arc::clone(&journal), &*storage, self.record_on_write);
        let (urls, layouts) = (self.urls.clone(), self.layouts.clone());
        let archive = Archive::new(catalogue, Arc::clone(&storage), urls, layouts, self.retention);
        let parts = Parts {
            archive,
            recorder,
            examiner: Examiner::new(self.media_facts),
            data,
            publisher: Publisher::new(storage, journal, self.urls),
            layouts: self.layouts,
            disk_reserve: self.disk_reserve,
            budget: self.budget,
            published_bytes: self.published_bytes,
            plugins_see_urls: self.plugins_see_urls,
            policy: self.policy,
            pool,
            compiler,
        };
        Ok(Host { parts: Arc::new(parts) })
    }
}
