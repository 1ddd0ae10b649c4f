//! Reading CBOR that strangers send: bounded in size and depth, every key once.

use ciborium::Value;

use super::{LARGEST, PasskeyRefusal};

/// Deeper than anything that is read here.
const DEEPEST: usize = 8;

/// A map, by what its keys are compared with.
pub struct Map(Vec<(Value, Value)>);

impl Map {
    /// The map at the start of these bytes, and how many bytes it took.
    pub fn at_start_of(bytes: &[u8]) -> Result<(Self, usize), PasskeyRefusal> {
        if bytes.len() > LARGEST {
            return Err(PasskeyRefusal::Unreadable);
        }
        let mut rest = bytes;
        let value: Value = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEEPEST)
            .map_err(|_| PasskeyRefusal::Unreadable)?;
        match value {
            Value::Map(pairs) => Ok((Self(pairs), bytes.len() - rest.len())),
            _ => Err(PasskeyRefusal::Unreadable),
        }
    }

    /// The map that these bytes are, to their end.
    pub fn of(bytes: &[u8]) -> Result<Self, PasskeyRefusal> {
        match Self::at_start_of(bytes)? {
            (map, length) if length == bytes.len() => Ok(map),
            _ => Err(PasskeyRefusal::Unreadable),
        }
    }

    fn value(&self, is_key: impl Fn(&Value) -> bool) -> Result<&Value, PasskeyRefusal> {
        let mut found = self.0.iter().filter(|(key, _)| is_key(key));
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Ok(value),
            _ => Err(PasskeyRefusal::Unreadable),
        }
    }

    fn numbered(&self, key: i64) -> Result<&Value, PasskeyRefusal> {
        self.value(|value| value.as_integer() == Some(key.into()))
    }

    /// The whole number under a number.
    pub fn int(&self, key: i64) -> Result<i64, PasskeyRefusal> {
        let value = self.numbered(key)?.as_integer();
        value
            .and_then(|value| i64::try_from(value).ok())
            .ok_or(PasskeyRefusal::Unreadable)
    }

    /// The bytes under a number.
    pub fn bytes(&self, key: i64) -> Result<&[u8], PasskeyRefusal> {
        let value = self.numbered(key)?.as_bytes();
        value.map(Vec::as_slice).ok_or(PasskeyRefusal::Unreadable)
    }

    /// The bytes under a name.
    pub fn named_bytes(&self, key: &str) -> Result<&[u8], PasskeyRefusal> {
        let value = self.value(|value| value.as_text() == Some(key))?.as_bytes();
        value.map(Vec::as_slice).ok_or(PasskeyRefusal::Unreadable)
    }
}
