//! The way of the large files.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use tokio::time::{Instant, sleep};

use super::Inner;
use super::abilities::Abilities;
use super::breaker::Purpose;
use super::confirm::Expected;
use super::content::Load as _;
use super::fault::Failure;
use super::part_plan::{Part, PartPlan};
use super::parts::{Created, ListedPart, completed};
use super::put::Headers;
use super::slots::Place;
use super::times::Times;
use crate::checksum::Crc64Nvme;
use crate::storage::{LeftBehind, PutProgress, PutRequest, PutStep, StorageError, StorageFault, Stored, UploadResume};

impl Inner {
    /// Uploads in parts. An upload that the store lost, or that met a conflict, is begun anew once.
    pub(super) async fn put_in_parts(
        &self,
        request: &PutRequest<'_>,
        abilities: &Abilities,
    ) -> Result<Stored, StorageError> {
        let size = request.file.size();
        let plan = |part_bytes| {
            PartPlan::new(size, part_bytes).ok_or_else(|| {
                let message = format!("{size} bytes cannot be cut into parts");
                self.error(StorageFault::TooLarge, "put object", request.key, message)
            })
        };
        let first = match request.resume {
            Some(resume) => self.round(request, abilities, plan(resume.part_bytes)?, Some(resume), false).await,
            None => self.round(request, abilities, plan(self.settings.upload.part_bytes)?, None, false).await,
        };
        match first {
            // Some stores do not say of an upload that it is gone, but that nobody may touch it.
            Err(stop) if stop.restart || (request.resume.is_some() && stop.error.fault == StorageFault::Denied) => {
                // What the first round could not abort is for the second to look for.
                let may_have_twin = stop.error.left_behind.is_some();
                let plan = plan(self.settings.upload.part_bytes)?;
                Ok(self.round(request, abilities, plan, None, may_have_twin).await?)
            }
            other => Ok(other?),
        }
    }

    /// One multipart upload from its creation, or from where an earlier try left it, to its end, whichever that is.
    async fn round(
        &self,
        request: &PutRequest<'_>,
        abilities: &Abilities,
        plan: PartPlan,
        resume: Option<&UploadResume>,
        may_have_twin: bool,
    ) -> Result<Stored, Stop> {
        let headers = Headers::new(request.key, request.content_type, request.publish_id, request.metadata);
        let begin = async {
            match resume {
                Some(resume) => Ok(Created { id: resume.upload_id.clone(), may_have_twin: false }),
                None => self.create_upload(&headers, abilities.multipart_checksum).await,
            }
        };
        let created = tokio::select! {
            biased;
            () = request.cancel.cancelled() => None,
            created = begin => Some(created),
        };
        let created = match created {
            Some(Ok(created)) => Created { may_have_twin: created.may_have_twin || may_have_twin, ..created },
            Some(Err(failure)) => {
                let unclear = failure.unclear || may_have_twin;
                return Err(self.without_upload(request, failure.error, unclear).await.into());
            }
            None => return Err(self.without_upload(request, self.cancelled(request.key), true).await.into()),
        };
        let upload = Upload {
            inner: self,
            request,
            plan,
            abilities,
            id: &created.id,
            place: self.place(request),
            acknowledged: AtomicU64::new(0),
            parts_acknowledged: AtomicU32::new(0),
            times: Times::default(),
            completing: AtomicBool::new(false),
            unclear: AtomicBool::new(false),
            checksum: AtomicU64::new(0),
        };
        let outcome = tokio::select! {
            biased;
            () = request.cancel.cancelled() => Err(self.cancelled(request.key).into()),
            outcome = Box::pin(upload.fill_and_complete(resume.is_some())) => outcome,
        };
        match outcome {
            Ok(expected) => {
                self.sweep_twin(request, &created).await;
                Ok(self.prove(&expected).await?)
            }
            Err(stop) => upload.take_back(stop, &created).await,
        }
    }

