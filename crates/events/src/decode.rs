mod compatible;
mod order;
mod strict;

use crate::{Form, Message, Severity, entry};
use memchr::{memchr, memchr3};
use std::borrow::Cow;
use thiserror::Error;

/// Why octets are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// PRI is not `<0>` to `<191>`.
    #[error("PRI is not a number from 0 to 191 in angle brackets")]
    Pri,
    /// The version is not 1.
    #[error("the header does not begin with version 1")]
    Version,
    /// TIMESTAMP is neither `-` nor a date.
    #[error("the timestamp is neither a date and time nor \"-\"")]
    Timestamp,
    /// The line ends inside the header.
    #[error("the header is not complete")]
    Header,
}

/// Reads one message, ours or another sender's, without its framing.
///
/// PRI, byte order mark, severity token and the closing bracket may be there or not, any id and any key is taken, and
/// what is not the family's bracket is kept as text. Octets that are not UTF-8 are read as U+FFFD.
///
/// In the compatible form a value ends at a quote before a boundary: the end of the body, a final `]`, or a space and `Key="`. A value
/// that starts with `<` is XML: a quote inside a tag does not end it, a quote outside of tags ends it where no element
/// is open; if none does, where one is. A backslash stands for itself.
///
/// The strict form is known by its structured data: an element whose SD-ID holds an enterprise number, with an
/// `instanceId`. There, and only there, `\"`, `\\` and `\]` are escapes (RFC 5424 section 6.3.3), and MSG is the
/// Description.
///
/// # Errors
/// When the header (RFC 5424 section 6.2) cannot be read.
pub fn decode(line: &[u8]) -> Result<Message<'_>, DecodeError> {
    match std::str::from_utf8(line) {
        Ok(text) => read(text, line),
        Err(_) => {
            let text = String::from_utf8_lossy(line);
            let mut message = read(&text, line)?.into_owned();
            message.raw = Some(Cow::Owned(line.to_vec()));
            Ok(message)
        }
    }
}

const BOM: &str = "\u{feff}";
const ORIGIN: &str = "[origin enterpriseId=\"";
/// The header's end and the origin as the family writes them: the path nearly every message takes.
const USUAL: &str = "- - [origin enterpriseId=\"31023\"] [categoryId=0 instanceId=";

fn read<'a>(text: &'a str, line: &'a [u8]) -> Result<Message<'a>, DecodeError> {
    // Whether the fields of the message tell the line in full.
    let mut told = memchr3(b'\n', b'\r', b'\0', line).is_none();
    let mut rest = text.trim_end_matches(['\n', '\r', '\0', ' ', '\t']);
    let (end, unpadded) = (rest.len(), rest.len() == text.len());
    if let Some(after) = rest.strip_prefix(BOM) {
        (rest, told) = (after, false);
    }
    let pri = match rest.strip_prefix('<') {
        Some(after) => {
            let (number, after) = after.split_once('>').ok_or(DecodeError::Pri)?;
            let digits = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
            let pri = number
                .parse()
                .ok()
                .filter(|pri| digits && *pri <= 191)
                .ok_or(DecodeError::Pri)?;
            told &= number.len() == 1 || !number.starts_with('0');
            rest = after;
            Some(pri)
        }
        None => None,
    };
    rest = rest.strip_prefix("1 ").ok_or(DecodeError::Version)?;
    let timestamp = field(&mut rest)?;
    if timestamp != "-" && !is_date(timestamp) {
        return Err(DecodeError::Timestamp);
    }
    let hostname = field(&mut rest)?;
    let app_name = field(&mut rest)?;
    let mut message = Message {
        pri,
        timestamp: Cow::Borrowed(timestamp),
        hostname: Cow::Borrowed(hostname),
        app_name: Cow::Borrowed(app_name),
        id: None,
        severity: None,
        parameters: Vec::new(),
        text: None,
        form: Form::Compatible,
        ambiguous: false,
        raw: None,
    };
    let mut token = None;
    if let Some((id, body)) = rest.strip_prefix(USUAL).and_then(number) {
        message.id = Some(id);
        told &= compatible::parameters(body, id, &mut message) && unpadded;
    } else {
        let procid = field(&mut rest)?;
        // A line may end after MSGID.
        let (msgid, after) = rest.split_once(' ').unwrap_or((rest, ""));
        // The spaces at the end of MSG are MSG's.
        let unended = || {
            text.get(end - after.len()..)
                .unwrap_or(after)
                .trim_end_matches(['\n', '\r', '\0'])
        };
        if after.starts_with('[')
            && let Some(whole) = strict::read(unended(), &mut message)
        {
            message.form = Form::Strict;
            told &= whole && procid == "-" && number(msgid) == message.id.map(|id| (id, ""));
        } else {
            told = false;
            token = otherwise(after, &mut message);
        }
    }
    message.severity = token
        .or_else(|| pri.map(Severity::from_pri))
        .or_else(|| match entry(message.id?)?.severities {
            [one] => Some(*one),
            _ => None,
        });
    if !told || message.ambiguous {
        message.raw = Some(Cow::Borrowed(line));
    }
    Ok(message)
}

