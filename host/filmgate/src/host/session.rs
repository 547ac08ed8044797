//! One job from acceptance to its report.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use filmgate_protocol::{Budget, Exhausted, FromRunner, JobInput, Outcome, Period, StoreRequest, ToRunner, Usage};
use filmgate_runner::HostEnd;
use jiff::Timestamp;
use tokio::sync::broadcast;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::conversation::{Conversation, Nonsense};
use super::examine::Examiner;
use super::job_log::JobLog;
use super::{Parts, cleanup, open_operator_file};
use crate::job::{IdempotencyKey, JobId, JobRequest, Refs, Sequence, Slot};
use crate::layout::Layout;
use crate::outbox::{Outbox, OutboxError};
use crate::plugin::{Plugin, PluginDigest};
use crate::policy::Grants;
use crate::pool::Ready;
use crate::publish::{Asset, PublishError};
use crate::report::{JobError, JobEvent, JobFault, JobReport, Refusal};

/// How long a runner may take to answer after its job must have ended by its own limits.
const RUNNER_GRACE: Duration = Duration::from_secs(5);

/// How long a runner may take to answer that its job is cancelled. It answers within 50 ms, unless a file operation of
/// the machine or somebody who escaped into it keeps it from that.
const CANCEL_GRACE: Duration = Duration::from_millis(500);

/// Between two looks at the outbox: what an escape can write meanwhile is bounded by the speed of the disk.
const OUTBOX_INTERVAL: Duration = Duration::from_secs(1);

/// How a runner's job ended.
enum Ended {
    /// With its word.
    Finished(Outcome),
    /// Without one; how its process ended, where it had one.
    Silently(String),
    /// It had to be ended.
    Broken(Nonsense),
}

/// A request that was checked and given an id, a time and its layout's ids.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) id: JobId,
    pub(super) at: Timestamp,
    pub(super) request: JobRequest,
    pub(super) refs: Refs,
    pub(super) layout: Arc<Layout>,
    pub(super) plugin: Option<PluginDigest>,
    pub(super) grants: Grants,
}

impl Accepted {
    pub(super) fn new(parts: &Parts, request: JobRequest, plugin: Option<&Plugin>) -> Result<Self, JobFault> {
        let invalid = |error: crate::layout::LayoutError| JobFault::Invalid(error.to_string());
        let at = parts
            .data
            .accept()
            .map_err(|error| JobFault::Internal(format!("note the acceptance in the data directory: {error}")))?;
        let layout = Arc::clone(parts.layouts.get(request.layout()).map_err(invalid)?);
        let refs = layout.complete_refs(request.refs(), at).map_err(invalid)?;
        let grants = parts.grant_job(plugin, &request, &layout)?;
        let plugin = plugin.map(Plugin::digest);
        Ok(Self { id: JobId::generate(), at, request, refs, layout, plugin, grants })
    }

    pub(super) fn id(&self) -> JobId {
        self.id
    }

    /// The job as its plugin sees it.
    fn input(&self) -> JobInput {
        let mut inputs: Vec<_> = self.request.inputs().map(|(name, _)| name.to_string()).collect();
        inputs.sort();
        JobInput {
            id: self.id.to_string(),
            user_id: self.request.user().to_string(),
            period: self.request.period().map(|period| Period { year: period.year(), month: period.month() }),
            params: self.request.params().as_str().to_owned(),
            inputs,
            refs: self.refs.iter().map(|(name, id)| (name.as_str().to_owned(), id.to_string())).collect(),
        }
    }
}

/// A job under way.
pub(super) struct Session {
    pub(super) parts: Arc<Parts>,
    pub(super) job: Accepted,
    pub(super) events: broadcast::Sender<JobEvent>,
    /// The caller's wish to end the job.
    pub(super) cancel: CancellationToken,
    /// The caller's own name for the job.
    key: Option<IdempotencyKey>,
    /// Ends uploads: with the job, or when its time is over.
    pub(super) uploads: CancellationToken,
    pub(super) published_bytes: AtomicU64,
    handed_over: Mutex<HashSet<(Slot, Option<Sequence>)>>,
    results: Mutex<Results>,
    log: Mutex<JobLog>,
}

