use jiff::Timestamp;
use jiff::tz::TimeZone;

/// ISO 8601 basic form in UTC with milliseconds, for example `20261120T124500123Z`: sorts as text, needs no escaping.
///
/// What is finer than a millisecond is cut.
pub fn basic_timestamp(time: Timestamp) -> String {
    let utc = time.to_zoned(TimeZone::UTC);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}{:03}Z",
        utc.year(),
        utc.month(),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second(),
        utc.millisecond()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a4_timestamps_are_basic_utc_with_milliseconds() {
        let cases = [
            ("2026-11-20T12:45:00.123987Z", "20261120T124500123Z"),
            ("2026-01-01T01:30:05+02:00", "20251231T233005000Z"),
        ];
        for (time, text) in cases {
            assert_eq!(basic_timestamp(time.parse().unwrap()), text);
        }
    }
}
