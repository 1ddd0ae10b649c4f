//! The receiver that prints: a syslog server of a few lines.

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::net::TcpListener;

/// Hands every message on, a line each, as it came over the wire, until it is aborted.
pub async fn receive(socket: TcpListener, print: impl Fn(&str) + Clone + Send + 'static) {
    // A connection that fails is the sender's matter: it connects again.
    while let Ok((stream, _)) = socket.accept().await {
        read(stream, &print).await;
    }
}

async fn read(stream: impl AsyncRead + Unpin, print: &impl Fn(&str)) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        print(&line);
    }
}
