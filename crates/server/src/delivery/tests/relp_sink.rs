//! A receiver that speaks RELP, for the tests, well-behaved or not. Written apart from the client: it shares no code.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::sink::number;
use super::until;

/// What it does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Acknowledges at once.
    AtOnce,
    /// Acknowledges so many more, then reads on and says nothing.
    Only(usize),
    /// Acknowledges in groups of so many, the last first; what is left over when the sender is silent.
    Backwards(usize),
    /// Refuses this one.
    Refuses(u64),
    /// Acknowledges so many, then says goodbye and hangs up.
    Leaves(usize),
    /// Acknowledges what was never sent.
    Lies,
}

#[derive(Default)]
struct Got {
    /// The messages of each connection.
    connections: Vec<Vec<String>>,
    /// Acknowledged, in order.
    acknowledged: Vec<u64>,
    /// Came again after it was acknowledged.
    needless: Vec<u64>,
    manner: Option<Manner>,
    open: usize,
    /// How many connections ended with `close`.
    closed: usize,
}

pub(super) struct RelpSink {
    address: String,
    tls: Option<Arc<ServerConfig>>,
    got: Arc<Mutex<Got>>,
    listening: Option<JoinHandle<()>>,
}

impl RelpSink {
    pub(super) async fn open(manner: Manner) -> Self {
        Self::at(manner, None).await
    }

    pub(super) async fn secure(tls: Arc<ServerConfig>) -> Self {
        Self::at(Manner::AtOnce, Some(tls)).await
    }

    async fn at(manner: Manner, tls: Option<Arc<ServerConfig>>) -> Self {
        let mut sink = Self {
            address: "127.0.0.1:0".to_owned(),
            tls,
            got: Arc::default(),
            listening: None,
        };
        sink.behave(manner);
        sink.revive().await;
        sink
    }

    pub(super) fn address(&self) -> String {
        self.address.clone()
    }

    pub(super) fn behave(&self, manner: Manner) {
        self.got.lock().unwrap().manner = Some(manner);
    }

    /// Listens (again).
    pub(super) async fn revive(&mut self) {
        let listener = TcpListener::bind(&self.address).await.unwrap();
        self.address = listener.local_addr().unwrap().to_string();
        let got = Arc::clone(&self.got);
        let acceptor = self.tls.clone().map(TlsAcceptor::from);
        self.listening = Some(tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (got, acceptor) = (Arc::clone(&got), acceptor.clone());
                connections.spawn(async move {
                    match acceptor {
                        None => serve(stream, got).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, got).await;
                            }
                        }
                    }
                });
            }
        }));
    }

    /// Ends like a process that is killed.
    pub(super) async fn die(&mut self) {
        let listening = self.listening.take().unwrap();
        listening.abort();
        let _ = listening.await;
        let got = Arc::clone(&self.got);
        until("connections are dropped", async || got.lock().unwrap().open == 0).await;
    }

    pub(super) async fn until_count(&self, messages: usize) {
        until(&format!("{messages} messages are there"), async || {
            self.texts().len() >= messages
        })
        .await;
    }

    pub(super) async fn until_acknowledged(&self, count: usize) {
        until(&format!("{count} are acknowledged"), async || {
            self.got.lock().unwrap().acknowledged.len() >= count
        })
        .await;
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.got.lock().unwrap().connections.concat()
    }

    /// The numbers of all connections, repeated ones where they came first.
    pub(super) fn first_seen(&self) -> Vec<u64> {
        let mut seen = HashSet::new();
        let texts = self.texts();
        let numbers = texts.iter().filter_map(|text| number(text));
        numbers.filter(|number| seen.insert(*number)).collect()
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        self.texts().iter().filter_map(|text| number(text)).collect()
    }

    /// What came again although it had been acknowledged.
    pub(super) fn needless(&self) -> Vec<u64> {
        self.got.lock().unwrap().needless.clone()
    }

    pub(super) fn closed(&self) -> usize {
        self.got.lock().unwrap().closed
    }
}

