use crate::writer::{Place, Writer};
use crate::xml::{Piece, Pieces};
use crate::{
    ChangedObject, ChangedProperty, Changes, ConfigurationBackupSpec, Event, Form, Message, Operation, Origin, Outcome,
    Reason, Timestamp, User,
};
use std::net::{IpAddr, SocketAddr};
use thiserror::Error;

/// Why a [`Message`] is not an [`Event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotAnEvent {
    /// The message is free text.
    #[error("the message has no event id")]
    NoId,
    /// The id is not one of [`CATALOGUE`](crate::CATALOGUE).
    #[error("the catalogue has no event {0}")]
    UnknownId(u32),
    /// Its keys repeat or stand out of order, so that its values are not to be relied on.
    #[error("the message can be read in more than one way")]
    Ambiguous,
    /// A parameter (or the part of the message that tells its value) is missing or worded in another way.
    #[error("{0} is missing or not as the catalogue writes it")]
    Parameter(&'static str),
}

/// A message whose fields an event takes.
pub(crate) struct Fields<'a> {
    message: &'a Message<'a>,
    id: u32,
}

/// Stands in a Description for the value that is sought; a character for private use that nothing replaces.
const SOUGHT: &str = "\u{10fffd}";

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a Message<'_>) -> Result<Self, NotAnEvent> {
        if message.ambiguous {
            return Err(NotAnEvent::Ambiguous);
        }
        let id = message.id.ok_or(NotAnEvent::NoId)?;
        Ok(Self { message, id })
    }

    pub(crate) const fn id(&self) -> u32 {
        self.id
    }

    /// A parameter's value.
    pub(crate) fn parameter<T: FromParameter>(&self, key: &'static str) -> Result<T, NotAnEvent> {
        T::from_parameter(self.message, key).ok_or(NotAnEvent::Parameter(key))
    }

    /// What no parameter tells but `part` of the message: the beginning of it, until [`Fields::settle`].
    pub(crate) fn told<T: Told>(&self, part: &'static str) -> Result<T, NotAnEvent> {
        T::begin(self.message).ok_or(NotAnEvent::Parameter(part))
    }

    /// The event's Description as the message's form writes it.
    pub(crate) fn words(&self, event: &Event) -> String {
        let (mut out, origin) = (Vec::new(), Origin::new(""));
        let place = match self.message.form {
            Form::Compatible => Place::Quotes,
            Form::Strict => Place::Text,
        };
        event.write_description(&mut Writer::new(&mut out, &origin, place, usize::MAX));
        // Only whole strings were written, so nothing is ever replaced here.
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Ends what [`Fields::told`] began, now that the other fields are known.
    pub(crate) fn settle<T: Told>(&self, part: &'static str, value: &mut T, words: &str) -> Result<(), NotAnEvent> {
        let settled = value.settle(self.message, words);
        settled.ok_or(NotAnEvent::Parameter(part))
    }
}

