//! Jobs that a caller names with a key of its own: however often one is asked for, there is one answer.

use std::path::Path;

use filmgate_protocol::Usage;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::session::{Accepted, Session};
use super::{Host, RunningJob};
use crate::archive::ArchiveError;
use crate::checksum::hexadecimal;
use crate::job::{IdempotencyKey, JobRequest, Period, Slot};
use crate::plugin::{Plugin, PluginDigest};
use crate::publish::{Asset, JournalError, KeyedJob, Recovered, Which};
use crate::report::{GoneAsset, JobError, JobFault, JobReport};
use crate::storage::Presence;

/// More files than one job can publish.
const FILES_MAX: usize = 100_000;

/// A job that was asked for with a key.
#[derive(Debug)]
pub enum Keyed {
    /// It had succeeded before: its answer, with new URLs. Nothing was run.
    Done(JobReport),
    /// It runs now.
    Running(RunningJob),
}

/// What a key names.
enum Known {
    Done(JobReport),
    /// To be run; what it has published before.
    Accepted(Box<Accepted>, Found),
}

/// What a job has published.
struct Found {
    assets: Vec<Asset>,
    gone: Vec<GoneAsset>,
}

impl Accepted {
    /// The report of a run that is over.
    fn report(&self, Found { assets, gone }: Found, summary: Option<serde_json::Value>) -> JobReport {
        let main_slot = self.layout.main_slot().clone();
        JobReport { job: self.id, assets, main_slot, gone, summary, usage: Usage::default() }
    }
}

impl Host {
    /// Starts the job that `key` names, or answers what it brought if it has succeeded before.
    ///
    /// The first call decides the job's id, acceptance and keys; a later one, after a failure or a crash, runs the same job
    /// again, and a file that was published before is not published a second time: its answer stands. What was left of an
    /// earlier run, interrupted or failed, is published first; where that fails, nothing is run.
    ///
    /// What was deleted since is not made again: where that is the file the job is about, the call ends with
    /// [`JobFault::Gone`]; of a job that is done, another one is named in [`JobReport::gone`]. A catalogue that is away does
    /// not say, and then the store is asked.
    ///
    /// A key that was used for another request is refused; inputs are compared by name, not by content. Where the job is
    /// under way already, in this process or another, it ends with [`JobFault::UnderWay`].
    pub async fn start_keyed(
        &self,
        key: &IdempotencyKey,
        request: JobRequest,
        plugin: &Plugin,
    ) -> Result<Keyed, JobError> {
        let asked = digest(&request, Some(plugin));
        match self.accept_keyed(key, request, Some(plugin), asked).await? {
            Known::Done(report) => Ok(Keyed::Done(report)),
            Known::Accepted(accepted, _) => {
                self.check_disk()?;
                let run = |session: Session| session.keyed(key.clone()).run(plugin.clone());
                Ok(Keyed::Running(self.spawn(*accepted, run)))
            }
        }
    }

    /// [`Host::publish`] of a file that `key` names, or the answer if it was published before: the same promises as those of
    /// [`Host::start_keyed`]. The file is not looked at where the answer is known.
    pub async fn publish_keyed(
        &self,
        key: &IdempotencyKey,
        request: JobRequest,
        slot: Option<Slot>,
        path: &Path,
        remove: bool,
    ) -> Result<Keyed, JobError> {
        let asked = digest(&request, None);
        match self.accept_keyed(key, request, None, asked).await? {
            Known::Done(report) => Ok(Keyed::Done(report)),
            // An earlier try that was interrupted, or had failed, has come to its end now.
            Known::Accepted(accepted, found) if !found.assets.is_empty() => {
                if let Err(error) = self.parts.publisher.journal().keyed_job_ended(key, "null").await {
                    tracing::warn!(job = %accepted.id, %error, "note a job's success");
                }
                let ended = Ok(accepted.report(found, None));
                self.parts.recorder.ended(accepted.head(), &ended).await;
                ended.map(Keyed::Done)
            }
            Known::Accepted(accepted, _) => {
                self.check_disk()?;
                let (key, path) = (key.clone(), path.to_owned());
                let publish = move |session: Session| session.keyed(key).publish_file(slot, path, remove);
                Ok(Keyed::Running(self.spawn(*accepted, publish)))
            }
        }
    }

    async fn accept_keyed(
        &self,
        key: &IdempotencyKey,
        request: JobRequest,
        plugin: Option<&Plugin>,
        asked: String,
    ) -> Result<Known, JobError> {
        let mut accepted = Accepted::new(&self.parts, request, plugin).map_err(JobError::early)?;
        let new = KeyedJob {
            job: accepted.id,
            accepted_at: accepted.at,
            refs: accepted.refs.clone(),
            request: asked.clone(),
            summary: None,
        };
        let journal = self.parts.publisher.journal();
        let known = journal.keyed_job(key, new).await.map_err(|error| JobError::of_journal(&error))?;
        if known.request != asked {
            let message = format!("idempotency key {:?} belongs to another request", key.as_str());
            return Err(JobError::early(JobFault::Invalid(message)));
        }
        (accepted.id, accepted.at, accepted.refs) = (known.job, known.accepted_at, known.refs);
        let assets = self.assets_of(&accepted).await?;
        let found = self.look_for(&accepted, assets, known.summary.is_some()).await?;
        let Some(summary) = known.summary else { return Ok(Known::Accepted(Box::new(accepted), found)) };
        let summary = serde_json::from_str(&summary).ok().filter(|_| plugin.is_some());
        Ok(Known::Done(accepted.report(found, summary)))
    }