/// Reads what follows MSGID of a message that is not as we write it: the family's bracket or free text. Returns the
/// severity of its token.
fn otherwise<'a>(after: &'a str, message: &mut Message<'a>) -> Option<Severity> {
    let mut rest = after;
    let before = take_token(&mut rest);
    rest = structured_data(rest);
    rest = rest.strip_prefix(BOM).unwrap_or(rest);
    let token = take_token(&mut rest).or(before);
    let numbered = rest
        .strip_prefix("[categoryId=")
        .and_then(|after| after.split_once(" instanceId="))
        .filter(|(category, _)| !category.contains([' ', '"', ']']))
        .and_then(|(_, after)| number(after));
    match numbered {
        Some((id, body)) => {
            message.id = Some(id);
            compatible::parameters(body, id, message);
        }
        None => message.text = (!rest.is_empty()).then_some(Cow::Borrowed(rest)),
    }
    token
}

/// Takes one header field and the space after it.
fn field<'a>(rest: &mut &'a str) -> Result<&'a str, DecodeError> {
    match memchr(b' ', rest.as_bytes()) {
        Some(at) if at > 0 => {
            let (field, after) = rest.split_at(at);
            *rest = after.strip_prefix(' ').unwrap_or(after);
            Ok(field)
        }
        _ => Err(DecodeError::Header),
    }
}

/// Whether it begins like `2025-12-05T`; the rest is left to [`Message::time`].
fn is_date(text: &str) -> bool {
    let shape = b"dddd-dd-ddT";
    text.len() >= shape.len()
        && text.bytes().zip(shape).all(|(byte, kind)| {
            if *kind == b'd' {
                byte.is_ascii_digit()
            } else {
                byte == *kind
            }
        })
}

fn take_token(rest: &mut &str) -> Option<Severity> {
    let token = [Severity::Info, Severity::Warning, Severity::Error]
        .into_iter()
        .find(|s| rest.starts_with(s.token()))?;
    let after = rest.get(token.token().len()..)?;
    *rest = after.strip_prefix(' ').unwrap_or(after);
    Some(token)
}

/// What follows the structured data: after the origin's bracket, or after `-`.
fn structured_data(rest: &str) -> &str {
    let after = match rest.strip_prefix(ORIGIN).and_then(|after| after.split_once("\"]")) {
        Some((number, after)) if !number.contains(['"', ' ']) => after,
        _ => match rest.strip_prefix('-') {
            Some(after) if after.is_empty() || after.starts_with(' ') => after,
            _ => return rest,
        },
    };
    after.strip_prefix(' ').unwrap_or(after)
}

/// The event's id and what follows. An id with a leading zero or past 32 bits is not an id.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, after) = text.split_at(end);
    if digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().ok()?, after))
}

/// Whether octets begin like a message, PRI or not: enough to tell a message from an octet count.
pub(crate) fn begins_message(octets: &[u8]) -> bool {
    let octets = octets.strip_prefix(BOM.as_bytes()).unwrap_or(octets);
    let after_pri = match octets.strip_prefix(b"<") {
        Some(after) => {
            let digits = after.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
            match after.get(digits..) {
                Some([b'>', rest @ ..]) if (1..=3).contains(&digits) => rest,
                _ => return false,
            }
        }
        None => octets,
    };
    matches!(after_pri, [b'1', b' ', b'-' | b'0'..=b'9', ..])
}