/// A field that no parameter tells.
pub(crate) trait Told: Sized {
    fn begin(message: &Message<'_>) -> Option<Self>;

    /// `words` is the Description of the event as it has begun.
    fn settle(&mut self, message: &Message<'_>, words: &str) -> Option<()>;
}

/// Told in the Description: what stands there in place of [`SOUGHT`].
impl Told for String {
    fn begin(_message: &Message<'_>) -> Option<Self> {
        Some(SOUGHT.to_owned())
    }

    fn settle(&mut self, message: &Message<'_>, words: &str) -> Option<()> {
        let (before, after) = words.split_once(SOUGHT).filter(|(_, after)| !after.contains(SOUGHT))?;
        let description = message.parameter("Description")?;
        *self = description.strip_prefix(before)?.strip_suffix(after)?.to_owned();
        Some(())
    }
}

/// Told by the severity.
impl Told for Outcome {
    fn begin(message: &Message<'_>) -> Option<Self> {
        let severity = message.severity?;
        Self::ALL.into_iter().find(|outcome| outcome.severity() == severity)
    }

    fn settle(&mut self, _message: &Message<'_>, _words: &str) -> Option<()> {
        Some(())
    }
}

/// A field that a parameter tells: the inverse of [`Value`](crate::value::Value).
pub(crate) trait FromParameter: Sized {
    /// `None` when the parameter does not tell such a value.
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self>;
}

/// A value that is not known was left out.
impl<T: FromParameter> FromParameter for Option<T> {
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self> {
        match message.parameter(key) {
            Some(_) => T::from_parameter(message, key).map(Some),
            None => Some(None),
        }
    }
}

/// An empty text was left out.
impl FromParameter for String {
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self> {
        Some(message.parameter(key).unwrap_or_default().to_owned())
    }
}

/// An empty list was left out.
impl FromParameter for Vec<String> {
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self> {
        let items = |text: &str| text.split(", ").map(str::to_owned).collect();
        Some(message.parameter(key).map(items).unwrap_or_default())
    }
}

impl FromParameter for User {
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self> {
        let [full_name, login_type] =
            attributes(message.parameter(key)?, "ModifiedUserInfo", ["fullName", "loginType"])?;
        let login_type = login_type.parse().ok()?;
        Some(Self { full_name, login_type })
    }
}

/// `OperationId` says which, so that no name can word itself like another operation.
impl FromParameter for Operation {
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self> {
        Self::worded(message.parameter("OperationId")?.parse().ok()?, message.parameter(key)?)
    }
}

/// The seed's example line leaves `Reason` out; the Description tells it, too.
impl FromParameter for Reason {
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self> {
        if let Some(code) = message.parameter(key) {
            return Self::from_code(code.parse().ok()?);
        }
        let description = message.parameter("Description")?;
        let (_, words) = description.split_once(" was denied: ")?;
        Self::ALL.into_iter().find(|reason| reason.description() == words)
    }
}

impl FromParameter for Outcome {
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self> {
        let name = message.parameter(key)?;
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

impl FromParameter for Timestamp {
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self> {
        Self::parse_utc_text(message.parameter(key)?)
    }
}

impl FromParameter for IpAddr {
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self> {
        message.parameter(key)?.parse().ok()
    }
}

impl FromParameter for SocketAddr {
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self> {
        message.parameter(key)?.parse().ok()
    }
}

impl FromParameter for u64 {
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self> {
        message.parameter(key)?.parse().ok()
    }
}

impl FromParameter for bool {
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self> {
        boolean(message.parameter(key)?)
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    }
}

impl FromParameter for ConfigurationBackupSpec {
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self> {
        let names = ["target", "encrypted"];
        let [target, encrypted] = attributes(message.parameter(key)?, "ConfigurationBackupSpec", names)?;
        let encrypted = boolean(&encrypted)?;
        Some(Self { target, encrypted })
    }
}

/// The attributes of an element that stands alone and holds nothing.
fn attributes<const N: usize>(xml: &str, element: &str, names: [&str; N]) -> Option<[String; N]> {
    let mut pieces = Pieces(xml);
    match (pieces.next()??, pieces.next()) {
        (
            Piece::Open {
                name,
                attributes,
                empty: true,
            },
            None,
        ) if name == element => {
            let mut values = [const { String::new() }; N];
            let mut found = attributes.into_iter();
            for (slot, expected) in values.iter_mut().zip(names) {
                let (_, value) = found.next().filter(|(name, _)| *name == expected)?;
                *slot = value.into_owned();
            }
            found.next().is_none().then_some(values)
        }
        _ => None,
    }
}

/// Changes that were cut to fit (`<more … />`) are not told whole, and so not at all.
impl FromParameter for Changes {
    fn from_parameter(message: &Message<'_>, key: &str) -> Option<Self> {
        let mut pieces = Pieces(message.parameter(key)?);
        open(&mut pieces, "changes")?;
        let mut objects = Vec::new();
        loop {
            match pieces.next()?? {
                Piece::Close("changes") if pieces.next().is_none() => return Some(Self { objects }),
                Piece::Open {
                    name: "object",
                    attributes,
                    empty,
                } => {
                    let mut attributes = attributes
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value.into_owned()));
                    let (_, id) = attributes.next().filter(|(name, _)| name == "id")?;
                    let (_, name) = attributes.next().filter(|(name, _)| name == "name")?;
                    let attributes = attributes.collect();
                    let properties = if empty { Vec::new() } else { properties(&mut pieces)? };
                    objects.push(ChangedObject {
                        id,
                        name,
                        attributes,
                        properties,
                    });
                }
                _ => return None,
            }
        }
    }
}

/// What stands before `</object>`.
fn properties(pieces: &mut Pieces<'_>) -> Option<Vec<ChangedProperty>> {
    let mut properties = Vec::new();
    loop {
        match pieces.next()?? {
            Piece::Close("object") => return Some(properties),
            Piece::Open {
                name: "property",
                attributes,
                empty: false,
            } => {
                let [("internal", internal), ("type", kind)] = attributes.as_slice() else {
                    return None;
                };
                let (internal, kind) = (internal.clone().into_owned(), kind.clone().into_owned());
                let (old, new) = (text(pieces, "old")?, text(pieces, "new")?);
                let Piece::Close("property") = pieces.next()?? else {
                    return None;
                };
                properties.push(ChangedProperty {
                    internal,
                    r#type: kind,
                    old,
                    new,
                });
            }
            _ => return None,
        }
    }
}

/// Takes `<element>`.
fn open(pieces: &mut Pieces<'_>, element: &str) -> Option<()> {
    match pieces.next()?? {
        Piece::Open {
            name,
            attributes,
            empty: false,
        } if name == element && attributes.is_empty() => Some(()),
        _ => None,
    }
}

/// Takes `<element>text</element>`.
fn text(pieces: &mut Pieces<'_>, element: &str) -> Option<String> {
    open(pieces, element)?;
    match pieces.next()?? {
        Piece::Close(name) if name == element => Some(String::new()),
        Piece::Text(text) => match pieces.next()?? {
            Piece::Close(name) if name == element => Some(text.into_owned()),
            _ => None,
        },
        _ => None,
    }
}
