use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::job::InvalidValue;

/// The calendar month a job reports on, written `2026-03`.
///
/// Invariant: year 1970 to 9999, month 1 to 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    year: u16,
    month: u8,
}

const ALLOWED: &str = "YYYY-MM from 1970-01 to 9999-12";

impl Period {
    /// A month of a year.
    pub fn new(year: u16, month: u8) -> Result<Self, InvalidValue> {
        let refuse = |fault: &str| InvalidValue::new("period", &format!("{year:04}-{month:02}"), fault, ALLOWED);
        if !(1970..=9999).contains(&year) {
            return Err(refuse("has an impossible year"));
        }
        if !(1..=12).contains(&month) {
            return Err(refuse("has an impossible month"));
        }
        Ok(Self { year, month })
    }

    /// The month, in UTC, that a moment belongs to. A clock set before 1970 counts as January 1970.
    pub fn of(time: Timestamp) -> Self {
        let utc = time.max(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC);
        Self { year: utc.year().unsigned_abs(), month: utc.month().unsigned_abs() }
    }

    /// 1970 to 9999.
    pub fn year(self) -> u16 {
        self.year
    }

    /// 1 to 12.
    pub fn month(self) -> u8 {
        self.month
    }
}

impl FromStr for Period {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let parts = text.split_once('-').filter(|(year, month)| {
            year.len() == 4 && month.len() == 2 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        });
        let numbers = parts.and_then(|(year, month)| Some((year.parse().ok()?, month.parse().ok()?)));
        let (year, month) = numbers
            .ok_or_else(|| InvalidValue::new("period", text, "is not written as a year and a month", ALLOWED))?;
        Self::new(year, month)
    }
}

impl TryFrom<String> for Period {
    type Error = InvalidValue;

    fn try_from(text: String) -> Result<Self, InvalidValue> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl From<Period> for filmgate_protocol::Period {
    fn from(period: Period) -> Self {
        Self { year: period.year, month: period.month }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_month_that_exists() {
        let period: Period = "2026-03".parse().unwrap();
        assert_eq!((period.year(), period.month(), period.to_string()), (2026, 3, "2026-03".to_owned()));
        for bad in ["", "2026", "2026-13", "2026-00", "1969-12", "26-03", "2026-3", "2026-03-01", "+026-03", "2026--3"]
        {
            let error = bad.parse::<Period>().unwrap_err().to_string();
            assert!(error.contains("YYYY-MM from 1970-01 to 9999-12"), "{error}");
        }
        assert_eq!(
            "2026-13".parse::<Period>().unwrap_err().to_string(),
            "period \"2026-13\" has an impossible month; allowed: YYYY-MM from 1970-01 to 9999-12"
        );
    }

    #[test]
    fn a4_the_month_of_a_moment_is_that_of_utc() {
        let just_before_new_year = "2026-01-01T00:30:00+01:00".parse().unwrap();
        assert_eq!(Period::of(just_before_new_year).to_string(), "2025-12");
        assert_eq!(Period::of("1960-05-01T00:00:00Z".parse().unwrap()).to_string(), "1970-01");
    }
}
