use crate::decode::begins_message;
use crate::{DecodeError, Message, decode};
use memchr::memchr;
use thiserror::Error;

/// Reads messages from a stream of octets that is pushed in, in pieces of any size.
///
/// A message ends with its line, or is as long as the octet count before it says (RFC 6587 sections 3.4.1 and 3.4.2);
/// both may be mixed. What is not a message is skipped up to the end of its line and told. It holds no more than the
/// limit and the last piece pushed.
///
/// ```
/// # use countersign_events::Reader;
/// let mut reader = Reader::new();
/// reader.push(b"garbage\n<14>1 2025-11-24T05:26:37Z H Veeam_MP - - [origin enterpriseId=\"31023\"] [categoryId=0 instanceId=42400]\n");
/// reader.finish();
/// assert!(reader.next().is_some_and(|read| read.is_err_and(|skipped| skipped.offset == 0 && skipped.length == 8)));
/// assert!(reader.next().is_some_and(|read| read.is_ok_and(|message| message.id == Some(42400))));
/// assert!(reader.next().is_none());
/// ```
#[derive(Debug)]
pub struct Reader {
    buffer: Vec<u8>,
    /// Where the octets begin that have not been read, in `buffer`.
    start: usize,
    /// How many octets after `start` are known to hold no line's end.
    searched: usize,
    /// How many octets of the stream lie before `start`.
    offset: u64,
    limit: usize,
    finished: bool,
    /// Octets already thrown away of a line that is longer than the limit.
    discarded: Option<u64>,
}

/// Octets that are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("skipped {length} octets at offset {offset}: {reason}")]
pub struct Skipped {
    /// Where they begin in the stream.
    pub offset: u64,
    /// How many, their line's end included.
    pub length: u64,
    /// Why.
    pub reason: SkipReason,
}

/// Why octets were skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SkipReason {
    /// They do not read as a message.
    #[error("not a message: {0}")]
    NotAMessage(#[from] DecodeError),
    /// The octet count before a message runs past the limit or the end of the stream. What follows is read as a line.
    #[error("an octet count that is not the length of the message after it")]
    WrongCount,
    /// The line is longer than the limit.
    #[error("the line is too long")]
    TooLong,
}

/// Where the next piece of the buffer ends, counted from `start`.
enum Frame {
    More,
    /// The message is `from..to`, the next piece begins at `next`.
    Whole {
        from: usize,
        to: usize,
        next: usize,
    },
    /// What looks like an octet count, this long, is none.
    WrongCount(usize),
    TooLong,
}

impl Reader {
    /// The longest line in octets unless [`Reader::with_limit`] says otherwise: 1 MiB.
    pub const LIMIT: usize = 1 << 20;

    /// A reader at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(Self::LIMIT)
    }

    /// A reader that skips lines of more than `limit` octets.
    #[must_use]
    pub const fn with_limit(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            offset: 0,
            limit,
            finished: false,
            discarded: None,
        }
    }

    /// Takes the next octets of the stream. Read all messages with [`Reader::next`] before the next push.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(octets);
    }

    /// The stream has ended: what is left is the last line.
    pub const fn finish(&mut self) {
        self.finished = true;
    }

    /// The next message, or what was skipped in its place; `None` when more octets are needed.
    #[expect(
        clippy::should_implement_trait,
        reason = "a message borrows from the reader, which an Iterator cannot say"
    )]
    pub fn next(&mut self) -> Option<Result<Message<'_>, Skipped>> {
        if self.discarded.is_some() {
            return self.discard().map(Err);
        }
        self.skip_line_ends();
        match self.frame() {
            Frame::More => None,
            Frame::TooLong => {
                self.discarded = Some(0);
                self.discard().map(Err)
            }
            Frame::WrongCount(length) => {
                let offset = self.offset;
                self.consume(length);
                Some(Err(Skipped {
                    offset,
                    length: length as u64,
                    reason: SkipReason::WrongCount,
                }))
            }
            Frame::Whole { from, to, next } => {
                let (base, offset) = (self.start, self.offset);
                self.consume(next);
                let octets = self.buffer.get(base + from..base + to).unwrap_or_default();
                Some(decode(octets).map_err(|error| Skipped {
                    offset,
                    length: next as u64,
                    reason: error.into(),
                }))
            }
        }
    }

    fn pending(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
        self.searched = 0;
    }

    /// Empty lines, and the NUL or CR that some senders add, are framing.
    fn skip_line_ends(&mut self) {
        if self.searched == 0 {
            let ends = self
                .pending()
                .iter()
                .take_while(|octet| matches!(octet, b'\n' | b'\r' | 0))
                .count();
            self.consume(ends);
        }
    }

    fn frame(&mut self) -> Frame {
        let pending = self.pending();
        if pending.is_empty() {
            return Frame::More;
        }
        match count(pending) {
            Count::Unclear if !self.finished => return Frame::More,
            Count::Octets { from, length } => {
                let to = from + length;
                return match length <= self.limit {
                    true if to <= pending.len() => Frame::Whole { from, to, next: to },
                    true if !self.finished => Frame::More,
                    _ => Frame::WrongCount(from),
                };
            }
            _ => {}
        }
        let found = memchr(b'\n', pending.get(self.searched..).unwrap_or_default()).map(|at| self.searched + at);
        let (end, next) = match found {
            Some(at) => (at, at + 1),
            None if self.finished => (pending.len(), pending.len()),
            None if pending.len() > self.limit => return Frame::TooLong,
            None => {
                self.searched = pending.len();
                return Frame::More;
            }
        };
        if end > self.limit {
            return Frame::TooLong;
        }
        let line = pending.get(..end).unwrap_or_default();
        let to = line
            .iter()
            .rposition(|octet| !matches!(octet, b'\r' | 0))
            .map_or(0, |last| last + 1);
        Frame::Whole { from: 0, to, next }
    }

    /// Throws away a line that is too long, piece by piece; tells of it at its end.
    fn discard(&mut self) -> Option<Skipped> {
        let before = self.discarded.unwrap_or(0);
        let pending = self.pending();
        let end = memchr(b'\n', pending).map(|at| at + 1);
        let gone = end.unwrap_or(pending.len());
        self.consume(gone);
        let length = before + gone as u64;
        if end.is_some() || self.finished {
            self.discarded = None;
            return Some(Skipped {
                offset: self.offset - length,
                length,
                reason: SkipReason::TooLong,
            });
        }
        self.discarded = Some(length);
        None
    }
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

enum Count {
    None,
    Unclear,
    Octets { from: usize, length: usize },
}

/// The octet count before a message. A line without PRI begins with the version, `1 `, which only looks like a count.
fn count(pending: &[u8]) -> Count {
    let digits = pending
        .iter()
        .take(10)
        .take_while(|octet| octet.is_ascii_digit())
        .count();
    if digits == 0 || digits > 9 || pending.first() == Some(&b'0') {
        return Count::None;
    }
    let after = match pending.get(digits..) {
        Some([b' ', after @ ..]) => after,
        Some([]) | None => return Count::Unclear,
        Some(_) => return Count::None,
    };
    if begins_message(after) {
        let number = pending.get(..digits).unwrap_or_default();
        let length = number.iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
        return Count::Octets {
            from: digits + 1,
            length,
        };
    }
    // The longest beginning that tells: a byte order mark, `<191>1 ` and a digit.
    let could_still = after.len() < 11 && b"<1\xef".contains(after.first().unwrap_or(&b'<'));
    if could_still && !after.contains(&b'\n') {
        Count::Unclear
    } else {
        Count::None
    }
}
