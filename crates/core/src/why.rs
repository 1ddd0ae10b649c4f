//! Why somebody asks: their own words, kept with the request and shown to whoever decides.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text of 1 to 1000 characters, without white space around it. Line ends may be in it; other control characters may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Why(String);

/// The text is too long, or has control characters in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("why something is asked for is said in 1 to 1000 characters, without control characters")]
pub struct BadWhy;

impl Why {
    /// How long it may be, in characters.
    pub const LONGEST: usize = 1000;

    /// What somebody typed; nothing when they typed nothing.
    ///
    /// # Errors
    /// It is too long, or has control characters in it.
    pub fn typed(text: &str) -> Result<Option<Self>, BadWhy> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        text.parse().map(Some)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Why {
    type Err = BadWhy;

    fn from_str(text: &str) -> Result<Self, BadWhy> {
        // A form sends its line ends as two characters.
        let text = text.trim().replace("\r\n", "\n");
        let plain = text.chars().all(|letter| letter == '\n' || !letter.is_control());
        if plain && (1..=Self::LONGEST).contains(&text.chars().count()) {
            Ok(Self(text))
        } else {
            Err(BadWhy)
        }
    }
}

impl<'de> Deserialize<'de> for Why {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_kept_as_it_is_or_refused() {
        let typed = |text: &str| Why::typed(text).map(|why| why.map(|why| why.to_string()));
        assert_eq!(typed("  \n "), Ok(None));
        assert_eq!(
            typed(" the disk is full\r\nask ann "),
            Ok(Some("the disk is full\nask ann".into()))
        );
        assert_eq!(typed(&"ä".repeat(1000)), Ok(Some("ä".repeat(1000))));
        assert_eq!(typed(&"ä".repeat(1001)), Err(BadWhy));
        assert_eq!(typed("a\u{1b}[2K"), Err(BadWhy));
    }
}
