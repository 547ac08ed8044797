//! Objects as files: the key is the path below a root directory, so that any file server or file manager can read them.
//!
//! What an object carries besides its bytes lies in a file of the same name below `.filmgate/meta/`; unfinished files lie in
//! `.filmgate/tmp/`. File servers do not show hidden folders, and no key may begin with `.filmgate`.

mod bring;
mod faults;
mod listing;
mod object_file;
mod sidecar;
mod tree;
mod write;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use futures::StreamExt;

use crate::key::ObjectKey;
use crate::storage::{
    Ability, Durability, GetOptions, Listing, ObjectBody, ObjectInfo, ObjectUrl, OpenUploads, Presence, PutRequest,
    Source, Storage, StorageError, StorageFault, Stored, UploadsAfter,
};
use tree::Tree;

/// Bytes read from a file at a time.
const READ_BYTES: usize = 256 * 1024;

/// A directory that keeps objects.
///
/// Every file operation goes through a handle on the directory, so that no key and no symbolic link leads out of it.
/// Several processes may share one root: commits and deletes take a lock in it.
#[derive(Debug, Clone)]
pub struct LocalStorage {
    tree: Arc<Tree>,
}

impl LocalStorage {
    /// Opens `root` and creates it where it is missing. Unfinished files that a killed process left there more than a day
    /// ago are removed. Blocks for a few file operations.
    ///
    /// # Errors
    /// [`StorageFault::NotWritable`] or [`StorageFault::NoSpace`] where the directory cannot be made, or used.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, StorageError> {
        let root = root.as_ref();
        let place = root.display().to_string();
        let fault = |error| faults::of_write(&error, "open directory", &place);
        Dir::create_ambient_dir_all(root, ambient_authority()).map_err(fault)?;
        let dir = Dir::open_ambient_dir(root, ambient_authority()).map_err(fault)?;
        let root = root.canonicalize().map_err(fault)?;
        let tree = Tree::open(root, dir)?;
        Ok(Self { tree: Arc::new(tree) })
    }

    /// Where the object of a key is, or would be.
    pub fn path(&self, key: &ObjectKey) -> PathBuf {
        self.tree.path_of(key)
    }

    /// An object as a file to be put elsewhere; none where there is none.
    pub(crate) async fn source(&self, key: &ObjectKey) -> Result<Option<(ObjectInfo, Arc<dyn Source>)>, StorageError> {
        let asked = key.clone();
        let opened = self.blocking("open object", move |tree| object_file::open(tree, &asked)).await;
        match opened {
            Ok((info, file)) => Ok(Some((info, Arc::new(file)))),
            Err(error) if error.fault == StorageFault::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Runs `work` on the tree in a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Tree) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let tree = Arc::clone(&self.tree);
        let place = tree.place();
        tokio::task::spawn_blocking(move || work(&tree))
            .await
            .unwrap_or_else(|error| Err(StorageError::new(StorageFault::Other, operation, place, error.to_string())))
    }
}

#[async_trait]
impl Storage for LocalStorage {
    fn describe(&self) -> String {
        self.tree.place()
    }

    fn durability(&self) -> Durability {
        Durability::Local
    }

