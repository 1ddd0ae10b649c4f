//! The accept loop: one task for each connection, HTTP/1.1 and HTTP/2, a bound on everything, a graceful end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::Peer;
use super::tls::Tls;
use crate::config::Limits;

/// Asks the server to stop: running requests are finished, nothing new is taken.
pub type Stop = CancellationToken;

/// The address could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}{}", hint(error))]
pub struct BindFailed {
    address: SocketAddr,
    error: io::Error,
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; stop the program that uses it or choose another with --listen ADDRESS:PORT",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need a privilege, choose another with --listen",
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        _ => "",
    }
}

/// An open address, not yet answering.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    tls: Option<Tls>,
    limits: Limits,
}

impl Listener {
    /// Opens the address.
    ///
    /// # Errors
    /// The system refuses it.
    pub async fn bind(address: SocketAddr, tls: Option<Tls>, limits: Limits) -> Result<Self, BindFailed> {
        let socket = TcpListener::bind(address)
            .await
            .map_err(|error| BindFailed { address, error })?;
        Ok(Self { socket, tls, limits })
    }

    /// The address that was opened, with the port that the system chose.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Answers until it is told to stop, then gives running requests [`Limits::stop`] to finish.
    pub async fn serve(self, router: Router, stop: Stop) {
        let Self { socket, tls, limits } = self;
        let room = Arc::new(Semaphore::new(limits.connections));
        let graceful = GracefulShutdown::new();
        let abandon = CancellationToken::new();
        loop {
            // Room is taken first: when there is none, clients wait in the system's backlog.
            let accepted = async {
                let permit = Arc::clone(&room).acquire_owned().await;
                (socket.accept().await, permit)
            };
            let (accepted, permit) = tokio::select! {
                () = stop.cancelled() => break,
                accepted = accepted => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = Connection {
                        peer: Peer(peer),
                        router: router.clone(),
                        limits: limits.clone(),
                        watcher: graceful.watcher(),
                    };
                    let (tls, abandon) = (tls.clone(), abandon.clone());
                    tokio::spawn(async move {
                        tokio::select! {
                            () = abandon.cancelled() => {}
                            () = connection.run(stream, tls) => {}
                        }
                        drop(permit);
                    });
                }
                // The client gave up, or we ran out of file descriptors: neither may end the server nor spin it.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(socket);
        if timeout(limits.stop, graceful.shutdown()).await.is_err() {
            tracing::warn!("closing connections that did not finish in time");
        }
        abandon.cancel();
    }
}

struct Connection {
    peer: Peer,
    router: Router,
    limits: Limits,
    watcher: Watcher,
}

impl Connection {
    async fn run(self, stream: TcpStream, tls: Option<Tls>) {
        // Answers are often small and awaited: never hold them back for more.
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.speak(stream).await,
            Some(tls) => match timeout(self.limits.header, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.speak(stream).await,
                Ok(Err(error)) => tracing::debug!(peer = %self.peer.0, %error, "no TLS"),
                Err(_) => tracing::debug!(peer = %self.peer.0, "no TLS in time"),
            },
        }
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self {
            peer,
            router,
            limits,
            watcher,
        } = self;
        let spoke = Arc::new(AtomicBool::new(false));
        let service = {
            let spoke = Arc::clone(&spoke);
            service_fn(move |mut request: Request<Incoming>| {
                spoke.store(true, Ordering::Relaxed);
                request.extensions_mut().insert(peer);
                router.clone().call(request.map(Body::new))
            })
        };
        let builder = protocol(&limits);
        let connection = watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned());
        tokio::pin!(connection);
        // hyper's own timeout starts only once it knows which HTTP is spoken: a silent client would stay for ever.
        let finished = tokio::select! {
            finished = &mut connection => Some(finished),
            () = sleep(limits.header) => None,
        };
        let finished = match finished {
            Some(finished) => finished,
            None if spoke.load(Ordering::Relaxed) => connection.await,
            None => return,
        };
        if let Err(error) = finished {
            tracing::debug!(peer = %peer.0, %error, "the connection ended early");
        }
    }
}

/// The bounds of both versions of HTTP.
fn protocol(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_buf_size(limits.header_bytes.max(256 * 1024));
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(30))
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(128)
        .initial_stream_window_size(1024 * 1024)
        .initial_connection_window_size(4 * 1024 * 1024)
        .max_frame_size(64 * 1024);
    builder
}
