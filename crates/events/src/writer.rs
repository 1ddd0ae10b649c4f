use crate::{Operation, Origin, Outcome, Reason, Timestamp, User};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Which of the forms a value is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it is, nothing replaced, nothing cut: for people and for the record.
    Whole,
    /// Inside the compatible form's quotes, where nothing can be escaped.
    Compatible,
    /// Inside RFC 5424 structured data (section 6.3.3), where `"`, `\` and `]` are escaped.
    Strict,
    /// As the MSG of the strict form, where nothing needs an escape.
    Text,
}

/// Writes values so that what someone could choose never ends a value, a line or an element.
///
/// In every form but `Whole`, control characters, line separators and bidirectional marks become U+FFFD. In the
/// compatible form a quote becomes `'`, and a plain value's leading `<` becomes U+FFFD, since it would make the value
/// XML to a reader. Inside XML, `<`, `>`, `&` and `"` are the five-entity escapes. A text longer than `cap` octets is
/// cut between characters and ends in `…`.
pub(crate) struct Writer<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) origin: &'a Origin,
    form: Form,
    cap: usize,
    value_start: usize,
}

/// What replaces a character that cannot stand on the wire: U+FFFD.
const REPLACEMENT: &str = "\u{fffd}";
const ELLIPSIS: &str = "…";

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, origin: &'a Origin, form: Form, cap: usize) -> Self {
        let value_start = out.len();
        Self {
            out,
            origin,
            form,
            cap,
            value_start,
        }
    }

    /// How many elements of a list are written.
    pub(crate) fn items(&self) -> usize {
        (self.cap / 64).max(1)
    }

    /// The place where a plain value begins is here.
    pub(crate) fn begin_value(&mut self) {
        self.value_start = self.out.len();
    }

    /// Text of our own that belongs to a value; quotes stand bare in the compatible form.
    pub(crate) fn markup(&mut self, text: &str) {
        if self.form != Form::Strict {
            return self.out.extend_from_slice(text.as_bytes());
        }
        for byte in text.bytes() {
            if matches!(byte, b'"' | b'\\' | b']') {
                self.out.push(b'\\');
            }
            self.out.push(byte);
        }
    }

    /// Text that someone could choose.
    pub(crate) fn text(&mut self, text: &str) {
        self.run(text, false);
    }

    /// Text that someone could choose, inside an XML element or attribute.
    pub(crate) fn xml(&mut self, text: &str) {
        self.run(text, true);
    }

    /// ` name="value"` of an element.
    pub(crate) fn attribute(&mut self, name: &str, value: &str) {
        self.markup(name);
        self.markup("=\"");
        self.xml(value);
        self.markup("\"");
    }

    /// An attribute's name that someone could choose: what is not a letter, a digit or `_` becomes `_`.
    pub(crate) fn xml_name(&mut self, name: &str) {
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            self.out.push(b'_');
        }
        for c in name.chars().take(64) {
            self.out.push(if c.is_ascii_alphanumeric() { c as u8 } else { b'_' });
        }
    }

    pub(crate) fn display(&mut self, value: impl fmt::Display) {
        let text = value.to_string();
        self.markup(&text);
    }

    fn run(&mut self, text: &str, xml: bool) {
        let limit = if self.form == Form::Whole { usize::MAX } else { self.cap };
        // The last place where a cut text still has room for the ellipsis.
        let mut cut_at = self.out.len();
        let start = self.out.len();
        let mut rest = text;
        let care = self.care(xml);
        if !xml
            && self.form == Form::Compatible
            && start == self.value_start
            && let Some(after) = text.strip_prefix('<')
        {
            self.out.extend_from_slice(REPLACEMENT.as_bytes());
            rest = after;
        }
        loop {
            let plain = plain_length(rest.as_bytes(), care);
            let (run, tail) = rest.split_at(plain);
            let room = limit.saturating_sub(self.out.len() - start);
            if run.len() > room {
                let keep = room.saturating_sub(ELLIPSIS.len());
                if run.len() >= keep && room >= ELLIPSIS.len() {
                    self.out.extend_from_slice(&run.as_bytes()[..keep]);
                } else {
                    self.out.truncate(cut_at);
                }
                return self.out.extend_from_slice(ELLIPSIS.as_bytes());
            }
            if limit.saturating_sub(self.out.len() - start) >= ELLIPSIS.len() {
                cut_at = self.out.len() + run.len().min(room.saturating_sub(ELLIPSIS.len()));
            }
            self.out.extend_from_slice(run.as_bytes());
            let Some(c) = tail.chars().next() else { return };
            let mut utf8 = [0; 4];
            let written = self.written(c, xml, &mut utf8);
            let used = self.out.len() - start;
            if used + written.len() > limit {
                self.out.truncate(cut_at);
                return self.out.extend_from_slice(ELLIPSIS.as_bytes());
            }
            if used + ELLIPSIS.len() <= limit {
                cut_at = self.out.len();
            }
            self.out.extend_from_slice(written.as_bytes());
            rest = &tail[c.len_utf8()..];
        }
    }

    /// Which octets need care here.
    const fn care(&self, xml: bool) -> u8 {
        let xml = if xml { XML } else { 0 };
        match self.form {
            Form::Whole => xml,
            Form::Compatible => xml | REPLACED | QUOTE,
            Form::Strict => xml | REPLACED | STRUCTURED,
            Form::Text => xml | REPLACED,
        }
    }

    /// How one character that needs care is written here.
    fn written<'b>(&self, c: char, xml: bool, utf8: &'b mut [u8; 4]) -> &'b str {
        match c {
            '"' if xml => "&quot;",
            '&' if xml => "&amp;",
            '<' if xml => "&lt;",
            '>' if xml => "&gt;",
            _ if self.form == Form::Whole => c.encode_utf8(utf8),
            _ if replaced(c) => REPLACEMENT,
            '"' | '\\' | ']' if self.form == Form::Strict => match c {
                '"' => "\\\"",
                '\\' => "\\\\",
                _ => "\\]",
            },
            '"' if self.form == Form::Compatible => "'",
            _ => c.encode_utf8(utf8),
        }
    }
}