/// Counts the connection as open while it lives, however it ends.
struct Open(Arc<Mutex<Got>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().unwrap().open -= 1;
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, got: Arc<Mutex<Got>>) {
    let connection = {
        let mut got = got.lock().unwrap();
        got.open += 1;
        got.connections.push(Vec::new());
        got.connections.len() - 1
    };
    let open = Open(got);
    let mut stream = tokio::io::BufReader::new(stream);
    let mut expected = 1;
    // What waits to be acknowledged.
    let mut waiting: Vec<(u64, Option<u64>)> = Vec::new();
    loop {
        let manner = open.0.lock().unwrap().manner.unwrap();
        let idle = timeout(Duration::from_millis(10), stream.fill_buf()).await.is_err();
        if waiting.is_empty() || !idle {
            let Some((txnr, command, data)) = frame(&mut stream).await else {
                return;
            };
            assert_eq!(txnr, expected, "transactions are counted");
            expected += 1;
            let text = String::from_utf8(data).unwrap();
            match command.as_str() {
                "open" => {
                    assert!(
                        text.contains("relp_version=0") && text.contains("commands=syslog"),
                        "{text}"
                    );
                    let answer = "200 OK\nrelp_version=0\nrelp_software=tests,1\ncommands=syslog";
                    if respond(&mut stream, txnr, answer).await.is_none() {
                        return;
                    }
                }
                "close" => {
                    assert_eq!(text, "");
                    open.0.lock().unwrap().closed += 1;
                    let _ = stream
                        .write_all(format!("{txnr} rsp 0\n0 serverclose 0\n").as_bytes())
                        .await;
                    let _ = stream.shutdown().await;
                    return;
                }
                "syslog" => {
                    let mut got = open.0.lock().unwrap();
                    let number = number(&text);
                    if let Some(number) = number
                        && got.acknowledged.contains(&number)
                    {
                        got.needless.push(number);
                    }
                    got.connections[connection].push(text);
                    waiting.push((txnr, number));
                }
                other => panic!("{other} was not agreed on"),
            }
        }
        if answer(&mut stream, &open.0, manner, &mut waiting, idle).await.is_none() {
            return;
        }
    }
}

/// Answers what waits as its manner is. None when the connection ends.
async fn answer(
    stream: &mut (impl AsyncWrite + Unpin),
    got: &Mutex<Got>,
    manner: Manner,
    waiting: &mut Vec<(u64, Option<u64>)>,
    idle: bool,
) -> Option<()> {
    let now = match manner {
        Manner::AtOnce | Manner::Refuses(_) | Manner::Lies => waiting.len(),
        Manner::Only(room) | Manner::Leaves(room) => room.min(waiting.len()),
        Manner::Backwards(group) if idle || waiting.len() >= group => waiting.len(),
        Manner::Backwards(_) => 0,
    };
    let mut answered: Vec<_> = waiting.drain(..now).collect();
    let left = match manner {
        Manner::Only(room) => Manner::Only(room - now),
        Manner::Leaves(room) => Manner::Leaves(room - now),
        other => other,
    };
    if matches!(manner, Manner::Backwards(_)) {
        answered.reverse();
    }
    {
        let mut got = got.lock().unwrap();
        // Unless it was told to behave in another way meanwhile.
        if got.manner == Some(manner) {
            got.manner = Some(left);
        }
    }
    for (txnr, number) in answered {
        match manner {
            Manner::Refuses(refused) if number == Some(refused) => respond(stream, txnr, "500 no room").await?,
            Manner::Lies => respond(stream, txnr + 7, "200 OK").await?,
            _ => {
                // Before the sender can know of it.
                got.lock().unwrap().acknowledged.extend(number);
                respond(stream, txnr, "200 OK").await?;
            }
        }
    }
    if left == Manner::Leaves(0) {
        stream.write_all(b"0 serverclose 0\n").await.ok()?;
        stream.shutdown().await.ok()?;
        return None;
    }
    Some(())
}

async fn respond(stream: &mut (impl AsyncWrite + Unpin), txnr: u64, data: &str) -> Option<()> {
    let frame = format!("{txnr} rsp {} {data}\n", data.len());
    stream.write_all(frame.as_bytes()).await.ok()
}

async fn frame(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<(u64, String, Vec<u8>)> {
    let mut field = async |end: u8| {
        let mut octets = Vec::new();
        stream.read_until(end, &mut octets).await.ok()?;
        String::from_utf8(octets.strip_suffix(&[end])?.to_vec()).ok()
    };
    let txnr: u64 = field(b' ').await?.parse().unwrap();
    let command = field(b' ').await?;
    let length = if command == "close" {
        field(b'\n').await?
    } else {
        field(b' ').await?
    };
    let length: usize = length.parse().unwrap();
    let mut data = vec![0; length];
    if length > 0 {
        stream.read_exact(&mut data).await.ok()?;
        assert_eq!(stream.read_u8().await.ok()?, b'\n', "a frame ends with LF");
    }
    Some((txnr, command, data))
}
