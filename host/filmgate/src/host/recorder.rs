//! Brings what the journal holds into the catalogue, and tells it how jobs begin and end (C4, C8, C10).
//!
//! A publish is safe in the journal before anything here happens. If the catalogue is away, this tries again with growing
//! waits, by itself, for as long as the host lives; what is left then, the next host with this data directory takes up.
//! What is told of jobs is kept in memory until then, the latest [`NOTES_MAX`] of it.
//!
//! So is what plugins log, up to [`LOG_BYTES_WAITING_MAX`]: it is written once a second and when a job ends, and never waited
//! for. What finds no room is dropped; a line of the log says how much.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};

use super::session::Accepted;
use crate::archive::asset_of;
use crate::backoff;
use crate::catalogue::{Batch, Catalogue, CatalogueError, JobEnd, JobHead, JobNote, JobState, LogLine, LogSource};
use crate::job::JobId;
use crate::publish::{Entry, Intent, Journal, JournalError, Which};
use crate::report::{JobError, JobFault, JobReport, usage_json};
use crate::storage::{Storage, place_of};

/// Publishes that are recorded in one transaction.
const BATCH: usize = 500;
/// How long what is recorded beside a job may wait for more: most short jobs come on record at once, when they end.
const GATHER: Duration = Duration::from_millis(50);
/// News of jobs that are kept while the catalogue is away.
const NOTES_MAX: usize = 10_000;
/// Bytes of logs that wait for the catalogue, of all jobs together.
const LOG_BYTES_WAITING_MAX: usize = 8 * 1024 * 1024;
/// What a waiting line takes beside its text.
const LOG_LINE_BYTES: usize = size_of::<LogLine>();
/// More than that is written at once.
const LOG_BYTES_AT_ONCE: usize = LOG_BYTES_WAITING_MAX / 4;
/// Between two writes of logs: each is a transaction, which waits for the disk.
const LOG_INTERVAL: Duration = Duration::from_secs(1);
/// Lines that are written in one transaction.
const LOG_LINES: usize = 1_000;
/// The wait after the first failure; doubled with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long the end of a job waits for its record. It does not wait for a catalogue that is known to be away.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a job may last beyond its own time before it counts as lost: uploads of an operator's file have no limit.
const LEASE: SignedDuration = SignedDuration::from_hours(24);
/// Characters of a failure's text that are kept.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// One for each host.
#[derive(Debug)]
pub(super) struct Recorder {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    catalogue: Arc<dyn Catalogue>,
    journal: Arc<dyn Journal>,
    place: String,
    on_write: bool,
    work: Mutex<Work>,
    progress: watch::Sender<Progress>,
    /// Somebody waits for the record.
    hurry: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Work {
    /// With numbers that count on: one of them stays one while others are added and dropped.
    notes: VecDeque<(u64, JobNote)>,
    noted: u64,
    /// Jobs of this host that are under way.
    running: BTreeSet<JobId>,
    /// Lines of logs in the order in which they were heard, and their bytes.
    log: VecDeque<LogLine>,
    log_bytes: usize,
    /// A write of them is to come.
    is_log_due: bool,
    /// Counts the times that there was something to record.
    wanted: u64,
    is_draining: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// What was wanted until then is on record.
    done: u64,
    /// The last try failed.
    is_failing: bool,
}

#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Recorder {
    /// With `on_write` each file is recorded when it is published, else all files of a job when it ends.
    pub(super) fn new(
        catalogue: Arc<dyn Catalogue>,
        journal: Arc<dyn Journal>,
        storage: &dyn Storage,
        on_write: bool,
    ) -> Self {
        let (progress, _) = watch::channel(Progress::default());
        let (place, work) = (place_of(storage), Mutex::default());
        Self { inner: Arc::new(Inner { catalogue, journal, place, on_write, work, progress, hurry: Arc::default() }) }
    }

    /// A job begins.
    pub(super) fn accepted(&self, head: &JobHead) {
        self.inner.work().running.insert(head.job);
        if self.inner.on_write {
            self.inner.note(JobNote { head: head.clone(), end: None });
            self.inner.wake();
        }
    }

    /// A file is published: its record is written beside.
    pub(super) fn published(&self) {
        if self.inner.on_write {
            self.inner.wake();
        }
    }

    /// Whether a line of a log would be taken.
    pub(super) fn has_room_for_log(&self) -> bool {
        self.inner.work().log_bytes < LOG_BYTES_WAITING_MAX
    }