/// What the calls of `store-video` brought.
#[derive(Default)]
struct Results {
    assets: BTreeMap<u32, Asset>,
    failed: Option<PublishError>,
    refused: Option<Refusal>,
}

impl Session {
    pub(super) fn new(
        parts: Arc<Parts>,
        job: Accepted,
        events: broadcast::Sender<JobEvent>,
        cancel: CancellationToken,
    ) -> Self {
        let uploads = cancel.child_token();
        let log = Mutex::new(JobLog::new(job.id, job.grants.allowance.budget.log_bytes));
        Self {
            parts,
            job,
            events,
            cancel,
            key: None,
            uploads,
            published_bytes: AtomicU64::new(0),
            handed_over: Mutex::default(),
            results: Mutex::default(),
            log,
        }
    }

    /// The same for a job that the caller has named.
    pub(super) fn keyed(mut self, key: IdempotencyKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Publishes one file of the operator's.
    pub(super) async fn publish_file(
        self,
        slot: Option<Slot>,
        path: PathBuf,
        remove: bool,
    ) -> Result<JobReport, JobError> {
        let name = path.display().to_string();
        let published = match open_operator_file(path, self.cancel.clone()).await {
            Ok(claimed) => self.publish_claimed(slot, &name, claimed, remove).await,
            Err(fault) => Err(fault),
        };
        match published {
            Ok(asset) => {
                self.keep_asset(0, asset);
                let ended = Ok(self.report(None, Usage::default()));
                self.note_success(&ended).await;
                ended
            }
            Err(_) if self.cancel.is_cancelled() => Err(self.error(JobFault::Cancelled, Usage::default())),
            Err(fault) => Err(self.error(fault, Usage::default())),
        }
    }

    /// Runs a plugin and publishes what it hands over.
    pub(super) async fn run(self, plugin: Plugin) -> Result<JobReport, JobError> {
        let session = Arc::new(self);
        let (end, outbox) = match session.take_runner(&plugin).await {
            Ok(taken) => taken,
            Err(fault) => return Err(session.error(fault, Usage::default())),
        };
        let outbox = Arc::new(outbox);
        Examiner::prepare(&session.parts);
        tracing::info!(job = %session.job.id, user = %session.job.request.user(), plugin = %plugin.digest(), "job started");
        let (ended, usage) = session.drive(end, &outbox).await;
        session.log().end(usage.log_bytes_dropped, &session.parts.recorder);
        cleanup::destroy(outbox).await;
        let ended = session.conclude(ended, usage);
        session.note_success(&ended).await;
        match &ended {
            Ok(report) => tracing::info!(job = %report.job, assets = report.assets.len(), "job succeeded"),
            Err(error) => tracing::info!(job = %session.job.id, %error, "job failed"),
        }
        ended
    }

    /// A job with a key need not run again once it has succeeded. Where that cannot be noted, it would, with the same answer.
    async fn note_success(&self, ended: &Result<JobReport, JobError>) {
        let (Some(key), Ok(report)) = (&self.key, ended) else { return };
        let summary = report.summary.clone().unwrap_or_default().to_string();
        if let Err(error) = self.parts.publisher.journal().keyed_job_ended(key, &summary).await {
            tracing::warn!(job = %self.job.id, %error, "note a job's success");
        }
    }

    /// A runner and the directories it holds, which become the job's.
    async fn take_runner(self: &Arc<Self>, plugin: &Plugin) -> Result<(HostEnd, Outbox), JobFault> {
        let Ready { end, mut outbox } = self.parts.pool.take(plugin, &self.job.grants.allowance.budget).await?;
        let session = Arc::clone(self);
        let assigned = spawn_blocking(move || {
            let inputs: Vec<_> =
                session.job.request.inputs().map(|(name, path)| (name.clone(), path.to_owned())).collect();
            let assigned = outbox.assign(session.job.id, &inputs);
            (outbox, assigned)
        });
        let (outbox, assigned) = assigned.await.map_err(|error| JobFault::Internal(error.to_string()))?;
        let fault = match assigned {
            Ok(()) => return Ok((end, outbox)),
            Err(error @ OutboxError::Input { .. }) => JobFault::Invalid(error.to_string()),
            Err(OutboxError::UnderWay(job)) => JobFault::UnderWay(job),
            Err(error) => JobFault::Internal(error.to_string()),
        };
        end.end().await;
        cleanup::destroy(Arc::new(outbox)).await;
        Err(fault)
    }

    /// Talks with the runner until the job is over and every file it handed over is settled.
    async fn drive(self: &Arc<Self>, mut end: HostEnd, outbox: &Arc<Outbox>) -> (Ended, Usage) {
        let deadline = Instant::now() + self.job.grants.allowance.budget.wall;
        let mut conversation = Conversation::new(&self.job.grants.allowance.budget);
        let mut stores = JoinSet::new();
        let start = ToRunner::Start(Box::new(self.job.input()));
        let mut ended = match end.send(&start).await {
            Ok(()) => self.listen(&mut end, outbox, &mut stores, deadline, &mut conversation).await,
            Err(_) => Ended::Silently(String::new()),
        };
        // A plugin that is out of time has no say over how long its uploads take.
        if matches!(ended, Ended::Finished(Outcome::Exhausted { limit: Exhausted::Wall, .. } | Outcome::Cancelled)) {
            self.uploads.cancel();
        }
        // Whatever it has to say now, its job is over. Only when its files are closed can its directories go.
        match timeout(RUNNER_GRACE, end.end()).await {
            Ok(Some(status)) if matches!(ended, Ended::Silently(_)) => ended = Ended::Silently(format!(" ({status})")),
            Ok(_) => {}
            Err(_) => {
                tracing::error!(job = %self.job.id, "a guest does not end: a file operation of the machine hangs")
            }
        }
        self.settle(&mut stores, deadline).await;
        (ended, conversation.usage)
    }

    async fn listen(
        self: &Arc<Self>,
        end: &mut HostEnd,
        outbox: &Arc<Outbox>,
        stores: &mut JoinSet<()>,
        deadline: Instant,
        conversation: &mut Conversation,
    ) -> Ended {
        let mut told_to_cancel = false;
        let mut last_word = deadline + RUNNER_GRACE;
        let mut hear_at = Instant::now();
        let mut overfull = pin!(self.watch(outbox));
        loop {
            let heard = async {
                sleep_until(hear_at).await;
                end.recv().await
            };
            tokio::select! {
                message = heard => {
                    let Some(message) = message else { return Ended::Silently(String::new()) };
                    if let Err(nonsense) = conversation.check(&message) {
                        return Ended::Broken(nonsense);
                    }
                    hear_at = conversation.hear_at();
                    match message {
                        FromRunner::Finished { outcome, usage } => {
                            self.tell(JobEvent::Usage(usage));
                            return Ended::Finished(outcome);
                        }
                        FromRunner::Log { stream, text } => {
                            self.log().add(stream, &text, &self.parts.recorder);
                            self.tell(JobEvent::Log { stream, text });
                        }
                        FromRunner::Progress { fraction, stage } => self.tell(JobEvent::Progress { fraction, stage }),
                        FromRunner::Usage(usage) => self.tell(JobEvent::Usage(usage)),
                        FromRunner::Store(request) => self.store(request, end, outbox, stores),
                    }
                }
                () = self.cancel.cancelled(), if !told_to_cancel => {
                    told_to_cancel = true;
                    last_word = Instant::now() + CANCEL_GRACE;
                    if end.send(&ToRunner::Cancel).await.is_err() {
                        return Ended::Finished(Outcome::Cancelled);
                    }
                }
                () = sleep_until(last_word) => {
                    let overdue = Outcome::Exhausted { limit: Exhausted::Wall, detail: String::new() };
                    return Ended::Finished(if told_to_cancel { Outcome::Cancelled } else { overdue });
                }
                limit = &mut overfull => {
                    let detail = "the host found more in it than the runner had accounted for".to_owned();
                    return Ended::Finished(Outcome::Exhausted { limit, detail });
                }
                Some(_) = stores.join_next(), if !stores.is_empty() => {}
            }
        }
    }

    /// Looks at the outbox now and then; ready when there is more in it than the budget allows. Its runner refuses that
    /// before it happens, as long as nobody has escaped into it.
    async fn watch(&self, outbox: &Arc<Outbox>) -> Exhausted {
        let Budget { outbox_bytes, outbox_entries, .. } = self.job.grants.allowance.budget;
        loop {
            sleep(OUTBOX_INTERVAL).await;
            let outbox = Arc::clone(outbox);
            match spawn_blocking(move || outbox.measure(outbox_entries)).await {
                Ok(Ok(found)) if found.bytes > outbox_bytes => return Exhausted::OutboxBytes,
                Ok(Ok(found)) if found.entries > outbox_entries => return Exhausted::OutboxEntries,
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::warn!(job = %self.job.id, %error, "measure the outbox"),
                Err(error) => tracing::error!(job = %self.job.id, %error, "measure the outbox"),
            }
        }
    }

    /// Takes a file over in a task of its own, so that the runner is listened to meanwhile.
    fn store(self: &Arc<Self>, request: StoreRequest, end: &HostEnd, outbox: &Arc<Outbox>, stores: &mut JoinSet<()>) {
        let (session, outbox, runner) = (Arc::clone(self), Arc::clone(outbox), end.sender());
        stores.spawn(async move { session.answer(request, &outbox, &runner).await });
    }

    /// Waits for what was handed over; from the deadline on uploads are cancelled, which ends them soon.
    async fn settle(&self, stores: &mut JoinSet<()>, deadline: Instant) {
        loop {
            tokio::select! {
                joined = stores.join_next() => match joined {
                    None => return,
                    Some(Ok(())) => {}
                    Some(Err(error)) => tracing::error!(job = %self.job.id, %error, "publish a file"),
                },
                () = sleep_until(deadline), if !self.uploads.is_cancelled() => self.uploads.cancel(),
            }
        }
    }

    /// Reserves a slot and sequence: each is handed over once.
    pub(super) fn reserve(&self, slot: &Slot, sequence: Option<Sequence>) -> bool {
        self.handed_over.lock().unwrap_or_else(PoisonError::into_inner).insert((slot.clone(), sequence))
    }

    /// Gives a reservation back: the file stayed with the plugin.
    pub(super) fn release(&self, slot: &Slot, sequence: Option<Sequence>) {
        self.handed_over.lock().unwrap_or_else(PoisonError::into_inner).remove(&(slot.clone(), sequence));
    }

    /// Takes `bytes` from what the job may publish, or says how much is left.
    pub(super) fn charge(&self, bytes: u64) -> Result<(), u64> {
        let allowed = self.job.grants.allowance.published_bytes;
        let add = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= allowed);
        let charged = self.published_bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
        charged.map(drop).map_err(|used| allowed.saturating_sub(used))
    }

