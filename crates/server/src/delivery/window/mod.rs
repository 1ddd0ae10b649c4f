//! What was sent and may still be lost.

mod acknowledged;
mod aging;

use countersign_core::receiver::Transport;
use tokio::time::Instant;

use acknowledged::Acknowledged;
use aging::Aging;

use super::Pace;

/// Follows one receiver: up to where events were handed over, and up to where none need be sent again.
#[derive(Debug)]
pub(super) enum Window {
    /// UDP: sent is not delivered while the network may still answer that nobody listens.
    Datagrams(Aging),
    /// Streams without acknowledgements.
    Stream(Aging),
    /// RELP.
    Acknowledged(Acknowledged),
}

impl Window {
    /// Everything up to `settled` has long arrived.
    pub(super) const fn new(transport: Transport, settled: i64, pace: &Pace) -> Self {
        match transport {
            Transport::Udp => Self::Datagrams(Aging::new(settled, pace.hold_datagrams, pace.hold_octets)),
            Transport::TcpLf | Transport::TcpOctets | Transport::Tls => {
                Self::Stream(Aging::new(settled, pace.hold, pace.hold_octets))
            }
            Transport::Relp | Transport::RelpTls => Self::Acknowledged(Acknowledged::new(settled)),
        }
    }

    /// The last event that was handed over, or was not for this receiver: reading goes on after it.
    pub(super) const fn handed(&self) -> i64 {
        match self {
            Self::Datagrams(aging) | Self::Stream(aging) => aging.handed(),
            Self::Acknowledged(acknowledged) => acknowledged.handed(),
        }
    }

    /// The last event that counts as delivered.
    pub(super) const fn delivered(&self) -> i64 {
        match self {
            Self::Stream(aging) => aging.handed(),
            Self::Datagrams(_) | Self::Acknowledged(_) => self.settled(),
        }
    }

    /// The last event that need not be sent again.
    pub(super) const fn settled(&self) -> i64 {
        match self {
            Self::Datagrams(aging) | Self::Stream(aging) => aging.settled(),
            Self::Acknowledged(acknowledged) => acknowledged.settled(),
        }
    }

    /// Whether a connection alone says that the receiver is well again: one that acknowledges says so by that.
    pub(super) fn trusts_a_connection(&self) -> bool {
        match self {
            Self::Stream(_) => true,
            Self::Datagrams(_) => false,
            Self::Acknowledged(acknowledged) => acknowledged.handed() == acknowledged.settled(),
        }
    }

    /// These events, together so many octets, were handed over.
    pub(super) fn hand(&mut self, events: &[i64], octets: u64, now: Instant) {
        match self {
            Self::Datagrams(aging) | Self::Stream(aging) => {
                if let Some(last) = events.last() {
                    aging.hand(*last, octets, now);
                }
            }
            Self::Acknowledged(acknowledged) => acknowledged.hand(events),
        }
    }

    /// What comes after the last event that was handed over, up to this one, is not for this receiver.
    pub(super) fn skip(&mut self, last: i64) {
        match self {
            Self::Datagrams(aging) | Self::Stream(aging) => aging.skip(last),
            Self::Acknowledged(acknowledged) => acknowledged.skip(last),
        }
    }

    /// So many more were acknowledged.
    pub(super) fn acknowledge(&mut self, count: usize) {
        match self {
            Self::Datagrams(_) | Self::Stream(_) => {}
            Self::Acknowledged(acknowledged) => acknowledged.acknowledge(count),
        }
    }

    /// The connection lives: what is old enough, or far enough back, is settled where nothing acknowledges.
    pub(super) fn settle(&mut self, now: Instant) {
        match self {
            Self::Datagrams(aging) | Self::Stream(aging) => aging.settle(now),
            Self::Acknowledged(_) => {}
        }
    }

    /// The receiver has confirmed everything.
    pub(super) fn settle_all(&mut self) {
        match self {
            Self::Datagrams(aging) | Self::Stream(aging) => aging.settle_all(),
            // Whatever was confirmed was acknowledged, too.
            Self::Acknowledged(_) => {}
        }
    }

    /// The connection broke: what is not settled must be sent again.
    pub(super) fn go_back(&mut self) {
        match self {
            Self::Datagrams(aging) | Self::Stream(aging) => aging.go_back(),
            Self::Acknowledged(acknowledged) => acknowledged.go_back(),
        }
    }

    /// When something will be settled, if the connection lives.
    pub(super) fn next(&self) -> Option<Instant> {
        match self {
            Self::Datagrams(aging) | Self::Stream(aging) => aging.next(),
            Self::Acknowledged(_) => None,
        }
    }
}
