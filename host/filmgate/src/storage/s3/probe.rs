//! Tries what an endpoint can do, on two small objects that are deleted again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use aws_sdk_s3::types::CompletedPart;
use bytes::Bytes;
use tracing::Instrument;

use super::Inner;
use super::abilities::Abilities;
use super::breaker::Purpose;
use super::confirm::Answer;
use super::content::{AtHand, Content, Load};
use super::fault::Failure;
use super::put::Headers;
use crate::checksum::Crc64Nvme;
use crate::key::ObjectKey;
use crate::storage::{ObjectInfo, Presence, PublishId, StorageError, StorageFault};

const OPERATION: &str = "probe endpoint";
const BODY: &[u8] = b"Filmgate tries what this endpoint can do. This object may be deleted.";

impl Inner {
    /// The abilities that uploads go by: known for AWS, remembered or probed once elsewhere.
    pub(super) async fn abilities(self: &Arc<Self>) -> Result<Abilities, StorageError> {
        if self.settings.is_aws() && !self.abilities.initialized() {
            return Ok(Abilities::AWS);
        }
        if !self.abilities.initialized()
            && let Some(abilities) = self.noted.get_or_init(|| self.remembered()).await
        {
            return Ok(abilities.clone());
        }
        match self.probed().await {
            Ok(abilities) => Ok(abilities),
            // The credentials may not write where the probe does: then nothing is relied upon.
            Err(failure) if failure.error.fault == StorageFault::Denied => Ok(Abilities::UNKNOWN),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Probes once; a failed probe is not remembered. A probe that has begun goes on to its end, so that its objects are
    /// deleted, even where nobody waits for it any more.
    pub(super) async fn probed(self: &Arc<Self>) -> Result<Abilities, Failure> {
        if let Some(abilities) = self.abilities.get() {
            return Ok(abilities.clone());
        }
        let inner = Arc::clone(self);
        let probe =
            async move { inner.abilities.get_or_try_init(|| Box::pin(probe_and_remember(&inner))).await.cloned() };
        let probe = tokio::spawn(probe.in_current_span()).await;
        probe.unwrap_or_else(|join| Err(broken(self, join.to_string())))
    }
}

fn broken(inner: &Inner, message: String) -> Failure {
    let error = StorageError::new(StorageFault::Other, OPERATION, inner.settings.place(), message);
    Failure { error, unclear: false, retry: None, retry_after: None }
}

async fn probe_and_remember(inner: &Arc<Inner>) -> Result<Abilities, Failure> {
    let abilities = probe(inner).await?;
    inner.remember(&abilities).await;
    Ok(abilities)
}

async fn probe(inner: &Inner) -> Result<Abilities, Failure> {
    let id = PublishId::generate();
    let key = |name: &str| {
        let key = ObjectKey::try_from(format!("{}{id}-{name}", inner.settings.probe_prefix));
        key.map_err(|error| broken(inner, error.to_string()))
    };
    let (single, multipart) = (key("put")?, key("multipart")?);
    let (began_put, began_upload) = (AtomicBool::new(false), AtomicBool::new(false));
    let probe = Probe { inner, single, multipart, id, began_put, began_upload };
    let outcome = probe.run().await;
    if outcome.is_err() && probe.began_upload.load(Ordering::Relaxed) {
        // The failure of the probe itself is the one to tell; a lifecycle rule ends an upload that stays.
        let _ = inner.discard_unfinished(&probe.multipart).await;
    }
    for (began, key) in [(&probe.began_put, &probe.single), (&probe.began_upload, &probe.multipart)] {
        // Of a store that is away nothing is asked for what was never sent.
        if !began.load(Ordering::Relaxed) {
            continue;
        }
        match inner.delete(key, Purpose::Begun).await {
            Ok(()) => {}
            // The failure of the probe itself is the one to tell.
            Err(failure) if outcome.is_err() => tracing::debug!(error = %failure.error, "delete a probe object"),
            Err(failure) => tracing::warn!(error = %failure.error, "probe object stays behind"),
        }
    }
    outcome
}

/// The probe's body, announced with a checksum that may be wrong.
struct Announced(AtHand, Option<Crc64Nvme>);

impl Announced {
    fn new(checksum: Option<Crc64Nvme>) -> Self {
        Self(AtHand(Bytes::from_static(BODY)), checksum)
    }
}

#[async_trait]
impl Load for Announced {
    fn bytes(&self) -> u64 {
        self.0.bytes()
    }

    async fn load(&self) -> Result<Content, StorageError> {
        let content = self.0.load().await?;
        Ok(content.announcing(self.1))
    }
}

struct Probe<'a> {
    inner: &'a Inner,
    single: ObjectKey,
    multipart: ObjectKey,
    id: PublishId,
    /// The first object may be there.
    began_put: AtomicBool,
    /// From here on an upload may be open, even one whose id nobody knows.
    began_upload: AtomicBool,
}

impl Probe<'_> {
    async fn run(&self) -> Result<Abilities, Failure> {
        let mut abilities = Abilities::UNKNOWN;
        let (right, wrong) = (Crc64Nvme::of(BODY), Crc64Nvme(!Crc64Nvme::of(BODY).0));
        let first = self.put(Some(right), false).await;
        let made_nothing = matches!(&first, Err(failure) if failure.error.is_outage() && !failure.unclear);
        self.began_put.store(!made_nothing, Ordering::Relaxed);
        let answered = first.as_ref().is_ok_and(|answer| answer.checksum == Some(right));
        abilities.put_checksum = accepted(first)?;
        if abilities.put_checksum {
            let found = self.found(&self.single).await?;
            abilities.put_kept = found.as_ref().is_some_and(|info| info.checksum == Some(right));
            abilities.put_answered = answered && found.is_some_and(|info| self.is_own(&info));
            abilities.put_checked = !accepted(self.put(Some(wrong), false).await)?;
        } else {
            self.put(None, false).await?;
        }
        // The key has an object now.
        abilities.conditional_put = self.refuses_second(self.put(None, true).await)?;
        self.multipart(&mut abilities).await?;
        let open = self.inner.open_uploads(&self.multipart).await;
        // What is open now are uploads whose ids were lost.
        for upload in open.iter().flatten() {
            if let Err(failure) = self.inner.abort_upload(&self.multipart, upload).await {
                tracing::warn!(error = %failure.error, "a multipart upload of the probe stays open");
            }
        }
        abilities.uploads_listed = accepted(open)?;
        Ok(abilities)
    }