/// Characters that end a line, steer a terminal or turn the reading direction.
fn replaced(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Why an octet is looked at as a character: it may be replaced, it is escaped in XML, it is a quote, it is escaped in
/// structured data.
const REPLACED: u8 = 1;
const XML: u8 = 2;
const QUOTE: u8 = 4;
const STRUCTURED: u8 = 8;

static CARE: [u8; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = match octet as u8 {
            b'"' => XML | QUOTE | STRUCTURED,
            b'&' | b'<' | b'>' => XML,
            b'\\' | b']' => STRUCTURED,
            b' '..=b'~' => 0,
            _ => REPLACED,
        };
        octet += 1;
    }
    table
};

fn plain_length(octets: &[u8], care: u8) -> usize {
    octets
        .iter()
        .position(|&octet| CARE[usize::from(octet)] & care != 0)
        .unwrap_or(octets.len())
}

/// What can stand as a parameter's value.
pub(crate) trait Value {
    /// A value that is not known is left out of the message, never sent empty.
    fn is_sent(&self, _origin: &Origin) -> bool {
        true
    }

    fn write(&self, w: &mut Writer<'_>);
}

/// What can stand in a Description.
pub(crate) trait Words {
    fn write_words(&self, w: &mut Writer<'_>);
}

impl<T: Value> Value for &T {
    fn is_sent(&self, origin: &Origin) -> bool {
        T::is_sent(self, origin)
    }

    fn write(&self, w: &mut Writer<'_>) {
        T::write(self, w);
    }
}

impl<T: Value> Value for Option<T> {
    fn is_sent(&self, origin: &Origin) -> bool {
        self.as_ref().is_some_and(|value| value.is_sent(origin))
    }

    fn write(&self, w: &mut Writer<'_>) {
        if let Some(value) = self {
            value.write(w);
        }
    }
}

impl Value for String {
    fn is_sent(&self, _origin: &Origin) -> bool {
        !self.is_empty()
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.text(self);
    }
}

/// A list, comma and space between.
impl Value for Vec<String> {
    fn is_sent(&self, _origin: &Origin) -> bool {
        self.iter().any(|item| !item.is_empty())
    }

