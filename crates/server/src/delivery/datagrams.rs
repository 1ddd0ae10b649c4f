//! UDP: one message a datagram (RFC 5426).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

use super::Batch;
use super::trouble::{Farewell, Trouble};

/// A socket that sends to one receiver.
pub(super) struct Datagrams {
    socket: UdpSocket,
    address: String,
}

/// So many datagrams go out at a stretch, then a millisecond's rest: a burst would only fill the receiver's socket.
const BURST: usize = 32;
const REST: Duration = Duration::from_millis(1);

/// How long to listen for "nobody is there" after the last datagram.
const FAREWELL: Duration = Duration::from_millis(500);

impl Datagrams {
    /// Connected, so that the network's "nobody listens" reaches us.
    pub(super) async fn open(peer: SocketAddr, address: String) -> Result<Self, Trouble> {
        let any: IpAddr = match peer {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let opened = async {
            let socket = UdpSocket::bind((any, 0)).await?;
            socket.connect(peer).await?;
            Ok::<_, io::Error>(socket)
        };
        match opened.await {
            Ok(socket) => Ok(Self { socket, address }),
            Err(error) => Err(Trouble::Connect(address, error.kind())),
        }
    }

    pub(super) async fn send(&mut self, batch: &Batch) -> Result<(), Trouble> {
        for (at, message) in batch.messages().enumerate() {
            if at % BURST == BURST - 1 {
                sleep(REST).await;
            }
            self.socket.send(message).await.map_err(|error| self.broken(&error))?;
        }
        Ok(())
    }

    /// Ends when the network says that nobody listens.
    pub(super) async fn listen(&mut self) -> Trouble {
        let mut scratch = [0; 512];
        loop {
            // A receiver of syslog says nothing; what it says all the same is dropped.
            if let Err(error) = self.socket.recv(&mut scratch).await {
                return self.broken(&error);
            }
        }
    }

    /// Nobody said that nobody is there: that is all UDP ever tells.
    pub(super) async fn close(&mut self, patience: Duration) -> Farewell {
        timeout(patience.min(FAREWELL), self.listen())
            .await
            .map_or(Farewell::Taken, Farewell::Broken)
    }

    fn broken(&self, error: &io::Error) -> Trouble {
        Trouble::Broken(self.address.clone(), error.kind())
    }
}
