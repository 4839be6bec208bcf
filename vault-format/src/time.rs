//! Points in time as the format writes them: UTC, whole seconds, `2026-11-23T10:00:00Z` (SPEC.md, section 4).
//!
//! Never reads the clock; a caller passes the time in.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error as _};

/// Seconds since 1970-01-01T00:00:00Z, between the years 0001 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// Makes a timestamp from seconds since the epoch; `None` outside the years 0001 to 9999.
    pub fn from_unix(seconds: i64) -> Option<Self> {
        (-62_135_596_800..=253_402_207_200)
            .contains(&seconds)
            .then_some(Self(seconds))
    }

    /// Seconds since the epoch.
    pub fn unix(self) -> i64 {
        self.0
    }

    /// The calendar date, `2026-11-01`.
    pub fn date(self) -> String {
        self.to_string().chars().take(10).collect()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "@{}", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a time must be written as YYYY-MM-DDTHH:MM:SSZ";
        let time: jiff::Timestamp = text.parse().map_err(|_| EXPECTED)?;
        let time = Self::from_unix(time.as_second()).ok_or(EXPECTED)?;
        (time.to_string() == text).then_some(time).ok_or(EXPECTED)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        toml::value::Datetime::deserialize(deserializer)?
            .to_string()
            .parse()
            .map_err(D::Error::custom)
    }
}