    /// Gives back what a file was charged that stayed with the plugin.
    pub(super) fn refund(&self, bytes: u64) {
        self.published_bytes.fetch_sub(bytes, Ordering::AcqRel);
    }

    pub(super) fn keep_asset(&self, call: u32, asset: Asset) {
        self.tell(JobEvent::Stored(Box::new(asset.clone())));
        self.results().assets.insert(call, asset);
    }

    /// The job's error names the first one; the log names every file that is kept.
    pub(super) fn keep_failure(&self, error: PublishError) {
        tracing::warn!(job = %self.job.id, %error, "a file was not published");
        self.results().failed.get_or_insert(error);
    }

    pub(super) fn keep_refusal(&self, refusal: Refusal) {
        self.results().refused = Some(refusal);
    }

    fn results(&self) -> std::sync::MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> std::sync::MutexGuard<'_, JobLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody has to listen.
    pub(super) fn tell(&self, event: JobEvent) {
        let _ = self.events.send(event);
    }

    /// The job's end from the runner's word and from what became of its files.
    fn conclude(&self, ended: Ended, usage: Usage) -> Result<JobReport, JobError> {
        let (failed, refused) = {
            let mut results = self.results();
            (results.failed.take(), results.refused.take())
        };
        if self.cancel.is_cancelled() {
            return Err(self.error_beside(JobFault::Cancelled, failed, usage));
        }
        let outcome = match ended {
            Ended::Finished(outcome) => outcome,
            Ended::Silently(status) => {
                let text = format!("it ended without a word{status}");
                return Err(self.error_beside(JobFault::Runner(text), failed, usage));
            }
            Ended::Broken(nonsense) => {
                return Err(self.error_beside(JobFault::Runner(nonsense.to_string()), failed, usage));
            }
        };
        let fault = match (outcome, failed) {
            (Outcome::Exhausted { limit, detail }, failed) => {
                return Err(self.error_beside(JobFault::Exhausted { limit, detail }, failed, usage));
            }
            // The whole request fails with its upload (A6), whatever the plugin made of the news.
            (_, Some(error)) => JobFault::Publish(error),
            (Outcome::Returned(summary), None) => return self.succeed(&summary, refused, usage),
            (Outcome::Failed(error), None) => match refused {
                Some(refusal) if refusal.code() == error.code => JobFault::Refused(refusal),
                _ => JobFault::Plugin { code: error.code, message: error.message, retryable: error.retryable },
            },
            (Outcome::Trapped(text), None) => JobFault::Trapped(text),
            (Outcome::Exited(status), None) => JobFault::Exited(status),
            (Outcome::Cancelled, None) => JobFault::Cancelled,
            (Outcome::NotInstantiated(text), None) => {
                JobFault::Trapped(format!("it could not be instantiated: {text}"))
            }
            (Outcome::Fault(text), None) => JobFault::Runner(text),
        };
        Err(self.error(fault, usage))
    }