    /// A line of a job's log, to be written some time. Does not wait; answers false where there is no room for it. The host's
    /// own lines, which are few, always find some.
    pub(super) fn logged(&self, line: LogLine) -> bool {
        let mut work = self.inner.work();
        if work.log_bytes >= LOG_BYTES_WAITING_MAX && line.source != LogSource::Host {
            return false;
        }
        work.log_bytes += line.text.len() + LOG_LINE_BYTES;
        work.log.push_back(line);
        if work.log_bytes > LOG_BYTES_AT_ONCE && !work.is_draining {
            drop(work);
            self.inner.wake();
        } else if !work.is_log_due {
            work.is_log_due = true;
            let inner = Arc::downgrade(&self.inner);
            tokio::spawn(async move {
                tokio::time::sleep(LOG_INTERVAL).await;
                if let Some(inner) = inner.upgrade() {
                    inner.work().is_log_due = false;
                    inner.wake();
                }
            });
        }
        true
    }

    /// A job is over: waits a moment for its record, so that whoever hears of its end finds it there.
    pub(super) async fn ended(&self, head: JobHead, ended: &Result<JobReport, JobError>) {
        self.inner.work().running.remove(&head.job);
        self.inner.note(JobNote { head, end: Some(end_of(ended)) });
        self.catch_up().await;
    }

    /// An operator's file whose own process could not tell of its end is published: that is all its job was about. Of a plugin's
    /// job it says nothing.
    pub(super) fn settled(&self, entry: &Entry) {
        let Intent { user, refs, plugin: None, accepted_at, .. } = entry.intent.clone() else { return };
        let (job, layout, plugin, lease_until) = (entry.identity.job, None, None, None);
        let head = JobHead { job, user, layout, plugin, refs, accepted_at, lease_until };
        let at = Timestamp::now();
        let end = JobEnd { at, state: JobState::Succeeded, code: None, message: None, usage: None };
        self.inner.note(JobNote { head, end: Some(end) });
    }

    /// Records everything that the journal holds, and waits a moment for it.
    pub(super) async fn catch_up(&self) {
        let wanted = self.inner.wake();
        self.inner.hurry.notify_one();
        let mut progress = self.inner.progress.subscribe();
        let settled = progress.wait_for(|progress| progress.done >= wanted || progress.is_failing);
        let _ = tokio::time::timeout(PATIENCE, settled).await;
    }
}

impl Inner {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, note: JobNote) {
        let mut work = self.work();
        work.noted += 1;
        let number = work.noted;
        work.notes.push_back((number, note));
        if work.notes.len() > NOTES_MAX {
            let lost = work.notes.pop_front().map(|(_, note)| note.head.job.to_string());
            tracing::error!(job = lost, "the catalogue is away for so long that news of a job are dropped");
        }
    }

    /// Sees to it that what there is now will be recorded; answers the count to wait for.
    fn wake(self: &Arc<Self>) -> u64 {
        let mut work = self.work();
        work.wanted += 1;
        if !work.is_draining {
            work.is_draining = true;
            let draining = Draining { inner: Arc::downgrade(self) };
            tokio::spawn(draining.drain(Arc::clone(&self.hurry)));
        }
        work.wanted
    }

    /// Records what is there, once: how jobs begin first, then files, how jobs end, and their logs.
    async fn pass(&self) -> Result<(), RecordError> {
        let (notes, running) = {
            let work = self.work();
            let running = if self.on_write { BTreeSet::new() } else { work.running.clone() };
            (work.notes.iter().take(BATCH).cloned().collect::<Vec<_>>(), running)
        };
        let last_note = notes.last().map_or(0, |(number, _)| *number);
        let ends: Vec<_> = notes.into_iter().map(|(_, note)| note).collect();
        let mut jobs: Vec<_> = ends.iter().map(|note| JobNote { head: note.head.clone(), end: None }).collect();
        let mut after = None;
        loop {
            let entries = self.journal.entries(Which::Uncatalogued, after, BATCH).await?;
            after = entries.last().map(|entry| entry.publish);
            let is_last = entries.len() < BATCH;
            let settled = entries.into_iter().filter(|entry| !running.contains(&entry.identity.job));
            let assets = settled.filter_map(|entry| asset_of(entry, &self.place)).collect();
            if is_last {
                self.record(&Batch { jobs: ends, assets }).await?;
                self.work().notes.retain(|(number, _)| *number > last_note);
                // Last: a log, which may be long, keeps nothing from its record.
                return self.write_log().await;
            }
            self.record(&Batch { jobs: std::mem::take(&mut jobs), assets }).await?;
        }
    }

    /// Writes the lines of logs that wait.
    async fn write_log(&self) -> Result<(), RecordError> {
        let mut left = self.work().log.len();
        while left > 0 {
            let lines: Vec<_> = self.work().log.iter().take(left.min(LOG_LINES)).cloned().collect();
            self.catalogue.log(&lines).await?;
            let mut work = self.work();
            work.log.drain(..lines.len());
            work.log_bytes -= lines.iter().map(|line| line.text.len() + LOG_LINE_BYTES).sum::<usize>();
            left -= lines.len();
        }
        Ok(())
    }

    async fn record(&self, batch: &Batch) -> Result<(), RecordError> {
        if batch.is_empty() {
            return Ok(());
        }
        let projected = self.catalogue.project(batch).await?;
        for publish in &projected.disagreements {
            tracing::error!(%publish, "the catalogue has another publish of the same job, slot and sequence");
        }
        let seen: Vec<_> = batch.assets.iter().map(|asset| (asset.id, asset.durability)).collect();
        if !seen.is_empty() {
            self.journal.catalogued(&seen).await?;
        }
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let lines = self.work().log.len();
        if lines > 0 {
            tracing::warn!(lines, "the catalogue is away: lines of jobs' logs are dropped");
        }
    }
}

