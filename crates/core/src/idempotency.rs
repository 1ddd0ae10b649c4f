//! The same call twice is done once (draft-ietf-httpapi-idempotency-key-header).
//!
//! What was called with a key is written down before anything is done, and its answer afterwards. Between the two nobody knows: a server
//! that stopped there says so, and does not do it again.

use countersign_events::Timestamp;

use crate::Sha256;

/// How long a key is kept, in seconds: a day. After that it is like a new one.
pub const KEPT_SECONDS: i64 = 86_400;

/// The longest key, in characters.
pub const LONGEST_KEY: usize = 255;

/// A key that a caller has chosen for one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// A header that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an Idempotency-Key is a string in quotation marks (RFC 9651), of 1 to 255 visible characters: \"8e03978e-40d5-43dd-bc93\""
)]
pub struct BadKey;

impl IdempotencyKey {
    /// Reads the header's value: a string of RFC 9651, section 3.3.3; one of letters, digits and `-_.:` alone may go without its quotation
    /// marks.
    ///
    /// # Errors
    /// It is neither, empty, or too long.
    pub fn parse(value: &str) -> Result<Self, BadKey> {
        let value = value.trim_matches(' ');
        let key = match value.strip_prefix('"') {
            Some(rest) => unescaped(rest)?,
            None if value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte)) =>
            {
                value.to_owned()
            }
            None => return Err(BadKey),
        };
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Err(BadKey);
        }
        Ok(Self(key))
    }

    /// By which it is found again.
    pub fn hash(&self) -> Sha256 {
        Sha256::of(self.0.as_bytes())
    }
}

/// What stands between quotation marks, the first of which is gone.
fn unescaped(rest: &str) -> Result<String, BadKey> {
    let mut text = String::new();
    let mut letters = rest.chars();
    loop {
        match letters.next().ok_or(BadKey)? {
            '"' if letters.as_str().is_empty() => return Ok(text),
            '\\' => text.push(
                letters
                    .next()
                    .filter(|letter| matches!(letter, '"' | '\\'))
                    .ok_or(BadKey)?,
            ),
            letter @ ' '..='~' if letter != '"' => text.push(letter),
            _ => return Err(BadKey),
        }
    }
}

/// A call that was made with a key, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCall {
    /// What was called, and with what, so that another call with the same key is known.
    pub fingerprint: Sha256,
    /// When.
    pub begun_at: Timestamp,
    /// How far it is.
    pub progress: Progress,
}

/// How far a call is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It was begun.
    Begun,
    /// It was answered so.
    Answered {
        /// The status.
        status: u16,
        /// The rest, sealed.
        sealed: Vec<u8>,
    },
}

/// What a call with a key that was used before comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again<'k> {
    /// The key is a day old: it is like a new one.
    Over,
    /// It is another call.
    Other,
    /// The first one is still being answered.
    InFlight,
    /// Nobody knows whether the first one was done.
    Unknown,
    /// The first one was answered so.
    Answered {
        /// The status.
        status: u16,
        /// The rest, sealed.
        sealed: &'k [u8],
    },
}

impl KeptCall {
    /// What a call with the same key comes to; `in_flight`: whether this server is still at work on the first.
    pub fn again(&self, fingerprint: Sha256, in_flight: bool, now: Timestamp) -> Again<'_> {
        if in_flight && self.fingerprint == fingerprint && self.progress == Progress::Begun {
            return Again::InFlight;
        }
        if !in_flight && self.begun_at.plus_seconds(KEPT_SECONDS) <= now {
            return Again::Over;
        }
        if self.fingerprint != fingerprint {
            return Again::Other;
        }
        match &self.progress {
            Progress::Begun => Again::Unknown,
            Progress::Answered { status, sealed } => Again::Answered {
                status: *status,
                sealed,
            },
        }
    }
}

