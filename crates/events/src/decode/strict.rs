use super::order::Order;
use crate::Message;
use memchr::memchr3;
use std::borrow::Cow;

/// The structured data as [`encode_strict`](crate::encode_strict) begins it.
const USUAL: &str = "[origin enterpriseId=\"31023\"][event@31023 categoryId=\"0\" instanceId=\"";
const BOM: &str = "\u{feff}";

/// The longest SD-NAME (RFC 5424 section 6.3).
const LONGEST_NAME: usize = 32;

/// Reads `[origin …][event@31023 categoryId="0" instanceId="ID" Key="Value" …] DESCRIPTION` (RFC 5424 section 6.3) into
/// the message: its id, its parameters, the MSG as the last of them.
///
/// The event's element is the first whose SD-ID holds an enterprise number and that has an `instanceId`; the others are
/// not the event's. Returns whether the message alone tells the text; `None`, and the message as it was, when the text
/// is not structured data or no element is an event's.
pub(super) fn read<'a>(text: &'a str, message: &mut Message<'a>) -> Option<bool> {
    let parameters = &mut message.parameters;
    let mut told = text.starts_with(USUAL);
    let mut event = None;
    let mut elements = 0;
    let mut rest = text;
    while let Some(after) = rest.strip_prefix('[') {
        elements += 1;
        let kept = parameters.len();
        let Some((element, after)) = element(after, parameters) else {
            parameters.clear();
            return None;
        };
        match element.id.filter(|_| event.is_none()) {
            Some(id) => {
                told &= element.canonical;
                event = Some((id, element.repeats));
            }
            None => parameters.truncate(kept),
        }
        rest = after;
    }
    let description = match rest.strip_prefix(' ') {
        Some(message) => message,
        None if rest.is_empty() => rest,
        None => {
            parameters.clear();
            return None;
        }
    };
    let (id, repeats) = event?;
    told &= elements == 2 && !parameters.iter().any(|(key, _)| key == "Description");
    let unmarked = description.strip_prefix(BOM);
    let description = unmarked.unwrap_or(description);
    told &= unmarked.is_some() != description.is_ascii();
    if description.is_empty() {
        told &= rest.is_empty();
    } else {
        parameters.push((Cow::Borrowed("Description"), Cow::Borrowed(description)));
    }
    let mut order = Order::new(id);
    message.ambiguous = repeats;
    for (key, _) in &message.parameters {
        message.ambiguous |= !order.follows(key);
    }
    message.id = Some(id);
    Some(told)
}

/// One SD-ELEMENT.
struct Element {
    /// The event's id, when the element is an event's.
    id: Option<u32>,
    /// Whether `instanceId` or `categoryId` comes twice.
    repeats: bool,
    /// Whether everything is escaped that must be, and nothing else.
    canonical: bool,
}

/// Reads an element after its `[` and appends its parameters, without `categoryId` and `instanceId`; returns what
/// follows its `]`.
fn element<'a>(text: &'a str, parameters: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>) -> Option<(Element, &'a str)> {
    let (name, mut rest) = sd_name(text)?;
    let private = name.split_once('@').is_some_and(|(_, number)| is_number(number));
    let (mut category, mut id) = (false, None);
    let mut element = Element {
        id: None,
        repeats: false,
        canonical: true,
    };
    while let Some(after) = rest.strip_prefix(' ') {
        let (key, after) = sd_name(after)?;
        let value = value(after.strip_prefix("=\"")?)?;
        element.canonical &= value.canonical;
        rest = value.after;
        match key {
            "categoryId" => element.repeats |= std::mem::replace(&mut category, true),
            "instanceId" if id.is_none() => id = Some(value.text),
            key => {
                element.repeats |= key == "instanceId";
                parameters.push((Cow::Borrowed(key), value.text));
            }
        }
    }
    if private && let Some((id, "")) = id.as_deref().and_then(super::number) {
        element.id = Some(id);
    }
    Some((element, rest.strip_prefix(']')?))
}

/// Whether it could be a private enterprise number (RFC 5424 section 7.2.2): digits, with dots between them.
fn is_number(text: &str) -> bool {
    text.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Takes an SD-NAME: 1 to 32 printable octets of US-ASCII without `=`, space, `]` and `"`.
fn sd_name(text: &str) -> Option<(&str, &str)> {
    let length = text
        .bytes()
        .position(|byte| !byte.is_ascii_graphic() || matches!(byte, b'=' | b']' | b'"'))?;
    (1..=LONGEST_NAME).contains(&length).then(|| text.split_at(length))
}

/// A PARAM-VALUE without its escapes, and what follows its closing quote.
struct Unescaped<'a> {
    text: Cow<'a, str>,
    after: &'a str,
    canonical: bool,
}

/// Reads a PARAM-VALUE after its opening quote (RFC 5424 section 6.3.3). A backslash before anything but `"`, `\` and
/// `]` stands for itself, as the RFC says; a `]` without one is no end, as the quotes say.
fn value(text: &str) -> Option<Unescaped<'_>> {
    let mut canonical = true;
    // What is read so far, when it is not a piece of the text, and where the rest begins.
    let mut read = String::new();
    let (mut from, mut at) = (0, 0);
    loop {
        let next = at + memchr3(b'"', b'\\', b']', text.as_bytes().get(at..)?)?;
        match text.as_bytes().get(next)? {
            b'"' => {
                let last = text.get(from..next)?;
                let text_of_it = if read.is_empty() {
                    Cow::Borrowed(last)
                } else {
                    read.push_str(last);
                    Cow::Owned(read)
                };
                return Some(Unescaped {
                    text: text_of_it,
                    after: text.get(next + 1..)?,
                    canonical,
                });
            }
            b']' => {
                canonical = false;
                at = next + 1;
            }
            _ => match text.as_bytes().get(next + 1)? {
                b'"' | b'\\' | b']' => {
                    if read.is_empty() {
                        // XML, the usual value with escapes, has some more of them.
                        read.reserve(next - from + 64);
                    }
                    read.push_str(text.get(from..next)?);
                    from = next + 1;
                    at = next + 2;
                }
                _ => {
                    canonical = false;
                    at = next + 1;
                }
            },
        }
    }
}
