use crate::Origin;
use std::fmt;

/// Where a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// For people and for the record, as it is: nothing replaced, nothing cut.
    Whole,
    /// Inside the compatible form's quotes, where nothing can be escaped.
    Quotes,
    /// Inside RFC 5424 structured data (section 6.3.3), where `"`, `\` and `]` are escaped.
    StructuredData,
    /// As the MSG of the strict form, where nothing needs an escape.
    Text,
}

/// What a text that someone could choose is a part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Xml,
    Item,
}

/// Writes values so that what someone could choose never ends a value, a line or an element.
///
/// Everywhere but in `Whole`, control characters, line separators and bidirectional marks become U+FFFD. In the
/// compatible form a quote becomes `'`, and a plain value's leading `<` becomes U+FFFD, since it would make the value
/// XML to a reader. Inside XML, `<`, `>`, `&` and `"` are the five-entity escapes; in an item of a list a comma
/// becomes `;`. A text longer than `cap` octets is
/// cut between characters and ends in `…`.
pub(crate) struct Writer<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) origin: &'a Origin,
    place: Place,
    cap: usize,
    value_start: usize,
}

/// What replaces a character that cannot stand on the wire: U+FFFD.
const REPLACEMENT: &str = "\u{fffd}";
pub(crate) const ELLIPSIS: &str = "…";

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, origin: &'a Origin, place: Place, cap: usize) -> Self {
        let value_start = out.len();
        Self {
            out,
            origin,
            place,
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
        if self.place != Place::StructuredData {
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
        self.run(text, Kind::Plain);
    }

    /// Text that someone could choose, one item of a list: a comma would make it two.
    pub(crate) fn item(&mut self, text: &str) {
        self.run(text, Kind::Item);
    }

    /// Text that someone could choose, inside an XML element or attribute.
    pub(crate) fn xml(&mut self, text: &str) {
        self.run(text, Kind::Xml);
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

    fn run(&mut self, text: &str, kind: Kind) {
        let limit = if self.place == Place::Whole {
            usize::MAX
        } else {
            self.cap
        };
        // The last place where a cut text still has room for the ellipsis.
        let mut cut_at = self.out.len();
        let start = self.out.len();
        let mut rest = text;
        let care = self.care(kind);
        if kind != Kind::Xml
            && self.place == Place::Quotes
            && start == self.value_start
            && let Some(after) = text.strip_prefix('<')
        {
            self.out.extend_from_slice(REPLACEMENT.as_bytes());
            rest = after;
        }
        loop {
            let room = limit.saturating_sub(self.out.len() - start);
            // Past the room nothing matters. Where there is a limit, plain octets are ASCII, so this splits no character.
            let octets = rest.as_bytes();
            let plain = plain_length(octets.get(..room.saturating_add(1)).unwrap_or(octets), care);
            let (run, tail) = rest.split_at(plain);
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
            let written = self.written(c, kind, &mut utf8);
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
    const fn care(&self, kind: Kind) -> u8 {
        let own = match kind {
            Kind::Plain => 0,
            Kind::Xml => XML,
            Kind::Item => ITEM,
        };
        match self.place {
            Place::Whole => own & XML,
            Place::Quotes => own | REPLACED | QUOTE,
            Place::StructuredData => own | REPLACED | STRUCTURED,
            Place::Text => own | REPLACED,
        }
    }

    /// How one character that needs care is written here.
    fn written<'b>(&self, c: char, kind: Kind, utf8: &'b mut [u8; 4]) -> &'b str {
        let xml = kind == Kind::Xml;
        match c {
            '"' if xml => "&quot;",
            '&' if xml => "&amp;",
            '<' if xml => "&lt;",
            '>' if xml => "&gt;",
            _ if self.place == Place::Whole => c.encode_utf8(utf8),
            _ if replaced(c) => REPLACEMENT,
            '"' | '\\' | ']' if self.place == Place::StructuredData => match c {
                '"' => "\\\"",
                '\\' => "\\\\",
                _ => "\\]",
            },
            '"' if self.place == Place::Quotes => "'",
            ',' if kind == Kind::Item => ";",
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
/// structured data, it parts the items of a list.
const REPLACED: u8 = 1;
const XML: u8 = 2;
const QUOTE: u8 = 4;
const STRUCTURED: u8 = 8;
const ITEM: u8 = 16;

static CARE: [u8; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = match octet as u8 {
            b'"' => XML | QUOTE | STRUCTURED,
            b'&' | b'<' | b'>' => XML,
            b'\\' | b']' => STRUCTURED,
            b',' => ITEM,
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
