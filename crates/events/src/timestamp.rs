use serde::{Deserialize, Serialize};

/// An instant: microseconds since 1970-01-01T00:00:00Z, without leap seconds (POSIX time).
///
/// It is handed in by the caller; nothing in this crate reads a clock. The wire forms hold the years 0000 to 9999;
/// an instant outside of them is written as the nearest one that fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400;
/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z, in seconds.
const FIRST_SECOND: i64 = -62_167_219_200;
const LAST_SECOND: i64 = 253_402_300_799;
/// RFC 3339 writes an offset as at most ±23:59.
const LARGEST_OFFSET: i32 = 86_340;

impl Timestamp {
    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS)
    }

    /// The instant that many seconds later (earlier when negative); stops at the ends of the range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(MICROS)))
    }

    /// RFC 3339 with microseconds in local time: `2025-12-05T18:57:34.193602-07:00`, the TIMESTAMP of the seeds.
    /// `offset_seconds` is east of UTC; it is cut to whole minutes and to ±23:59.
    #[must_use]
    pub fn rfc3339(self, offset_seconds: i32) -> String {
        let mut out = Vec::with_capacity(32);
        self.write_rfc3339(offset_seconds, &mut out);
        ascii(out)
    }

    /// `MM/DD/YYYY HH:MM:SS` in UTC, the form of times inside parameters (`ExpirationTimeUtc`).
    #[must_use]
    pub fn utc_text(self) -> String {
        let mut out = Vec::with_capacity(19);
        self.write_utc_text(&mut out);
        ascii(out)
    }

    /// Reads RFC 3339 (section 5.6) with `T`, up to nine digits of fraction (more precise than a microsecond is cut)
    /// and `Z` or an offset. Returns the instant and the offset in seconds east of UTC; `None` if it is anything else.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<(Self, i32)> {
        let b = text.as_bytes();
        let (year, month, day) = (number(b, 0, 4)?, number(b, 5, 2)?, number(b, 8, 2)?);
        let (hour, minute, second) = (number(b, 11, 2)?, number(b, 14, 2)?, number(b, 17, 2)?);
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if separators.iter().any(|&(at, c)| b.get(at) != Some(&c)) {
            return None;
        }
        let local = instant((year, month, day), (hour, minute, second))?;
        let mut rest = b.get(19..)?;
        let mut micros = 0;
        if let Some(fraction) = rest.strip_prefix(b".") {
            let digits = fraction.iter().take_while(|c| c.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return None;
            }
            for at in 0..6 {
                let digit = if at < digits {
                    i64::from(*fraction.get(at)? - b'0')
                } else {
                    0
                };
                micros = micros * 10 + digit;
            }
            rest = fraction.get(digits..)?;
        }
        let offset = match rest {
            b"Z" => 0,
            [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
                let (h, m) = (number(rest, 1, 2)?, number(rest, 4, 2)?);
                if h > 23 || m > 59 {
                    return None;
                }
                let seconds = i32::try_from(h * 3600 + m * 60).ok()?;
                if *sign == b'-' { -seconds } else { seconds }
            }
            _ => return None,
        };
        Some((Self((local - i64::from(offset)) * MICROS + micros), offset))
    }

    /// Reads `MM/DD/YYYY HH:MM:SS` in UTC; `None` if it is anything else.
    #[must_use]
    pub fn parse_utc_text(text: &str) -> Option<Self> {
        let b = text.as_bytes();
        let separators = [(2, b'/'), (5, b'/'), (10, b' '), (13, b':'), (16, b':')];
        if b.len() != 19 || separators.iter().any(|&(at, c)| b.get(at) != Some(&c)) {
            return None;
        }
        let (month, day, year) = (number(b, 0, 2)?, number(b, 3, 2)?, number(b, 6, 4)?);
        let (hour, minute, second) = (number(b, 11, 2)?, number(b, 14, 2)?, number(b, 17, 2)?);
        instant((year, month, day), (hour, minute, second)).map(|seconds| Self(seconds * MICROS))
    }

    pub(crate) fn write_rfc3339(self, offset_seconds: i32, out: &mut Vec<u8>) {
        let offset = offset_seconds.clamp(-LARGEST_OFFSET, LARGEST_OFFSET) / 60 * 60;
        let local = self
            .seconds()
            .saturating_add(i64::from(offset))
            .clamp(FIRST_SECOND, LAST_SECOND);
        let (date, time) = split(local);
        let micros = self.0.rem_euclid(MICROS);
        let mut text = *b"0000-00-00T00:00:00.000000+00:00";
        digits(&mut text[0..4], date.0);
        digits(&mut text[5..7], date.1);
        digits(&mut text[8..10], date.2);
        digits(&mut text[11..13], time.0);
        digits(&mut text[14..16], time.1);
        digits(&mut text[17..19], time.2);
        digits(&mut text[20..26], micros);
        if offset < 0 {
            text[26] = b'-';
        }
        let minutes = i64::from(offset.unsigned_abs() / 60);
        digits(&mut text[27..29], minutes / 60);
        digits(&mut text[30..32], minutes % 60);
        out.extend_from_slice(&text);
    }

    pub(crate) fn write_utc_text(self, out: &mut Vec<u8>) {
        let (date, time) = split(self.seconds().clamp(FIRST_SECOND, LAST_SECOND));
        let mut text = *b"00/00/0000 00:00:00";
        digits(&mut text[0..2], date.1);
        digits(&mut text[3..5], date.2);
        digits(&mut text[6..10], date.0);
        digits(&mut text[11..13], time.0);
        digits(&mut text[14..16], time.1);
        digits(&mut text[17..19], time.2);
        out.extend_from_slice(&text);
    }
}

