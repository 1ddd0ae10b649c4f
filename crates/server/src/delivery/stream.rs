//! A stream of octets to a receiver, in the clear or inside TLS.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::client::TlsStream;

use super::tls::{Notes, Tls};
use super::trouble::{Farewell, Trouble};

/// A stream to a receiver.
pub(super) struct Stream {
    wire: Wire,
    address: String,
    stall: Duration,
    /// What was heard last.
    heard: Box<[u8]>,
}

enum Wire {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>, Notes),
}

/// How much is heard at once.
const HEARD: usize = 8_192;

/// How long to read what a receiver said before it hung up: it is in our system already.
const LAST_WORDS: Duration = Duration::from_millis(200);

impl Stream {
    /// Connects to one address, and makes the connection secure when asked to.
    pub(super) async fn open(
        peer: SocketAddr,
        tls: Option<&Tls>,
        address: &str,
        connect: Duration,
        stall: Duration,
    ) -> Result<Self, Trouble> {
        let no_connection = |kind| Trouble::Connect(address.to_owned(), kind);
        let until = Instant::now() + connect;
        let plain = match timeout_at(until, tcp(peer, stall)).await {
            Ok(Ok(plain)) => plain,
            Ok(Err(error)) => return Err(no_connection(error.kind())),
            Err(_) => return Err(no_connection(io::ErrorKind::TimedOut)),
        };
        let wire = match tls {
            None => Wire::Plain(plain),
            Some(tls) => {
                let silent = |_| {
                    let seconds = connect.as_secs();
                    Err(format!(
                        "it has not answered for {seconds} seconds: does it speak TLS on this port?"
                    ))
                };
                let connected = timeout_at(until, tls.connect(plain)).await.unwrap_or_else(silent);
                let (secure, notes) = connected.map_err(|words| Trouble::Tls(address.to_owned(), words))?;
                Wire::Secure(Box::new(secure), notes)
            }
        };
        Ok(Self {
            wire,
            address: address.to_owned(),
            stall,
            heard: vec![0; HEARD].into_boxed_slice(),
        })
    }

    /// Writes everything. Hands over what is heard meanwhile.
    ///
    /// Reading comes first: a receiver that hung up is noticed before anything is written to it.
    pub(super) async fn send(
        &mut self,
        octets: &[u8],
        mut hear: impl FnMut(&[u8]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let mut rest = octets;
        let mut progress = Instant::now();
        loop {
            let step = poll_fn(|cx| {
                if let Poll::Ready(heard) = self.wire.poll_hear(cx, &mut self.heard) {
                    return Poll::Ready(heard.map(Step::Heard));
                }
                if rest.is_empty() {
                    let flushed = ready!(Pin::new(&mut self.wire).poll_flush(cx));
                    return Poll::Ready(Ok(flushed.map_or_else(Step::Unwritten, |()| Step::Flushed)));
                }
                let wrote = ready!(Pin::new(&mut self.wire).poll_write(cx, rest));
                Poll::Ready(Ok(wrote.map_or_else(Step::Unwritten, Step::Wrote)))
            });
            let Ok(step) = timeout_at(progress + self.stall, step).await else {
                return Err(Trouble::Stalled(self.address.clone(), self.stall.as_secs()));
            };
            match step.map_err(|error| self.trouble(&error))? {
                Step::Heard(0) => return Err(self.hung_up()),
                Step::Heard(count) => hear(self.heard.get(..count).unwrap_or_default())?,
                Step::Wrote(count) => {
                    rest = rest.get(count..).unwrap_or_default();
                    progress = Instant::now();
                }
                Step::Flushed => return Ok(()),
                Step::Unwritten(error) => {
                    let last = timeout(LAST_WORDS, self.last_words(&mut hear)).await;
                    return Err(last.ok().flatten().unwrap_or_else(|| self.trouble(&error)));
                }
            }
        }
    }

    /// What a receiver said before it hung up, where writing noticed first: acknowledgements, or why it leaves.
    async fn last_words(&mut self, hear: &mut impl FnMut(&[u8]) -> Result<(), Trouble>) -> Option<Trouble> {
        loop {
            match poll_fn(|cx| self.wire.poll_hear(cx, &mut self.heard)).await {
                Ok(0) => return Some(self.hung_up()),
                Ok(count) => {
                    if let Err(trouble) = hear(self.heard.get(..count).unwrap_or_default()) {
                        return Some(trouble);
                    }
                }
                Err(error) => return self.told(&error),
            }
        }
    }

    /// Waits for something to be heard. May be dropped at any time; nothing is lost then.
    pub(super) async fn hear(&mut self) -> Result<&[u8], Trouble> {
        let heard = poll_fn(|cx| self.wire.poll_hear(cx, &mut self.heard)).await;
        match heard.map_err(|error| self.trouble(&error))? {
            0 => Err(self.hung_up()),
            count => Ok(self.heard.get(..count).unwrap_or_default()),
        }
    }

    /// Ends our side and listens for the receiver's answer. A receiver's system answers with the end of the stream only
    /// when its process has read everything; a process that left octets unread makes it a reset. Inside TLS its
    /// close_notify (RFC 5246 section 7.2.1) says it, and an end without one says nothing.
    pub(super) async fn close(&mut self, patience: Duration) -> Farewell {
        let ended = async {
            self.wire.shutdown().await?;
            loop {
                if poll_fn(|cx| self.wire.poll_hear(cx, &mut self.heard)).await? == 0 {
                    return Ok::<_, io::Error>(());
                }
            }
        };
        match timeout(patience, ended).await {
            Ok(Ok(())) => Farewell::Taken,
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Farewell::Unknown,
            Ok(Err(error)) => Farewell::Broken(self.trouble(&error)),
            Err(_) => Farewell::Unknown,
        }
    }

    fn hung_up(&self) -> Trouble {
        Trouble::Closed(self.address.clone())
    }

    fn trouble(&self, error: &io::Error) -> Trouble {
        self.told(error).unwrap_or_else(|| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.hung_up(),
            kind => Trouble::Broken(self.address.clone(), kind),
        })
    }

    /// What TLS says about it.
    fn told(&self, error: &io::Error) -> Option<Trouble> {
        match &self.wire {
            Wire::Plain(_) => None,
            Wire::Secure(_, notes) => notes
                .about(error)
                .map(|words| Trouble::Tls(self.address.clone(), words)),
        }
    }
}

/// What happened next while sending.
enum Step {
    Heard(usize),
    Wrote(usize),
    Flushed,
    Unwritten(io::Error),
}

impl Wire {
    fn poll_hear(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut into = ReadBuf::new(into);
        ready!(match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, &mut into),
            Self::Secure(stream, _) => Pin::new(stream).poll_read(cx, &mut into),
        })?;
        Poll::Ready(Ok(into.filled().len()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, octets),
            Self::Secure(stream, _) => Pin::new(stream).poll_write(cx, octets),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure(stream, _) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure(stream, _) => Pin::new(stream).poll_shutdown(cx),
        }
    }
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
