//! Filters of lists, as they stand in an address.

use countersign_events::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use crate::session::QUERY_VALUE;

/// From a day, or a time of it, to another one, both included, in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// A day and a time of it, as their fields send them: `2026-11-21` and `08:15`, each or both empty.
#[derive(Debug, Clone, Copy)]
pub struct Typed<'t> {
    /// The day.
    pub day: &'t str,
    /// The time.
    pub time: &'t str,
}

impl Period {
    /// Reads both ends. To a day is to its end, to a minute to that minute's end.
    ///
    /// # Errors
    /// What is wrong, for the person.
    pub fn read(from: Typed<'_>, to: Typed<'_>) -> Result<Self, String> {
        Ok(Self {
            since: from.read()?.map(|moment| moment.start).and_then(instant),
            until: to.read()?.and_then(Moment::end).and_then(instant),
        })
    }
}

/// A day, a minute or a second.
struct Moment {
    start: DateTime,
    length: jiff::Span,
}

impl Moment {
    fn end(self) -> Option<DateTime> {
        self.start.checked_add(self.length).ok()
    }
}

impl Typed<'_> {
    fn read(&self) -> Result<Option<Moment>, String> {
        let (day, time) = (self.day.trim(), self.time.trim());
        if day.is_empty() {
            return match time {
                "" => Ok(None),
                time => Err(format!("“{time}” of which day? Say the day, too.")),
            };
        }
        let date: Date = day
            .parse()
            .map_err(|_| format!("“{day}” is not a day: write it like 2026-11-21."))?;
        if time.is_empty() {
            return Ok(Some(Moment {
                start: date.at(0, 0, 0, 0),
                length: 1.day(),
            }));
        }
        let at: Time = time
            .parse()
            .map_err(|_| format!("“{time}” is not a time: write it like 08:15 or 08:15:30, in UTC."))?;
        let to_the_second = time.matches(':').count() > 1;
        Ok(Some(Moment {
            start: date.to_datetime(at),
            length: if to_the_second { 1.second() } else { 1.minute() },
        }))
    }
}

fn instant(moment: DateTime) -> Option<Timestamp> {
    let zoned = moment.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp(zoned.timestamp().as_microsecond()))
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

/// Numbers with commas or spaces between them, or nothing.
///
/// # Errors
/// What is wrong, for the person.
pub fn numbers<T: std::str::FromStr>(text: &str, what: &str) -> Result<Vec<T>, String> {
    let words = text.split([',', ' ']).filter(|word| !word.is_empty());
    words
        .map(|word| word.parse().map_err(|_| format!("“{word}” is not {what}.")))
        .collect()
}

/// What was typed, or nothing.
pub fn text(typed: &str) -> Option<String> {
    let typed = typed.trim();
    (!typed.is_empty()).then(|| typed.to_owned())
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

    fn period(from: [&str; 2], to: [&str; 2]) -> Result<Period, String> {
        let ([day, time], [to_day, to_time]) = (from, to);
        Period::read(
            Typed { day, time },
            Typed {
                day: to_day,
                time: to_time,
            },
        )
    }

    #[test]
    fn days_minutes_and_seconds_include_both_ends() {
        const MIDNIGHT: i64 = 1_795_219_200_000_000;
        let day = ["2026-11-21", ""];
        let seconds = |seconds: i64| Some(Timestamp(MIDNIGHT + seconds * 1_000_000));
        let found = period(day, day).unwrap();
        assert_eq!((found.since, found.until), (seconds(0), seconds(86_400)));
        let found = period(["2026-11-21", "08:15"], ["2026-11-21", "08:15"]).unwrap();
        assert_eq!((found.since, found.until), (seconds(29_700), seconds(29_760)));
        let found = period([" 2026-11-21 ", "08:15:30"], ["2026-11-21", "08:15:30"]).unwrap();
        assert_eq!((found.since, found.until), (seconds(29_730), seconds(29_731)));
        assert_eq!(period(["", ""], [" ", " "]), Ok(Period::default()));
    }

    #[test]
    fn what_is_no_day_and_no_time_is_said() {
        for wrong in [
            ["21.11.2026", ""],
            ["2026-02-30", ""],
            ["", "08:15"],
            ["2026-11-21", "noon"],
            ["2026-11-21", "25:00"],
        ] {
            assert!(
                period(wrong, ["", ""]).is_err() && period(["", ""], wrong).is_err(),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn several_numbers_stand_in_one_field() {
        assert_eq!(
            numbers::<u32>(" 42402, 42403 44002,", "an id"),
            Ok(vec![42402, 42403, 44002])
        );
        assert_eq!(numbers::<u32>("", "an id"), Ok(vec![]));
        assert!(numbers::<u32>("42402;42403", "an id").is_err());
    }

    #[test]
    fn an_address_escapes_what_was_typed() {
        assert_eq!(
            address("/history", &[("from", ""), ("user", "a&b=c#d /é"), ("before", "7")]),
            "/history?user=a%26b%3Dc%23d%20/%C3%A9&before=7"
        );
    }
}
