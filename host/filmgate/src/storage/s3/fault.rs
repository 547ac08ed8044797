//! What S3's answers mean, as [`StorageFault`]s: those that may pass stand in [`table`], and are tried again; the refusals,
//! which are not, stand here.

pub(super) mod table;

use std::error::Error;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;

use super::breaker::Away;
use crate::storage::{StorageError, StorageFault};
use table::{Passing, Sign};

/// Longest message kept of a store, in characters.
const MESSAGE_MAX: usize = 300;
/// A store that asks for a longer wait is told that it was not available.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// A request that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub error: StorageError,
    /// The request, or an earlier try of it, may have been carried out all the same, or still be: no answer, half an
    /// answer, or one of a failing server.
    pub unclear: bool,
    /// Sending it again may help: the line of the table that says so.
    pub retry: Option<&'static Passing>,
    /// The wait that the store asked for.
    pub retry_after: Option<Duration>,
}

impl From<Failure> for StorageError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl Failure {
    /// An answer that lacks what every true answer has.
    pub(super) fn garbled(operation: &'static str, place: String, lacks: &'static str) -> Self {
        let verdict = Verdict::of_no_answer(Sign::Garbled);
        let message = format!("the answer has no {lacks}");
        let mut error = StorageError::new(verdict.fault, operation, place, message);
        error.status = Some(200);
        Self { error, unclear: true, retry: verdict.passing, retry_after: None }
    }

    /// No answer in time.
    pub(super) fn timeout(operation: &'static str, place: String, patience: Duration) -> Self {
        let verdict = Verdict::of_no_answer(Sign::Silence);
        let message = format!("no answer within {} s", patience.as_secs_f32());
        let error = StorageError::new(verdict.fault, operation, place, message);
        Self { error, unclear: true, retry: verdict.passing, retry_after: None }
    }

    /// Nothing was sent, because the store is left alone for a while.
    pub(super) fn away(operation: &'static str, place: String, away: &Away) -> Self {
        let mut error = StorageError::new(StorageFault::Away, operation, place, away.to_string());
        error.retry_at = Some(away.retry_at);
        Self { error, unclear: false, retry: None, retry_after: None }
    }

    /// Whether the store is not there, or not able: no answer, or one of a failing server. With a 4xx it is there, whatever
    /// it says.
    pub(super) fn is_outage(&self) -> bool {
        self.error.is_outage() && !self.is_refusal()
    }

    fn is_refusal(&self) -> bool {
        self.error.status.is_some_and(|status| (400..500).contains(&status))
    }

    /// Whether the store answered with this code.
    pub(super) fn has_code(&self, code: &str) -> bool {
        self.error.code.as_deref() == Some(code)
    }

    /// A 400 that gives no reason, as the answer to a HEAD cannot.
    pub(super) fn is_wordless_refusal(&self) -> bool {
        self.error.fault == StorageFault::Other && self.error.status == Some(400) && self.error.code.is_none()
    }

    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>, operation: &'static str, place: String) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let raw = error.raw_response();
        let status = raw.map(|raw| raw.status().as_u16());
        let code = error.code().map(|code| clean(code, 100));
        let message = error.message().map(|message| clean(message, MESSAGE_MAX));
        let verdict = match error {
            SdkError::ServiceError(_) => of_answer(code.as_deref(), status, message.as_deref()),
            SdkError::ResponseError(_) => Verdict::of_no_answer(Sign::Broken),
            SdkError::TimeoutError(_) => Verdict::of_no_answer(Sign::Silence),
            SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => of_sending(error),
            _ => Verdict::refused(StorageFault::Other),
        };
        let sent = !matches!(error, SdkError::ConstructionFailure(_)) && !is_refused_connection(error);
        let message = message.filter(|message| !message.is_empty()).unwrap_or_else(|| described(error, status));
        let mut told = StorageError::new(verdict.fault, operation, place, message);
        told.code = code;
        told.status = status;
        told.request_id = error.request_id().map(|id| clean(id, 200));
        let mut failure = Self {
            unclear: false,
            retry: verdict.passing,
            retry_after: raw.and_then(|raw| retry_after(raw.headers().get("retry-after"))),
            error: told,
        };
        // With a 4xx the store says itself that it did not do it.
        failure.unclear = sent && failure.is_outage();
        failure
    }
}

