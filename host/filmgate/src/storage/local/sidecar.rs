use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::checksum::Crc64Nvme;
use crate::storage::{PublishId, PutRequest};

/// What an object carries besides its bytes, as JSON in a file of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sidecar {
    pub content_type: Option<String>,
    /// Sixteen hexadecimal digits.
    pub crc64nvme: Option<String>,
    /// With the publish id under its metadata name, as in S3.
    pub metadata: BTreeMap<String, String>,
}

impl Sidecar {
    pub(super) fn of(request: &PutRequest<'_>, checksum: Crc64Nvme) -> Self {
        let mut metadata = request.metadata.clone();
        metadata.insert(PublishId::METADATA_NAME.to_owned(), request.publish_id.to_string());
        Self { content_type: Some(request.content_type.to_owned()), crc64nvme: Some(checksum.to_string()), metadata }
    }
}
