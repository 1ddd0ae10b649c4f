//! How numbers and times look.

use std::fmt;

use askama::filters::HtmlSafe;
use countersign_events::Timestamp;

/// An instant as a person reads it: in UTC, and how far away. As HTML, a `<time>` element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    at: Timestamp,
    now: Timestamp,
}

impl Moment {
    /// `at`, seen from `now`.
    pub const fn new(at: Timestamp, now: Timestamp) -> Self {
        Self { at, now }
    }

    /// `2026-11-21 08:15 UTC`, without the distance.
    pub fn date(&self) -> String {
        self.written("%Y-%m-%d %H:%M UTC")
    }

    /// `3 h ago`, `in 2 d 4 h`, `now`.
    pub fn distance(&self) -> String {
        let seconds = self.at.0.saturating_sub(self.now.0) / 1_000_000;
        match seconds {
            -59..=59 if seconds <= 0 => "just now".to_owned(),
            0.. => format!("in {}", Span(seconds.unsigned_abs())),
            _ => format!("{} ago", Span(seconds.unsigned_abs())),
        }
    }

    /// Whether it lies less than a day ahead, or behind.
    pub const fn is_soon(&self) -> bool {
        self.at.0.saturating_sub(self.now.0) < 86_400_000_000
    }

    fn written(&self, form: &str) -> String {
        match jiff::Timestamp::from_microsecond(self.at.0) {
            Ok(instant) => instant.strftime(form).to_string(),
            Err(_) => "an impossible time".to_owned(),
        }
    }
}

impl HtmlSafe for Moment {}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (machine, date) = (self.written("%Y-%m-%dT%H:%M:%SZ"), self.date());
        write!(
            f,
            "<time datetime=\"{machine}\">{date}</time> <span class=\"distance\">({})</span>",
            self.distance()
        )
    }
}

/// A length of time in seconds, in its two largest units: `45 s`, `3 h`, `6 d 21 h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub u64);

impl HtmlSafe for Span {}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
        let largest = UNITS
            .iter()
            .position(|(size, _)| self.0 >= *size)
            .unwrap_or(UNITS.len() - 1);
        let (size, unit) = UNITS[largest];
        write!(f, "{} {unit}", self.0 / size)?;
        match UNITS.get(largest + 1) {
            // Minutes beside hours, hours beside days; seconds beside minutes help nobody.
            Some((next, name)) if *next > 1 && self.0 % size >= *next => write!(f, " {} {name}", self.0 % size / next),
            _ => Ok(()),
        }
    }
}

/// A number of bytes in binary units: `1.4 GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Bytes(pub u64);

impl HtmlSafe for Bytes {}

impl Bytes {
    /// All digits: `1,503,238,553`.
    pub const fn exact(&self) -> Count {
        Count(self.0)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        // Tenths of the unit, rounded, so that 1023.99 KiB becomes 1.0 MiB.
        let mut tenths = u128::from(self.0) * 10;
        let mut unit = "B";
        for name in UNITS {
            if tenths < 10_235 {
                break;
            }
            tenths = (tenths + 512) / 1024;
            unit = name;
        }
        if tenths < 1000 {
            write!(f, "{}.{} {unit}", tenths / 10, tenths % 10)
        } else {
            write!(f, "{} {unit}", (tenths + 5) / 10)
        }
    }
}

/// A number with its thousands apart: `12,345`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Count(pub u64);

impl HtmlSafe for Count {}

impl Count {
    /// `snapshot` or `snapshots`, as the number wants it; for nouns that add an s.
    pub fn of(&self, noun: &str) -> String {
        if self.0 == 1 {
            format!("{self} {noun}")
        } else {
            format!("{self} {noun}s")
        }
    }

    pub(super) const fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.char_indices() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// A part of a whole, for a percentage and its bar. A part larger than the whole is the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    part: u64,
    whole: u64,
}

impl Share {
    /// `part` of `whole`.
    pub const fn new(part: u64, whole: u64) -> Self {
        Self { part, whole }
    }

    /// In tenths of a percent, 0 to 1000; of nothing, 0.
    pub fn per_mille(&self) -> u64 {
        if self.whole == 0 {
            return 0;
        }
        let scaled = u128::from(self.part.min(self.whole)) * 1000 / u128::from(self.whole);
        u64::try_from(scaled).unwrap_or(1000)
    }
}

impl HtmlSafe for Share {}

/// `62 %`; never rounded to nothing or to everything: `under 1 %`, `over 99 %`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.part, self.per_mille()) {
            (0, _) => f.write_str("0 %"),
            (part, _) if part >= self.whole => f.write_str("100 %"),
            (_, 0..10) => f.write_str("under 1 %"),
            (_, 990..) => f.write_str("over 99 %"),
            (_, per_mille) => write!(f, "{} %", (per_mille + 5) / 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_at_a_glance() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_575, "1.0 MiB"),
            (1_503_238_553, "1.4 GiB"),
            (123 << 30, "123 GiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn spans_have_at_most_two_units() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (119, "1 min"),
            (3_600, "1 h"),
            (5_400, "1 h 30 min"),
            (86_400, "1 d"),
            (86_400 * 6 + 3_600 * 21 + 59, "6 d 21 h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(Span(seconds).to_string(), text);
        }
    }

    #[test]
    fn moments_say_when_and_how_far() {
        let now = Timestamp(1_795_248_900_000_000);
        let seen = |seconds: i64| Moment::new(now.plus_seconds(seconds), now);
        assert_eq!(seen(0).date(), "2026-11-21 08:15 UTC");
        assert_eq!(
            seen(-10_800).to_string(),
            "<time datetime=\"2026-11-21T05:15:00Z\">2026-11-21 05:15 UTC</time> <span class=\"distance\">(3 h ago)</span>"
        );
        assert_eq!(seen(0).distance(), "just now");
        assert_eq!(seen(-59).distance(), "just now");
        assert_eq!(seen(-60).distance(), "1 min ago");
        assert_eq!(seen(30).distance(), "in 30 s");
        assert_eq!(seen(187_200).distance(), "in 2 d 4 h");
        assert!(seen(86_399).is_soon() && !seen(86_400).is_soon());
    }

    #[test]
    fn shares_never_hide_a_rest() {
        let cases = [
            ((0, 10), "0 %"),
            ((1, 1000), "under 1 %"),
            ((620, 1000), "62 %"),
            ((999, 1000), "over 99 %"),
        ];
        for ((part, whole), text) in cases {
            assert_eq!(Share::new(part, whole).to_string(), text);
        }
        assert_eq!(Share::new(10, 10).to_string(), "100 %");
        assert_eq!(Share::new(0, 0).to_string(), "0 %");
        assert_eq!(Share::new(u64::MAX, u64::MAX).per_mille(), 1000);
    }

    #[test]
    fn counts_keep_their_thousands_apart() {
        assert_eq!(Count(0).to_string(), "0");
        assert_eq!(Count(1_234_567).to_string(), "1,234,567");
        assert_eq!(
            (Count(1).of("snapshot"), Count(2).of("snapshot")),
            ("1 snapshot".into(), "2 snapshots".into())
        );
    }
}