fn ascii(bytes: Vec<u8>) -> String {
    // Only digits and separators were written, so nothing is ever replaced here.
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digits(slot: &mut [u8], mut value: i64) {
    for digit in slot.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
}

fn number(bytes: &[u8], at: usize, len: usize) -> Option<i64> {
    bytes
        .get(at..at + len)?
        .iter()
        .try_fold(0, |sum, c| c.is_ascii_digit().then(|| sum * 10 + i64::from(c - b'0')))
}

type Triple = (i64, i64, i64);

/// Seconds since the epoch of a date and a time of day; `None` when there is no such day or time. A leap second is
/// written :60; it counts as the first instant of the next minute.
fn instant((year, month, day): Triple, (hour, minute, second): Triple) -> Option<i64> {
    let exists = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 60;
    exists.then(|| days_from_civil(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
}

/// Seconds since the epoch to (year, month, day) and (hour, minute, second).
fn split(seconds: i64) -> (Triple, Triple) {
    let of_day = seconds.rem_euclid(DAY);
    (
        civil_from_days(seconds.div_euclid(DAY)),
        (of_day / 3600, of_day / 60 % 60, of_day % 60),
    )
}

/// Days since the epoch to the proleptic Gregorian date. Years are counted from March, so that the leap day is a
/// year's last and months have a linear rule; 400 years are 146,097 days.
fn civil_from_days(days: i64) -> Triple {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil_from_days`] for a valid date.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let march_year = year - i64::from(month <= 2);
    let (era, year_of_era) = (march_year.div_euclid(400), march_year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_instants() {
        assert_eq!(Timestamp(0).rfc3339(0), "1970-01-01T00:00:00.000000+00:00");
        assert_eq!(
            Timestamp(1_764_986_254_193_602).rfc3339(-7 * 3600),
            "2025-12-05T18:57:34.193602-07:00"
        );
        assert_eq!(Timestamp(1_763_634_577_000_000).utc_text(), "11/20/2025 10:29:37");
        assert_eq!(Timestamp(951_782_400_000_000).utc_text(), "02/29/2000 00:00:00");
        assert_eq!(
            Timestamp(-1).rfc3339(5 * 3600 + 1800),
            "1970-01-01T05:29:59.999999+05:30"
        );
    }

    #[test]
    fn extremes_stay_well_formed() {
        for at in [i64::MIN, i64::MAX] {
            for offset in [i32::MIN, i32::MAX, 0] {
                let text = Timestamp(at).rfc3339(offset);
                assert!(text.len() == 32 && Timestamp::parse_rfc3339(&text).is_some(), "{text}");
            }
        }
        assert_eq!(Timestamp(i64::MAX).plus_seconds(1), Timestamp(i64::MAX));
    }

    #[test]
    fn what_is_not_rfc3339_is_refused() {
        for text in [
            "",
            "-",
            "2025-12-05",
            "2025-12-05 18:57:34Z",
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-12-05T24:00:00Z",
            "2025-12-05T18:57:34",
            "2025-12-05T18:57:34.Z",
            "2025-12-05T18:57:34.1234567890Z",
            "2025-12-05T18:57:34+24:00",
            "2025-12-05T18:57:34Zx",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), None, "{text}");
        }
        for text in [
            "",
            "11/20/2025",
            "11/20/2025 10:29:37Z",
            "20/11/2025 10:29:37",
            "11-20-2025 10:29:37",
        ] {
            assert_eq!(Timestamp::parse_utc_text(text), None, "{text}");
        }
        assert_eq!(
            Timestamp::parse_rfc3339("1970-01-01T00:00:01.5Z"),
            Some((Timestamp(1_500_000), 0))
        );
    }

    proptest! {
        #[test]
        fn written_and_read_back(at in FIRST_SECOND * MICROS + DAY * MICROS..(LAST_SECOND - DAY) * MICROS, minutes in -1439_i32..=1439) {
            let text = Timestamp(at).rfc3339(minutes * 60);
            prop_assert_eq!(Timestamp::parse_rfc3339(&text), Some((Timestamp(at), minutes * 60)));
            let whole = Timestamp(Timestamp(at).seconds() * MICROS);
            prop_assert_eq!(Timestamp::parse_utc_text(&Timestamp(at).utc_text()), Some(whole));
        }
    }
}
