use crate::{DecodeError, Form, Severity, Timestamp, decode};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use thiserror::Error;

/// A message of the family as it was read, ours or another sender's.
///
/// Its JSON is what `countersign events decode` prints: `parameters` is an object in the order of the wire; a key that
/// repeats holds the list of its values. What it does not know is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message<'a> {
    /// PRI (RFC 5424 section 6.2.1), 0 to 191; `None` when a receiver has taken it off.
    pub pri: Option<u8>,
    /// TIMESTAMP as it stands in the line; [`Message::time`] reads it.
    pub timestamp: Cow<'a, str>,
    /// HOSTNAME.
    pub hostname: Cow<'a, str>,
    /// APP-NAME.
    pub app_name: Cow<'a, str>,
    /// `instanceId`; `None` for a message that is free text.
    pub id: Option<u32>,
    /// From the token (`[WRN]`), else from PRI, else from the catalogue.
    pub severity: Option<Severity>,
    /// Keys and values in the order of the wire.
    #[serde(with = "ordered")]
    pub parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Text that stands where the parameters should, or after them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Cow<'a, str>>,
    /// The form it stood in; absent in JSON when it is the compatible one.
    #[serde(default, skip_serializing_if = "Form::is_compatible")]
    pub form: Form,
    /// Another reading is possible: a key repeats or stands out of the catalogue's order.
    pub ambiguous: bool,
    /// The line itself, kept when it is ambiguous or not told in full by the fields above.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "octets")]
    pub raw: Option<Cow<'a, [u8]>>,
}

/// Why a [`Message`] cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The line would say something else to a reader than the message does.
    #[error(
        "the message would not read back the same: a value holds a quote followed by a key, a line break, or \
             fields do not match the raw line"
    )]
    NotTheSame,
    /// What was written is not a message.
    #[error("the message has no proper header: {0}")]
    Header(#[from] DecodeError),
}

impl Message<'_> {
    /// The first value of a key.
    #[must_use]
    pub fn parameter(&self, key: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_ref())
    }

    /// TIMESTAMP as an instant and an offset in seconds east of UTC, when it is RFC 3339.
    #[must_use]
    pub fn time(&self) -> Option<(Timestamp, i32)> {
        Timestamp::parse_rfc3339(&self.timestamp)
    }

    /// The same message, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Message<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Message {
            pri: self.pri,
            timestamp: own(self.timestamp),
            hostname: own(self.hostname),
            app_name: own(self.app_name),
            id: self.id,
            severity: self.severity,
            parameters: self
                .parameters
                .into_iter()
                .map(|(key, value)| (own(key), own(value)))
                .collect(),
            text: self.text.map(own),
            form: self.form,
            ambiguous: self.ambiguous,
            raw: self.raw.map(|raw| Cow::Owned(raw.into_owned())),
        }
    }
}

/// Appends the line that a message was read from, byte for byte and in the form that it stood in, without a line's end:
/// the inverse of [`decode`].
///
/// # Errors
/// When what would be written does not read back as this message; nothing is appended then.
pub fn encode_message(message: &Message<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    match &message.raw {
        Some(raw) => out.extend_from_slice(raw),
        None => write(message, out),
    }
    let written = out.get(start..).unwrap_or_default();
    let check = match decode(written) {
        Ok(read) if same(&read, message) => Ok(()),
        Ok(_) => Err(EncodeError::NotTheSame),
        Err(error) => Err(EncodeError::Header(error)),
    };
    if check.is_err() {
        out.truncate(start);
    }
    check
}

/// Whether both say the same. In JSON the values of a repeated key stand together, so where the raw line tells the order,
/// only that of each key's values counts.
fn same(read: &Message<'_>, message: &Message<'_>) -> bool {
    if !message.ambiguous || message.raw.is_none() {
        return read == message;
    }
    let grouped = |message: &Message<'_>| {
        let mut message = message.clone().into_owned();
        message.parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
        message
    };
    grouped(read) == grouped(message)
}

fn write(message: &Message<'_>, out: &mut Vec<u8>) {
    let mut text = |text: &str| out.extend_from_slice(text.as_bytes());
    if let Some(pri) = message.pri {
        text(&format!("<{pri}>"));
    }
    text("1 ");
    for field in [&message.timestamp, &message.hostname, &message.app_name] {
        text(field);
        text(" ");
    }
    match (message.form, message.id) {
        (Form::Compatible, Some(id)) => compatible(id, &message.parameters, &mut text),
        (Form::Strict, Some(id)) => strict(id, &message.parameters, &mut text),
        (_, None) => {
            text("- - [origin enterpriseId=\"31023\"] ");
            text(message.text.as_deref().unwrap_or_default());
        }
    }
}

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

