use crate::{COMMON, EVENT_SEQUENCE, Message, Severity, entry};
use memchr::{memchr, memchr_iter, memchr2, memchr3};
use std::borrow::Cow;
use std::collections::HashSet;
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

/// Reads one message of the compatible form, ours or another sender's, without its framing.
///
/// PRI, byte order mark, severity token and the closing bracket may be there or not, any id and any key is taken, and
/// what is not the family's bracket is kept as text. Octets that are not UTF-8 are read as U+FFFD.
///
/// A value ends at a quote before a boundary: the end of the body, a final `]`, or a space and `Key="`. A value
/// that starts with `<` is XML: a quote inside a tag does not end it, a quote outside of tags ends it where no element
/// is open; if none does, where one is. A backslash stands for itself.
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
    told &= rest.len() == text.len();
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
        ambiguous: false,
        raw: None,
    };
    let mut token = None;
    let numbered = match rest.strip_prefix(USUAL) {
        Some(after) => number(after),
        None => {
            told = false;
            let _procid = field(&mut rest)?;
            // A line may end after MSGID.
            rest = rest.split_once(' ').map_or("", |(_msgid, after)| after);
            token = take_token(&mut rest);
            rest = structured_data(rest);
            rest = rest.strip_prefix(BOM).unwrap_or(rest);
            token = take_token(&mut rest).or(token);
            rest.strip_prefix("[categoryId=")
                .and_then(|after| after.split_once(" instanceId="))
                .filter(|(category, _)| !category.contains([' ', '"', ']']))
                .and_then(|(_, after)| number(after))
        }
    };
    match numbered {
        Some((id, body)) => {
            message.id = Some(id);
            told &= parameters(body, id, &mut message);
        }
        None => {
            told = false;
            message.text = (!rest.is_empty()).then_some(Cow::Borrowed(rest));
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

/// Reads ` Key="Value" …]`. Returns whether the parameters alone tell the body.
fn parameters<'a>(body: &'a str, id: u32, message: &mut Message<'a>) -> bool {
    let mut order = Order::new(id);
    let mut scan = Scan {
        body,
        budget: body.len().saturating_mul(8),
        next_key: None,
    };
    message.parameters.reserve(16);
    let mut at = 0;
    loop {
        let rest = body.get(at..).unwrap_or_default();
        if rest == "]" {
            return true;
        }
        let Some(length) = scan.next_key.take().or_else(|| key_length(rest.as_bytes())) else {
            let text = rest.strip_prefix(']').unwrap_or(rest).trim_start();
            message.text = (!text.is_empty()).then_some(Cow::Borrowed(text));
            return false;
        };
        let key = rest.get(1..1 + length).unwrap_or_default();
        let start = at + 1 + length + 2;
        let (end, sure) = scan.value_end(start);
        let value = body.get(start..end).unwrap_or_default();
        message.ambiguous |= !order.follows(key) || !sure;
        message.parameters.push((Cow::Borrowed(key), Cow::Borrowed(value)));
        if end >= body.len() {
            return false;
        }
        at = end + 1;
    }
}

/// The length of the key when the text begins with a space, a key and `="`.
fn key_length(text: &[u8]) -> Option<usize> {
    let (b' ', key) = text.split_first()? else { return None };
    if !key.first()?.is_ascii_alphabetic() {
        return None;
    }
    let length = key
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')?;
    key.get(length..)?.starts_with(b"=\"").then_some(length)
}

/// Finds the ends of values.
struct Scan<'a> {
    body: &'a str,
    /// How many octets may still be looked at as XML, so that many unclosed elements cannot cost their square.
    budget: usize,
    /// The length of the key after the boundary that was found last.
    next_key: Option<usize>,
}

impl Scan<'_> {
    /// Where the quote is that ends the value, or the body's end; and whether the rule found it.
    fn value_end(&mut self, start: usize) -> (usize, bool) {
        let body = self.body.as_bytes();
        if body.get(start) == Some(&b'<') {
            if let Some(end) = self.xml_end(start, true).or_else(|| self.xml_end(start, false)) {
                return (end, true);
            }
            return (self.plain_end(start), false);
        }
        (self.plain_end(start), true)
    }

    fn plain_end(&mut self, start: usize) -> usize {
        let body = self.body.as_bytes();
        let value = body.get(start..).unwrap_or_default();
        memchr_iter(b'"', value)
            .map(|at| start + at)
            .find(|&at| self.is_boundary(at + 1))
            .unwrap_or(body.len())
    }

    fn xml_end(&mut self, start: usize, with_depth: bool) -> Option<usize> {
        let body = self.body.as_bytes();
        let (mut at, mut depth) = (start, 0_usize);
        loop {
            let next = self.look(at, |rest| memchr2(b'<', b'"', rest))?;
            at = next + 1;
            if body.get(next) == Some(&b'<') {
                let close = self.look(at, |rest| memchr(b'>', rest))?;
                match (body.get(next + 1), body.get(close - 1)) {
                    (Some(b'/'), _) => depth = depth.saturating_sub(1),
                    (Some(b'?' | b'!'), _) | (_, Some(b'/')) => {}
                    _ => depth += 1,
                }
                at = close + 1;
            } else if (depth == 0 || !with_depth) && self.is_boundary(at) {
                return Some(next);
            }
        }
    }

    /// Searches from a place on and pays for what was looked at, found or not.
    fn look(&mut self, at: usize, find: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
        let rest = self.body.as_bytes().get(at..).filter(|_| self.budget > 0)?;
        let found = find(rest);
        self.budget = self.budget.saturating_sub(found.map_or(rest.len(), |ahead| ahead + 1));
        Some(at + found?)
    }

    fn is_boundary(&mut self, at: usize) -> bool {
        let rest = self.body.as_bytes().get(at..).unwrap_or_default();
        self.next_key = key_length(rest);
        self.next_key.is_some() || rest.is_empty() || rest == b"]"
    }
}

/// What follows an event's own parameters, in order.
const AFTER_ITS_OWN: [&str; 5] = {
    let [host, version, format, description] = COMMON;
    [EVENT_SEQUENCE, host, version, format, description]
};

/// Watches that keys come in the catalogue's order and none twice.
struct Order<'a> {
    own: &'static [&'static str],
    next: usize,
    foreign: Vec<&'a str>,
    /// Takes over from the list when there are many.
    many: HashSet<&'a str>,
}

impl<'a> Order<'a> {
    fn new(id: u32) -> Self {
        let own = entry(id).map_or(&[][..], |entry| entry.parameters);
        Self {
            own,
            next: 0,
            foreign: Vec::new(),
            many: HashSet::new(),
        }
    }

    fn follows(&mut self, key: &'a str) -> bool {
        let expected = self
            .own
            .get(self.next)
            .or_else(|| AFTER_ITS_OWN.get(self.next - self.own.len()));
        if expected.is_some_and(|name| *name == key) {
            self.next += 1;
            return true;
        }
        let known = || self.own.iter().chain(&AFTER_ITS_OWN);
        if let Some(ahead) = known().skip(self.next).position(|name| *name == key) {
            self.next += ahead + 1;
            return true;
        }
        if known().any(|name| *name == key) {
            return false;
        }
        if self.foreign.len() < 32 {
            let first = !self.foreign.contains(&key);
            self.foreign.push(key);
            return first;
        }
        !self.foreign.contains(&key) && self.many.insert(key)
    }
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
