//! A moment in documents: RFC 3339, UTC, whole seconds. Not here: a clock; whoever compares brings the moment.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::text_form;

const SECONDS_PER_DAY: i64 = 86_400;

/// A moment, written as `2099-01-31T00:00:00Z`, from 1970 to 9999.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("format" = "date-time", "pattern" = "^(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"))]
pub struct Instant(i64);

text_form!(Instant, InvalidInstant);

/// Why a text is no moment.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a moment: write `YYYY-MM-DDTHH:MM:SSZ`, in UTC, from 1970 to 9999")]
pub struct InvalidInstant(String);

impl Instant {
    /// The last moment that can be written, `9999-12-31T23:59:59Z`.
    pub const MAX: Self = Self(253_402_300_799);

    /// Reads a moment. There is one way to write each.
    pub fn parse(text: &str) -> Result<Self, InvalidInstant> {
        read(text).map(Self).ok_or_else(|| InvalidInstant(text.to_owned()))
    }

    /// The moment so many seconds after the start of 1970, if it can be written.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        (0..=Self::MAX.0).contains(&seconds).then_some(Self(seconds))
    }

    /// Seconds since the start of 1970.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.0 / SECONDS_PER_DAY);
        let second = self.0 % SECONDS_PER_DAY;
        let parts = [
            (0, year / 100),
            (2, year % 100),
            (5, month),
            (8, day),
            (11, second / 3600),
            (14, second / 60 % 60),
            (17, second % 60),
        ];
        let mut text = *b"0000-00-00T00:00:00Z";
        for (place, number) in parts {
            // Each is below 100.
            let (tens, ones) = (u8::try_from(number / 10).unwrap_or(0), u8::try_from(number % 10).unwrap_or(0));
            text[place] += tens;
            text[place + 1] += ones;
        }
        formatter.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

fn read(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
    if bytes.len() != 20 || marks.iter().any(|&(at, mark)| bytes.get(at) != Some(&mark)) {
        return None;
    }
    let (year, month, day) = (number(bytes, 0, 4)?, number(bytes, 5, 7)?, number(bytes, 8, 10)?);
    let (hour, minute, second) = (number(bytes, 11, 13)?, number(bytes, 14, 16)?, number(bytes, 17, 19)?);
    if year < 1970 || hour > 23 || minute > 59 || second > 59 || !(1..=12).contains(&month) {
        return None;
    }
    let days = days_of(year, month, day);
    // A day that its month does not have comes back as another date.
    (date_of(days) == (year, month, day)).then_some(days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second)
}

fn number(bytes: &[u8], from: usize, to: usize) -> Option<i64> {
    bytes
        .get(from..to)?
        .iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

/// Days since 1970-01-01 in the Gregorian calendar, by counting years from March, so that the leap day comes last.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let (era, year_of_era) = (year / 400, year % 400);
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_of`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_known_moments() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:34:56Z", 951_827_696),
            ("2026-11-24T00:00:00Z", 1_795_478_400),
            ("9999-12-31T23:59:59Z", Instant::MAX.unix_seconds()),
        ] {
            let instant = Instant::parse(text).unwrap();
            assert_eq!((instant.unix_seconds(), instant.to_string().as_str()), (seconds, text));
        }
    }

    #[test]
    fn refuses_other_spellings() {
        for text in [
            "",
            "2099-01-31",
            "2099-01-31T00:00:00",
            "2099-01-31t00:00:00z",
            "2099-01-31T00:00:00+00:00",
            "2099-01-31T00:00:00.0Z",
            "2099-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2099-13-01T00:00:00Z",
            "2099-00-01T00:00:00Z",
            "2099-04-31T00:00:00Z",
            "2099-01-00T00:00:00Z",
            "2099-01-31T24:00:00Z",
            "2099-01-31T23:59:60Z",
            "1969-12-31T23:59:59Z",
            "10000-01-01T00:00:00Z",
            "+099-01-31T00:00:00Z",
        ] {
            assert!(Instant::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_is_written_one_way(first in 0..=Instant::MAX.0, second in 0..=Instant::MAX.0) {
            let (first, second) = (Instant(first), Instant(second));
            prop_assert_eq!(Instant::parse(&first.to_string()), Ok(first));
            prop_assert_eq!(first.cmp(&second), first.to_string().cmp(&second.to_string()));
        }
    }
}
