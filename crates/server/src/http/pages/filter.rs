//! Filters of lists, as they stand in an address.

use countersign_events::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::session::QUERY_VALUE;

/// From a day on, up to another one, both included, in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Days {
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

impl Days {
    /// Reads two days as a date field sends them: `2026-11-21`, or nothing.
    ///
    /// # Errors
    /// What is wrong, for the person.
    pub fn read(from: &str, to: &str) -> Result<Self, String> {
        Ok(Self {
            since: day(from)?.and_then(start),
            until: day(to)?.and_then(|date| date.tomorrow().ok()).and_then(start),
        })
    }
}

fn day(text: &str) -> Result<Option<Date>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let date = text.parse::<Date>();
    date.map(Some)
        .map_err(|_| format!("“{text}” is not a day: write it like 2026-11-21."))
}

fn start(date: Date) -> Option<Timestamp> {
    let midnight = date.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp(midnight.timestamp().as_microsecond()))
}

/// A number, or nothing.
///
/// # Errors
/// What is wrong, for the person.
pub fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<Option<T>, String> {
    let text = text.trim().trim_start_matches('#');
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| format!("“{text}” is not {what}."))
}

/// A path with what is not empty in its query.
pub fn address(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut out = path.to_owned();
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        out.push(if out.contains('?') { '&' } else { '?' });
        out.push_str(name);
        out.push('=');
        out.extend(percent_encoding::utf8_percent_encode(value, QUERY_VALUE));
    }
    out
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn days_include_both_ends() {
        let days = Days::read("2026-11-21", "2026-11-21").unwrap();
        assert_eq!(days.since, Some(Timestamp(1_795_219_200_000_000)));
        assert_eq!(days.until, Some(Timestamp(1_795_305_600_000_000)));
        assert_eq!(Days::read("", " "), Ok(Days::default()));
        assert!(Days::read("21.11.2026", "").is_err() && Days::read("", "2026-02-30").is_err());
    }

    #[test]
    fn an_address_escapes_what_was_typed() {
        assert_eq!(
            address("/history", &[("from", ""), ("user", "a&b=c#d /é"), ("before", "7")]),
            "/history?user=a%26b%3Dc%23d%20/%C3%A9&before=7"
        );
    }
}
