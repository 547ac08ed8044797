//! The puts of the two modes.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use async_trait::async_trait;

use super::BothStorage;
use crate::storage::{
    Durability, Presence, PutObserver, PutProgress, PutRequest, PutStep, Source, SourceError, Storage, StorageError,
    StorageFault, Stored,
};

const OPERATION: &str = "put object";

/// To S3; where S3 is away, to the directory.
pub(super) async fn with_fallback(both: &BothStorage, request: PutRequest<'_>) -> Result<Stored, StorageError> {
    let is_there = is_in_directory(both, &request).await?;
    let error = match both.s3.put(request.again()).await {
        Ok(stored) => {
            // An earlier try of this publish fell back, and nobody came to know of it.
            let durability = if is_there { Durability::Both } else { Durability::S3 };
            return Ok(Stored { durability, ..stored });
        }
        Err(error) if error.is_outage() && !request.cancel.is_cancelled() => error,
        Err(error) => return Err(error),
    };
    tracing::warn!(publish = %request.publish_id, %error, "S3 is away; the file goes to local storage until it is back");
    match both.local.put(request.again()).await {
        Ok(stored) => Ok(stored),
        Err(local) if is_about_the_file(&local) => Err(StorageError { left_behind: error.left_behind, ..local }),
        Err(local) => {
            let message = format!("{}; nor did local storage take it: {local}", error.message);
            Err(StorageError { message, ..error })
        }
    }
}

/// To the directory, then to S3 unless that is away.
pub(super) async fn mirrored(both: &BothStorage, request: PutRequest<'_>) -> Result<Stored, StorageError> {
    let steps = StepsOnly(request.observer);
    // Resuming is S3's alone.
    let copied = PutRequest {
        file: Arc::new(Copied(Arc::clone(&request.file))),
        observer: &steps,
        resume: None,
        ..request.again()
    };
    let copy = both.local.put(copied).await?;
    match both.s3.put(request.again()).await {
        Ok(stored) if stored.checksum == copy.checksum => Ok(Stored { durability: Durability::Both, ..stored }),
        Ok(stored) => {
            let message = format!("CRC64NVME in S3 is {}, in the directory {}", stored.checksum, copy.checksum);
            let error = StorageError::new(StorageFault::Corrupted, "compare the stores", both.describe(), message);
            Err(take_back(both, &request, error.with_key(request.key), true).await)
        }
        Err(error) if error.is_outage() && !request.cancel.is_cancelled() => {
            tracing::warn!(publish = %request.publish_id, %error, "S3 is away; it gets the file when it is back");
            request.observer.sent(PutProgress { bytes: copy.size, parts: 1, parts_total: 1 });
            Ok(copy)
        }
        Err(error) => Err(take_back(both, &request, error, false).await),
    }
}

/// Whether an earlier try of this publish left its object in the directory. One of another publish refuses the put: it may
/// be on its way to S3.
async fn is_in_directory(both: &BothStorage, request: &PutRequest<'_>) -> Result<bool, StorageError> {
    match both.local.head(request.key).await {
        Ok(Presence::Present(info)) => {
            if info.publish_id() == Some(request.publish_id) {
                return Ok(true);
            }
            let message = "an object of another publish is under the key";
            let error = StorageError::new(StorageFault::Exists, OPERATION, both.local.describe(), message);
            Err(error.with_key(request.key))
        }
        Ok(Presence::Absent | Presence::Unknown) => Ok(false),
        Err(error) => {
            // While S3 is there, nothing depends on the directory.
            tracing::warn!(%error, "look into local storage");
            Ok(false)
        }
    }
}

/// The put has failed: what it stored goes.
async fn take_back(
    both: &BothStorage,
    request: &PutRequest<'_>,
    mut error: StorageError,
    also_in_s3: bool,
) -> StorageError {
    let mut taken = both.local.delete(request.key).await;
    if also_in_s3 {
        taken = taken.and(both.s3.delete(request.key).await);
    }
    if let Err(left) = taken {
        tracing::warn!(error = %left, "take a failed put back");
        error.left_behind.get_or_insert(crate::storage::LeftBehind::Object);
    }
    error
}

/// What the other store would have answered as well.
fn is_about_the_file(error: &StorageError) -> bool {
    matches!(
        error.fault,
        StorageFault::Cancelled
            | StorageFault::Exists
            | StorageFault::Journal
            | StorageFault::SourceChanged
            | StorageFault::SourceUnreadable
    )
}

impl PutRequest<'_> {
    fn again(&self) -> PutRequest<'_> {
        PutRequest { file: Arc::clone(&self.file), ..*self }
    }
}

/// A file that keeps its one name: the directory's object must be another file, since becoming an object changes a file's
/// times, and the staged one is yet to be read for S3, perhaps in another process.
#[derive(Debug)]
struct Copied(Arc<dyn Source>);

#[deny(clippy::missing_trait_methods)]
impl Source for Copied {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), SourceError> {
        self.0.read_exact_at(buffer, offset)
    }

    fn read_ready_at(&self, buffer: &mut [u8], offset: u64) -> Result<bool, SourceError> {
        self.0.read_ready_at(buffer, offset)
    }

    fn verify_unchanged(&self) -> Result<(), SourceError> {
        self.0.verify_unchanged()
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.0.descriptor()
    }

    fn can_link(&self) -> bool {
        false
    }

    fn link(&self, _folder: BorrowedFd<'_>, _name: &std::ffi::OsStr) -> std::io::Result<bool> {
        Ok(false)
    }
}

/// The bytes that count are those that S3 has.
struct StepsOnly<'a>(&'a dyn PutObserver);

#[async_trait]
impl PutObserver for StepsOnly<'_> {
    async fn step(&self, step: PutStep) -> Result<(), StorageError> {
        self.0.step(step).await
    }

    fn sent(&self, _progress: PutProgress) {}
}