    /// No upload is known, but one may exist.
    async fn without_upload(&self, request: &PutRequest<'_>, mut error: StorageError, unclear: bool) -> StorageError {
        // A refusal makes no upload by its word; what is between may have sent the request twice, and answered the second.
        let refused = error.status.is_some();
        if !unclear && !refused {
            return error;
        }
        match self.open_uploads(request.key).await {
            Ok(uploads) => {
                for upload in uploads {
                    if let Err(failure) = self.abort_upload(request.key, &upload).await {
                        tracing::warn!(error = %failure.error, "a multipart upload stays open");
                        let id = error.left_behind.is_none().then_some(upload);
                        error.left_behind = Some(LeftBehind::Upload(id));
                    }
                }
            }
            Err(failure) if unclear => {
                tracing::warn!(error = %failure.error, "a multipart upload may be open");
                error.left_behind = Some(LeftBehind::Upload(None));
            }
            Err(_) => {}
        }
        error
    }

    /// Aborts uploads of the key whose id nobody heard, beside the one that was used. Answers whether there are none left.
    async fn sweep_twin(&self, request: &PutRequest<'_>, created: &Created) -> bool {
        if !created.may_have_twin {
            return true;
        }
        match self.discard_unfinished(request.key).await {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(%error, "a multipart upload may be open");
                false
            }
        }
    }
}

/// Why an upload did not come to its end.
struct Stop {
    error: StorageError,
    /// A new upload may do better.
    restart: bool,
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        Self { error, restart: false }
    }
}

impl From<Stop> for StorageError {
    fn from(stop: Stop) -> Self {
        stop.error
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        // Somebody aborted the upload: a lifecycle rule, or another host's recovery.
        Self { restart: failure.has_code("NoSuchUpload"), error: failure.error }
    }
}

/// A part that the store has.
#[derive(Debug, Clone)]
struct SentPart {
    part: Part,
    etag: String,
    checksum: Crc64Nvme,
}

fn sorted(mut parts: Vec<SentPart>) -> Vec<SentPart> {
    parts.sort_by_key(|sent| sent.part.number);
    parts
}

async fn sleep_or_never(patience: Option<Duration>) {
    match patience {
        Some(patience) => sleep(patience).await,
        None => pending().await,
    }
}

struct Upload<'a> {
    inner: &'a Inner,
    request: &'a PutRequest<'a>,
    plan: PartPlan,
    abilities: &'a Abilities,
    id: &'a str,
    place: Place,
    acknowledged: AtomicU64,
    parts_acknowledged: AtomicU32,
    times: Times,
    /// From here on the object may appear, with this checksum.
    completing: AtomicBool,
    /// A request to complete is without an answer: the store may still be at it.
    unclear: AtomicBool,
    checksum: AtomicU64,
}

