//! [`Host`]: wires the parts and runs jobs.

mod builder;
mod cleanup;
mod conversation;
mod examine;
mod granting;
mod job_log;
mod keyed;
mod options;
mod recorder;
mod recovery;
mod reuse;
mod session;
mod store;

pub use builder::{BuildError, DEFAULT_PUBLISHED_BYTES, HostBuilder, default_budget};
pub(crate) use cleanup::destroy;
pub use keyed::Keyed;
pub use recovery::RecoveryError;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use filmgate_protocol::Budget;
use tokio::sync::broadcast;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::archive::Archive;
use crate::compiler::Compiler;
use crate::disk::{DiskLow, DiskReserve, DiskSpace};
use crate::job::{JobId, JobRequest, Slot};
use crate::layout::Layouts;
use crate::manifest::{Manifest, ManifestError};
use crate::outbox::{Claimed, DataDir};
use crate::plugin::{Plugin, PluginDigest};
use crate::policy::PluginPolicy;
use crate::pool::Pool;
use crate::publish::Publisher;
use crate::reconcile::Reconciler;
use crate::report::{JobError, JobEvent, JobFault, JobReport, Refusal};
use crate::storage::Storage;
use session::{Accepted, Session};

/// Events a slow listener may fall behind before it misses the oldest.
const EVENTS_KEPT: usize = 256;

/// Runs plugins and publishes what they render. Cheap to clone; holds no global state; any number can live in one process,
/// each with its own data directory.
#[derive(Debug, Clone)]
pub struct Host {
    parts: Arc<Parts>,
}

/// What a host is made of.
struct Parts {
    data: Arc<DataDir>,
    publisher: Publisher,
    layouts: Layouts,
    disk_reserve: DiskReserve,
    budget: Budget,
    published_bytes: u64,
    plugins_see_urls: bool,
    policy: PluginPolicy,
    pool: Pool,
    compiler: Compiler,
    examiner: examine::Examiner,
    archive: Archive,
    recorder: recorder::Recorder,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host")
            .field("data", &self.data.path())
            .field("publisher", &self.publisher)
            .finish_non_exhaustive()
    }
}

/// A job under way. Dropping it cancels the job.
#[derive(Debug)]
pub struct RunningJob {
    id: JobId,
    events: Mutex<broadcast::Receiver<JobEvent>>,
    cancel: CancellationToken,
    ended: JoinHandle<Result<JobReport, JobError>>,
    _cancel_on_drop: DropGuard,
}

