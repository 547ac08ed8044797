use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::job::InvalidValue;

/// A number of bytes with its unit, for example `64 MiB`, `10 MB` or `512`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// A length of time with its unit, for example `250ms`, `15m` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// Yes or no: in the file `true` or `false`, in the environment also `1`/`0`, `yes`/`no`, `on`/`off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Toggle(pub bool);

const BYTE_UNITS: [(&str, u64); 10] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
    ("", 1),
];

const TIME_UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("ms", 1), ("m", 60_000), ("s", 1_000)];

/// `12`, `12 MiB`, `12MiB` → the number and the unit.
fn split_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start_matches(' ')))
}

fn in_units(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = split_unit(text.trim())?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*factor)
}

impl FromStr for ByteSize {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        in_units(text, &BYTE_UNITS).map(Self).ok_or_else(|| {
            let allowed = "a whole number with B, kB, MB, GB, TB, KiB, MiB, GiB or TiB, for example 64 MiB";
            InvalidValue::new("size", text, "is no number of bytes", allowed)
        })
    }
}

impl FromStr for Span {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        in_units(text, &TIME_UNITS).map(|millis| Self(Duration::from_millis(millis))).ok_or_else(|| {
            let allowed = "a whole number with ms, s, m, h or d, for example 15m";
            InvalidValue::new("time", text, "is no length of time", allowed)
        })
    }
}

impl FromStr for Toggle {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Self(true)),
            "false" | "0" | "no" | "off" => Ok(Self(false)),
            _ => Err(InvalidValue::new("switch", text, "is neither yes nor no", "true, false, 1, 0, yes, no, on, off")),
        }
    }
}

/// In the largest binary unit that leaves a whole number.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = &BYTE_UNITS[..4];
        match binary.iter().find(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{} {unit}", self.0 / factor),
            None => write!(f, "{} B", self.0),
        }
    }
}

/// In the largest unit that leaves a whole number.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
        match units.iter().find(|(_, factor)| millis != 0 && millis.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", millis / factor),
            None => write!(f, "{millis}ms"),
        }
    }
}

impl fmt::Display for Toggle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text with a unit; a bare number would leave the unit to be guessed.
fn from_text<'de, D: Deserializer<'de>, T: FromStr<Err = InvalidValue>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_have_units() {
        for (text, bytes, shown) in [
            ("64 MiB", 64 << 20, "64 MiB"),
            ("8GiB", 8 << 30, "8 GiB"),
            ("10 MB", 10_000_000, "10000000 B"),
            ("512", 512, "512 B"),
            ("0 B", 0, "0 B"),
            ("1536 KiB", 1536 << 10, "1536 KiB"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.0, size.to_string()), (bytes, shown.to_owned()), "{text}");
            assert_eq!(size.to_string().parse::<ByteSize>(), Ok(size));
        }
        for (text, millis, shown) in
            [("15m", 900_000, "15m"), ("250ms", 250, "250ms"), ("6 h", 21_600_000, "6h"), ("48h", 172_800_000, "2d")]
        {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.0.as_millis(), span.to_string()), (millis, shown.to_owned()), "{text}");
            assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }
    }

    #[test]
    fn what_has_no_unit_or_does_not_fit_is_refused() {
        for bad in ["", "MiB", "-1 MiB", "1.5 MiB", "1 mib", "99999999999 TiB", "18446744073709551616", "1 MiB x"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
        for bad in ["", "15", "1.5h", "-1s", "1 week", "99999999999999999d"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
        assert!("maybe".parse::<Toggle>().is_err());
        assert_eq!("ON".parse(), Ok(Toggle(true)));
    }
}
