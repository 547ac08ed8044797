//! What an endpoint can do.

use serde::{Deserialize, Serialize};

use crate::storage::{Ability, Integrity};

/// Decides how uploads go: what is asked of the endpoint, and what must be done without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Abilities {
    /// `x-amz-checksum-crc64nvme` on `PutObject` is no error.
    pub put_checksum: bool,
    /// … and a wrong one is refused.
    pub put_checked: bool,
    /// … and a HEAD answers it.
    pub put_kept: bool,
    /// … and so does the answer to the `PutObject` itself, of an object whose size and metadata a HEAD then confirmed.
    pub put_answered: bool,
    /// `CreateMultipartUpload` takes a CRC64NVME of the full object, and parts and `CompleteMultipartUpload` carry theirs.
    pub multipart_checksum: bool,
    /// … and a part with a wrong one is refused.
    pub part_checked: bool,
    /// … and a HEAD answers the object's.
    pub multipart_kept: bool,
    /// `If-None-Match: *` on `PutObject` keeps an object that is there.
    pub conditional_put: bool,
    /// The same on `CompleteMultipartUpload`.
    pub conditional_complete: bool,
    /// Open multipart uploads can be listed.
    pub uploads_listed: bool,
}

impl Abilities {
    /// Amazon S3's, as it documents them.
    pub(super) const AWS: Self = Self {
        put_checksum: true,
        put_checked: true,
        put_kept: true,
        put_answered: true,
        multipart_checksum: true,
        part_checked: true,
        multipart_kept: true,
        conditional_put: true,
        conditional_complete: true,
        uploads_listed: true,
    };

    /// Of an endpoint that did not let itself be probed: nothing is relied upon.
    pub(super) const UNKNOWN: Self = Self {
        put_checksum: true,
        put_checked: false,
        put_kept: false,
        put_answered: false,
        multipart_checksum: false,
        part_checked: false,
        multipart_kept: false,
        conditional_put: false,
        conditional_complete: false,
        uploads_listed: false,
    };

    /// Whether the answer to a `PutObject` proves the object without a look at it: the endpoint compares before it commits,
    /// keeps and answers what it compared, and lets nobody else have the key in between.
    pub(super) fn put_proves_itself(&self) -> bool {
        self.put_checked && self.put_kept && self.put_answered && self.conditional_put
    }

    /// The rung for an object whose checksum a HEAD does not answer; none where it must.
    pub(super) fn rung_without_checksum(&self, multipart: bool) -> Option<Integrity> {
        let (kept, checked) =
            if multipart { (self.multipart_kept, self.part_checked) } else { (self.put_kept, self.put_checked) };
        if kept { None } else { Some(if checked { Integrity::Parts } else { Integrity::SizeOnly }) }
    }

    /// For the operator.
    pub(super) fn report(&self) -> Vec<Ability> {
        let ability = |name, available, yes: &str, no: &str| Ability {
            name,
            available,
            note: if available { yes } else { no }.to_owned(),
        };
        vec![
            ability(
                "conditional put",
                self.conditional_put,
                "an object that is there is never replaced",
                "the endpoint ignores or refuses If-None-Match: a HEAD before each put must do, and two writers of one key can race",
            ),
            ability(
                "conditional complete",
                self.conditional_complete,
                "the same for multipart uploads",
                "a HEAD before each multipart upload must do, and two writers of one key can race",
            ),
            ability(
                "checksum on put",
                self.put_checked,
                "a CRC64NVME that does not match the bytes is refused",
                "the endpoint does not compare the checksum of a put",
            ),
            ability(
                "checksum of put kept",
                self.put_kept,
                "a HEAD answers the object's CRC64NVME: objects are proven whole",
                "small objects are proven by size and publish id, and by what the endpoint compared",
            ),
            ability(
                "put proven by its answer",
                self.put_proves_itself(),
                "a small object takes one request",
                "a HEAD after each put proves the object",
            ),
            ability(
                "checksum on parts",
                self.part_checked,
                "a part whose CRC64NVME does not match is refused",
                "the endpoint does not compare the checksum of a part",
            ),
            ability(
                "checksum of multipart kept",
                self.multipart_kept,
                "a HEAD answers the CRC64NVME of the whole object: objects are proven whole",
                "large objects are proven by size and publish id, and by what the endpoint compared",
            ),
            ability(
                "list multipart uploads",
                self.uploads_listed,
                "uploads that a crash left open can be found",
                "uploads that a crash left open cannot be found: set a lifecycle rule that aborts them",
            ),
        ]
    }
}
