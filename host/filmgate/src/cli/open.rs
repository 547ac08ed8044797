use std::future::Future;
use std::sync::Arc;

use filmgate::config::{Config, Sources};
use filmgate::key::ObjectKey;
use filmgate::outbox::{DataDir, DataDirError};
use filmgate::publish::JournalError;
use filmgate::storage::Storage;
use filmgate::{BuildError, Host};
use indicatif::MultiProgress;

use super::exit::Exit;
use super::problem::{Ended, Problem, with_sources};
use super::recover::Beside;
use super::signals::Signals;
use super::{SettingOptions, logging};

/// What every command that works with a host has.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) config: Config,
    pub(super) bars: MultiProgress,
    pub(super) signals: Signals,
}

/// Reads the settings, starts logging and a runtime, and runs `work` in it.
///
/// Blocking work that a signal left behind, a compilation for example, is not waited for.
pub(super) fn with_session<F: Future<Output = Ended>>(
    settings: &SettingOptions,
    work: impl FnOnce(Session) -> F,
) -> Ended {
    let config = Config::load(&sources(settings)?)?;
    let bars = MultiProgress::new();
    logging::start(&config.log, &bars)?;
    tracing::info!(reason = %config.storage_reason, "settings read");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Problem::internal(format!("start the runtime: {error}")))?;
    let in_force = config.settings.clone();
    let as_json = settings.json;
    let ended = runtime.block_on(async {
        let signals = Signals::listen(as_json)?;
        work(Session { config, bars, signals }).await
    });
    runtime.shutdown_background();
    ended.map_err(|problem| problem.naming(&in_force))
}

pub(super) fn sources(settings: &SettingOptions) -> Result<Sources, Problem> {
    let sources = Sources::of_process()
        .map_err(|error| Problem::input(format!("find the working directory: {error}")))?
        .with_config_file(settings.config.clone())
        .with_data_dir(settings.data_dir.clone());
    Ok(sources)
}

/// A host as the settings want it, with a storage that answers.
pub(super) async fn host(config: &Config) -> Result<Host, Problem> {
    let host = host_unreached(config).await?;
    reach(&**host.storage(), config).await?;
    Ok(host)
}

/// The same without a request to the storage.
pub(super) async fn host_unreached(config: &Config) -> Result<Host, Problem> {
    // First, because local storage lies in the data directory unless somebody says otherwise.
    DataDir::open(&config.data_dir).map_err(|error| data_dir_problem(&error))?;
    let storage = config.storage.open(&config.layouts).await.map_err(|error| Problem::of_storage(&error))?;
    build(config, storage)
}

/// Asks for an object that is not there: a storage that cannot be used is told before anything is rendered. One request;
/// whether objects can be written shows when the first one is.
async fn reach(storage: &dyn Storage, config: &Config) -> Result<(), Problem> {
    let key = ObjectKey::try_from(config.layouts.prefixed("filmgate-check/absent"))
        .map_err(|error| Problem::internal(error.to_string()))?;
    match storage.get(&key, None).await {
        // Files go to local storage until S3 is back.
        Err(error) if error.is_outage() && storage.as_both().is_some() => {
            tracing::warn!(%error, "S3 is away");
            Ok(())
        }
        Err(mut error) if error.is_storage_away() => {
            // Nobody asked for this key.
            error.key = None;
            Err(Problem::of_storage(&error))
        }
        _ => Ok(()),
    }
}

/// Whether there is room for something new. Where there is not, what was interrupted is gone on with all the same: that may
/// make some.
pub(super) async fn room(host: &Host, signals: &Signals) -> Result<(), Problem> {
    if host.check_disk().is_ok() {
        return Ok(());
    }
    Beside::start(host, signals).finish().await;
    host.check_disk().map_err(|error| Problem::of_job(&error, None))
}

fn build(config: &Config, storage: Arc<dyn Storage>) -> Result<Host, Problem> {
    let builder = Host::builder()
        .data_dir(&config.data_dir)
        .storage(storage)
        .disk_reserve(config.disk_reserve)
        .layouts(config.layouts.clone())
        .urls(config.urls.clone())
        .budget(config.budget.clone())
        .published_bytes(config.published_bytes)
        .plugins_see_urls(config.plugins_see_urls)
        .plugins(config.plugins.clone())
        .compile(config.compile.clone())
        .runner(config.runner.place())
        .allow_missing(config.runner.allow_missing.iter().copied())
        // One command, one job.
        .runners_ahead(0)
        .retention(config.retention.clone())
        .record_on_write(config.record_on_write)
        .media_facts(config.media_facts);
    builder.build().map_err(|error| match &error {
        BuildError::DataDir(error) => data_dir_problem(error),
        BuildError::Storage(storage) => Problem::of_storage(storage),
        BuildError::Journal(journal) => journal_problem(journal),
        BuildError::NoDataDir | BuildError::NoRunner | BuildError::Runner(_) | BuildError::Engine(_) => {
            Problem::internal(with_sources(&error))
        }
    })
}

/// The journal cannot be opened.
pub(super) fn journal_problem(error: &JournalError) -> Problem {
    Problem::new(Exit::Usage, "data-dir-unusable", error.to_string()).with_next_step(
        "see whether its disk is full, read-only or damaged. A journal that is damaged itself: move it and its files \
             -wal and -shm away, then `filmgate reconcile` says what is where",
    )
}

pub(super) fn data_dir_problem(error: &DataDirError) -> Problem {
    Problem::new(Exit::Usage, "data-dir-unusable", with_sources(error)).with_next_step(error.next_step())
}