/// What is kept of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The answer itself: it was done, or held.
    Answer,
    /// Nothing: it was refused and nothing was changed, so the same key may try again.
    Nothing,
    /// That it was begun: nobody knows what of it was done.
    Doubt,
}

impl Keep {
    /// Of an answer with this status.
    pub const fn of(status: u16) -> Self {
        match status {
            // A fault of ours may have come after the effect; 503 and 507 are said before it.
            500 => Self::Doubt,
            100..=399 => Self::Answer,
            _ => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn hash(letter: u8) -> Sha256 {
        Sha256::of(&[letter])
    }

    fn kept(progress: Progress) -> KeptCall {
        KeptCall {
            fingerprint: hash(1),
            begun_at: NOW,
            progress,
        }
    }

    #[test]
    fn a_key_is_read_as_a_string_of_structured_fields() {
        let same = IdempotencyKey::parse("8e03978e-40d5").unwrap();
        assert_eq!(IdempotencyKey::parse("\"8e03978e-40d5\"").unwrap(), same);
        assert_eq!(
            IdempotencyKey::parse(" \"8e03978e-40d5\" ").unwrap().hash(),
            same.hash()
        );
        assert_eq!(
            IdempotencyKey::parse("\"a \\\"b\\\\\"").unwrap(),
            IdempotencyKey("a \"b\\".into())
        );
        let long = "x".repeat(256);
        for bad in [
            "",
            "\"\"",
            "\"",
            "\"a",
            "a\"",
            "\"a\"b",
            "\"a\";p=1",
            "\"a\\n\"",
            "\"é\"",
            "a b",
            "a,b",
            "\"a\u{7f}\"",
            &long,
        ] {
            assert_eq!(IdempotencyKey::parse(bad), Err(BadKey), "{bad}");
        }
        assert!(IdempotencyKey::parse(&long[1..]).is_ok());
    }

    #[test]
    fn what_was_begun_and_nobody_works_on_is_unknown_for_a_day() {
        let begun = kept(Progress::Begun);
        assert_eq!(begun.again(hash(1), true, NOW), Again::InFlight);
        assert_eq!(begun.again(hash(1), false, NOW), Again::Unknown);
        assert_eq!(begun.again(hash(2), true, NOW), Again::Other);
        let sealed = vec![7];
        let answered = kept(Progress::Answered {
            status: 202,
            sealed: sealed.clone(),
        });
        let same = Again::Answered {
            status: 202,
            sealed: &sealed,
        };
        assert_eq!(answered.again(hash(1), false, NOW), same);
        assert_eq!(answered.again(hash(2), false, NOW), Again::Other);
        let day = NOW.plus_seconds(KEPT_SECONDS);
        assert_eq!(answered.again(hash(1), false, Timestamp(day.0 - 1)), same);
        for old in [&answered, &begun] {
            assert_eq!(old.again(hash(2), false, day), Again::Over);
        }
        assert_eq!(
            begun.again(hash(1), true, day),
            Again::InFlight,
            "what is at work is never begun again"
        );
    }

    #[test]
    fn only_what_was_done_is_said_again() {
        for (status, keep) in [
            (200, Keep::Answer),
            (201, Keep::Answer),
            (202, Keep::Answer),
            (204, Keep::Answer),
            (400, Keep::Nothing),
            (403, Keep::Nothing),
            (409, Keep::Nothing),
            (422, Keep::Nothing),
            (429, Keep::Nothing),
            (500, Keep::Doubt),
            (503, Keep::Nothing),
            (507, Keep::Nothing),
        ] {
            assert_eq!(Keep::of(status), keep, "{status}");
        }
    }

    proptest! {
        /// Whatever is sent, it is a key or it is not; a key in quotation marks comes back as it was.
        #[test]
        fn any_header_is_read(value in ".{0,300}", key in "[ -~]{1,255}") {
            let _ = IdempotencyKey::parse(&value);
            let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(IdempotencyKey::parse(&quoted), Ok(IdempotencyKey(key)));
        }
    }
}
