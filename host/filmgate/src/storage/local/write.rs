use std::io;
use std::sync::Arc;

use super::bring::{self, Stopped, Temporary};
use super::faults;
use super::sidecar::Sidecar;
use super::tree::Tree;
use crate::checksum::Crc64Nvme;
use crate::storage::{
    Durability, Integrity, LeftBehind, ObjectInfo, PutProgress, PutRequest, PutStep, SourceError, StorageError,
    StorageFault, Stored, source,
};

const OPERATION: &str = "put object";

/// Brings the file beside the objects, synced and proven, and gives it its name.
pub(super) async fn put(tree: &Arc<Tree>, request: PutRequest<'_>) -> Result<Stored, StorageError> {
    tree.check_key(request.key, OPERATION)?;
    request.check().map_err(|message| error(tree, &request, StorageFault::Other, message))?;
    if let Some(there) = tree.info(request.key)? {
        let checksum = source::checksum(Arc::clone(&request.file)).await;
        let checksum = checksum.map_err(|error| source_error(tree, &request, &error))?;
        return settle(tree, &request, &there, checksum).await;
    }
    let size = request.file.size();
    let (temporary, checksum) = bring(tree, &request).await?;
    request.observer.step(PutStep::Completing).await?;
    if request.cancel.is_cancelled() {
        return Err(cancelled(tree, &request));
    }
    let sidecar = Sidecar::of(&request, checksum);
    let (commit_tree, key) = (Arc::clone(tree), request.key.clone());
    let committed = tokio::task::spawn_blocking(move || commit_tree.commit(&temporary.path, &key, &sidecar)).await;
    let committed = committed.unwrap_or_else(|error| Err(io::Error::other(error)));
    if !committed.map_err(|error| fault(tree, &request, &error))? {
        let there = tree.info(request.key)?.ok_or_else(|| {
            error(tree, &request, StorageFault::Unsupported, "something that is no file has the name of the key")
        })?;
        return settle(tree, &request, &there, checksum).await;
    }
    sync_name(tree, &request).await?;
    let durability = Durability::Local;
    Ok(Stored { size, checksum, integrity: Integrity::FullObject, etag: None, version_id: None, durability })
}

/// Something is under the key: this publish's own object, or another's.
async fn settle(
    tree: &Arc<Tree>,
    request: &PutRequest<'_>,
    there: &ObjectInfo,
    checksum: Crc64Nvme,
) -> Result<Stored, StorageError> {
    let ours = there.is_of(request.publish_id, request.file.size());
    match there.checksum {
        Some(kept) if ours && kept == checksum => {
            // The try that made it may have failed before its name was safe.
            sync_name(tree, request).await?;
            Ok(Stored {
                size: there.size,
                checksum: kept,
                integrity: Integrity::FullObject,
                etag: None,
                version_id: None,
                durability: Durability::Local,
            })
        }
        _ => Err(error(tree, request, StorageFault::Exists, "an object of another publish is under the key")),
    }
}

/// The object is there: makes its name last. Where that fails, the error names the object.
async fn sync_name(tree: &Arc<Tree>, request: &PutRequest<'_>) -> Result<(), StorageError> {
    let (sync_tree, key) = (Arc::clone(tree), request.key.clone());
    let synced = tokio::task::spawn_blocking(move || sync_tree.sync_name(&key)).await;
    synced
        .unwrap_or_else(|error| Err(io::Error::other(error)))
        .map_err(|error| StorageError { left_behind: Some(LeftBehind::Object), ..fault(tree, request, &error) })
}

/// Answers the file beside the objects and the checksum of its bytes.
async fn bring(tree: &Arc<Tree>, request: &PutRequest<'_>) -> Result<(Temporary, Crc64Nvme), StorageError> {
    let stop = |stopped: Stopped| match stopped {
        Stopped::Source(source) => source_error(tree, request, &source),
        Stopped::Write(write) => fault(tree, request, &write),
        Stopped::Cancelled => cancelled(tree, request),
        Stopped::Differs { written, read } => {
            let message = format!("CRC64NVME of the written file is {written}, of the bytes read {read}");
            error(tree, request, StorageFault::Corrupted, message)
        }
    };
    let size = request.file.size();
    let (told, mut progress) = tokio::sync::watch::channel(0);
    let work = {
        let (tree, file, cancel) = (Arc::clone(tree), Arc::clone(&request.file), request.cancel.clone());
        tokio::task::spawn_blocking(move || bring::bring(&tree, &*file, &cancel, &told))
    };
    // The channel closes when the work ends.
    while progress.changed().await.is_ok() {
        let bytes = *progress.borrow_and_update();
        request.observer.sent(PutProgress { bytes, parts: u32::from(bytes == size), parts_total: 1 });
    }
    match work.await {
        Ok(brought) => brought.map_err(stop),
        Err(join) => Err(error(tree, request, StorageFault::Other, join.to_string())),
    }
}

fn fault(tree: &Tree, request: &PutRequest<'_>, error: &io::Error) -> StorageError {
    faults::of_write(error, OPERATION, &tree.place()).with_key(request.key)
}

fn error(tree: &Tree, request: &PutRequest<'_>, fault: StorageFault, message: impl Into<String>) -> StorageError {
    StorageError::new(fault, OPERATION, tree.place(), message).with_key(request.key)
}

fn cancelled(tree: &Tree, request: &PutRequest<'_>) -> StorageError {
    error(tree, request, StorageFault::Cancelled, "the put was cancelled")
}

fn source_error(tree: &Tree, request: &PutRequest<'_>, source: &SourceError) -> StorageError {
    StorageError::of_source(source, OPERATION, tree.place()).with_key(request.key)
}
