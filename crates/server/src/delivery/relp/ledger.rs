//! What was sent over RELP and is not answered yet.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::frame::{Frame, Inbox, Txnr};

/// Keeps count of transactions: which are open, and how many were acknowledged without a gap.
#[derive(Debug)]
pub(super) struct Ledger {
    inbox: Inbox,
    /// The first transaction that is open, or would be next.
    first: Txnr,
    /// Whether each one from there on has been acknowledged; only ever false for the first.
    open: VecDeque<bool>,
    /// Acknowledged in order and not told yet.
    acknowledged: usize,
    /// When something was last acknowledged, or the first of what is open was sent.
    progress: Instant,
    closing: Closing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    NotYet,
    Asked(Txnr),
    Answered,
}

/// What a receiver said that ends the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ends {
    /// It does not take a message. Its words.
    Refused(String),
    /// It leaves.
    Leaves,
    /// It does not keep to the protocol. Says how.
    Wrong(&'static str),
}

impl Ledger {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            inbox: Inbox::default(),
            first: Txnr::FIRST_MESSAGE,
            open: VecDeque::new(),
            acknowledged: 0,
            progress: now,
            closing: Closing::NotYet,
        }
    }

    /// So many messages are being sent.
    pub(super) fn sends(&mut self, count: usize, now: Instant) {
        if self.open.is_empty() {
            self.progress = now;
        }
        self.open.extend(std::iter::repeat_n(false, count));
    }

    /// The connection is being closed; the number for that.
    pub(super) fn closes(&mut self) -> Txnr {
        let txnr = self.first.plus(self.open.len());
        self.closing = Closing::Asked(txnr);
        txnr
    }

    /// How many messages are not acknowledged.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Since when nothing has been acknowledged, where something should be.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        (!self.open.is_empty()).then_some(self.progress)
    }

    /// Whether the receiver has answered the close.
    pub(super) fn is_closed(&self) -> bool {
        self.closing == Closing::Answered
    }

    /// How many were acknowledged and not told yet.
    pub(super) const fn untold(&self) -> usize {
        self.acknowledged
    }

    /// How many messages were acknowledged since the last time this was asked: the oldest that were open.
    pub(super) fn acknowledged(&mut self) -> usize {
        std::mem::take(&mut self.acknowledged)
    }

    /// Takes what was heard.
    pub(super) fn hear(&mut self, heard: &[u8], now: Instant) -> Result<(), Ends> {
        let mut inbox = std::mem::take(&mut self.inbox);
        inbox.push(heard);
        let taken = loop {
            match inbox.next() {
                Ok(Some(frame)) => {
                    if let Err(ends) = self.take(&frame, now) {
                        break Err(ends);
                    }
                }
                Ok(None) => break Ok(()),
                Err(_) => break Err(Ends::Wrong("what it says is no RELP")),
            }
        };
        self.inbox = inbox;
        taken
    }

    fn take(&mut self, frame: &Frame<'_>, now: Instant) -> Result<(), Ends> {
        match (frame.txnr, frame.command) {
            // What else a later version may hint is no reason to stop.
            (Txnr::HINT, b"serverclose") if self.closing == Closing::NotYet => Err(Ends::Leaves),
            (Txnr::HINT, _) => Ok(()),
            (txnr, b"rsp") if self.closing == Closing::Asked(txnr) => {
                self.closing = Closing::Answered;
                Ok(())
            }
            (txnr, b"rsp") => match Response::of(frame.data) {
                Some(Response { code: 200, .. }) => self.acknowledge(txnr, now),
                Some(response) => Err(Ends::Refused(response.words())),
                None => Err(Ends::Wrong("it answers a message without a status")),
            },
            _ => Err(Ends::Wrong("it sends commands, which only we may")),
        }
    }

    fn acknowledge(&mut self, txnr: Txnr, now: Instant) -> Result<(), Ends> {
        match self.open.get_mut(txnr.since(self.first)) {
            Some(acknowledged @ false) => *acknowledged = true,
            Some(true) | None => return Err(Ends::Wrong("it acknowledges what is not open")),
        }
        self.progress = now;
        while let Some(true) = self.open.front() {
            self.open.pop_front();
            self.first = self.first.next();
            self.acknowledged += 1;
        }
        Ok(())
    }
}

