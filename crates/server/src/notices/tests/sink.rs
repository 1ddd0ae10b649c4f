//! A mail server and a webhook's other end, which take and refuse as they are told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A message as it arrived.
pub struct Mail {
    /// The one recipient.
    pub to: String,
    /// Head and body.
    pub text: String,
}

#[derive(Default)]
struct Taken {
    mails: Mutex<Vec<Mail>>,
    refused: Mutex<BTreeMap<String, u16>>,
    connections: AtomicUsize,
}

/// A mail server in the clear.
pub struct SmtpSink {
    pub port: u16,
    taken: Arc<Taken>,
}

impl SmtpSink {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::<Taken>::default();
        let kept = Arc::clone(&taken);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                kept.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(talk(stream, Arc::clone(&kept)));
            }
        });
        Self { port, taken }
    }

    /// What arrived since the last time this was asked.
    pub fn taken(&self) -> Vec<Mail> {
        std::mem::take(&mut self.taken.mails.lock().unwrap())
    }

    pub fn refuse(&self, to: &str, code: u16) {
        self.taken.refused.lock().unwrap().insert(to.to_owned(), code);
    }

    pub fn accept(&self, to: &str) {
        self.taken.refused.lock().unwrap().remove(to);
    }

    pub fn connections(&self) -> usize {
        self.taken.connections.load(Ordering::Relaxed)
    }
}

async fn talk(stream: TcpStream, taken: Arc<Taken>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut to = String::new();
    say(&mut stream, "220 sink").await?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        let answer = if let Some(address) = line.strip_prefix("RCPT TO:<") {
            to = address.trim_end_matches('>').to_owned();
            match taken.refused.lock().unwrap().get(&to) {
                Some(code) => format!("{code} not today"),
                None => "250 ok".to_owned(),
            }
        } else if line == "DATA" {
            say(&mut stream, "354 go on").await?;
            let mut text = String::new();
            while !text.ends_with("\r\n.\r\n") {
                stream.read_line(&mut text).await.ok()?;
            }
            let text = text.trim_end_matches(".\r\n").replace("\r\n", "\n");
            let to = to.clone();
            taken.mails.lock().unwrap().push(Mail { to, text });
            "250 taken".to_owned()
        } else if line == "QUIT" {
            say(&mut stream, "221 bye").await?;
            return Some(());
        } else {
            "250 sink".to_owned()
        };
        say(&mut stream, &answer).await?;
    }
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> Option<()> {
    stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.ok()
}

/// A call as it arrived.
pub struct Call {
    pub id: String,
    pub body: Value,
}

#[derive(Default)]
struct Calls {
    taken: Mutex<Vec<Call>>,
    answers: Mutex<VecDeque<u16>>,
}

/// A webhook's other end; 200 unless it was told otherwise.
pub struct HttpSink {
    pub port: u16,
    calls: Arc<Calls>,
}

impl HttpSink {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let calls = Arc::<Calls>::default();
        let router = Router::new().fallback(take).with_state(Arc::clone(&calls));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, calls }
    }

    /// How the next calls are answered.
    pub fn answer(&self, statuses: &[u16]) {
        self.calls.answers.lock().unwrap().extend(statuses);
    }

    /// What arrived since the last time this was asked.
    pub fn taken(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.taken.lock().unwrap())
    }
}

async fn take(State(calls): State<Arc<Calls>>, headers: HeaderMap, body: String) -> StatusCode {
    calls.taken.lock().unwrap().push(Call {
        id: headers["webhook-id"].to_str().unwrap().to_owned(),
        body: serde_json::from_str(&body).unwrap(),
    });
    let status = calls.answers.lock().unwrap().pop_front().unwrap_or(200);
    StatusCode::from_u16(status).unwrap()
}
