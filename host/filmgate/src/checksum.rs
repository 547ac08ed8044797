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

/// The form that [`fmt::Display`] writes.
impl std::str::FromStr for Crc64Nvme {
    type Err = InvalidChecksum;

    fn from_str(text: &str) -> Result<Self, InvalidChecksum> {
        match u64::from_str_radix(text, 16) {
            Ok(value) if text.len() == 16 && !text.starts_with('+') => Ok(Self(value)),
            _ => Err(InvalidChecksum),
        }
    }
}

/// A text is no CRC64NVME value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("checksum is not sixteen hexadecimal digits")]
pub struct InvalidChecksum;
