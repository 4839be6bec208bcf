//! The clock, and the times and durations that people type.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::{Span, tz::Offset};
use vault_format::Timestamp;

/// The time now, in whole seconds.
pub fn now() -> Timestamp {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |passed| i64::try_from(passed.as_secs()).unwrap_or(i64::MAX));
    // A clock beyond the year 9999 is as good as one at its end: everything has expired.
    Timestamp::from_unix(seconds.min(253_402_207_200)).unwrap_or(Timestamp::EPOCH)
}

/// Reads `30d`, `2w`, `12h`, `1y6mo`, counted from `from`.
///
/// # Errors
/// What was expected.
pub fn after(from: Timestamp, text: &str) -> Result<Timestamp, String> {
    let expected = || format!("'{text}' is no duration: write 90m, 12h, 30d, 2w or 1y");
    let span: Span = text.parse().map_err(|_| expected())?;
    if span.is_negative() || span.is_zero() {
        return Err(format!("'{text}' must be longer than nothing"));
    }
    jiff::Timestamp::from_second(from.unix())
        .and_then(|start| Offset::UTC.to_datetime(start).checked_add(span))
        .and_then(|end| Offset::UTC.to_timestamp(end))
        .ok()
        .and_then(|end| Timestamp::from_unix(end.as_second()))
        .ok_or_else(expected)
}

/// Reads `2027-01-01` or `2027-01-01T00:00:00Z`.
///
/// # Errors
/// What was expected.
pub fn date(text: &str) -> Result<Timestamp, String> {
    let midnight = format!("{text}T00:00:00Z");
    text.parse()
        .or_else(|_| midnight.parse())
        .map_err(|_| format!("'{text}' is no date: write 2027-01-01 or 2027-01-01T00:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_dates_are_read_as_people_write_them() {
        let from = date("2026-11-23").unwrap();
        for (text, end) in [
            ("30d", "2026-12-23T00:00:00Z"),
            ("12h", "2026-11-23T12:00:00Z"),
            ("1y", "2027-11-23T00:00:00Z"),
            ("2w", "2026-12-07T00:00:00Z"),
            ("90m", "2026-11-23T01:30:00Z"),
        ] {
            assert_eq!(after(from, text).unwrap().to_string(), end, "{text}");
        }
        for bad in ["", "30", "d", "-30d", "0d", "999999y"] {
            assert!(after(from, bad).is_err(), "{bad}");
        }
        assert!(date("2026-13-01").is_err());
        assert!(date("tomorrow").is_err());
    }
}
