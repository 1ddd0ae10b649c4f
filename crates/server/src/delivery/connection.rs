//! One connection to a receiver, over any transport: what the transports have in common, and the one place that tells
//! them apart.

use std::net::SocketAddr;
use std::time::Duration;

use countersign_core::receiver::{ReceiverSpec, Transport};
use countersign_events::Timestamp;
use tokio::time::timeout;

use super::datagrams::Datagrams;
use super::relp::Relp;
use super::stream::Stream;
use super::tls::Tls;
use super::trouble::{Farewell, Trouble};
use super::{Batch, OwnCertificate, Pace};

/// A connection to a receiver.
pub(super) struct Connection {
    link: Link,
    farewell: Duration,
}

enum Link {
    Datagrams(Datagrams),
    Stream(Stream),
    Relp(Box<Relp>),
}

/// What a connection is made with, beside what the receiver's description says.
pub(super) struct Terms<'a> {
    pub(super) pace: &'a Pace,
    pub(super) own_certificate: Option<&'a OwnCertificate>,
    /// For the dates of certificates.
    pub(super) now: Timestamp,
    /// How many tries have failed before this one: turns through a name's addresses where none answers by itself (UDP).
    pub(super) attempt: u32,
}

impl Connection {
    /// Resolves the name and connects to the first address that answers.
    pub(super) async fn open(spec: &ReceiverSpec, terms: Terms<'_>) -> Result<Self, Trouble> {
        let pace = terms.pace;
        let connect = Duration::from_secs(spec.options.connect_seconds.seconds().into());
        let peers = resolve(spec, connect).await?;
        let address = spec.address.as_str();
        let link = match spec.transport {
            Transport::Udp => {
                let turn = usize::try_from(terms.attempt).unwrap_or(0).checked_rem(peers.len());
                let peer = turn.and_then(|turn| peers.get(turn));
                let peer = peer.ok_or_else(|| Trouble::Name(address.to_owned()))?;
                Link::Datagrams(Datagrams::open(*peer, address.to_owned()).await?)
            }
            Transport::TcpLf | Transport::TcpOctets | Transport::Tls => {
                Link::Stream(open_stream(spec, &terms, &peers, connect).await?)
            }
            Transport::Relp | Transport::RelpTls => {
                let stream = open_stream(spec, &terms, &peers, connect).await?;
                let relp = Relp::open(stream, address, connect, pace.relp_window, pace.stall).await?;
                Link::Relp(Box::new(relp))
            }
        };
        Ok(Self {
            link,
            farewell: pace.farewell,
        })
    }

    /// Hands all messages to the socket. Looks first whether the receiver has gone.
    pub(super) async fn send(&mut self, batch: &Batch) -> Result<(), Trouble> {
        match &mut self.link {
            Link::Datagrams(datagrams) => datagrams.send(batch).await,
            // A receiver of plain syslog says nothing; what it says all the same is dropped.
            Link::Stream(stream) => stream.send(batch.octets(), |_| Ok(())).await,
            Link::Relp(relp) => relp.send(batch).await,
        }
    }

    /// Waits until something was acknowledged, or the connection is known to be broken. May be dropped at any time.
    pub(super) async fn listen(&mut self) -> Result<(), Trouble> {
        match &mut self.link {
            Link::Datagrams(datagrams) => Err(datagrams.listen().await),
            Link::Stream(stream) => loop {
                stream.hear().await?;
            },
            Link::Relp(relp) => relp.listen().await,
        }
    }

    /// How many messages were acknowledged since the last time this was asked: the oldest that were not.
    pub(super) fn acknowledged(&mut self) -> usize {
        match &mut self.link {
            Link::Datagrams(_) | Link::Stream(_) => 0,
            Link::Relp(relp) => relp.acknowledged(),
        }
    }

    /// Waits until everything that was sent is acknowledged, where there are acknowledgements.
    pub(super) async fn confirm(&mut self) -> Result<(), Trouble> {
        match &mut self.link {
            Link::Datagrams(_) | Link::Stream(_) => Ok(()),
            Link::Relp(relp) => relp.confirm().await,
        }
    }

    /// Ends the connection in good order, and listens for the receiver's answer.
    pub(super) async fn close(&mut self) -> Farewell {
        match &mut self.link {
            Link::Datagrams(datagrams) => datagrams.close(self.farewell).await,
            Link::Stream(stream) => stream.close(self.farewell).await,
            Link::Relp(relp) => relp.close(self.farewell).await,
        }
    }
}

async fn resolve(spec: &ReceiverSpec, patience: Duration) -> Result<Vec<SocketAddr>, Trouble> {
    let address = spec.address.to_string();
    match timeout(patience, tokio::net::lookup_host(address.clone())).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(_)) | Err(_) => Err(Trouble::Name(address)),
    }
}

/// A stream to the first address that answers.
async fn open_stream(
    spec: &ReceiverSpec,
    terms: &Terms<'_>,
    peers: &[SocketAddr],
    connect: Duration,
) -> Result<Stream, Trouble> {
    let tls = prepare_tls(spec, terms).await?;
    let address = spec.address.as_str();
    let mut opened = Err(Trouble::Name(address.to_owned()));
    for peer in peers {
        opened = Stream::open(*peer, tls.as_ref(), address, connect, terms.pace.stall).await;
        if opened.is_ok() {
            break;
        }
    }
    opened
}

/// What TLS needs, where there is TLS. Reads files, so beside the tasks.
async fn prepare_tls(spec: &ReceiverSpec, terms: &Terms<'_>) -> Result<Option<Tls>, Trouble> {
    if !spec.transport.is_encrypted() {
        return Ok(None);
    }
    let (described, own, now) = (spec.clone(), terms.own_certificate.cloned(), terms.now);
    let prepared = tokio::task::spawn_blocking(move || Tls::prepare(&described, own.as_ref(), now)).await;
    match prepared {
        Ok(Ok(tls)) => Ok(Some(tls)),
        Ok(Err(words)) => Err(Trouble::Tls(spec.address.to_string(), words)),
        Err(_) => Err(Trouble::Tls(
            spec.address.to_string(),
            "TLS cannot be set up".to_owned(),
        )),
    }
}
