//! Jobs that a caller names with a key of its own: however often one is asked for, there is one answer.

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::session::{Accepted, Session};
use super::{Host, RunningJob};
use crate::job::{IdempotencyKey, JobRequest};
use crate::plugin::Plugin;
use crate::publish::{Asset, JournalError, KeyedJob, Recovered, Which};
use crate::report::{JobError, JobFault, JobReport};

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

impl Host {
    /// Starts the job that `key` names, or answers what it brought if it has succeeded before.
    ///
    /// The first call decides the job's id, acceptance and keys; a later one, after a failure or a crash, runs the same job
    /// again, and a file that was published before is not published a second time: its answer stands. What was left of an
    /// earlier run, interrupted or failed, is published first; where that fails, nothing is run. A key that was used for another request is refused; so is one whose job is under
    /// way in another process, if it has got as far as its plugin. Inputs are compared by name, not by content.
    pub async fn start_keyed(
        &self,
        key: &IdempotencyKey,
        request: JobRequest,
        plugin: &Plugin,
    ) -> Result<Keyed, JobError> {
        let asked = digest(&request, plugin);
        let mut accepted = Accepted::new(&self.parts, request, Some(plugin)).map_err(JobError::early)?;
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
        if let Some(summary) = known.summary {
            let summary = serde_json::from_str(&summary).ok();
            let (job, main_slot) = (accepted.id, accepted.layout.main_slot().clone());
            return Ok(Keyed::Done(JobReport { job, assets, main_slot, summary, usage: Default::default() }));
        }
        Ok(Keyed::Running(self.spawn(accepted, |session: Session| session.keyed(key.clone()).run(plugin.clone()))))
    }

    /// What the job has published, what was interrupted included.
    async fn assets_of(&self, job: &Accepted) -> Result<Vec<Asset>, JobError> {
        let publisher = &self.parts.publisher;
        let entries = publisher.journal().entries(Which::OfJob(job.id), None, FILES_MAX).await;
        let mut assets = Vec::new();
        for entry in entries.map_err(|error| JobError::of_journal(&error))? {
            let publish = entry.publish;
            if entry.state.is_published() {
                let asset = publisher.asset_of(entry).await;
                assets.push(asset.map_err(|error| JobError::early(JobFault::Publish(error)))?);
                continue;
            }
            let recovered = publisher.take_up(&self.parts.data, entry, &CancellationToken::new()).await;
            match recovered.map_err(|error| JobError::of_journal(&error))? {
                Recovered::Published(asset) | Recovered::Moved(asset) => assets.push(*asset),
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
fn digest(request: &JobRequest, plugin: &Plugin) -> String {
    let period = request.period().map(|period| (period.year(), period.month()));
    let inputs: Vec<_> = request.inputs().map(|(name, _)| name.as_str()).collect();
    let layout = request.layout().map(ToString::to_string);
    let refs: Vec<_> = request.refs().iter().map(|(name, id)| (name.as_str(), id.as_str())).collect();
    let asked = serde_json::json!([
        plugin.digest().to_string(),
        request.user().as_str(),
        period,
        request.params().as_str(),
        inputs,
        refs,
        layout
    ]);
    let digest = Sha256::digest(asked.to_string());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
