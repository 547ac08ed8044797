//! Sends one request until it is answered, refused, or not worth another try.

use std::error::Error;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use tokio::time::{Instant, sleep_until};
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use super::Inner;
use super::breaker::{Pass, Purpose};
use super::content::{AtHand, Content, Load};
use super::fault::Failure;
use crate::backoff;
use crate::checksum::Crc64Nvme;
use crate::key::ObjectKey;

/// No wait between two tries is longer.
const DELAY_MAX: Duration = Duration::from_secs(10);
/// Who finds the budget of retries empty waits so long for a token, then ends with the failure it had. Others that come
/// through meanwhile give tokens back: in a short outage that many calls share, all of them get their retries.
const BUDGET_PATIENCE: Duration = Duration::from_secs(10);

/// One operation on one key, with what it can bear.
pub(super) struct Call<'a> {
    inner: &'a Inner,
    pub operation: &'static str,
    key: Option<&'a ObjectKey>,
    purpose: Purpose,
    patience: Duration,
    retries: u32,
    conflict_is_final: bool,
    /// A try so far ended without an answer: it may have been carried out.
    was_unclear: AtomicBool,
    /// A try so far was answered, or may have been carried out.
    was_seen: AtomicBool,
}

impl Inner {
    /// A request without a body worth speaking of.
    pub(super) fn call<'a>(&'a self, operation: &'static str, key: Option<&'a ObjectKey>) -> Call<'a> {
        let upload = &self.settings.upload;
        Call {
            inner: self,
            operation,
            key,
            purpose: Purpose::Work,
            patience: upload.request_timeout,
            retries: upload.retries,
            conflict_is_final: false,
            was_unclear: AtomicBool::new(false),
            was_seen: AtomicBool::new(false),
        }
    }
}

impl Call<'_> {
    /// What it is for decides whether it is sent while the store is considered away.
    pub(super) fn of(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

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

    /// Whether a try before the last may have come to the store, whatever was answered.
    pub(super) fn was_seen(&self) -> bool {
        self.was_seen.load(Ordering::Relaxed)
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
        let (budget, breaker) = (&self.inner.budget, &self.inner.breaker);
        let mut pass = breaker.admit(self.purpose, Instant::now()).map_err(|away| {
            let mut failure = Failure::away(self.operation, self.inner.settings.place(), &away);
            failure.error.key = self.key.cloned();
            failure
        })?;
        let mut tries = 0;
        loop {
            let content = load.load().await.map_err(|error| Failure {
                error,
                unclear: self.was_unclear(),
                retry: None,
                retry_after: None,
            })?;
            let checksum = content.checksum;
            // The SDK's futures are large: on the heap they do not burden every caller's.
            let request = Box::pin(make(content));
            let mut failure = match self.send_once(request).await {
                Ok(answer) => match read(answer, checksum) {
                    Ok(value) => {
                        pass.answered();
                        budget.give_back(tries);
                        return Ok(value);
                    }
                    Err(lacks) => Failure::garbled(self.operation, self.inner.settings.place(), lacks),
                },
                Err(failure) => failure,
            };
            failure.error.key = self.key.cloned();
            self.log(&failure, tries);
            // What failed before anything was sent says nothing of the store.
            if !failure.is_outage() && failure.error.status.is_some() {
                pass.answered();
            }
            if !self.is_tried_again(&failure, &pass, tries).await {
                // A clear refusal of the last try says nothing of an earlier one.
                failure.unclear |= self.was_unclear();
                if failure.is_outage() {
                    failure.error.retry_at = pass.gave_up(&failure.error, Instant::now());
                }
                if failure.retry.is_none() {
                    budget.give_back(tries);
                }
                return Err(failure);
            }
            self.was_unclear.fetch_or(failure.unclear, Ordering::Relaxed);
            self.was_seen.fetch_or(failure.unclear || failure.error.status.is_some(), Ordering::Relaxed);
            tries += 1;
        }
    }

    /// Whether to send the request again; where it is so, the wait before that is over, and a token of the budget taken.
    async fn is_tried_again(&self, failure: &Failure, pass: &Pass<'_>, tries: u32) -> bool {
        let conflict = self.conflict_is_final && failure.error.status == Some(409);
        let is_last = tries >= self.retries || (pass.is_for_one_try() && failure.is_outage());
        if failure.retry.is_none() || conflict || is_last {
            return false;
        }
        let now = Instant::now();
        let delay = failure.retry_after.unwrap_or_else(|| self.delay(tries));
        let has_token = tokio::select! {
            biased;
            has_token = self.inner.budget.take(now + delay.max(BUDGET_PATIENCE)) => has_token,
            // Nobody comes through any more: there is nothing to wait for.
            () = self.inner.breaker.opened() => false,
        };
        if has_token {
            sleep_until(now + delay).await;
        }
        has_token
    }

    fn log(&self, failure: &Failure, tries: u32) {
        tracing::debug!(
            operation = self.operation,
            tries,
            fault = ?failure.error.fault,
            code = failure.error.code,
            status = failure.error.status,
            request_id = failure.error.request_id,
            may_pass = failure.retry.map(|line| line.source),
            "S3 request failed"
        );
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
        backoff::wait(tries.saturating_add(1), self.inner.settings.upload.retry_delay, DELAY_MAX)
    }
}

#[cfg(test)]
mod tests;