/// What is made of an error.
#[derive(Debug, Clone, Copy)]
struct Verdict {
    fault: StorageFault,
    /// Its line in the table, where it may pass.
    passing: Option<&'static Passing>,
}

impl Verdict {
    fn passing(line: &'static Passing) -> Self {
        Self { fault: line.fault, passing: Some(line) }
    }

    fn refused(fault: StorageFault) -> Self {
        Self { fault, passing: None }
    }

    fn of_no_answer(sign: Sign) -> Self {
        table::of_no_answer(sign).map_or(Self::refused(StorageFault::Unreachable), Self::passing)
    }
}

/// Codes first: stores agree on them more than on statuses.
fn of_answer(code: Option<&str>, status: Option<u16>, message: Option<&str>) -> Verdict {
    let code = code.unwrap_or_default();
    if let Some(passing) = table::of_code(code) {
        return Verdict::passing(passing);
    }
    let refused = match (refused_by_code(code), status.and_then(table::of_status)) {
        (Some(refused), _) => refused,
        (None, Some(passing)) => return Verdict::passing(passing),
        (None, None) => refused_by_status(status),
    };
    match refused {
        StorageFault::Denied => of_denial(message),
        refused => Verdict::refused(refused),
    }
}

fn refused_by_code(code: &str) -> Option<StorageFault> {
    Some(match code {
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidToken"
        | "AuthFailure"
        | "InvalidSecurity"
        | "NotSignedUp"
        | "UnrecognizedClientException" => StorageFault::BadCredentials,
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => StorageFault::ExpiredCredentials,
        "AccessDenied" | "Forbidden" | "AllAccessDisabled" | "AccountProblem" => StorageFault::Denied,
        "NoSuchBucket" => StorageFault::NoSuchBucket,
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException"
        | "IncorrectEndpoint" => StorageFault::WrongRegion,
        "NoSuchKey" | "NoSuchUpload" | "NoSuchVersion" => StorageFault::NotFound,
        "PreconditionFailed" => StorageFault::Exists,
        "EntityTooLarge" => StorageFault::TooLarge,
        "BadDigest"
        | "InvalidDigest"
        | "XAmzContentChecksumMismatch"
        | "XAmzContentSHA256Mismatch"
        | "ContentSHA256Mismatch" => StorageFault::Corrupted,
        "NotImplemented" | "MethodNotAllowed" | "AccessControlListNotSupported" => StorageFault::Unsupported,
        _ => return None,
    })
}

fn refused_by_status(status: Option<u16>) -> StorageFault {
    match status {
        Some(301 | 307 | 308) => StorageFault::WrongRegion,
        Some(401) => StorageFault::BadCredentials,
        Some(403) => StorageFault::Denied,
        Some(404) => StorageFault::NotFound,
        Some(412) => StorageFault::Exists,
        Some(413) => StorageFault::TooLarge,
        Some(501) => StorageFault::Unsupported,
        _ => StorageFault::Other,
    }
}

/// S3 has a code for each cause of a refusal; Garage answers `AccessDenied` to all of them and tells them apart in words.
fn of_denial(message: Option<&str>) -> Verdict {
    let message = message.unwrap_or_default().to_ascii_lowercase();
    if message.contains("invalid signature") || message.contains("no such key") {
        Verdict::refused(StorageFault::BadCredentials)
    } else {
        table::of_words(&message).map_or(Verdict::refused(StorageFault::Denied), Verdict::passing)
    }
}

