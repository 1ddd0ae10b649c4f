//! One human being who may have several accounts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Who stands behind an account, as the site knows people: a staff number, say. Accounts with the same one count as one person.
/// 1 to 64 visible characters; two that differ in case alone are the same.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Person(String);

/// The text names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a person is named by 1 to 64 letters, digits, '.', '_', '-', '@' or '+'")]
pub struct BadPerson;

impl Person {
    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it is compared.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl PartialEq for Person {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Person {}

impl FromStr for Person {
    type Err = BadPerson;

    fn from_str(text: &str) -> Result<Self, BadPerson> {
        let good = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-' | '@' | '+');
        if (1..=64).contains(&text.chars().count()) && text.chars().all(good) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadPerson)
        }
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Person {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_person_in_another_case_is_the_same() {
        let person = |text: &str| text.parse::<Person>();
        assert_eq!(person("E-17"), person("e-17"));
        assert_ne!(person("E-17"), person("E-18"));
        for bad in ["", "a b", "a\nb", &"x".repeat(65)] {
            assert_eq!(person(bad), Err(BadPerson), "{bad:?}");
        }
    }
}
