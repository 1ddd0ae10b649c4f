//! Receivers for the tests, strict about their framing.

use std::sync::{Arc, Mutex};

use countersign_core::receiver::Transport;
use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::until;

/// The number that [`super::record`] put into a message; none for a message that is no event.
pub(super) fn number(line: &str) -> Option<u64> {
    let message = countersign_events::decode(line.as_bytes()).unwrap();
    message.id?;
    assert!(!message.ambiguous, "{line}");
    let description = message.parameter("Description")?;
    description.strip_suffix('.')?.rsplit_once("ann-")?.1.parse().ok()
}

#[derive(Default)]
struct Got {
    /// The messages of each connection.
    connections: Vec<Vec<String>>,
    open: usize,
    /// How many messages may still be read.
    room: usize,
}

impl Got {
    fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.connections.iter().flatten().filter_map(|line| number(line))
    }

    fn first_seen(&self) -> Vec<u64> {
        let mut seen = std::collections::HashSet::new();
        self.numbers().filter(|number| seen.insert(*number)).collect()
    }
}

/// A TCP receiver, perhaps inside TLS.
pub(super) struct Sink {
    transport: Transport,
    tls: Option<Arc<ServerConfig>>,
    address: String,
    got: Arc<Mutex<Got>>,
    listening: Option<JoinHandle<()>>,
}

impl Sink {
    pub(super) async fn open(transport: Transport) -> Self {
        Self::at("127.0.0.1:0", transport, None).await
    }

    /// A receiver that shows a certificate.
    pub(super) async fn secure(transport: Transport, tls: Arc<ServerConfig>) -> Self {
        Self::at("127.0.0.1:0", transport, Some(tls)).await
    }

    pub(super) async fn at(address: &str, transport: Transport, tls: Option<Arc<ServerConfig>>) -> Self {
        let mut sink = Self {
            transport,
            tls,
            address: String::new(),
            got: Arc::default(),
            listening: None,
        };
        sink.revive(address).await;
        sink
    }

    pub(super) fn address(&self) -> String {
        self.address.clone()
    }

    /// Listens (again).
    pub(super) async fn revive(&mut self, address: &str) {
        let listener = TcpListener::bind(address).await.unwrap();
        self.address = listener.local_addr().unwrap().to_string();
        self.got.lock().unwrap().room = usize::MAX;
        let (got, transport) = (Arc::clone(&self.got), self.transport);
        let acceptor = self.tls.clone().map(TlsAcceptor::from);
        self.listening = Some(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (got, acceptor) = (Arc::clone(&got), acceptor.clone());
                connections.spawn(async move {
                    match acceptor {
                        None => read(stream, transport, got).await,
                        // A sender that does not like the certificate, or whose own is not liked, leaves here.
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                read(stream, transport, got).await;
                            }
                        }
                    }
                });
            }
        }));
    }

    /// Ends like a process that is killed: what was not read is lost.
    pub(super) async fn die(&mut self) {
        let listening = self.listening.take().unwrap();
        listening.abort();
        let _ = listening.await;
        let got = Arc::clone(&self.got);
        until("connections are dropped", async || got.lock().unwrap().open == 0).await;
    }

    /// Reads so many more messages, then nothing.
    pub(super) fn read_only(&self, messages: usize) {
        self.got.lock().unwrap().room = messages;
    }

    pub(super) async fn until_full(&self) {
        until("the sink is full", async || self.got.lock().unwrap().room == 0).await;
    }

    pub(super) async fn until_has(&self, wanted: u64) {
        until(&format!("number {wanted} arrives"), async || {
            self.got
                .lock()
                .unwrap()
                .connections
                .iter()
                .any(|lines| lines.last().and_then(|line| number(line)) == Some(wanted))
        })
        .await;
    }

    pub(super) async fn until_connected(&self) {
        until("somebody connects", async || self.got.lock().unwrap().open > 0).await;
    }

    pub(super) async fn until_left(&self) {
        until("the sender hangs up", async || self.got.lock().unwrap().open == 0).await;
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.got.lock().unwrap().connections.concat()
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        self.got.lock().unwrap().numbers().collect()
    }

    pub(super) fn first_seen(&self) -> Vec<u64> {
        self.got.lock().unwrap().first_seen()
    }

    /// The numbers of each connection that brought any.
    pub(super) fn connections(&self) -> Vec<Vec<u64>> {
        let got = self.got.lock().unwrap();
        let numbers = got
            .connections
            .iter()
            .map(|lines| lines.iter().filter_map(|line| number(line)).collect());
        numbers.filter(|numbers: &Vec<u64>| !numbers.is_empty()).collect()
    }
}