/// A request that never left, or whose answer never came.
fn of_sending<E>(error: &SdkError<E, HttpResponse>) -> Verdict
where
    E: Error + 'static,
{
    let credentials = sources(error)
        .any(|source| source.downcast_ref::<aws_credential_types::provider::error::CredentialsError>().is_some());
    match error {
        _ if credentials => Verdict::refused(StorageFault::BadCredentials),
        SdkError::DispatchFailure(failure) if !failure.is_user() => Verdict::of_no_answer(Sign::Broken),
        _ => Verdict::refused(StorageFault::Other),
    }
}

/// Nothing was sent, because nobody listened, or the name is unknown.
fn is_refused_connection<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> bool {
    sources(error).any(|source| {
        source.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
    })
}

fn sources<'a, E: Error + 'static>(
    error: &'a SdkError<E, HttpResponse>,
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// The causes, outermost first, for errors in which the store itself said nothing.
fn described<E: Error + 'static>(error: &SdkError<E, HttpResponse>, status: Option<u16>) -> String {
    if let (SdkError::ServiceError(_), Some(status)) = (error, status) {
        return format!("the store answered HTTP {status} and no reason");
    }
    let mut causes: Vec<String> = Vec::new();
    for cause in sources(error).map(|cause| clean(&cause.to_string(), MESSAGE_MAX)) {
        // Wrappers repeat what they wrap.
        if !causes.iter().any(|known| known.contains(&cause)) {
            causes.push(cause);
        }
    }
    if causes.is_empty() { clean(&error.to_string(), MESSAGE_MAX) } else { causes.join(": ") }
}

fn retry_after(header: Option<&str>) -> Option<Duration> {
    header?.trim().parse().ok().map(Duration::from_secs).filter(|wait| *wait <= RETRY_AFTER_MAX)
}

/// A foreign text, fit for one line.
fn clean(text: &str, limit: usize) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::retry_after;
    use crate::storage::StorageFault;
    use std::time::Duration;

    fn of_answer(code: Option<&str>, status: Option<u16>, message: Option<&str>) -> StorageFault {
        super::of_answer(code, status, message).fault
    }

    #[test]
    fn codes_win_over_statuses() {
        assert_eq!(of_answer(Some("SlowDown"), Some(200), None), StorageFault::Unavailable);
        assert_eq!(of_answer(Some("NoSuchBucket"), Some(404), None), StorageFault::NoSuchBucket);
        assert_eq!(of_answer(Some("ExpiredToken"), Some(400), None), StorageFault::ExpiredCredentials);
        assert_eq!(of_answer(Some("RequestTimeout"), Some(400), None), StorageFault::Unavailable);
    }

    #[test]
    fn statuses_speak_where_no_code_does() {
        for (status, fault) in [
            (301, StorageFault::WrongRegion),
            (400, StorageFault::Other),
            (401, StorageFault::BadCredentials),
            (403, StorageFault::Denied),
            (404, StorageFault::NotFound),
            (412, StorageFault::Exists),
            (429, StorageFault::Unavailable),
            (501, StorageFault::Unsupported),
            (503, StorageFault::Unavailable),
        ] {
            assert_eq!(of_answer(None, Some(status), None), fault, "{status}");
        }
    }

    #[test]
    fn refusals_of_garage_are_told_apart_by_their_words() {
        let refusal = |message| of_answer(Some("AccessDenied"), Some(403), Some(message));
        assert_eq!(refusal("Forbidden: Invalid signature"), StorageFault::BadCredentials);
        assert_eq!(refusal("Forbidden: No such key: GK00"), StorageFault::BadCredentials);
        assert_eq!(refusal("Forbidden: Operation is not allowed for this key."), StorageFault::Denied);
    }

    #[test]
    fn only_short_waits_are_taken_from_the_store() {
        assert_eq!(retry_after(Some("2")), Some(Duration::from_secs(2)));
        assert_eq!(retry_after(Some("3600")), None);
        assert_eq!(retry_after(Some("Wed, 21 Oct 2026 07:28:00 GMT")), None);
    }
}
