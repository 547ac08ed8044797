//! One call of `store-video` or `submit`, from the plugin's words to its answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use filmgate_protocol::{PluginError, StoreRequest, Stored, ToRunner};
use filmgate_runner::HostSender;
use tokio::task::spawn_blocking;

use super::options::Options;
use super::session::Session;
use crate::job::{RefName, Sequence, Slot};
use crate::layout::KeyContext;
use crate::media::MediaKind;
use crate::outbox::{Claimed, Outbox};
use crate::publish::{Asset, Identity, Plan, PublishError};
use crate::report::{JobEvent, JobFault, Refusal};
use crate::storage::{PublishId, PutProgress, Source as _, StorageFault};

impl Session {
    /// Answers one request of the runner.
    pub(super) async fn answer(self: &Arc<Self>, request: StoreRequest, outbox: &Arc<Outbox>, runner: &HostSender) {
        let (call, wait) = (request.call, request.wait);
        let claimed = self.take_over(request, outbox).await;
        let claimed = match claimed {
            Ok(claimed) => claimed,
            Err(error) => {
                let refused = if wait {
                    ToRunner::Stored { call, result: Err(error) }
                } else {
                    ToRunner::Claimed { call, result: Err(error) }
                };
                return say(runner, &refused).await;
            }
        };
        if !wait {
            say(runner, &ToRunner::Claimed { call, result: Ok(()) }).await;
        }
        let (plan, claimed) = claimed;
        let result = match self.upload(plan, claimed, true).await {
            Ok(asset) => {
                let stored = self.stored(&asset);
                self.keep_asset(call, asset);
                Ok(stored)
            }
            Err(error) => {
                let told = told_of(&error);
                self.keep_failure(error);
                Err(told)
            }
        };
        say(runner, &ToRunner::Stored { call, result }).await;
    }

    /// Claims the file and looks into it, or says why not; a file that is refused before it is claimed stays with the
    /// plugin.
    async fn take_over(
        self: &Arc<Self>,
        request: StoreRequest,
        outbox: &Arc<Outbox>,
    ) -> Result<(Plan, Arc<Claimed>), PluginError> {
        let (session, outbox, path) = (Arc::clone(self), Arc::clone(outbox), request.path.clone());
        let taken = spawn_blocking(move || session.take_over_blocking(request, &outbox));
        let refusal = match taken.await {
            Ok(Ok((plan, claimed))) => match self.look_into(&path, plan, &claimed).await {
                Ok(plan) => return Ok((plan, claimed)),
                Err(refusal) => refusal,
            },
            Ok(Err(refusal)) => refusal,
            Err(error) => {
                tracing::error!(job = %self.job.id, %error, "claim a file");
                return Err(internal());
            }
        };
        tracing::info!(job = %self.job.id, code = refusal.code(), %refusal, "refused a file");
        let code = refusal.code().to_owned();
        // What a file system says is for the operator's log.
        let message = if code == "internal" { internal().message } else { refusal.to_string() };
        let told = PluginError { code, message, retryable: refusal.is_retryable() };
        self.keep_refusal(refusal);
        Err(told)
    }

    /// A claimed file whose content is refused is gone; its slot and its bytes are free again.
    async fn look_into(&self, path: &str, plan: Plan, claimed: &Arc<Claimed>) -> Result<Plan, Refusal> {
        let (slot, sequence) = (plan.identity.slot.clone(), plan.identity.sequence);
        let examined = self.examined(path, plan, claimed).await;
        if examined.is_err() {
            Arc::clone(claimed).delete().await;
            self.refund(claimed.size());
            self.release(&slot, sequence);
        }
        examined
    }

    fn take_over_blocking(&self, request: StoreRequest, outbox: &Outbox) -> Result<(Plan, Arc<Claimed>), Refusal> {
        let options = Options::parse(request.options)?;
        let slot = self.job.layout.slot(options.slot.as_ref())?.slot().clone();
        if !self.reserve(&slot, options.sequence) {
            return Err(Refusal::Again { slot, sequence: options.sequence });
        }
        let sequence = options.sequence;
        let taken = self.claim(&request.path, &slot, options, outbox);
        if taken.is_err() {
            self.release(&slot, sequence);
        }
        taken
    }

    fn claim(
        &self,
        path: &str,
        slot: &Slot,
        options: Options,
        outbox: &Outbox,
    ) -> Result<(Plan, Arc<Claimed>), Refusal> {
        let candidate = outbox.open(path, &self.cancel)?;
        let kind = self.check_media(path, slot, options.declared.as_deref(), candidate.media_kind()?)?;
        let plan = self.plan(slot.clone(), options.sequence, kind, options.metadata)?;
        let bytes = candidate.size();
        self.charge(bytes).map_err(|left| Refusal::TooLarge { path: path.to_owned(), bytes, left })?;
        let claimed = candidate.take(plan.publish).inspect_err(|_| self.refund(bytes))?;
        Ok((plan, Arc::new(claimed)))
    }

    /// Publishes a file of the operator's own.
    pub(super) async fn publish_claimed(
        &self,
        slot: Option<Slot>,
        path: &str,
        claimed: Claimed,
        remove: bool,
    ) -> Result<Asset, JobFault> {
        let refused = |refusal: Refusal| JobFault::Refused(refusal);
        let rule = self.job.layout.slot(slot.as_ref()).map_err(|error| refused(error.into()))?;
        let kind = claimed.media_kind().map_err(|error| JobFault::Internal(error.to_string()))?;
        let kind = self.check_media(path, rule.slot(), None, kind).map_err(refused)?;
        let plan = self.plan(rule.slot().clone(), None, kind, BTreeMap::new()).map_err(refused)?;
        let claimed = Arc::new(claimed);
        let plan = self.examined(path, plan, &claimed).await.map_err(refused)?;
        Ok(self.upload(plan, claimed, remove).await?)
    }