    /// Which of a job's assets are there still. The one that the job is about must be, and all of one that is to run again: it
    /// would not store them a second time.
    async fn look_for(&self, job: &Accepted, assets: Vec<(Asset, String)>, is_done: bool) -> Result<Found, JobError> {
        let of_main = |(asset, _): &(Asset, String)| asset.identity.slot == *job.layout.main_slot();
        let main = assets.iter().position(of_main).unwrap_or_default();
        let (mut found, mut missed) = (Found { assets: Vec::new(), gone: Vec::new() }, None);
        for (index, (asset, place)) in assets.into_iter().enumerate() {
            match self.missing(&asset, &place).await.map_err(JobError::early)? {
                None => found.assets.push(asset),
                Some(gone) => {
                    if index == main || !is_done && missed.is_none() {
                        missed = Some(gone.clone());
                    }
                    found.gone.push(gone);
                }
            }
        }
        let Some(missed) = missed else { return Ok(found) };
        let early = JobError::early(JobFault::Gone(Box::new(missed)));
        Err(JobError { job: Some(job.id), assets: found.assets, ..early })
    }

    /// Nothing where an asset is there: its record says so, else the store that it went to.
    async fn missing(&self, asset: &Asset, place: &str) -> Result<Option<GoneAsset>, JobFault> {
        let gone = |deleted_at| {
            let (identity, key) = (asset.identity.clone(), asset.key.clone());
            Some(GoneAsset { identity, publish: asset.publish, key, deleted_at })
        };
        match self.archive().is_there(asset.publish).await {
            Ok(()) => return Ok(None),
            Err(ArchiveError::Gone { at, .. }) => return Ok(gone(Some(at))),
            Err(error @ ArchiveError::Elsewhere { .. }) => return Err(JobFault::Elsewhere(error.to_string())),
            Err(ArchiveError::Unknown { .. } | ArchiveError::Catalogue(_)) => {}
            Err(ArchiveError::Storage(error)) => return Err(JobFault::Storage(error)),
        }
        if !self.archive().has(place) {
            let (id, place, configured) = (asset.publish, place.to_owned(), self.archive().place());
            return Err(JobFault::Elsewhere(ArchiveError::Elsewhere { id, place, configured }.to_string()));
        }
        Ok(match self.storage().head(&asset.key).await.map_err(JobFault::Storage)? {
            Presence::Present(info) if !info.is_of(asset.publish, asset.size) => gone(None),
            Presence::Present(_) | Presence::Unknown => None,
            Presence::Absent => gone(None),
        })
    }

    /// What the job has published and the store it went to, what was interrupted included.
    async fn assets_of(&self, job: &Accepted) -> Result<Vec<(Asset, String)>, JobError> {
        let publisher = &self.parts.publisher;
        let entries = publisher.journal().entries(Which::OfJob(job.id), None, FILES_MAX).await;
        let (mut assets, configured) = (Vec::new(), self.archive().place());
        for entry in entries.map_err(|error| JobError::of_journal(&error))? {
            let publish = entry.publish;
            if entry.state.is_published() {
                let place = entry
                    .recorded
                    .as_ref()
                    .map_or_else(|| configured.clone(), |recorded| recorded.place_or(&configured));
                let asset = publisher.asset_of(entry).await;
                assets.push((asset.map_err(|error| JobError::early(JobFault::Publish(error)))?, place));
                continue;
            }
            let recovered = publisher.take_up(&self.parts.data, entry, &CancellationToken::new()).await;
            match recovered.map_err(|error| JobError::of_journal(&error))? {
                Recovered::Published(asset) | Recovered::Moved(asset) => assets.push((*asset, configured.clone())),
                Recovered::UnderWay => return Err(JobError::early(JobFault::UnderWay(job.id))),
                Recovered::Left(error) | Recovered::Failed(error) => {
                    return Err(JobError::early(JobFault::Publish(error)));
                }
                // The plugin has to make it again.
                Recovered::Lost(_) => publisher.forget(publish).await,
            }
        }
        Ok(assets)
    }
}

impl JobError {
    fn of_journal(error: &JournalError) -> Self {
        Self::early(JobFault::Internal(error.to_string()))
    }
}

/// What was asked for, in a form that can be compared.
fn digest(request: &JobRequest, plugin: Option<&Plugin>) -> String {
    let inputs: Vec<_> = request.inputs().map(|(name, _)| name.as_str()).collect();
    hexadecimal(&Sha256::digest(described(request, plugin.map(Plugin::digest), request.period(), &inputs)))
}

/// A request as one text: the same for requests that ask for the same.
pub(super) fn described(
    request: &JobRequest,
    plugin: Option<PluginDigest>,
    period: Option<Period>,
    inputs: &impl Serialize,
) -> String {
    // As values: how they are written does not matter. Members of objects come out in order of their names.
    let params: serde_json::Value = serde_json::from_str(request.params().as_str()).unwrap_or_default();
    let period = period.map(|period| (period.year(), period.month()));
    let layout = request.layout().map(ToString::to_string);
    serde_json::json!([plugin, request.user(), period, params, inputs, request.refs(), layout]).to_string()
}
