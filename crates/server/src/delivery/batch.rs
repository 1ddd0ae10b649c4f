//! Messages, framed for their transport.

use countersign_core::receiver::Transport;
use countersign_events::Timestamp;
use countersign_store::RecordedEvent;

use super::dialect::Dialect;
use super::relp::{self, Txnr};

/// Messages that are sent together over one connection, framed for its transport.
#[derive(Debug)]
pub(super) struct Batch {
    framing: Framing,
    octets: Vec<u8>,
    /// Where each message ends in `octets`.
    ends: Vec<usize>,
    /// The sequence number of each event.
    events: Vec<i64>,
    scratch: Vec<u8>,
}

#[derive(Debug)]
enum Framing {
    /// A message and nothing else.
    Bare,
    /// RFC 6587 section 3.4.2: the message, then LF.
    Lines,
    /// RFC 6587 section 3.4.1: the length in decimal, a space, the message.
    Counted,
    /// A transaction each; the number of the next one.
    Relp(Txnr),
}

impl Batch {
    /// For a new connection: transactions are counted from its start.
    pub(super) const fn new(transport: Transport) -> Self {
        Self {
            framing: match transport {
                Transport::Udp => Framing::Bare,
                Transport::TcpLf => Framing::Lines,
                Transport::TcpOctets | Transport::Tls => Framing::Counted,
                Transport::Relp | Transport::RelpTls => Framing::Relp(Txnr::FIRST_MESSAGE),
            },
            octets: Vec::new(),
            ends: Vec::new(),
            events: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Forgets the messages, not how many there were.
    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.ends.clear();
        self.events.clear();
    }

    /// Adds an event.
    pub(super) fn push(&mut self, event: &RecordedEvent, dialect: &Dialect) {
        self.framed(|out| dialect.event(event, out));
        self.events.push(event.seq);
    }

    /// Adds a message that is no event.
    pub(super) fn push_text(&mut self, text: &str, at: Timestamp, dialect: &Dialect) {
        self.framed(|out| dialect.text(text, at, out));
    }

    /// A message never holds a line's end: the encoder replaces control characters. A length comes first, so those that
    /// need one are written aside.
    fn framed(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        match &mut self.framing {
            Framing::Bare => write(&mut self.octets),
            Framing::Lines => {
                write(&mut self.octets);
                self.octets.push(b'\n');
            }
            Framing::Counted => {
                self.scratch.clear();
                write(&mut self.scratch);
                relp::decimal(self.scratch.len(), &mut self.octets);
                self.octets.push(b' ');
                self.octets.extend_from_slice(&self.scratch);
            }
            Framing::Relp(txnr) => {
                self.scratch.clear();
                write(&mut self.scratch);
                relp::header(*txnr, "syslog", self.scratch.len(), &mut self.octets);
                self.octets.extend_from_slice(&self.scratch);
                self.octets.push(relp::TRAILER);
                *txnr = txnr.next();
            }
        }
        self.ends.push(self.octets.len());
    }

    /// All octets, framing and all.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The octets of so many messages from one on.
    pub(super) fn octets_of(&self, from: usize, count: usize) -> &[u8] {
        let end = |messages: usize| messages.checked_sub(1).and_then(|last| self.ends.get(last)).copied();
        let range = end(from).unwrap_or(0)..end(from + count).unwrap_or(0);
        self.octets.get(range).unwrap_or_default()
    }

    /// How many messages.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The sequence numbers of the events.
    pub(super) fn events(&self) -> &[i64] {
        &self.events
    }

    /// Each message by itself, with its framing.
    pub(super) fn messages(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| self.octets.get(start..*end).unwrap_or_default())
    }
}