    /// The host goes by the bytes; a plugin's word that disagrees is an error that names both.
    fn check_media(
        &self,
        path: &str,
        slot: &Slot,
        declared: Option<&str>,
        found: Option<MediaKind>,
    ) -> Result<MediaKind, Refusal> {
        let rule = self.job.layout.slot(Some(slot))?;
        let path = path.to_owned();
        let granted = |kind: &MediaKind| self.job.grants.media.as_ref().is_none_or(|kinds| kinds.contains(kind));
        let Some(kind) = found.filter(|kind| rule.kinds().contains(kind) && granted(kind)) else {
            let kinds = rule.kinds().iter().filter(|kind| granted(kind));
            let mut allowed = kinds.map(ToString::to_string).collect::<Vec<_>>().join(", ");
            if self.job.grants.media.is_some() {
                allowed = format!("{} of this plugin", if allowed.is_empty() { "nothing" } else { &allowed });
            }
            let found =
                found.map_or_else(|| "of no kind known here by its first bytes".to_owned(), |kind| kind.to_string());
            return Err(Refusal::Media { path, found, slot: slot.clone(), allowed });
        };
        match declared {
            Some(declared) if !kind.is_declared_by(declared) => {
                let declared = crate::job::printable(declared);
                Err(Refusal::Declared { path, declared, found: kind.to_string() })
            }
            _ => Ok(kind),
        }
    }

    fn plan(
        &self,
        slot: Slot,
        sequence: Option<Sequence>,
        kind: MediaKind,
        plugin_metadata: BTreeMap<String, String>,
    ) -> Result<Plan, Refusal> {
        let job = &self.job;
        let context = KeyContext {
            job: job.id,
            user: job.request.user(),
            accepted_at: job.at,
            period: job.request.period(),
            refs: &job.refs,
            slot: Some(&slot),
            sequence,
            kind,
        };
        let key = job.layout.key(&context)?;
        let class = job.layout.slot(Some(&slot))?.class();
        let mut metadata = plugin_metadata;
        let mut add = |name: &str, value: String| metadata.insert(format!("filmgate-{name}"), value);
        add("job", job.id.to_string());
        add("user", job.request.user().to_string());
        add("slot", slot.to_string());
        sequence.map(|sequence| add("sequence", sequence.get().to_string()));
        job.plugin.map(|digest| add("plugin", digest.to_string()));
        // What the catalogue can be made anew from: these two are its own ways to find a file.
        add("layout", job.layout.name().to_string());
        for name in [RefName::Session, RefName::Scene] {
            job.refs.get(&name).map(|id| add(name.as_str(), id.to_string()));
        }
        let identity = Identity { job: job.id, slot, sequence };
        Ok(Plan {
            identity,
            publish: PublishId::generate(),
            user: job.request.user().clone(),
            accepted_at: job.at,
            refs: job.refs.clone(),
            plugin: job.plugin,
            key,
            kind,
            facts: None,
            class,
            metadata,
        })
    }

    async fn upload(&self, plan: Plan, claimed: Arc<Claimed>, remove: bool) -> Result<Asset, PublishError> {
        let (slot, sequence, total) = (plan.identity.slot.clone(), plan.identity.sequence, claimed.size());
        let sent = |progress: PutProgress| {
            let PutProgress { bytes: sent, parts, parts_total } = progress;
            self.tell(JobEvent::Uploading { slot: slot.clone(), sequence, sent, total, parts, parts_total });
        };
        let publish = plan.publish;
        let published = self.parts.publisher.publish(plan, Arc::clone(&claimed), remove, &sent, &self.uploads).await;
        if published.is_ok() {
            self.parts.recorder.published();
        }
        let was_cancelled = matches!(
            &published,
            Err(PublishError::Storage { error, .. }) if error.fault == StorageFault::Cancelled
        );
        // What the caller does not want any more is not kept. A file whose upload failed or ran out of time may be the only
        // copy of a render: it is kept, an operator's own always.
        if was_cancelled && self.cancel.is_cancelled() && claimed.is_staged() {
            claimed.delete().await;
            self.parts.publisher.forget(publish).await;
        }
        published
    }

    /// What the plugin hears of a published file.
    fn stored(&self, asset: &Asset) -> Stored {
        let url = self.job.grants.show_urls.then(|| asset.url.url.to_string());
        let expires_at = asset.url.expires_at.filter(|_| url.is_some());
        Stored {
            id: asset.publish.to_string(),
            url,
            expires_at: expires_at.and_then(|end| u64::try_from(end.as_second()).ok()),
            size: asset.size,
            checksum: format!("crc64nvme:{}", asset.checksum),
            durability: asset.durability.to_string(),
        }
    }
}

/// A plugin hears that storing failed, not where or why: bucket, key and request id are the operator's.
fn told_of(error: &PublishError) -> PluginError {
    let (code, retryable) = match error {
        PublishError::Storage { error, .. } if error.fault == StorageFault::Cancelled => ("cancelled", false),
        PublishError::Storage { error, .. } => ("upload-failed", error.is_retryable()),
        PublishError::Taken { .. } => ("already-published", false),
        PublishError::Journal { .. } | PublishError::NoFile { .. } => ("internal", false),
    };
    PluginError { code: code.to_owned(), message: "the file could not be stored".to_owned(), retryable }
}

fn internal() -> PluginError {
    PluginError { code: "internal".to_owned(), message: "the host failed; see its log".to_owned(), retryable: false }
}

/// A runner that is gone needs no answer.
async fn say(runner: &HostSender, message: &ToRunner) {
    if let Err(error) = runner.send(message).await {
        tracing::debug!(%error, "answer a runner");
    }
}
