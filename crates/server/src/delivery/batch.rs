//! Messages, framed for their transport.

use countersign_core::receiver::Transport;
use countersign_events::{Occurrence, Origin, Timestamp, encode, encode_text};
use countersign_store::RecordedEvent;

use super::local_offset;

/// Messages that are sent together, framed for their transport.
#[derive(Debug)]
pub(super) struct Batch {
    transport: Transport,
    octets: Vec<u8>,
    /// Where each message ends in `octets`.
    ends: Vec<usize>,
    scratch: Vec<u8>,
}

impl Batch {
    pub(super) const fn new(transport: Transport) -> Self {
        Self {
            transport,
            octets: Vec::new(),
            ends: Vec::new(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.ends.clear();
    }

    /// Adds an event, told in the local time of when it happened.
    pub(super) fn push(&mut self, event: &RecordedEvent, origin: &Origin) {
        let when = Occurrence::new(event.at, local_offset(event.at));
        self.framed(|out| encode(&event.event, when, origin, out));
    }

    /// Adds a message that is no event.
    pub(super) fn push_text(&mut self, text: &str, at: Timestamp, offset_seconds: i32, origin: &Origin) {
        self.framed(|out| encode_text(text, at, offset_seconds, origin, out));
    }

    /// A message never holds a line's end: the encoder replaces control characters.
    fn framed(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        match self.transport {
            Transport::Udp | Transport::Relp | Transport::RelpTls => write(&mut self.octets),
            // RFC 6587 section 3.4.2: the message, then LF.
            Transport::TcpLf => {
                write(&mut self.octets);
                self.octets.push(b'\n');
            }
            // RFC 6587 section 3.4.1: the length in decimal, a space, the message.
            Transport::TcpOctets | Transport::Tls => {
                self.scratch.clear();
                write(&mut self.scratch);
                self.octets.extend_from_slice(self.scratch.len().to_string().as_bytes());
                self.octets.push(b' ');
                self.octets.extend_from_slice(&self.scratch);
            }
        }
        self.ends.push(self.octets.len());
    }

    /// All octets, framing and all.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// How many messages.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Each message by itself, with its framing.
    pub(super) fn messages(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| self.octets.get(start..*end).unwrap_or_default())
    }
}
