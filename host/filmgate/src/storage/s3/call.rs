//! Sends one request until it is answered, refused, or not worth another try.

use std::error::Error;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use super::Inner;
use super::content::{AtHand, Content, Load};
use super::fault::Failure;
use crate::checksum::Crc64Nvme;
use crate::key::ObjectKey;

/// No wait between two tries is longer.
const DELAY_MAX: Duration = Duration::from_secs(10);

/// One operation on one key, with what it can bear.
pub(super) struct Call<'a> {
    inner: &'a Inner,
    pub operation: &'static str,
    key: Option<&'a ObjectKey>,
    patience: Duration,
    retries: u32,
    conflict_is_final: bool,
    /// A try so far ended without an answer: it may have been carried out.
    was_unclear: AtomicBool,
}

impl Inner {
    /// A request without a body worth speaking of.
    pub(super) fn call<'a>(&'a self, operation: &'static str, key: Option<&'a ObjectKey>) -> Call<'a> {
        let upload = &self.settings.upload;
        Call {
            inner: self,
            operation,
            key,
            patience: upload.request_timeout,
            retries: upload.retries,
            conflict_is_final: false,
            was_unclear: AtomicBool::new(false),
        }
    }
}

impl Call<'_> {
    /// A request with a body: the slower the line may be and the larger the body, the longer it may take. Under a limit of
    /// bandwidth all parts that may be under way share it.
    pub(super) fn with_body(mut self, bytes: u64) -> Self {
        let upload = &self.inner.settings.upload;
        self.patience += Duration::from_secs(bytes / upload.slowest_line);
        let together = bytes.saturating_mul(upload.concurrency.get() as u64);
        if let Some(limit) = upload.bandwidth.into_iter().chain(upload.bandwidth_per_user).min() {
            self.patience += Duration::from_secs(together / limit.get());
        }
        self
    }

    /// `CompleteMultipartUpload` may take minutes, and a conflict means that the whole upload must start again.
    pub(super) fn completing(mut self) -> Self {
        self.patience = self.inner.settings.upload.complete_timeout;
        self.conflict_is_final = true;
        self
    }

    /// Whether a try before the last went without an answer.
    pub(super) fn was_unclear(&self) -> bool {
        self.was_unclear.load(Ordering::Relaxed)
    }

    /// Sends the request that `make` makes, and `read`s its answer; both anew for each try.
    pub(super) async fn send<T, R, E, F>(
        &self,
        make: impl Fn() -> F,
        read: impl Fn(T) -> Result<R, &'static str>,
    ) -> Result<R, Failure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let nothing = AtHand(bytes::Bytes::new());
        self.send_content(&nothing, |_| make(), |answer, _| read(answer)).await
    }

    /// The same with a body, which is loaded anew for each try; `read` also gets its checksum. Loading counts into no
    /// time-out: it waits for memory.
    pub(super) async fn send_content<T, R, E, F>(
        &self,
        load: &dyn Load,
        make: impl Fn(Content) -> F,
        read: impl Fn(T, Crc64Nvme) -> Result<R, &'static str>,
    ) -> Result<R, Failure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let mut tries = 0;
        loop {
            let content = load.load().await.map_err(|error| Failure {
                error,
                unclear: self.was_unclear(),
                retry: false,
                retry_after: None,
            })?;
            let checksum = content.checksum;
            // The SDK's futures are large: on the heap they do not burden every caller's.
            let request = Box::pin(make(content));
            let mut failure = match self.send_once(request).await {
                Ok(answer) => match read(answer, checksum) {
                    Ok(value) => return Ok(value),
                    Err(lacks) => Failure::garbled(self.operation, self.inner.settings.place(), lacks),
                },
                Err(failure) => failure,
            };
            failure.error.key = self.key.cloned();
            let conflict = self.conflict_is_final && failure.error.status == Some(409);
            tracing::debug!(
                operation = self.operation,
                tries,
                fault = ?failure.error.fault,
                code = failure.error.code,
                status = failure.error.status,
                request_id = failure.error.request_id,
                "S3 request failed"
            );
            if !failure.retry || conflict || tries >= self.retries {
                // A clear refusal of the last try says nothing of an earlier one.
                failure.unclear |= self.was_unclear();
                return Err(failure);
            }
            self.was_unclear.fetch_or(failure.unclear, Ordering::Relaxed);
            tokio::time::sleep(failure.retry_after.unwrap_or_else(|| self.delay(tries))).await;
            tries += 1;
        }
    }

    async fn send_once<T, E, F>(&self, request: F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let place = || self.inner.settings.place();
        // The SDK's own log lines show signed headers: they go nowhere.
        let request = request.with_subscriber(Dispatch::none());
        match tokio::time::timeout(self.patience, request).await {
            Err(_) => Err(Failure::timeout(self.operation, place(), self.patience)),
            Ok(Err(error)) => Err(Failure::of(&error, self.operation, place())),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    /// Doubles with each try; anything between half and all of it, so that clients do not return in step.
    fn delay(&self, tries: u32) -> Duration {
        let full = self.inner.settings.upload.retry_delay.saturating_mul(1 << tries.min(16)).min(DELAY_MAX);
        // A fresh hasher's state is random enough to spread waits.
        let share = RandomState::new().hash_one(tries) % 1000;
        full / 2 + full.mul_f64(share as f64 / 2000.0)
    }
}
