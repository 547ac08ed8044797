//! CRC64NVME, the checksum S3 keeps for whole objects.

use std::fmt;

/// A CRC64NVME value: of a part, or of a whole object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Crc64Nvme(pub u64);

impl Crc64Nvme {
    /// Of bytes that are at hand.
    pub fn of(bytes: &[u8]) -> Self {
        Self(crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes))
    }

    /// Of `self`'s bytes followed by `bytes` others whose checksum is `next`.
    #[must_use]
    pub fn followed_by(self, next: Self, bytes: u64) -> Self {
        Self(crc_fast::checksum_combine(crc_fast::CrcAlgorithm::Crc64Nvme, self.0, next.0, bytes))
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for Crc64Nvme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
