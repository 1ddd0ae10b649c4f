use crate::parameters::Parameters;
use crate::value::Value;
use crate::writer::{Place, Writer, write_number};
use crate::{EVENT_SEQUENCE, Event, Occurrence, Origin, Severity, Timestamp};

/// No message is longer than this many octets, PRI and all. The family's bound is 8,192; rsyslog's default cuts what is
/// longer than 8,096, and a cut message is a wrong one.
pub const LARGEST_MESSAGE: usize = 8_000;

/// Appends the compatible form of an event, without a line's end:
///
/// `<PRI>1 TIMESTAMP HOSTNAME APP-NAME - - [origin enterpriseId="31023"] [categoryId=0 instanceId=ID Key="Value" …]`
///
/// `when` says TIMESTAMP, and the parameter [`EVENT_SEQUENCE`] where it has a number.
///
/// Nothing that someone could choose ends a value or a line: quotes become `'` (inside XML `&quot;`), control
/// characters, line separators and bidirectional marks become U+FFFD. When the message would be longer than
/// [`LARGEST_MESSAGE`], every chosen text is cut to 4096, 2048, … 32 octets, whichever is the first that fits, and ends
/// in `…`; lists are cut to a sixty-fourth of that many items. [`Event`]'s JSON keeps everything whole.
pub fn encode(event: &Event, when: Occurrence, origin: &Origin, out: &mut Vec<u8>) {
    shortened(out, |out, cap| compatible(event, when, origin, cap, out));
}

/// Appends the strict form: RFC 5424 structured data proper (section 6.3), without a line's end:
///
/// `<PRI>1 TIMESTAMP HOSTNAME APP-NAME - ID [origin enterpriseId="31023"][event@31023 categoryId="0" instanceId="ID"
/// Key="Value" …] DESCRIPTION`
///
/// The SD-ID carries the origin's enterprise number, MSGID the event's id, MSG the Description (after a byte order mark
/// when the setting says so or it is not ASCII, section 6.4). Values keep their quotes, escaped; everything else is as
/// in [`encode`].
pub fn encode_strict(event: &Event, when: Occurrence, origin: &Origin, out: &mut Vec<u8>) {
    shortened(out, |out, cap| strict(event, when, origin, cap, out));
}

/// Appends a message that is no event, without a line's end: a sentence in place of the event's bracket, severity Info.
/// A test of a receiver is such a message; no rule that looks for `instanceId=` takes it for an event.
pub fn encode_text(text: &str, at: Timestamp, offset_seconds: i32, origin: &Origin, out: &mut Vec<u8>) {
    let when = Occurrence::new(at, offset_seconds);
    header(Severity::Info, &origin.app_name, when, origin, out);
    out.extend_from_slice(b" - - [origin enterpriseId=\"");
    write_number(u64::from(origin.enterprise_id), out);
    out.extend_from_slice(b"\"] ");
    Writer::new(out, origin, Place::Quotes, 1_024).text(text);
}

fn shortened(out: &mut Vec<u8>, write: impl Fn(&mut Vec<u8>, usize)) {
    let start = out.len();
    for cap in [8_192, 4_096, 2_048, 1_024, 512, 256, 128, 64, 32] {
        out.truncate(start);
        write(out, cap);
        if out.len() - start <= LARGEST_MESSAGE {
            return;
        }
    }
}

fn compatible(event: &Event, when: Occurrence, origin: &Origin, cap: usize, out: &mut Vec<u8>) {
    let id = event.id();
    header(event.severity(), origin.app_name_of(event.id()), when, origin, out);
    out.extend_from_slice(b" - - [origin enterpriseId=\"");
    write_number(u64::from(origin.enterprise_id), out);
    out.extend_from_slice(b"\"] ");
    if origin.byte_order_mark {
        out.extend_from_slice("\u{feff}".as_bytes());
    }
    if origin.severity_token {
        out.extend_from_slice(event.severity().token().as_bytes());
        out.push(b' ');
    }
    out.extend_from_slice(b"[categoryId=0 instanceId=");
    write_number(u64::from(id), out);
    let mut w = Writer::new(out, origin, Place::Quotes, cap);
    own(event, when, &mut w);
    common(event, &mut w);
    w.out.push(b']');
}

fn strict(event: &Event, when: Occurrence, origin: &Origin, cap: usize, out: &mut Vec<u8>) {
    header(event.severity(), origin.app_name_of(event.id()), when, origin, out);
    out.extend_from_slice(b" - ");
    write_number(u64::from(event.id()), out);
    for part in [" [origin enterpriseId=\"", "\"][event@"] {
        out.extend_from_slice(part.as_bytes());
        write_number(u64::from(origin.enterprise_id), out);
    }
    out.extend_from_slice(b" categoryId=\"0\" instanceId=\"");
    write_number(u64::from(event.id()), out);
    out.push(b'"');
    let mut w = Writer::new(out, origin, Place::StructuredData, cap);
    own(event, when, &mut w);
    environment(&mut w);
    w.out.extend_from_slice(b"] ");
    let message = w.out.len();
    event.write_description(&mut Writer::new(out, origin, Place::Text, cap));
    if origin.byte_order_mark || !out.get(message..).unwrap_or_default().is_ascii() {
        out.splice(message..message, "\u{feff}".bytes());
    }
}

fn header(severity: Severity, app_name: &str, when: Occurrence, origin: &Origin, out: &mut Vec<u8>) {
    out.push(b'<');
    write_number(u64::from(severity.pri()), out);
    out.extend_from_slice(b">1 ");
    when.at.write_rfc3339(when.offset_seconds, out);
    out.push(b' ');
    header_field(&origin.hostname, 255, out);
    out.push(b' ');
    header_field(app_name, 48, out);
}

/// A header field holds printable US-ASCII without spaces (RFC 5424 section 6); what is not becomes `_`, and nothing
/// at all is `-`.
fn header_field(text: &str, longest: usize, out: &mut Vec<u8>) {
    if text.is_empty() {
        return out.push(b'-');
    }
    out.extend(
        text.chars()
            .take(longest)
            .map(|c| if c.is_ascii_graphic() { c as u8 } else { b'_' }),
    );
}

/// Writes ` Key="Value"` for each parameter that is sent.
struct Pairs<'w, 'a> {
    w: &'w mut Writer<'a>,
}

impl Parameters for &mut Pairs<'_, '_> {
    fn parameter(&mut self, key: &'static str, value: impl Value) {
        if value.is_sent(self.w.origin) {
            open(key, self.w);
            value.write(self.w);
            self.w.out.push(b'"');
        }
    }
}

fn open(key: &str, w: &mut Writer<'_>) {
    w.out.push(b' ');
    w.out.extend_from_slice(key.as_bytes());
    w.out.extend_from_slice(b"=\"");
    w.begin_value();
}

/// The event's own parameters, and after them its number.
fn own(event: &Event, when: Occurrence, w: &mut Writer<'_>) {
    let mut pairs = &mut Pairs { w };
    event.each_parameter(&mut *pairs);
    pairs.parameter(EVENT_SEQUENCE, when.sequence);
}

/// The four parameters that end every message.
fn common(event: &Event, w: &mut Writer<'_>) {
    environment(w);
    open("Description", w);
    event.write_description(w);
    w.out.push(b'"');
}

/// What the sender says of itself.
fn environment(w: &mut Writer<'_>) {
    let origin = w.origin;
    let mut pairs = &mut Pairs { w };
    pairs.parameter("VbrHostName", &origin.vbr_host_name);
    pairs.parameter("VbrVersion", &origin.vbr_version);
    pairs.w.out.extend_from_slice(b" Version=\"1\"");
}