    async fn put(&self, checksum: Option<Crc64Nvme>, conditional: bool) -> Result<Answer, Failure> {
        let headers = self.headers(&self.single);
        let content = Announced::new(checksum);
        self.inner.put_object(&headers, &content, checksum.is_some(), conditional).await
    }

    async fn multipart(&self, abilities: &mut Abilities) -> Result<(), Failure> {
        let headers = self.headers(&self.multipart);
        let right = Crc64Nvme::of(BODY);
        self.began_upload.store(true, Ordering::Relaxed);
        let created = match self.inner.create_upload(&headers, true).await {
            Ok(created) => Some(created),
            Err(failure) => {
                accepted::<()>(Err(failure))?;
                None
            }
        };
        abilities.multipart_checksum = created.is_some();
        let created = match created {
            Some(created) => created,
            None => self.inner.create_upload(&headers, false).await?,
        };
        let upload = created.id;
        let outcome = self.fill(abilities, &upload, right).await;
        if outcome.is_err() {
            // The first failure is the one to tell; a lifecycle rule ends an upload that stays.
            let _ = self.inner.abort_upload(&self.multipart, &upload).await;
        }
        outcome?;
        if abilities.multipart_checksum {
            let found = self.found(&self.multipart).await?;
            abilities.multipart_kept = found.is_some_and(|info| info.checksum == Some(right));
        }
        self.second_complete(abilities, right).await
    }

    /// Fills the first upload and completes it.
    async fn fill(&self, abilities: &mut Abilities, upload: &str, right: Crc64Nvme) -> Result<(), Failure> {
        let sums = abilities.multipart_checksum;
        if sums {
            let wrong = Crc64Nvme(!right.0);
            abilities.part_checked = !accepted(self.part(upload, Some(wrong)).await)?;
        }
        let part = self.part(upload, sums.then_some(right)).await?;
        let whole = sums.then_some(right);
        self.complete(upload, part, whole, false).await
    }

    async fn complete(
        &self,
        upload: &str,
        part: CompletedPart,
        whole: Option<Crc64Nvme>,
        conditional: bool,
    ) -> Result<(), Failure> {
        let size = BODY.len() as u64;
        match self.inner.complete_upload(&self.multipart, upload, vec![part], whole, conditional, size).await {
            // A try without an answer completed it: nobody else knows this upload.
            Err(failure) if failure.unclear && failure.has_code("NoSuchUpload") => Ok(()),
            other => other,
        }
    }

    /// Completes an upload where an object is: a store that honours the condition refuses.
    async fn second_complete(&self, abilities: &mut Abilities, right: Crc64Nvme) -> Result<(), Failure> {
        let sums = abilities.multipart_checksum;
        let upload = self.inner.create_upload(&self.headers(&self.multipart), sums).await?.id;
        let outcome = async {
            let part = self.part(&upload, sums.then_some(right)).await?;
            let whole = sums.then_some(right);
            self.refuses_second(self.complete(&upload, part, whole, true).await)
        };
        let outcome = outcome.await;
        if !matches!(outcome, Ok(false)) {
            self.inner.abort_upload(&self.multipart, &upload).await?;
        }
        abilities.conditional_complete = outcome?;
        Ok(())
    }

    async fn part(&self, upload: &str, checksum: Option<Crc64Nvme>) -> Result<CompletedPart, Failure> {
        let content = Announced::new(checksum);
        let sent = self.inner.upload_part(&self.multipart, upload, 1, &content, checksum.is_some()).await?;
        Ok(super::parts::completed(1, sent.0, checksum))
    }

    async fn found(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>, Failure> {
        Ok(match self.inner.head(key, Purpose::Work).await? {
            Presence::Present(info) => Some(info),
            Presence::Absent | Presence::Unknown => None,
        })
    }

    fn is_own(&self, info: &ObjectInfo) -> bool {
        info.is_of(self.id, BODY.len() as u64)
    }

    fn refuses_second<T>(&self, second: Result<T, Failure>) -> Result<bool, Failure> {
        match second {
            Err(failure) if failure.error.fault == StorageFault::Exists => Ok(true),
            other => accepted(other).map(|_| false),
        }
    }

    fn headers<'a>(&self, key: &'a ObjectKey) -> Headers<'a> {
        Headers::new(key, "text/plain", self.id, &std::collections::BTreeMap::new())
    }
}

/// Whether the endpoint took a request, or refused just this kind of request; anything else is a failure of the probe.
fn accepted<T>(answer: Result<T, Failure>) -> Result<bool, Failure> {
    match answer {
        Ok(_) => Ok(true),
        Err(failure) => match failure.error.fault {
            StorageFault::Unsupported | StorageFault::Corrupted => Ok(false),
            StorageFault::Other if failure.error.status.is_some_and(|status| (400..500).contains(&status)) => Ok(false),
            _ => Err(failure),
        },
    }
}