impl<'a> Upload<'a> {
    async fn fill_and_complete(&self, resumed: bool) -> Result<Expected<'a>, Stop> {
        let (upload_id, part_bytes) = (self.id.to_owned(), self.plan.part_bytes());
        self.request.observer.step(PutStep::Created { upload_id, part_bytes }).await?;
        let there = if resumed { self.parts_there().await? } else { Vec::new() };
        let missing = self.plan.numbers().filter(|number| !there.iter().any(|sent| sent.part.number == *number));
        let mut sent = self.send_parts(missing).await?;
        sent.extend(there);
        sent = sorted(sent);
        self.inner.verify_unchanged(self.request).await?;
        let mut reviewed = false;
        loop {
            let checksum = self.review(&sent)?;
            self.request.observer.step(PutStep::Completing).await?;
            self.checksum.store(checksum.0, Ordering::Relaxed);
            self.completing.store(true, Ordering::Relaxed);
            let unclear = self.unclear.swap(true, Ordering::Relaxed);
            let completed = self.complete(&sent, checksum).await;
            let lost = matches!(&completed, Err(failure) if failure.unclear);
            self.unclear.store(unclear || lost, Ordering::Relaxed);
            match completed {
                Ok(()) => return Ok(self.expected()),
                Err(failure) if failure.has_code("InvalidPart") && !reviewed => {
                    reviewed = true;
                    self.send_again(&mut sent).await?;
                    self.inner.verify_unchanged(self.request).await?;
                }
                Err(failure) => {
                    let conflict = failure.error.status == Some(409);
                    let damaged = failure.error.fault == StorageFault::Corrupted;
                    let stop = Stop::from(failure);
                    return Err(Stop { restart: stop.restart || conflict || damaged, ..stop });
                }
            }
        }
    }

    /// The parts of an earlier try that are those of the file: of the planned size, and with the checksum of the file's
    /// bytes. A part that the store shows no checksum of is sent again.
    async fn parts_there(&self) -> Result<Vec<SentPart>, Stop> {
        let listed = self.inner.uploaded_parts(self.request.key, self.id, Purpose::Begun).await?;
        let planned = self.plan.numbers().map(|number| self.plan.part(number));
        let mut there = Vec::new();
        for part in planned {
            let Some(found) = listed.iter().find(|found| found.number == part.number) else { continue };
            if found.bytes != part.bytes || found.checksum.is_none() {
                continue;
            }
            let checksum = self.inner.part_of(self.request, part.offset, part.bytes).load().await?.checksum;
            if found.checksum == Some(checksum) {
                self.tell(part);
                there.push(SentPart { part, etag: found.etag.clone(), checksum });
            }
        }
        tracing::info!(key = %self.request.key, parts = there.len(), of = self.plan.parts(), "an upload is resumed");
        Ok(there)
    }

    /// Sends parts, as many at once as there are slots, and answers them in order.
    async fn send_parts(&self, numbers: impl IntoIterator<Item = u32>) -> Result<Vec<SentPart>, Stop> {
        // One part that is slow must not keep those behind it back: their order is restored at the end.
        let concurrency = self.inner.settings.upload.concurrency.get();
        let parts = numbers.into_iter().map(|number| self.send_part(self.plan.part(number)));
        let sent: Vec<SentPart> = futures::stream::iter(parts).buffer_unordered(concurrency).try_collect().await?;
        Ok(sorted(sent))
    }

    async fn send_part(&self, part: Part) -> Result<SentPart, Stop> {
        let slot = self.inner.slots.take(&self.place).await;
        let mut again = true;
        loop {
            match self.send_soon(part).await {
                Ok((etag, checksum)) => {
                    slot.done(part.bytes);
                    self.tell(part);
                    return Ok(SentPart { part, etag, checksum });
                }
                // Read wrongly, or damaged on the way: once more from the file.
                Err(failure) if failure.error.fault == StorageFault::Corrupted && again => again = false,
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// Sends a part; where that takes much longer than others did, it is sent a second time beside, on a connection of its
    /// own, and the first answer counts.
    ///
    /// A store may so get the same bytes twice, in any order, also after the answer: that does no harm. Both are the same
    /// part of the same upload with the same checksum, the last one to arrive takes the other's place, and an upload that
    /// is completed takes no parts. A store whose ETags differ even for the same bytes then answers `InvalidPart` to the
    /// completion, and its list of parts is asked for.
    async fn send_soon(&self, part: Part) -> Result<(String, Crc64Nvme), Failure> {
        let started = Instant::now();
        let first = self.send_once(part);
        tokio::pin!(first);
        let patience = self.times.patience();
        let answer = tokio::select! {
            biased;
            answer = &mut first => answer,
            () = sleep_or_never(patience) => {
                tracing::debug!(part = part.number, ?patience, "a part is late and is sent a second time");
                let second = async {
                    // Beside the first, not beyond the number of connections that there may be.
                    let _slot = self.inner.slots.take(&self.place).await;
                    self.send_once(part).await
                };
                tokio::select! {
                    biased;
                    answer = &mut first => answer,
                    answer = second => match answer {
                        Ok(answer) => Ok(answer),
                        // A second try that fails says nothing of the first.
                        Err(_) => first.await,
                    },
                }
            }
        };
        if answer.is_ok() {
            self.times.note(started.elapsed());
        }
        answer
    }

    async fn send_once(&self, part: Part) -> Result<(String, Crc64Nvme), Failure> {
        let content = self.inner.part_of(self.request, part.offset, part.bytes);
        let told = self.abilities.multipart_checksum;
        self.inner.upload_part(self.request.key, self.id, part.number, &content, told).await
    }

    fn tell(&self, part: Part) {
        let bytes = self.acknowledged.fetch_add(part.bytes, Ordering::Relaxed) + part.bytes;
        let parts = self.parts_acknowledged.fetch_add(1, Ordering::Relaxed) + 1;
        let (all, parts_total) = (self.plan.file_bytes(), self.plan.parts());
        self.request.observer.sent(PutProgress { bytes: bytes.min(all), parts: parts.min(parts_total), parts_total });
    }

    /// The store misses a part, or has another: compares and sends what differs.
    async fn send_again(&self, sent: &mut [SentPart]) -> Result<(), Stop> {
        let there = self.inner.uploaded_parts(self.request.key, self.id, Purpose::Begun).await?;
        for entry in sent {
            let is_wanted = |found: &ListedPart| {
                found.number == entry.part.number && found.etag == entry.etag && found.bytes == entry.part.bytes
            };
            if !there.iter().any(is_wanted) {
                *entry = self.send_part(entry.part).await?;
            }
        }
        Ok(())
    }

    /// Looks over the list of parts before the store is asked to join them: contiguous, and all of the file. Answers the
    /// checksum of the whole.
    fn review(&self, sent: &[SentPart]) -> Result<Crc64Nvme, StorageError> {
        let mut whole = Crc64Nvme::of(&[]);
        let mut end = 0;
        for (number, entry) in self.plan.numbers().zip(sent) {
            if entry.part.number != number || entry.part.offset != end {
                return Err(self.broken_list());
            }
            end += entry.part.bytes;
            whole = whole.followed_by(entry.checksum, entry.part.bytes);
        }
        if end == self.request.file.size() && sent.len() == self.plan.parts() as usize {
            Ok(whole)
        } else {
            Err(self.broken_list())
        }
    }

    fn broken_list(&self) -> StorageError {
        let message = "the list of sent parts is not the whole file";
        self.inner.error(StorageFault::Corrupted, "review parts", self.request.key, message)
    }

    async fn complete(&self, sent: &[SentPart], checksum: Crc64Nvme) -> Result<(), Failure> {
        let told = self.abilities.multipart_checksum;
        let parts = sent
            .iter()
            .map(|entry| completed(entry.part.number, entry.etag.clone(), told.then_some(entry.checksum)))
            .collect();
        let (key, conditional) = (self.request.key, self.abilities.conditional_complete);
        let size = self.plan.file_bytes();
        self.inner.complete_upload(key, self.id, parts, told.then_some(checksum), conditional, size).await
    }

    fn expected(&self) -> Expected<'a> {
        let checksum = Crc64Nvme(self.checksum.load(Ordering::Relaxed));
        Expected::of(self.request, checksum, self.abilities, true)
    }

    /// Aborts the upload, makes sure that it is gone, and finds out whether the object came to be all the same.
    async fn take_back(self, mut stop: Stop, created: &Created) -> Result<Stored, Stop> {
        let aborted = self.inner.abort_upload(self.request.key, self.id).await;
        let twin_gone = self.inner.sweep_twin(self.request, created).await;
        match aborted {
            Ok(()) => {
                // The upload's end is a fact; a journal that cannot note it finds out at its next recovery.
                if let Err(error) = self.request.observer.step(PutStep::Aborted).await {
                    tracing::warn!(%error, "the end of a multipart upload was not noted");
                }
                stop.error.left_behind = (!twin_gone).then_some(LeftBehind::Upload(None));
            }
            Err(failure) => {
                tracing::warn!(error = %failure.error, "a multipart upload stays open");
                stop.error.left_behind = Some(LeftBehind::Upload(Some(self.id.to_owned())));
                stop.restart = false;
            }
        }
        if self.completing.load(Ordering::Relaxed) {
            let (restart, unclear) = (stop.restart, self.unclear.load(Ordering::Relaxed));
            return self.inner.settle(&self.expected(), stop.error, unclear).await.map_err(|error| {
                let settled = matches!(error.fault, StorageFault::Exists);
                Stop { restart: restart && !settled && error.left_behind.is_none(), error }
            });
        }
        Err(stop)
    }
}
