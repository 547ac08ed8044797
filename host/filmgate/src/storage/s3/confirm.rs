//! What is under a key, seen against what should be: the proof at the end of every put.
//!
//! The proof is a HEAD, which answers what the store keeps. The answer to a `PutObject` is one as well, and saves the HEAD,
//! where all of this holds:
//!
//! | what | because |
//! |---|---|
//! | the endpoint was seen to refuse a wrong CRC64NVME | it compares before it commits: a success means that these bytes came |
//! | the answer has the CRC64NVME of the file | it says so of this very object, and is no empty or foreign 200 |
//! | a HEAD was seen to answer the same, with size and publish id | what is answered is what is kept |
//! | `If-None-Match: *` was honoured | nobody had the key before, and no other put gets it from now on |
//! | no request of this put went without an answer | there is no second writer, not even this put itself |
//! | this process has read an object back, and was not refused since | the credentials may read what they write: URLs will open |
//!
//! What a HEAD would add is a look some milliseconds later at a store that is consistent. Against whoever deletes or
//! replaces an object after that, neither is a guard.

use std::sync::atomic::Ordering;

use aws_sdk_s3::operation::put_object::PutObjectOutput;

use super::Inner;
use super::abilities::Abilities;
use super::breaker::Purpose;
use super::fault::Failure;
use super::read::full_checksum;
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

/// What the answer to a `PutObject` says of the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub checksum: Option<Crc64Nvme>,
    /// An earlier try of the request went without an answer: it may have been carried out as well, or still be.
    pub was_unclear: bool,
    etag: String,
    version_id: Option<String>,
}

impl Answer {
    /// None where it lacks the ETag that every true answer has.
    pub(super) fn of(answer: &PutObjectOutput) -> Option<Self> {
        Some(Self {
            checksum: full_checksum(answer.checksum_crc64_nvme(), answer.checksum_type()),
            was_unclear: false,
            etag: answer.e_tag()?.to_owned(),
            version_id: answer.version_id().map(str::to_owned),
        })
    }

    /// The object, where this answer is as good as a look at it; whether the endpoint's answers are to be relied upon is
    /// [`Inner::relies_on_answers`]'s to say.
    pub(super) fn proves(self, expected: &Expected<'_>) -> Option<Stored> {
        let whole = self.checksum == Some(expected.checksum) && !self.was_unclear;
        whole.then_some(Stored {
            size: expected.size,
            checksum: expected.checksum,
            integrity: Integrity::FullObject,
            etag: Some(self.etag),
            version_id: self.version_id,
            durability: Durability::S3,
        })
    }
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
    /// Whether the answer to a put may be its proof: see the table above.
    pub(super) fn relies_on_answers(&self, abilities: &Abilities) -> bool {
        abilities.put_proves_itself() && self.reads.load(Ordering::Relaxed)
    }

    /// After the store said that the object is there: proves it by looking.
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

    /// After the store refused with `error`, which by its word makes no object: one may be there all the same, where what is
    /// between sends a request twice and answers the second refusal.
    pub(super) async fn found_or(&self, expected: &Expected<'_>, error: StorageError) -> Result<Stored, StorageError> {
        if error.status.is_none() {
            return Err(error);
        }
        match self.look(expected).await {
            Ok(Finding::Absent | Finding::Foreign | Finding::Hidden) | Err(_) => Err(error),
            Ok(Finding::Ours(_) | Finding::Damaged(_) | Finding::Unproven(_)) => {
                self.settle(expected, error, false).await
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
        let info = match self.head(expected.key, Purpose::Begun).await? {
            Presence::Present(info) => info,
            Presence::Absent => return Ok(Finding::Absent),
            Presence::Unknown => {
                self.reads.store(false, Ordering::Relaxed);
                return Ok(Finding::Hidden);
            }
        };
        if info.publish_id() != Some(expected.publish_id) {
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
        self.reads.store(true, Ordering::Relaxed);
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
        let removed = self.delete(expected.key, Purpose::Begun).await;
        let mut error = self.error(StorageFault::Corrupted, "verify object", expected.key, why);
        error.left_behind = removed.is_err().then_some(LeftBehind::Object);
        error
    }
}
