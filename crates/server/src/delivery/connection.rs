//! One connection to a receiver, over any transport.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use countersign_core::receiver::{ReceiverSpec, Transport};
use countersign_store::StoreError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{Batch, Pace};

/// Why nothing can be delivered now. The text is for people.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("the name in {0} does not resolve: check the name and the DNS settings of this machine")]
    Name(String),
    #[error("no connection to {0}: {1}")]
    Connect(String, io::ErrorKind),
    #[error("{0} has closed the connection")]
    Closed(String),
    #[error("{0} has taken nothing for {1} seconds")]
    Stalled(String, u64),
    #[error("the connection to {0} broke: {1}")]
    Broken(String, io::ErrorKind),
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// A connection to a receiver.
pub(super) struct Connection {
    socket: Socket,
    address: String,
    stall: Duration,
    farewell: Duration,
}

enum Socket {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum Farewell {
    /// The receiver has read everything: it answered our end of the stream with its own.
    Taken,
    /// It said nothing in time.
    Unknown,
    /// It broke.
    Broken(Trouble),
}

/// So many datagrams go out at a stretch, then a millisecond's rest: a burst would only fill the receiver's socket.
const BURST: usize = 32;
const REST: Duration = Duration::from_millis(1);

/// How long to listen for "nobody is there" after the last datagram.
const DATAGRAM_FAREWELL: Duration = Duration::from_millis(500);

impl Connection {
    /// Resolves the name and connects to the first address that answers. `attempt` turns through a name's addresses
    /// where none answers by itself (UDP).
    pub(super) async fn open(spec: &ReceiverSpec, pace: &Pace, attempt: u32) -> Result<Self, Trouble> {
        let address = spec.address.to_string();
        let found = within(pace.connect, tokio::net::lookup_host(address.clone())).await;
        let peers: Vec<SocketAddr> = found.map_or_else(|_| Vec::new(), Iterator::collect);
        let socket = match spec.transport {
            Transport::Udp => {
                let turn = usize::try_from(attempt)
                    .unwrap_or(0)
                    .checked_rem(peers.len())
                    .unwrap_or(0);
                let peer = peers.get(turn).ok_or_else(|| Trouble::Name(address.clone()))?;
                udp(*peer).await.map(Socket::Udp)
            }
            Transport::Tls | Transport::Relp | Transport::RelpTls => {
                return Err(Trouble::Connect(address, io::ErrorKind::Unsupported));
            }
            Transport::TcpLf | Transport::TcpOctets => {
                let mut opened = Err(Trouble::Name(address.clone()));
                for peer in peers {
                    opened = within(pace.connect, tcp(peer, pace.stall))
                        .await
                        .map_err(|error| Trouble::Connect(address.clone(), error.kind()));
                    if opened.is_ok() {
                        break;
                    }
                }
                Ok(Socket::Tcp(opened?))
            }
        };
        Ok(Self {
            socket: socket.map_err(|error| Trouble::Connect(address.clone(), error.kind()))?,
            address,
            stall: pace.stall,
            farewell: pace.farewell,
        })
    }

    /// Hands all messages to the socket. Looks first whether the receiver has gone.
    pub(super) async fn send(&mut self, batch: &Batch) -> Result<(), Trouble> {
        match &mut self.socket {
            Socket::Udp(socket) => {
                for (at, message) in batch.messages().enumerate() {
                    if at % BURST == BURST - 1 {
                        sleep(REST).await;
                    }
                    socket
                        .send(message)
                        .await
                        .map_err(|error| broken(&self.address, &error))?;
                }
                Ok(())
            }
            Socket::Tcp(stream) => send_stream(stream, batch.octets(), self.stall, &self.address).await,
        }
    }

    /// Ends only when the connection is known to be broken.
    pub(super) async fn broken(&mut self) -> Trouble {
        let mut scratch = [0; 512];
        loop {
            // A receiver of syslog says nothing; what it says all the same is read and dropped.
            let read = match &mut self.socket {
                Socket::Udp(socket) => socket.recv(&mut scratch).await.map(|_| 1),
                Socket::Tcp(stream) => stream.read(&mut scratch).await,
            };
            match read {
                Ok(0) => return Trouble::Closed(self.address.clone()),
                Ok(_) => {}
                Err(error) => return broken(&self.address, &error),
            }
        }
    }

    /// Ends the connection and listens for the receiver's answer. A receiver's system answers with the end of the
    /// stream only when its process has read everything; a process that left octets unread makes it a reset.
    pub(super) async fn close(mut self) -> Farewell {
        let patience = match &mut self.socket {
            Socket::Udp(_) => self.farewell.min(DATAGRAM_FAREWELL),
            Socket::Tcp(stream) => {
                if let Err(error) = stream.shutdown().await {
                    return Farewell::Broken(broken(&self.address, &error));
                }
                self.farewell
            }
        };
        match timeout(patience, self.broken()).await {
            Ok(Trouble::Closed(_)) => Farewell::Taken,
            Ok(trouble) => Farewell::Broken(trouble),
            Err(_) => match self.socket {
                // Nobody said that nobody is there: that is all UDP ever tells.
                Socket::Udp(_) => Farewell::Taken,
                Socket::Tcp(_) => Farewell::Unknown,
            },
        }
    }
}

fn broken(address: &str, error: &io::Error) -> Trouble {
    Trouble::Broken(address.to_owned(), error.kind())
}

async fn within<T>(time: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(time, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn udp(peer: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr = match peer {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    // Connected, so that the network's "nobody listens" reaches us.
    socket.connect(peer).await?;
    Ok(socket)
}

async fn tcp(peer: SocketAddr, stall: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(peer).await?;
    stream.set_nodelay(true)?;
    // A receiver that vanished without a word is noticed within `stall`, whether something is on its way or not.
    rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
    rustix::net::sockopt::set_tcp_keepidle(&stream, (stall / 2).max(Duration::from_secs(1)))?;
    rustix::net::sockopt::set_tcp_keepintvl(&stream, (stall / 4).max(Duration::from_secs(1)))?;
    rustix::net::sockopt::set_tcp_keepcnt(&stream, 2)?;
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_user_timeout(&stream, u32::try_from(stall.as_millis()).unwrap_or(u32::MAX))?;
    Ok(stream)
}

async fn send_stream(stream: &mut TcpStream, octets: &[u8], stall: Duration, address: &str) -> Result<(), Trouble> {
    let (mut reader, mut writer) = stream.split();
    let mut scratch = [0; 512];
    let mut rest = octets;
    let mut progress = Instant::now();
    while !rest.is_empty() {
        tokio::select! {
            biased;
            read = reader.read(&mut scratch) => match read {
                Ok(0) => return Err(Trouble::Closed(address.to_owned())),
                Ok(_) => {}
                Err(error) => return Err(broken(address, &error)),
            },
            written = writer.write(rest) => match written {
                Ok(count) => {
                    rest = rest.get(count..).unwrap_or_default();
                    progress = Instant::now();
                }
                Err(error) => return Err(broken(address, &error)),
            },
            () = sleep_until(progress + stall) => {
                return Err(Trouble::Stalled(address.to_owned(), stall.as_secs()));
            }
        }
    }
    Ok(())
}
