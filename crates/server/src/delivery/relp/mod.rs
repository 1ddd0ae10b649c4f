//! RELP: the receiver acknowledges each message. Our own client, after the protocol's description
//! (<https://www.rsyslog.com/doc/relp.html>); why stands in docs/adr/0021.

mod frame;
mod ledger;

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use frame::Inbox;
pub(super) use frame::{TRAILER, Txnr, decimal, header};
use ledger::{Ends, Ledger, Response};

use super::Batch;
use super::stream::Stream;
use super::trouble::{Farewell, Trouble};

/// A connection to a receiver that acknowledges.
pub(super) struct Relp {
    stream: Stream,
    ledger: Ledger,
    address: String,
    /// How many messages may be on their way.
    window: usize,
    stall: Duration,
}

/// How long our end of the stream may take after everything was said.
const LAST_WORD: Duration = Duration::from_millis(200);

impl Relp {
    /// Opens a session: says what we want and hears what there is.
    pub(super) async fn open(
        stream: Stream,
        address: &str,
        patience: Duration,
        window: usize,
        stall: Duration,
    ) -> Result<Self, Trouble> {
        let wrong = |words: String| Trouble::Relp(address.to_owned(), words);
        let mut relp = Self {
            stream,
            ledger: Ledger::new(Instant::now()),
            address: address.to_owned(),
            window,
            stall,
        };
        match timeout(patience, relp.greet()).await {
            Ok(Ok(())) => Ok(relp),
            Ok(Err(Trouble::Closed(_) | Trouble::Broken(..))) => Err(wrong(
                "it hung up instead of answering: does it speak RELP on this port?".to_owned(),
            )),
            Ok(Err(trouble)) => Err(trouble),
            Err(_) => Err(wrong(format!(
                "it has not answered for {} seconds: does it speak RELP on this port?",
                patience.as_secs()
            ))),
        }
    }

    async fn greet(&mut self) -> Result<(), Trouble> {
        let wrong = |words: String| Err(Trouble::Relp(self.address.clone(), words));
        let mut greeting = Vec::new();
        header(Txnr::OPEN, "open", OFFERS.len(), &mut greeting);
        greeting.extend_from_slice(OFFERS.as_bytes());
        greeting.push(TRAILER);
        let mut inbox = Inbox::default();
        self.stream
            .send(&greeting, |heard| {
                inbox.push(heard);
                Ok(())
            })
            .await?;
        loop {
            match inbox.next() {
                Ok(Some(frame)) if frame.txnr == Txnr::OPEN && frame.command == b"rsp" => {
                    return match Response::of(frame.data) {
                        Some(Response { code: 200, data, .. }) if !offers(data, "relp_version", None) => {
                            wrong("it does not say which version of RELP it speaks".to_owned())
                        }
                        Some(Response { code: 200, data, .. }) if !offers(data, "commands", Some("syslog")) => {
                            wrong("it takes no syslog messages".to_owned())
                        }
                        Some(Response { code: 200, .. }) => Ok(()),
                        Some(response) => wrong(format!("it does not want us: {}", response.words())),
                        None => wrong("it answers without a status".to_owned()),
                    };
                }
                Ok(Some(frame)) if frame.txnr == Txnr::HINT => {}
                Ok(Some(_)) | Err(_) => {
                    return wrong("what it answers is no RELP: does it speak RELP on this port?".to_owned());
                }
                Ok(None) => {
                    let heard = self.stream.hear().await?;
                    inbox.push(heard);
                }
            }
        }
    }

    /// Writes all messages, as far as the window lets, and takes acknowledgements meanwhile. They need not be
    /// acknowledged when it ends.
    pub(super) async fn send(&mut self, batch: &Batch) -> Result<(), Trouble> {
        let mut sent = 0;
        while sent < batch.len() {
            let left = batch.len() - sent;
            let room = self.window.saturating_sub(self.ledger.open());
            // Not message by message at a full window: that would be a system call each.
            if room < left.min((self.window / 4).max(1)) {
                self.hear().await?;
                continue;
            }
            let count = left.min(room);
            self.ledger.sends(count, Instant::now());
            let (ledger, address) = (&mut self.ledger, &self.address);
            self.stream
                .send(batch.octets_of(sent, count), |heard| {
                    ledger
                        .hear(heard, Instant::now())
                        .map_err(|ends| trouble(address, ends))
                })
                .await?;
            sent += count;
        }
        Ok(())
    }

    /// Waits until something is acknowledged that [`Self::acknowledged`] then tells. May be dropped at any time.
    pub(super) async fn listen(&mut self) -> Result<(), Trouble> {
        while self.ledger.untold() == 0 {
            self.hear().await?;
        }
        Ok(())
    }

    /// Waits until everything that was sent is acknowledged.
    pub(super) async fn confirm(&mut self) -> Result<(), Trouble> {
        while self.ledger.open() > 0 {
            self.hear().await?;
        }
        Ok(())
    }

    /// How many messages were acknowledged since the last time this was asked: the oldest that were not.
    pub(super) fn acknowledged(&mut self) -> usize {
        self.ledger.acknowledged()
    }

    /// Closes the session; what is acknowledged until then still counts.
    pub(super) async fn close(&mut self, patience: Duration) -> Farewell {
        let said = timeout(patience, self.part()).await;
        let all = self.ledger.open() == 0;
        match said {
            Ok(Ok(()) | Err(Trouble::Closed(_))) if all => Farewell::Taken,
            Ok(Ok(())) | Err(_) => Farewell::Unknown,
            Ok(Err(trouble)) => Farewell::Broken(trouble),
        }
    }

    async fn part(&mut self) -> Result<(), Trouble> {
        let mut close = Vec::new();
        header(self.ledger.closes(), "close", 0, &mut close);
        close.push(TRAILER);
        let (ledger, address) = (&mut self.ledger, &self.address);
        self.stream
            .send(&close, |heard| {
                ledger
                    .hear(heard, Instant::now())
                    .map_err(|ends| trouble(address, ends))
            })
            .await?;
        while !self.ledger.is_closed() {
            self.hear().await?;
        }
        self.stream.close(LAST_WORD).await;
        Ok(())
    }

    /// Hears once.
    async fn hear(&mut self) -> Result<(), Trouble> {
        let heard = match self.ledger.waits_since() {
            None => self.stream.hear().await,
            Some(since) => timeout_at(since + self.stall, self.stream.hear())
                .await
                .unwrap_or_else(|_| Err(Trouble::Unanswered(self.address.clone(), self.stall.as_secs()))),
        };
        self.ledger
            .hear(heard?, Instant::now())
            .map_err(|ends| trouble(&self.address, ends))
    }
}

/// What we say of ourselves and want.
const OFFERS: &str = concat!(
    "relp_version=0\nrelp_software=countersign,",
    env!("CARGO_PKG_VERSION"),
    "\ncommands=syslog"
);

/// Whether an offer is there, with a value where one is wanted.
fn offers(data: &[u8], name: &str, value: Option<&str>) -> bool {
    data.split(|octet| *octet == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok())
        .filter_map(|line| line.trim().split_once('='))
        .any(|(offer, values)| {
            offer == name && value.is_none_or(|value| values.split(',').any(|one| one.trim() == value))
        })
}

fn trouble(address: &str, ends: Ends) -> Trouble {
    let address = address.to_owned();
    match ends {
        Ends::Refused(words) => Trouble::Refused(address, words),
        Ends::Leaves => Trouble::Closed(address),
        Ends::Wrong(words) => Trouble::Relp(address, words.to_owned()),
    }
}
