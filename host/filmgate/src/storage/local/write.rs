use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use cap_std::fs::{File, FileExt};

use super::faults;
use super::sidecar::Sidecar;
use super::tree::Tree;
use crate::checksum::Crc64Nvme;
use crate::storage::{
    Integrity, LeftBehind, ObjectInfo, PublishId, PutRequest, PutStep, Source, SourceError, StorageError, StorageFault,
    Stored, source,
};

const OPERATION: &str = "put object";
/// Bytes copied between two looks at the cancellation: a fraction of a second even on a slow disk.
const CHUNK_BYTES: u64 = 4 * crate::limits::MIB;

/// Copies the file beside the objects, syncs it, reads it back, and gives it its name.
pub(super) async fn put(tree: &Arc<Tree>, request: PutRequest<'_>) -> Result<Stored, StorageError> {
    tree.check_key(request.key, OPERATION)?;
    request.check().map_err(|message| error(tree, &request, StorageFault::Other, message))?;
    if let Some(there) = tree.info(request.key)? {
        let checksum = source::checksum(Arc::clone(&request.file)).await;
        let checksum = checksum.map_err(|error| source_error(tree, &request, &error))?;
        return settle(tree, &request, &there, checksum).await;
    }
    let temporary = Temporary::create(tree).map_err(|error| fault(tree, &request, &error))?;
    let checksum = copy(tree, &request, &temporary).await?;
    let size = request.file.size();
    let written = read_back(&temporary, size).await.map_err(|error| fault(tree, &request, &error))?;
    if written != checksum {
        let message = format!("CRC64NVME of the written file is {written}, of the bytes read {checksum}");
        return Err(error(tree, &request, StorageFault::Corrupted, message));
    }
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
    Ok(Stored { size, checksum, integrity: Integrity::FullObject, etag: None, version_id: None })
}

/// Something is under the key: this publish's own object, or another's.
async fn settle(
    tree: &Arc<Tree>,
    request: &PutRequest<'_>,
    there: &ObjectInfo,
    checksum: Crc64Nvme,
) -> Result<Stored, StorageError> {
    let ours = there.metadata.get(PublishId::METADATA_NAME) == Some(&request.publish_id.to_string())
        && there.size == request.file.size();
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

/// Copies all bytes and syncs the copy; answers their checksum.
async fn copy(tree: &Tree, request: &PutRequest<'_>, temporary: &Temporary) -> Result<Crc64Nvme, StorageError> {
    let size = request.file.size();
    let mut buffer = Vec::new();
    let mut checksum = Crc64Nvme::of(&[]);
    let mut offset = 0;
    while offset < size {
        if request.cancel.is_cancelled() {
            return Err(cancelled(tree, request));
        }
        let length = CHUNK_BYTES.min(size - offset);
        let (source, file) = (Arc::clone(&request.file), Arc::clone(&temporary.file));
        let copied = tokio::task::spawn_blocking(move || copy_chunk(&*source, &file, buffer, offset, length)).await;
        let copied = copied.map_err(|join| error(tree, request, StorageFault::Other, join.to_string()))?;
        let (next, returned) = copied.map_err(|chunk| match chunk {
            ChunkError::Source(source) => source_error(tree, request, &source),
            ChunkError::Write(write) => fault(tree, request, &write),
        })?;
        checksum = checksum.followed_by(next, length);
        buffer = returned;
        offset += length;
        request.observer.sent(offset);
    }
    let (source, file) = (Arc::clone(&request.file), Arc::clone(&temporary.file));
    let synced = tokio::task::spawn_blocking(move || {
        source.verify_unchanged().map_err(ChunkError::Source)?;
        file.sync_all().map_err(ChunkError::Write)
    });
    match synced.await {
        Ok(Ok(())) => Ok(checksum),
        Ok(Err(ChunkError::Source(source))) => Err(source_error(tree, request, &source)),
        Ok(Err(ChunkError::Write(write))) => Err(fault(tree, request, &write)),
        Err(join) => Err(error(tree, request, StorageFault::Other, join.to_string())),
    }
}

enum ChunkError {
    Source(SourceError),
    Write(io::Error),
}

/// Copies one chunk; answers its checksum, and the buffer for the next.
fn copy_chunk(
    source: &dyn Source,
    file: &File,
    mut buffer: Vec<u8>,
    offset: u64,
    length: u64,
) -> Result<(Crc64Nvme, Vec<u8>), ChunkError> {
    let length = usize::try_from(length).map_err(|error| ChunkError::Write(io::Error::other(error)))?;
    buffer.resize(length, 0);
    source.read_exact_at(&mut buffer, offset).map_err(ChunkError::Source)?;
    file.write_all_at(&buffer, offset).map_err(ChunkError::Write)?;
    Ok((Crc64Nvme::of(&buffer), buffer))
}

/// The checksum of what the file holds now: proves that what was written is what was read, as far as the kernel knows.
async fn read_back(temporary: &Temporary, size: u64) -> io::Result<Crc64Nvme> {
    let file = Arc::clone(&temporary.file);
    let read = tokio::task::spawn_blocking(move || {
        if file.metadata()?.len() != size {
            return Err(io::Error::other("the written file has another size than the bytes read"));
        }
        let mut buffer = vec![0; 256 * 1024];
        let mut checksum = Crc64Nvme::of(&[]);
        let mut offset = 0;
        while offset < size {
            let length = usize::try_from(size - offset).unwrap_or(buffer.len()).min(buffer.len());
            file.read_exact_at(&mut buffer[..length], offset)?;
            checksum = checksum.followed_by(Crc64Nvme::of(&buffer[..length]), length as u64);
            offset += length as u64;
        }
        Ok(checksum)
    });
    read.await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// A file on its way: gone again when dropped, unless it was renamed.
struct Temporary {
    tree: Arc<Tree>,
    file: Arc<File>,
    path: PathBuf,
}

impl Temporary {
    fn create(tree: &Arc<Tree>) -> io::Result<Self> {
        let (file, path) = tree.create_temporary()?;
        Ok(Self { tree: Arc::clone(tree), file: Arc::new(file), path })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Absent after a commit. Where removing fails, the next start removes it a day later.
        let _ = self.tree.dir.remove_file(&self.path);
        let _ = self.tree.dir.remove_file(self.path.with_extension("json"));
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