/// Counts the connection as open while it lives, however it ends.
struct Open(Arc<Mutex<Got>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().unwrap().open -= 1;
    }
}

async fn read<S: AsyncRead + AsyncWrite + Unpin>(stream: S, transport: Transport, got: Arc<Mutex<Got>>) {
    let connection = {
        let mut got = got.lock().unwrap();
        got.open += 1;
        got.connections.push(Vec::new());
        got.connections.len() - 1
    };
    // Declared before the reader, so dropped after its socket.
    let open = Open(got);
    let mut reader = BufReader::new(stream);
    loop {
        while open.0.lock().unwrap().room == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let message = match transport {
            Transport::TcpOctets | Transport::Tls => counted(&mut reader).await,
            Transport::TcpLf => line(&mut reader).await,
            other => unreachable!("this sink does not speak {}", other.as_str()),
        };
        let Some(message) = message else {
            // In good order, which inside TLS is more than to be gone.
            let _ = reader.into_inner().shutdown().await;
            return;
        };
        let mut got = open.0.lock().unwrap();
        if got.room == 0 {
            continue;
        }
        got.room -= 1;
        got.connections[connection].push(message);
    }
}

async fn line(reader: &mut BufReader<impl AsyncRead + Unpin>) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).await.ok()?;
    Some(line.strip_suffix('\n')?.to_owned())
}

async fn counted(reader: &mut BufReader<impl AsyncRead + Unpin>) -> Option<String> {
    let mut count = Vec::new();
    reader.read_until(b' ', &mut count).await.ok()?;
    let count: usize = std::str::from_utf8(count.strip_suffix(b" ")?).unwrap().parse().unwrap();
    let mut message = vec![0; count];
    reader.read_exact(&mut message).await.ok()?;
    Some(String::from_utf8(message).unwrap())
}

/// A UDP receiver.
pub(super) struct DatagramSink {
    address: String,
    got: Arc<Mutex<Got>>,
    listening: JoinHandle<()>,
}

impl DatagramSink {
    pub(super) async fn open(address: &str) -> Self {
        let socket = UdpSocket::bind(address).await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let got = Arc::new(Mutex::new(Got {
            connections: vec![Vec::new()],
            ..Got::default()
        }));
        let into = Arc::clone(&got);
        let listening = tokio::spawn(async move {
            let mut datagram = vec![0; 65_536];
            while let Ok(length) = socket.recv(&mut datagram).await {
                let message = String::from_utf8(datagram[..length].to_vec()).unwrap();
                into.lock().unwrap().connections[0].push(message);
            }
        });
        Self {
            address,
            got,
            listening,
        }
    }

    pub(super) fn address(&self) -> String {
        self.address.clone()
    }

    pub(super) async fn close(self) {
        self.listening.abort();
        let _ = self.listening.await;
    }

    pub(super) async fn until_has(&self, wanted: u64) {
        until(&format!("number {wanted} arrives"), async || {
            self.numbers().contains(&wanted)
        })
        .await;
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        self.got.lock().unwrap().numbers().collect()
    }

    pub(super) fn first_seen(&self) -> Vec<u64> {
        self.got.lock().unwrap().first_seen()
    }
}