fn compatible(id: u32, parameters: &[Pair<'_>], text: &mut impl FnMut(&str)) {
    text(&format!(
        "- - [origin enterpriseId=\"31023\"] [categoryId=0 instanceId={id}"
    ));
    for (key, value) in parameters {
        for part in [" ", key, "=\"", value, "\""] {
            text(part);
        }
    }
    text("]");
}

/// The Description is MSG; it begins with a byte order mark when it is not ASCII (RFC 5424 section 6.4).
fn strict(id: u32, parameters: &[Pair<'_>], text: &mut impl FnMut(&str)) {
    let (parameters, description) = match parameters.split_last() {
        Some(((key, value), others)) if key == "Description" => (others, Some(value)),
        _ => (parameters, None),
    };
    text(&format!(
        "- {id} [origin enterpriseId=\"31023\"][event@31023 categoryId=\"0\" instanceId=\"{id}\""
    ));
    for (key, value) in parameters {
        for part in [" ", key, "=\""] {
            text(part);
        }
        for piece in value.split_inclusive(['"', '\\', ']']) {
            let plain = piece.strip_suffix(['"', '\\', ']']);
            text(plain.unwrap_or(piece));
            if let Some(plain) = plain {
                text("\\");
                text(piece.get(plain.len()..).unwrap_or_default());
            }
        }
        text("\"");
    }
    text("]");
    if let Some(description) = description {
        text(" ");
        if !description.is_ascii() {
            text("\u{feff}");
        }
        text(description);
    }
}

/// A list of pairs as a JSON object that keeps its order.
mod ordered {
    use super::Pair;
    use serde::de::{MapAccess, Visitor};
    use serde::ser::SerializeMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::borrow::Cow;
    use std::collections::HashMap;
    use std::fmt;

    #[derive(Serialize)]
    #[serde(untagged)]
    enum Values<'a> {
        One(&'a str),
        Many(Vec<&'a str>),
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OwnedValues {
        One(String),
        Many(Vec<String>),
    }

    /// So many are compared with each other faster than they are hashed.
    const FEW: usize = 32;

    fn repeats(pairs: &[Pair<'_>]) -> bool {
        let mut rest = pairs;
        while let Some(((key, _), others)) = rest.split_first() {
            if others.iter().any(|(other, _)| other == key) {
                return true;
            }
            rest = others;
        }
        false
    }

    pub(super) fn serialize<S: Serializer>(pairs: &[Pair<'_>], serializer: S) -> Result<S::Ok, S::Error> {
        if pairs.len() <= FEW && !repeats(pairs) {
            return serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)));
        }
        let mut places: HashMap<&str, usize> = HashMap::with_capacity(pairs.len());
        let mut grouped: Vec<(&str, Values<'_>)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            match places.get(key.as_ref()).and_then(|&at| grouped.get_mut(at)) {
                Some((_, Values::Many(values))) => values.push(value),
                Some((_, slot @ Values::One(_))) => {
                    if let Values::One(first) = *slot {
                        *slot = Values::Many(vec![first, value]);
                    }
                }
                None => {
                    places.insert(key, grouped.len());
                    grouped.push((key, Values::One(value)));
                }
            }
        }
        let mut map = serializer.serialize_map(Some(grouped.len()))?;
        for (key, values) in &grouped {
            map.serialize_entry(key, values)?;
        }
        map.end()
    }

    pub(super) fn deserialize<'de, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Pair<'a>>, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Vec<(String, String)>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of keys and texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((key, values)) = map.next_entry::<String, OwnedValues>()? {
                    match values {
                        OwnedValues::One(value) => pairs.push((key, value)),
                        OwnedValues::Many(values) => {
                            pairs.extend(values.into_iter().map(|value| (key.clone(), value)));
                        }
                    }
                }
                Ok(pairs)
            }
        }
        let pairs = deserializer.deserialize_map(Pairs)?;
        Ok(pairs
            .into_iter()
            .map(|(key, value)| (Cow::Owned(key), Cow::Owned(value)))
            .collect())
    }
}

/// Octets as text when they are UTF-8, else as `{"hex": "…"}`.
mod octets {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::borrow::Cow;
    use std::fmt::Write;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Octets {
        Text(String),
        Hex { hex: String },
    }

    #[expect(clippy::ref_option, reason = "serde hands the field over so")]
    pub(super) fn serialize<S: Serializer>(raw: &Option<Cow<'_, [u8]>>, serializer: S) -> Result<S::Ok, S::Error> {
        let octets = raw.as_deref().map(|raw| match std::str::from_utf8(raw) {
            Ok(text) => Octets::Text(text.to_owned()),
            Err(_) => Octets::Hex {
                hex: raw.iter().fold(String::new(), |mut hex, octet| {
                    // Writing to a String cannot fail.
                    let _ = write!(hex, "{octet:02x}");
                    hex
                }),
            },
        });
        octets.serialize(serializer)
    }

    pub(super) fn deserialize<'de, 'a, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Cow<'a, [u8]>>, D::Error> {
        let octets = Option::<Octets>::deserialize(deserializer)?;
        let Some(octets) = octets else { return Ok(None) };
        let hex = match octets {
            Octets::Text(text) => return Ok(Some(Cow::Owned(text.into_bytes()))),
            Octets::Hex { hex } => hex,
        };
        let digit = |octet: u8| {
            char::from(octet)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        let octets: Option<Vec<u8>> = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
                _ => None,
            })
            .collect();
        octets
            .map(|octets| Some(Cow::Owned(octets)))
            .ok_or_else(|| D::Error::custom("raw.hex is not hexadecimal"))
    }
}