/// The data of a `rsp`: `CODE [SP WORDS] [LF DATA]`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response<'a> {
    pub(super) code: u16,
    words: &'a [u8],
    /// What follows the first line.
    pub(super) data: &'a [u8],
}

impl<'a> Response<'a> {
    pub(super) fn of(data: &'a [u8]) -> Option<Self> {
        let mut lines = data.splitn(2, |octet| *octet == b'\n');
        let (status, data) = (lines.next()?, lines.next().unwrap_or_default());
        let (code, words) = status.split_at_checked(3)?;
        let words = match words {
            [] => words,
            [b' ', words @ ..] => words,
            _ => return None,
        };
        let code = std::str::from_utf8(code).ok()?.parse().ok()?;
        Some(Self { code, words, data })
    }

    /// The status for people: the receiver's words, but no more than the protocol allows and visible ASCII alone, since
    /// it may say anything.
    pub(super) fn words(&self) -> String {
        let visible = self
            .words
            .iter()
            .filter(|octet| octet.is_ascii_graphic() || **octet == b' ');
        let words: String = visible.take(80).map(|octet| char::from(*octet)).collect();
        format!("{} {words}", self.code).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn now() -> Instant {
        Instant::now()
    }

    #[tokio::test]
    async fn only_what_is_acknowledged_without_a_gap_counts() {
        let now = now().await;
        let mut ledger = Ledger::new(now);
        assert_eq!(ledger.waits_since(), None);
        ledger.sends(4, now);
        assert_eq!(ledger.waits_since(), Some(now));
        ledger.hear(b"3 rsp 6 200 OK\n4 rsp 6 200 OK\n2 rs", now).unwrap();
        assert_eq!((ledger.acknowledged(), ledger.open()), (0, 4));
        ledger.hear(b"p 6 200 OK\n", now).unwrap();
        assert_eq!((ledger.acknowledged(), ledger.open()), (3, 1));
        assert_eq!(ledger.acknowledged(), 0, "told once");
        ledger.hear(b"5 rsp 3 200\n", now).unwrap();
        assert_eq!((ledger.acknowledged(), ledger.waits_since()), (1, None));
        assert_eq!(ledger.closes().number(), 6);
        ledger.hear(b"6 rsp 0\n0 serverclose 0\n", now).unwrap();
        assert!(ledger.is_closed());
    }

    #[tokio::test]
    async fn what_ends_a_connection_keeps_what_came_before_it() {
        let now = now().await;
        for (heard, ends) in [
            (
                "3 rsp 15 500 disk\x07 full\x0b\n",
                Ends::Refused("500 disk full".to_owned()),
            ),
            ("0 serverclose 0\n", Ends::Leaves),
            ("2 rsp 6 200 OK\n", Ends::Wrong("it acknowledges what is not open")),
            ("9 rsp 6 200 OK\n", Ends::Wrong("it acknowledges what is not open")),
            ("3 rsp 4 fine\n", Ends::Wrong("it answers a message without a status")),
            ("3 syslog 4 text\n", Ends::Wrong("it sends commands, which only we may")),
            ("HTTP/1.1 400\n", Ends::Wrong("what it says is no RELP")),
        ] {
            let mut ledger = Ledger::new(now);
            ledger.sends(3, now);
            let heard = format!("2 rsp 6 200 OK\n0 news 0\n{heard}");
            assert_eq!(ledger.hear(heard.as_bytes(), now), Err(ends), "{heard}");
            assert_eq!(ledger.acknowledged(), 1, "{heard}");
        }
    }
}