/// The work on what is to be recorded, in a task of its own; there is one at a time.
struct Draining {
    inner: Weak<Inner>,
}

impl Draining {
    /// Ends when everything is on record, or the host is gone.
    async fn drain(mut self, hurry: Arc<Notify>) {
        let mut failures = 0;
        loop {
            let _ = tokio::time::timeout(GATHER, hurry.notified()).await;
            let Some(inner) = self.inner.upgrade() else { return };
            let wanted = inner.work().wanted;
            match inner.pass().await {
                Ok(()) => {
                    if failures > 0 {
                        tracing::info!(failures, "the catalogue is back; everything is on record");
                    }
                    failures = 0;
                    inner.progress.send_replace(Progress { done: wanted, is_failing: false });
                    let mut work = inner.work();
                    if work.wanted == wanted && work.notes.is_empty() {
                        work.is_draining = false;
                        // Another one may begin before this one is dropped: it is that one's mark then.
                        self.inner = Weak::new();
                        return;
                    }
                }
                Err(error) => {
                    failures += 1;
                    let wait = backoff::wait(failures, FIRST_WAIT, LONGEST_WAIT);
                    tracing::warn!(%error, failures, ?wait, "record what was published; nothing is lost");
                    inner.progress.send_modify(|progress| progress.is_failing = true);
                    drop(inner);
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }
}

/// A runtime that ends takes the task with it: the next one that has something to record begins another.
impl Drop for Draining {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            inner.work().is_draining = false;
        }
    }
}

impl Accepted {
    /// The job as records have it.
    pub(super) fn head(&self) -> JobHead {
        let wall = SignedDuration::try_from(self.grants.allowance.budget.wall).unwrap_or(SignedDuration::MAX);
        JobHead {
            job: self.id,
            user: self.request.user().clone(),
            layout: Some(self.layout.name().clone()),
            plugin: self.plugin,
            refs: self.refs.clone(),
            accepted_at: self.at,
            lease_until: self.at.checked_add(wall).and_then(|end| end.checked_add(LEASE)).ok(),
        }
    }
}

fn end_of(ended: &Result<JobReport, JobError>) -> JobEnd {
    let at = Timestamp::now();
    match ended {
        Ok(report) => {
            JobEnd { at, state: JobState::Succeeded, code: None, message: None, usage: Some(usage_json(&report.usage)) }
        }
        Err(error) => {
            let is_cancelled = matches!(error.fault, JobFault::Cancelled);
            JobEnd {
                at,
                state: if is_cancelled { JobState::Cancelled } else { JobState::Failed },
                code: Some(error.fault.code().to_owned()),
                message: Some(error.to_string().chars().take(MESSAGE_CHARS_MAX).collect()),
                usage: Some(usage_json(&error.usage)),
            }
        }
    }
}
