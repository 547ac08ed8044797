//! What is under a key, seen against what should be: the proof at the end of every put.

use super::Inner;
use super::fault::Failure;
use crate::checksum::Crc64Nvme;
use crate::key::ObjectKey;
use crate::storage::{Durability, Integrity, LeftBehind, Presence, PublishId, StorageError, StorageFault, Stored};

/// The object a put is to make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub key: &'a ObjectKey,
    pub publish_id: PublishId,
    pub size: u64,
    pub checksum: Crc64Nvme,
    /// What is proven where the store answers no checksum; absent: it was told one and keeps those, so that an object
    /// without one is not what was sent.
    pub rung: Option<Integrity>,
}

/// What a HEAD found.
enum Finding {
    Ours(Stored),
    Absent,
    /// Of another publish, or nobody's.
    Foreign,
    /// Of this publish, but not the file: why.
    Damaged(String),
    /// Of this publish and its size, but the store shows no checksum where it should: why.
    Unproven(&'static str),
    /// The credentials do not allow to look.
    Hidden,
}

impl Inner {
    /// After the store said that the object is there: proves it.
    pub(super) async fn prove(&self, expected: &Expected<'_>) -> Result<Stored, StorageError> {
        let error = |fault, message| self.error(fault, "verify object", expected.key, message);
        let unproven = |mut error: StorageError| {
            error.left_behind = Some(LeftBehind::Object);
            error
        };
        match self.look(expected).await {
            Ok(Finding::Ours(stored)) => Ok(stored),
            Ok(Finding::Foreign) => Err(error(StorageFault::Exists, "another publish has replaced the object")),
            Ok(Finding::Absent) => {
                let message = "the store took the object and does not have it";
                Err(unproven(error(StorageFault::Corrupted, message)))
            }
            Ok(Finding::Damaged(why)) => Err(self.remove_damaged(expected, &why).await),
            Ok(Finding::Unproven(why)) => Err(unproven(error(StorageFault::Corrupted, why))),
            Ok(Finding::Hidden) => {
                let message = "the stored object cannot be read back: the credentials need s3:GetObject";
                Err(unproven(error(StorageFault::Denied, message)))
            }
            Err(failure) => Err(unproven(StorageError { operation: "verify object", ..failure.error })),
        }
    }

    /// After the last request failed with `error`: the object may be there all the same, from this try or an earlier one.
    /// `unclear`: a request that makes the object went without an answer, so that the store may still be at it.
    pub(super) async fn settle(
        &self,
        expected: &Expected<'_>,
        mut error: StorageError,
        unclear: bool,
    ) -> Result<Stored, StorageError> {
        match self.look(expected).await {
            Ok(Finding::Ours(stored)) => Ok(stored),
            Ok(Finding::Absent) if !unclear => Err(error),
            Ok(Finding::Foreign) if error.fault == StorageFault::Cancelled => Err(error),
            // An upload that could not be aborted stays named, whatever is under the key.
            Ok(Finding::Foreign) => Err(StorageError { left_behind: error.left_behind, ..self.foreign(expected.key) }),
            Ok(Finding::Damaged(why)) => {
                let damaged = self.remove_damaged(expected, &why).await;
                Err(StorageError { left_behind: error.left_behind.or(damaged.left_behind), ..damaged })
            }
            Ok(Finding::Unproven(why)) => {
                let unproven = self.error(StorageFault::Corrupted, "verify object", expected.key, why);
                let left_behind = error.left_behind.or(Some(LeftBehind::Object));
                Err(StorageError { left_behind, ..unproven })
            }
            Ok(Finding::Absent | Finding::Hidden) | Err(_) => {
                error.left_behind.get_or_insert(LeftBehind::Object);
                Err(error)
            }
        }
    }

    /// The error for a key that another publish has.
    pub(super) fn foreign(&self, key: &ObjectKey) -> StorageError {
        self.error(StorageFault::Exists, "put object", key, "an object of another publish is under the key")
    }

    pub(super) fn error(
        &self,
        fault: StorageFault,
        operation: &'static str,
        key: &ObjectKey,
        message: impl Into<String>,
    ) -> StorageError {
        StorageError::new(fault, operation, self.settings.place(), message).with_key(key)
    }

    async fn look(&self, expected: &Expected<'_>) -> Result<Finding, Failure> {
        let info = match self.head(expected.key).await? {
            Presence::Present(info) => info,
            Presence::Absent => return Ok(Finding::Absent),
            Presence::Unknown => return Ok(Finding::Hidden),
        };
        if info.metadata.get(PublishId::METADATA_NAME) != Some(&expected.publish_id.to_string()) {
            return Ok(Finding::Foreign);
        }
        if info.size != expected.size {
            return Ok(Finding::Damaged(format!("the object has {} bytes, the file {}", info.size, expected.size)));
        }
        let integrity = match info.checksum {
            None => match expected.rung {
                Some(rung) => rung,
                None => {
                    let message = "the object has no CRC64NVME, though it was sent with one and the store keeps them";
                    return Ok(Finding::Unproven(message));
                }
            },
            Some(checksum) if checksum == expected.checksum => Integrity::FullObject,
            Some(checksum) => {
                let message = format!("the object's CRC64NVME is {checksum}, the file's {}", expected.checksum);
                return Ok(Finding::Damaged(message));
            }
        };
        Ok(Finding::Ours(Stored {
            size: info.size,
            checksum: expected.checksum,
            integrity,
            etag: info.etag,
            version_id: info.version_id,
            durability: Durability::S3,
        }))
    }

    /// Takes away an object that is this publish's and not the file.
    async fn remove_damaged(&self, expected: &Expected<'_>, why: &str) -> StorageError {
        let removed = self.delete(expected.key).await;
        let mut error = self.error(StorageFault::Corrupted, "verify object", expected.key, why);
        error.left_behind = removed.is_err().then_some(LeftBehind::Object);
        error
    }
}
