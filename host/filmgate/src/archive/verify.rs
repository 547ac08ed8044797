use futures::StreamExt as _;

use super::{Archive, ArchiveError};
use crate::catalogue::{AssetRecord, AssetState};
use crate::checksum::{Crc64Nvme, Running};
use crate::key::ObjectKey;
use crate::storage::{ObjectBody, PublishId, Storage, StorageError, StorageFault};

/// How often an object is read whose answer broke off.
const TRIES: u32 = 3;

/// How an object differs from its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// There is none.
    Missing,
    /// It is of another publish.
    Other(PublishId),
    /// It has another size.
    Size(u64),
    /// It has other bytes.
    Checksum(Crc64Nvme),
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// Of a mirror: the object in S3 is whole, and the one in the directory differs so.
    InDirectory(Box<Self>),
}

impl Archive {
    /// Reads an asset's object from its beginning to its end and compares it with the record, in each store that has to have
    /// it. `None`: it is the very file.
    ///
    /// # Errors
    /// A deleted asset, one of another store, a store or catalogue that is away.
    pub async fn verify(&self, record: &AssetRecord) -> Result<Option<Mismatch>, ArchiveError> {
        if let Some(denial) = self.denial(record) {
            return Err(denial);
        }
        let storage = &**self.storage();
        if let Some(mismatch) = self.verify_in(storage.holding(record.asset.durability), record).await? {
            return Ok(Some(mismatch));
        }
        let Some(directory) = storage.second_holding(record.asset.durability) else { return Ok(None) };
        let mismatch = self.verify_in(directory, record).await?;
        Ok(mismatch.map(|mismatch| Mismatch::InDirectory(Box::new(mismatch))))
    }

    async fn verify_in(&self, store: &dyn Storage, record: &AssetRecord) -> Result<Option<Mismatch>, ArchiveError> {
        let asset = &record.asset;
        let (owner, size, checksum) = match Self::read(store, &asset.key).await {
            Ok(read) => read,
            Err(error) if error.fault == StorageFault::NotFound => {
                // It may have been deleted since it was asked for.
                let now = self.asset(asset.id).await?;
                return match now.state {
                    AssetState::Stored => Ok(Some(Mismatch::Missing)),
                    _ => Err(self.denial(&now).unwrap_or(error.into())),
                };
            }
            Err(error) if error.is_storage_away() => return Err(error.into()),
            Err(error) => return Ok(Some(Mismatch::Unreadable(error.to_string()))),
        };
        Ok(match owner.filter(|owner| *owner != asset.id) {
            Some(other) => Some(Mismatch::Other(other)),
            None if size != asset.size => Some(Mismatch::Size(size)),
            None if checksum != asset.checksum => Some(Mismatch::Checksum(checksum)),
            None => None,
        })
    }

    /// Whose an object is, its size and its CRC64NVME, by its bytes.
    pub(crate) async fn read(
        store: &dyn Storage,
        key: &ObjectKey,
    ) -> Result<(Option<PublishId>, u64, Crc64Nvme), StorageError> {
        let mut tries = 0;
        loop {
            tries += 1;
            // The request itself is sent again by the storage.
            let body = store.get(key, None).await?;
            let owner = body.info.publish_id();
            match sum(body).await {
                Err(error) if error.is_retryable() && tries < TRIES => {
                    tracing::warn!(%key, %error, tries, "read an object");
                }
                read => return read.map(|(bytes, checksum)| (owner, bytes, checksum)),
            }
        }
    }
}

/// Reads a body to its end: its bytes and their checksum.
async fn sum(mut body: ObjectBody) -> Result<(u64, Crc64Nvme), StorageError> {
    let (mut running, mut bytes) = (Running::default(), 0);
    while let Some(piece) = body.bytes.next().await {
        let piece = piece?;
        running.add(&piece);
        bytes += piece.len() as u64;
    }
    Ok((bytes, running.finish()))
}
