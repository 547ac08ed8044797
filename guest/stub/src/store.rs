use std::sync::{LazyLock, Mutex, PoisonError};

use crate::bindings::Stub;
use crate::bindings::exports::filmgate::plugin::store_video::{
    Error, Guest, GuestPublication, Options, Pollable, Publication, Stored,
};
use crate::bindings::wasi::clocks::monotonic_clock;
use crate::options;
use crate::publish::{Publisher, Refusal};

/// One instance serves one job.
static PUBLISHER: LazyLock<Mutex<Publisher>> = LazyLock::new(|| Mutex::new(Publisher::new("/out")));

impl Guest for Stub {
    type Publication = Outcome;

    fn store_video(path: String, options: Options) -> Result<Stored, Error> {
        let Options { slot, sequence, content_type, metadata } = options;
        let options = options::Options { slot, sequence, content_type, metadata };
        let published = PUBLISHER.lock().unwrap_or_else(PoisonError::into_inner).publish(&path, &options)?;
        Ok(Stored {
            id: uuid::Uuid::now_v7().to_string(),
            url: Some(format!("file:///out/{}", published.path)),
            expires_at: None,
            size: published.size,
            checksum: published.checksum,
            durability: "local".into(),
        })
    }

    fn submit(path: String, options: Options) -> Result<Publication, Error> {
        Ok(Publication::new(Outcome(Self::store_video(path, options)?)))
    }
}

/// A publication that was over when it began: moving a file takes no time worth waiting for.
pub(crate) struct Outcome(Stored);

impl GuestPublication for Outcome {
    fn subscribe(&self) -> Pollable {
        monotonic_clock::subscribe_duration(0)
    }

    fn get(&self) -> Option<Result<Stored, Error>> {
        Some(Ok(self.0.clone()))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code.into(), message: refusal.message, retryable: false }
    }
}