impl Host {
    /// Starts to put a host together.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// The storage jobs are published to.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        self.parts.publisher.storage()
    }

    /// What was published: the records, URLs made anew, deletion and clean-up.
    pub fn archive(&self) -> &Archive {
        &self.parts.archive
    }

    /// Compares the records with the store, the journal and the data directory.
    pub fn reconciler(&self) -> Reconciler {
        let parts = &self.parts;
        Reconciler::new(parts.archive.clone(), Arc::clone(parts.publisher.journal()), Arc::clone(&parts.data))
    }

    /// Reads, checks and compiles a component, with the manifest beside it where there is one
    /// ([`Manifest::path_beside`]). Takes seconds for a large one; a compiled plugin runs any number of jobs.
    ///
    /// Before it is compiled, it is refused where it asks for more than it is granted ([`HostBuilder::plugins`]).
    pub async fn load_plugin(&self, path: &Path) -> Result<Plugin, JobError> {
        let component = path.to_owned();
        self.load(path, move || Manifest::beside(&component)).await
    }

    /// The same with a manifest that is somewhere else.
    pub async fn load_plugin_with_manifest(&self, path: &Path, manifest: &Path) -> Result<Plugin, JobError> {
        let manifest = manifest.to_owned();
        self.load(path, move || Manifest::read(&manifest).map(Some)).await
    }

    async fn load<F>(&self, path: &Path, read_manifest: F) -> Result<Plugin, JobError>
    where
        F: FnOnce() -> Result<Option<Manifest>, ManifestError> + Send + 'static,
    {
        let path = path.to_owned();
        let read = spawn_blocking(move || {
            let component = read_component(&path)
                .map_err(|error| JobFault::Invalid(format!("read plugin {}: {error}", path.display())))?;
            Ok((component, read_manifest()?))
        });
        let (component, manifest) = flatten(read.await).map_err(JobError::early)?;
        self.compile(component, manifest).await
    }

    /// Checks and compiles a component that is at hand and has no manifest.
    pub async fn compile_plugin(&self, component: Vec<u8>) -> Result<Plugin, JobError> {
        self.compile(component, None).await
    }

    async fn compile(&self, component: Vec<u8>, manifest: Option<Manifest>) -> Result<Plugin, JobError> {
        let parts = Arc::clone(&self.parts);
        let checked = spawn_blocking(move || {
            let digest = PluginDigest::of(&component);
            parts.grant(digest, manifest.as_ref())?;
            if let Some(manifest) = &manifest {
                manifest.check(&filmgate_runner::inspect(&component)?)?;
            }
            Ok((component, digest, manifest))
        });
        let (component, digest, manifest) = flatten(checked.await).map_err(JobError::early)?;
        let compiled = self.parts.compiler.code(component, digest, &self.parts.pool).await;
        let (artifact, was_compiled) = compiled.map_err(JobError::early)?;
        Ok(Plugin { artifact, digest, manifest: manifest.map(Arc::new), was_compiled })
    }

    /// Starts a job. Must be called inside a tokio runtime, the same one for all jobs of a host.
    pub fn start(&self, request: JobRequest, plugin: &Plugin) -> Result<RunningJob, JobError> {
        self.check_disk()?;
        let accepted = Accepted::new(&self.parts, request, Some(plugin)).map_err(JobError::early)?;
        Ok(self.spawn(accepted, |session| session.run(plugin.clone())))
    }

    /// Runs a job to its end. Dropping the future cancels the job.
    ///
    /// Success means that the file of the layout's main slot, and every other file the plugin handed over, is published.
    pub async fn run(&self, request: JobRequest, plugin: &Plugin) -> Result<JobReport, JobError> {
        self.start(request, plugin)?.wait().await
    }

    /// Publishes a finished file without a plugin: the same checks, the same answer. The file must not be open for
    /// writing; it is read where it is. With `remove` it is deleted after it is published.
    pub fn publish(
        &self,
        request: JobRequest,
        slot: Option<Slot>,
        path: &Path,
        remove: bool,
    ) -> Result<RunningJob, JobError> {
        self.check_disk()?;
        let accepted = Accepted::new(&self.parts, request, None).map_err(JobError::early)?;
        let path = path.to_owned();
        Ok(self.spawn(accepted, move |session| session.publish_file(slot, path, remove)))
    }

    /// Whether as much is free where the data directory is as is to stay free ([`HostBuilder::disk_reserve`]). Every call that
    /// begins something new asks this first.
    ///
    /// # Errors
    /// [`JobFault::DiskLow`] where it is not.
    pub fn check_disk(&self) -> Result<(), JobError> {
        let path = self.parts.data.path();
        let space = DiskSpace::of(path, self.parts.disk_reserve).map_err(|error| {
            let message = format!("look at the free space of {}: {error}", path.display());
            JobError::early(JobFault::Internal(message))
        })?;
        if space.is_low() { Err(JobError::early(DiskLow(space).into())) } else { Ok(()) }
    }

    fn spawn<F, R>(&self, accepted: Accepted, act: F) -> RunningJob
    where
        F: FnOnce(Session) -> R,
        R: Future<Output = Result<JobReport, JobError>> + Send + 'static,
    {
        let cancel = CancellationToken::new();
        let (sender, events) = broadcast::channel(EVENTS_KEPT);
        let id = accepted.id();
        let (parts, head) = (Arc::clone(&self.parts), accepted.head());
        parts.recorder.accepted(&head);
        let work = act(Session::new(Arc::clone(&self.parts), accepted, sender, cancel.clone()));
        let ended = tokio::spawn(async move {
            let ended = work.await;
            parts.recorder.ended(head, &ended).await;
            ended
        });
        RunningJob { id, events: Mutex::new(events), ended, _cancel_on_drop: cancel.clone().drop_guard(), cancel }
    }
}

impl RunningJob {
    /// The job's id.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// What the job tells: the first caller hears everything from its start, each later one what came after the call
    /// before. A job runs before anybody can ask, so whoever began with what is yet to come would miss its first words.
    ///
    /// The latest 256 events are kept; a listener that falls behind is told how many it missed.
    pub fn events(&self) -> broadcast::Receiver<JobEvent> {
        let mut held = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let from_now = held.resubscribe();
        std::mem::replace(&mut held, from_now)
    }

    /// Cancels the job when triggered: the plugin is stopped, uploads are aborted, the outbox is deleted. The job still
    /// has to be waited for.
    pub fn cancel_token(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Waits for the end. Dropping the future cancels the job.
    pub async fn wait(self) -> Result<JobReport, JobError> {
        match self.ended.await {
            Ok(ended) => ended,
            Err(error) => {
                Err(JobError { job: Some(self.id), ..JobError::early(JobFault::Internal(error.to_string())) })
            }
        }
    }
}

/// One byte more than a plugin may have at most, so that a larger file is refused without reading it all.
fn read_component(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(filmgate_runner::COMPONENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A panic in a blocking thread is a fault of the host.
fn flatten<T>(joined: Result<Result<T, JobFault>, tokio::task::JoinError>) -> Result<T, JobFault> {
    joined.unwrap_or_else(|error| Err(JobFault::Internal(error.to_string())))
}

/// Opens an operator's file for publishing.
async fn open_operator_file(path: std::path::PathBuf, cancel: CancellationToken) -> Result<Claimed, JobFault> {
    let claim = spawn_blocking(move || Claimed::open(&path, &cancel));
    let claimed = claim.await.map_err(|error| JobFault::Internal(error.to_string()))?;
    claimed.map_err(|error| JobFault::Refused(Refusal::Claim(error)))
}