    /// The plugin is content; the job is when its main file is published. A plugin that kept quiet about a refusal does not
    /// keep it from the caller.
    fn succeed(&self, summary: &str, refused: Option<Refusal>, usage: Usage) -> Result<JobReport, JobError> {
        let summary = if summary.trim().is_empty() { "null" } else { summary };
        let main = self.job.layout.main_slot();
        let fault = match serde_json::from_str(summary) {
            Ok(_) if !self.results().assets.values().any(|asset| asset.identity.slot == *main) => {
                refused.map_or_else(|| JobFault::NothingPublished(main.clone()), JobFault::Refused)
            }
            Ok(summary) => return Ok(self.report(Some(summary), usage)),
            Err(error) => JobFault::Plugin {
                code: "invalid-summary".to_owned(),
                message: format!("the plugin's summary is not JSON: {error}"),
                retryable: false,
            },
        };
        Err(self.error(fault, usage))
    }

    fn report(&self, summary: Option<serde_json::Value>, usage: Usage) -> JobReport {
        let assets = self.results().assets.values().cloned().collect();
        let main_slot = self.job.layout.main_slot().clone();
        JobReport { job: self.job.id, assets, main_slot, gone: Vec::new(), summary, usage }
    }

    fn error(&self, fault: JobFault, usage: Usage) -> JobError {
        self.error_beside(fault, None, usage)
    }

    fn error_beside(&self, fault: JobFault, unpublished: Option<PublishError>, usage: Usage) -> JobError {
        let assets = self.results().assets.values().cloned().collect();
        JobError { fault, job: Some(self.job.id), assets, unpublished: unpublished.map(Box::new), usage }
    }
}
