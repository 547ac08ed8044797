//! How much of its file system the data directory leaves free: below that no new work is begun.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::job::InvalidValue;
use crate::limits::GIB;
use crate::units::ByteSize;

/// What is to stay free on the file system of the data directory.
///
/// Jobs and publishes that would begin while less is free are refused. What is under way goes on, and what frees space is
/// never refused: recovery, another try, deletion, clean-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DiskReserve {
    /// 1 GiB, or 5 % of a file system of which that is less.
    #[default]
    Automatic,
    /// So many bytes; 0: nothing.
    Bytes(u64),
    /// So much of the file system, in per cent.
    Percent(u8),
}

/// The journal and the records of a thousand publishes take a hundredth of it.
const AUTOMATIC_BYTES: u64 = GIB;
/// Of small file systems.
const AUTOMATIC_PERCENT: u8 = 5;
/// More would leave nothing to work with.
const PERCENT_MAX: u8 = 90;
const AUTOMATIC: &str = "automatic";

/// The space of a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSpace {
    /// A directory on it.
    pub path: PathBuf,
    /// Bytes that this user may still write.
    pub free: u64,
    /// Bytes that are to stay free.
    pub reserve: u64,
}

/// Less is free than is to stay free.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the file system of {} has {} bytes free, and {} bytes are to stay free: nothing was started",
    .0.path.display(), .0.free, .0.reserve
)]
pub struct DiskLow(pub DiskSpace);

impl DiskSpace {
    /// Of the file system of a directory.
    pub fn of(path: &Path, reserve: DiskReserve) -> io::Result<Self> {
        let found = rustix::fs::statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Self {
            path: path.to_owned(),
            free: bytes(found.f_bavail),
            reserve: reserve.bytes_of(bytes(found.f_blocks)),
        })
    }

    /// Whether less is free than is to stay free.
    pub fn is_low(&self) -> bool {
        self.free < self.reserve
    }
}

impl DiskReserve {
    /// Of a file system of so many bytes.
    fn bytes_of(self, total: u64) -> u64 {
        let percent = |percent: u8| total / 100 * u64::from(percent);
        match self {
            Self::Automatic => percent(AUTOMATIC_PERCENT).min(AUTOMATIC_BYTES),
            Self::Bytes(bytes) => bytes,
            Self::Percent(of) => percent(of),
        }
    }
}

impl FromStr for DiskReserve {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let percent = text.strip_suffix('%').and_then(|number| number.trim_end().parse().ok());
        let bytes = || text.parse().ok().map(|ByteSize(bytes)| Self::Bytes(bytes));
        let read = match percent {
            Some(percent) => (percent <= PERCENT_MAX).then_some(Self::Percent(percent)),
            None if text == AUTOMATIC => Some(Self::Automatic),
            None => bytes(),
        };
        read.ok_or_else(|| {
            let allowed = "a size, for example 2 GiB or 0 B, 0% to 90%, or automatic";
            InvalidValue::new("reserve", text, "is no size and no share", allowed)
        })
    }
}

impl fmt::Display for DiskReserve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Automatic => f.write_str(AUTOMATIC),
            Self::Bytes(bytes) => ByteSize(*bytes).fmt(f),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl<'de> Deserialize<'de> for DiskReserve {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_a_size_a_share_or_automatic() {
        let cases = [
            ("automatic", DiskReserve::Automatic),
            ("2 GiB", DiskReserve::Bytes(2 * GIB)),
            ("0 B", DiskReserve::Bytes(0)),
            ("7%", DiskReserve::Percent(7)),
        ];
        for (text, reserve) in cases {
            assert_eq!((text.parse(), reserve.to_string().as_str()), (Ok(reserve), text));
        }
        for text in ["", "off", "-1", "91%", "%", "1.5%", "300%", "5 %x", "2 GiB%"] {
            assert!(text.parse::<DiskReserve>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_small_file_system_keeps_a_twentieth_and_a_large_one_a_gibibyte() {
        assert_eq!(DiskReserve::Automatic.bytes_of(100 << 20), (100 << 20) / 100 * 5);
        assert_eq!(DiskReserve::Automatic.bytes_of(1 << 40), GIB);
        assert_eq!(DiskReserve::Percent(10).bytes_of(1000), 100);
        assert_eq!(DiskReserve::Percent(90).bytes_of(u64::MAX), u64::MAX / 100 * 90);
    }

    #[test]
    fn the_limit_itself_is_enough() {
        let space = |free, reserve| DiskSpace { path: PathBuf::new(), free, reserve };
        assert!(space(9, 10).is_low() && !space(10, 10).is_low() && !space(0, 0).is_low());
    }
}