    fn write(&self, w: &mut Writer<'_>) {
        for (at, item) in self.iter().take(w.items()).enumerate() {
            if at > 0 {
                w.markup(", ");
            }
            w.text(item);
        }
        if self.len() > w.items() {
            w.markup(", ");
            w.markup(ELLIPSIS);
        }
    }
}

impl Value for User {
    fn write(&self, w: &mut Writer<'_>) {
        w.markup("<ModifiedUserInfo fullName=\"");
        w.xml(&self.full_name);
        w.markup("\" loginType=\"");
        write_number(u64::from(self.login_type), w.out);
        w.markup("\" />");
    }
}

impl Value for Operation {
    fn write(&self, w: &mut Writer<'_>) {
        let origin = w.origin;
        let (before, name, after) = self.wording(&origin.product);
        w.markup(before);
        w.text(name);
        w.markup(after);
    }
}

impl Value for Reason {
    fn is_sent(&self, origin: &Origin) -> bool {
        origin.reason
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.display(self.code());
    }
}

impl Value for Timestamp {
    fn write(&self, w: &mut Writer<'_>) {
        self.write_utc_text(w.out);
    }
}

impl Value for IpAddr {
    fn write(&self, w: &mut Writer<'_>) {
        match self {
            Self::V4(ip) => {
                for (at, octet) in ip.octets().into_iter().enumerate() {
                    if at > 0 {
                        w.out.push(b'.');
                    }
                    write_number(u64::from(octet), w.out);
                }
            }
            Self::V6(ip) => w.display(ip),
        }
    }
}

impl Value for SocketAddr {
    fn write(&self, w: &mut Writer<'_>) {
        w.display(self);
    }
}

impl Value for u64 {
    fn write(&self, w: &mut Writer<'_>) {
        write_number(*self, w.out);
    }
}

impl Value for bool {
    fn write(&self, w: &mut Writer<'_>) {
        w.markup(if *self { "True" } else { "False" });
    }
}

/// A value that is always the same.
pub(crate) struct Fixed(pub(crate) &'static str);

impl Value for Fixed {
    fn write(&self, w: &mut Writer<'_>) {
        w.markup(self.0);
    }
}

/// A small number.
pub(crate) struct Number(pub(crate) u32);

impl Value for Number {
    fn write(&self, w: &mut Writer<'_>) {
        write_number(u64::from(self.0), w.out);
    }
}

/// The request an event belongs to, where the setting says so.
pub(crate) struct RequestId<'a>(pub(crate) &'a Option<String>);

impl Value for RequestId<'_> {
    fn is_sent(&self, origin: &Origin) -> bool {
        origin.request_id && self.0.is_sent(origin)
    }

    fn write(&self, w: &mut Writer<'_>) {
        self.0.write(w);
    }
}

/// How the effect ended, where the setting says so.
pub(crate) struct EffectResult<'a>(pub(crate) &'a Option<Outcome>);

impl Value for EffectResult<'_> {
    fn is_sent(&self, origin: &Origin) -> bool {
        origin.result && self.0.is_some()
    }

    fn write(&self, w: &mut Writer<'_>) {
        if let Some(outcome) = self.0 {
            w.markup(outcome.name());
        }
    }
}

impl Words for &'static str {
    fn write_words(&self, w: &mut Writer<'_>) {
        w.markup(self);
    }
}

impl Words for &String {
    fn write_words(&self, w: &mut Writer<'_>) {
        w.text(self);
    }
}

impl Words for &User {
    fn write_words(&self, w: &mut Writer<'_>) {
        w.text(&self.full_name);
    }
}

impl Words for &Operation {
    fn write_words(&self, w: &mut Writer<'_>) {
        self.write(w);
    }
}

impl Words for &Reason {
    fn write_words(&self, w: &mut Writer<'_>) {
        w.markup(self.description());
    }
}

impl Words for &Outcome {
    fn write_words(&self, w: &mut Writer<'_>) {
        w.markup(self.name());
    }
}

impl Words for &SocketAddr {
    fn write_words(&self, w: &mut Writer<'_>) {
        w.display(self);
    }
}

pub(crate) fn write_number(mut value: u64, out: &mut Vec<u8>) {
    let mut text = [0; 20];
    let mut at = text.len();
    loop {
        at -= 1;
        text[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break out.extend_from_slice(&text[at..]);
        }
    }
}