    async fn put(&self, request: PutRequest<'_>) -> Result<Stored, StorageError> {
        write::put(&self.tree, request).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<Presence, StorageError> {
        let asked = key.clone();
        let info = self.blocking("head object", move |tree| tree.info(&asked)).await?;
        Ok(info.map_or(Presence::Absent, Presence::Present))
    }

    async fn get(&self, key: &ObjectKey, range: Option<Range<u64>>) -> Result<ObjectBody, StorageError> {
        let asked = key.clone();
        let (info, file) = self.blocking("get object", move |tree| tree.open_object(&asked)).await?;
        let range = range.unwrap_or(0..info.size);
        let end = range.end.min(info.size);
        if range.start >= end && !(range.start == 0 && info.size == 0) {
            let message = format!("the range starts at byte {}, the object has {} bytes", range.start, info.size);
            return Err(StorageError::new(StorageFault::Other, "get object", self.describe(), message).with_key(key));
        }
        let bytes = read_range(self.tree.clone(), key.clone(), Arc::new(file), range.start..end);
        Ok(ObjectBody { info, bytes: bytes.boxed() })
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StorageError> {
        let asked = key.clone();
        self.blocking("delete object", move |tree| tree.delete(&asked)).await
    }

    async fn discard_unfinished(&self, _key: &ObjectKey) -> Result<u64, StorageError> {
        // Unfinished files are anonymous and go with the put, or a day after its process was killed.
        Ok(0)
    }

    async fn open_uploads(&self, _prefix: &str, _after: Option<&UploadsAfter>) -> Result<OpenUploads, StorageError> {
        Ok(OpenUploads::default())
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StorageError> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        self.blocking("list objects", move |tree| listing::list(tree, &prefix, after.as_deref())).await
    }

    fn address(&self, key: &ObjectKey) -> Result<url::Url, StorageError> {
        url::Url::from_file_path(self.tree.path_of(key)).map_err(|()| {
            StorageError::new(StorageFault::Other, "name object", self.describe(), "the directory has no absolute path")
                .with_key(key)
        })
    }

    async fn presign_get(
        &self,
        key: &ObjectKey,
        _lifetime: Duration,
        _options: &GetOptions,
    ) -> Result<ObjectUrl, StorageError> {
        Ok(ObjectUrl { url: self.address(key)?, expires_at: None })
    }

    async fn is_public(&self, _key: &ObjectKey) -> Result<bool, StorageError> {
        // A `file://` address is nobody's but this machine's.
        Ok(false)
    }

    async fn probe(&self) -> Result<Vec<Ability>, StorageError> {
        self.blocking("probe directory", |tree| tree.probe()).await
    }
}

/// Reads `range` of an open object in pieces, each in a thread that may block.
fn read_range(
    tree: Arc<Tree>,
    key: ObjectKey,
    file: Arc<cap_std::fs::File>,
    range: Range<u64>,
) -> impl futures::Stream<Item = Result<Bytes, StorageError>> + Send {
    futures::stream::try_unfold(range.start, move |offset| {
        let (tree, key, file) = (Arc::clone(&tree), key.clone(), Arc::clone(&file));
        let left = usize::try_from(range.end - offset).unwrap_or(READ_BYTES).min(READ_BYTES);
        async move {
            if left == 0 {
                return Ok(None);
            }
            let place = tree.place();
            let fault = |error| faults::of_read(&error, "get object", &place).with_key(&key);
            let piece = tokio::task::spawn_blocking(move || {
                let mut piece = vec![0; left];
                cap_std::fs::FileExt::read_exact_at(&*file, &mut piece, offset)?;
                Ok::<_, std::io::Error>(piece)
            });
            let piece = piece.await.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(fault)?;
            Ok(Some((Bytes::from(piece), offset + left as u64)))
        }
    })
}

/// What is known of an object in the tree, with what its sidecar adds.
fn object_info(key: &ObjectKey, metadata: &cap_std::fs::Metadata, sidecar: Option<sidecar::Sidecar>) -> ObjectInfo {
    let sidecar = sidecar.unwrap_or_default();
    ObjectInfo {
        key: key.clone(),
        size: metadata.len(),
        content_type: sidecar.content_type,
        checksum: sidecar.crc64nvme.and_then(|text| text.parse().ok()),
        metadata: sidecar.metadata,
        etag: None,
        version_id: None,
        modified: metadata
            .modified()
            .ok()
            .and_then(|time| jiff::Timestamp::try_from(time.into_std()).ok())
            .and_then(|time| jiff::Timestamp::from_second(time.as_second()).ok()),
    }
}
