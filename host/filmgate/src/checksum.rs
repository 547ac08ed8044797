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
        Self(product(behind(bytes), self.0) ^ next.0)
    }
}

/// The polynomial that CRC64NVME divides by, without its highest term; as all here with the lowest bit first.
const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;
/// The polynomial 1.
const ONE: u64 = 1 << 63;

/// Two polynomials multiplied, modulo [`POLYNOMIAL`].
const fn product(mut left: u64, mut right: u64) -> u64 {
    let mut sum = 0;
    while left != 0 {
        if left & ONE != 0 {
            sum ^= right;
        }
        left <<= 1;
        right = if right & 1 == 0 { right >> 1 } else { (right >> 1) ^ POLYNOMIAL };
    }
    sum
}

/// What a checksum is multiplied by when so many bytes come behind: x to the power of their bits. One multiplication for
/// each bit of the number; the library's matrices took 5 % of an upload.
fn behind(bytes: u64) -> u64 {
    let (mut power, mut result, mut left) = (ONE >> 8, ONE, bytes);
    while left > 0 {
        if left & 1 == 1 {
            result = product(power, result);
        }
        power = product(power, power);
        left >>= 1;
    }
    result
}

/// A CRC64NVME in the making, for bytes that come in pieces.
#[derive(Debug)]
pub(crate) struct Running(crc_fast::Digest);

impl Default for Running {
    fn default() -> Self {
        Self(crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Nvme))
    }
}

impl Running {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Crc64Nvme {
        Crc64Nvme(self.0.finalize())
    }
}

/// Two lower-case digits a byte: how digests are written.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

#[cfg(test)]
mod tests {
    use super::{Crc64Nvme, Running};

    #[test]
    fn checksums_of_pieces_are_joined() {
        let bytes: Vec<u8> = (0..70_000_u32).map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1]).collect();
        let whole = Crc64Nvme::of(&bytes);
        for at in [0, 1, 7, 255, 256, 4096, 65_537, bytes.len()] {
            let (first, second) = bytes.split_at(at);
            let joined = Crc64Nvme::of(first).followed_by(Crc64Nvme::of(second), second.len() as u64);
            assert_eq!(joined, whole, "cut at {at}");
            let mut running = Running::default();
            running.add(first);
            running.add(second);
            assert_eq!(running.finish(), whole, "cut at {at}");
        }
    }

    /// Lengths that no test can hold in memory: against the library's own way.
    #[test]
    fn joining_agrees_with_the_library() {
        let (first, second) = (Crc64Nvme(0x0123_4567_89ab_cdef), Crc64Nvme(0xfedc_ba98_7654_3210));
        for bytes in [0, 1, 8 << 20, (8 << 20) + 1, 5 << 30, u64::from(u32::MAX), 1 << 45] {
            let algorithm = crc_fast::CrcAlgorithm::Crc64Nvme;
            let expected = crc_fast::checksum_combine(algorithm, first.0, second.0, bytes);
            assert_eq!(first.followed_by(second, bytes), Crc64Nvme(expected), "{bytes}");
        }
    }
}
