//! `countersign login` and `logout`: tokens for the command line, by the system's browser (RFC 8252) or by a code that is typed in
//! any other (RFC 8628).

mod device;

use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::Args;
use countersign_core::Clock as _;
use countersign_core::clock::random;
use countersign_core::logon::{CLI_REDIRECT_PATH, ClientId, FLOW_SECONDS, Verifier};
use percent_encoding::utf8_percent_encode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::fail;
use super::remote::credentials::{CredentialFile, Kept};
use super::remote::{Remote, RemoteError, ServerFlags};
use crate::adapters::{SystemClock, SystemEntropy};
use crate::session::{QUERY_VALUE, form_pairs, same_text};

/// Log on to a server with the browser.
#[derive(Debug, Args)]
pub struct Login {
    /// Log on from a host that no browser can come back to: open the address anywhere and type a code
    #[arg(long)]
    device: bool,
    /// Only print the address, open no browser
    #[arg(long)]
    no_browser: bool,
    #[command(flatten)]
    server: ServerFlags,
}

/// Log off from a server: its tokens end.
#[derive(Debug, Args)]
pub struct Logout {
    #[command(flatten)]
    server: ServerFlags,
}

/// Why nobody was logged on.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The server, or the file of tokens.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The loopback address.
    #[error("no answer can be waited for on the loopback address: {0}")]
    Loopback(#[from] std::io::Error),
    /// Another name.
    #[error("the server calls itself {0}: log on with --server {0}, or set its public_url")]
    OtherName(String),
    /// The logon was refused.
    #[error("the server refused the logon: {0}")]
    Refused(String),
    /// Nobody came back.
    #[error("nobody logged on within ten minutes: run the command again")]
    TooLate,
}

impl Login {
    /// Waits until somebody has logged on in a browser.
    pub fn run(self) -> ExitCode {
        let logged_on = Remote::anonymous(&self.server)
            .map_err(LoginError::from)
            .and_then(|remote| {
                let kept = if self.device {
                    device::log_on(&remote, |asked| println!("{asked}"))?
                } else {
                    log_on(&remote, |address| self.show(address))?
                };
                keep(&remote, kept)?;
                Ok(remote.url.to_string())
            });
        match logged_on {
            Ok(server) => {
                println!("Logged on to {server}.");
                ExitCode::SUCCESS
            }
            Err(error) => fail(error),
        }
    }

    /// The address is always printed: the browser may be on another screen, or none may open.
    fn show(&self, address: &str) {
        println!("Log on in your browser:\n  {address}");
        if self.no_browser {
            return;
        }
        let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        let opened = Command::new(opener)
            .arg(address)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        if opened.is_err() {
            println!("(No browser could be opened from here.)");
        }
    }
}

impl Logout {
    /// Ends the token on the server and forgets it here.
    pub fn run(self) -> ExitCode {
        let ended = || -> Result<String, RemoteError> {
            let remote = Remote::anonymous(&self.server)?;
            let file = CredentialFile::usual()?;
            let _lock = file.lock()?;
            let Some(kept) = file.read()?.kept(&remote.url).cloned() else {
                return Err(RemoteError::NotLoggedOn(remote.url.to_string()));
            };
            let client = ClientId::cli();
            let form = [("client_id", client.as_str()), ("token", kept.refresh.as_str())];
            let revoked = remote.post_form("/oauth2/revoke", &form);
            // Forgotten here even when the server cannot be reached: it ends there by itself.
            file.change(|credentials| credentials.forget(&remote.url))?;
            revoked?;
            Ok(remote.url.to_string())
        };
        match ended() {
            Ok(server) => {
                println!("Logged off from {server}.");
                ExitCode::SUCCESS
            }
            Err(error) => fail(error),
        }
    }
}

/// Keeps the tokens of a logon, and remembers the server as the last.
fn keep(remote: &Remote, kept: Kept) -> Result<(), RemoteError> {
    let file = CredentialFile::usual()?;
    let _lock = file.lock()?;
    file.change(|credentials| {
        credentials.last = Some(remote.url.to_string());
        credentials.keep(&remote.url, kept);
    })?;
    Ok(())
}

/// Logs on: shows the address to open, waits for the answer on a loopback port, and exchanges it for tokens.
fn log_on(remote: &Remote, show: impl FnOnce(&str)) -> Result<Kept, LoginError> {
    let (issuer, client) = (issuer(remote)?, ClientId::cli());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
    let redirect = format!("http://{}{CLI_REDIRECT_PATH}", listener.local_addr()?);
    let verifier = Verifier::new(&SystemEntropy);
    let state = data_encoding::HEXLOWER.encode(&random::<16>(&SystemEntropy));
    let pairs = [
        ("client_id", client.as_str()),
        ("redirect_uri", &redirect),
        ("response_type", "code"),
        ("code_challenge", &verifier.challenge().to_text()),
        ("code_challenge_method", "S256"),
        ("state", &state),
    ];
    let query: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, QUERY_VALUE)))
        .collect();
    show(&remote.url.join(&format!("/oauth2/authorize?{}", query.join("&"))));

    let code = runtime.block_on(answer(listener, Expected { state, issuer }))?;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("code", &code),
        ("redirect_uri", &redirect),
        ("code_verifier", verifier.as_str()),
    ];
    tokens(remote, &remote.post_form("/oauth2/token", &form)?)
}

fn tokens(remote: &Remote, answer: &serde_json::Value) -> Result<Kept, LoginError> {
    let strange = || RemoteError::Strange(remote.url.to_string(), "it gave no tokens");
    Ok(Kept::read(answer, SystemClock.now()).ok_or_else(strange)?)
}

/// Who the server says it is: the same as it was called, or the answer could come from another (RFC 8414, section 3.3).
fn issuer(remote: &Remote) -> Result<String, LoginError> {
    let metadata = remote.get("/.well-known/oauth-authorization-server")?;
    match metadata["issuer"].as_str() {
        Some(issuer) if issuer == remote.url.to_string() => Ok(issuer.to_owned()),
        Some(issuer) => Err(LoginError::OtherName(issuer.to_owned())),
        None => Err(RemoteError::Strange(remote.url.to_string(), "its metadata has no issuer").into()),
    }
}

/// What an answer must carry to be ours.
#[derive(Clone)]
struct Expected {
    state: String,
    issuer: String,
}

/// Waits for the browser to come back. Browsers also connect without asking anything, so each connection is read by itself.
async fn answer(listener: TcpListener, expected: Expected) -> Result<String, LoginError> {
    let (found, mut answers) = mpsc::channel(1);
    let seconds = FLOW_SECONDS.unsigned_abs();
    let waiting = async {
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let (stream, _) = accepted?;
                    tokio::spawn(read_answer(stream, expected.clone(), found.clone()));
                }
                answer = answers.recv() => return answer.unwrap_or(Err(LoginError::TooLate)),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(seconds), waiting)
        .await
        .unwrap_or(Err(LoginError::TooLate))
}

async fn read_answer(mut stream: TcpStream, expected: Expected, found: mpsc::Sender<Result<String, LoginError>>) {
    let Some(query) = asked(&mut stream).await else {
        say(&mut stream, "404 Not Found", "There is nothing here.").await;
        return;
    };
    let parameters = form_pairs(query.as_bytes());
    let one = |name: &str| {
        let mut values = parameters
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none()).unwrap_or_default()
    };
    // Anybody on this machine can connect here: only the answer to our own question counts.
    if !same_text(one("state"), &expected.state) || one("iss") != expected.issuer {
        say(
            &mut stream,
            "400 Bad Request",
            "This is no answer to the logon that is going on.",
        )
        .await;
        return;
    }
    let answer = match (one("code"), one("error_description")) {
        ("", "") => Err(LoginError::Refused("it gave no reason".into())),
        ("", description) => Err(LoginError::Refused(description.to_owned())),
        (code, _) => Ok(code.to_owned()),
    };
    let text = match &answer {
        Ok(_) => "You are logged on. Go back to the command line; this page can be closed.",
        Err(_) => "The logon was refused. The command line says why.",
    };
    say(&mut stream, "200 OK", text).await;
    // An answer was found before: this one is not needed.
    let _ = found.send(answer).await;
}

/// The query of a request for our path; nothing for any other, or for one that is too long or too slow.
async fn asked(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let read = async {
        let mut buffer = [0; 1024];
        while !head.windows(4).any(|window| window == b"\r\n\r\n") && head.len() < 16 * 1024 {
            match stream.read(&mut buffer).await {
                Ok(length) if length > 0 => head.extend_from_slice(&buffer[..length]),
                _ => return,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.ok()?;
    let text = std::str::from_utf8(&head).ok()?;
    let target = text.strip_prefix("GET ")?.split(' ').next()?;
    let query = target.strip_prefix(CLI_REDIRECT_PATH)?.strip_prefix('?')?;
    Some(query.to_owned())
}

async fn say(stream: &mut TcpStream, status: &str, text: &str) {
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    // A browser that does not listen misses only the text.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::people::{PASSWORD, TestServer};

    /// The real thing on sockets: this process is command line, browser and server.
    #[tokio::test(flavor = "multi_thread")]
    async fn req_20_the_command_line_logs_on_with_a_browser_and_holds_no_secret() {
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let server = TestServer::reached_as(&url).await;
        server.person("ann").await;
        let router = crate::http::router(server.app.clone());
        let serving = tokio::spawn(async move { axum::serve(socket, router).await });

        let remote = Remote {
            url: url.parse().unwrap(),
            agent: super::super::remote::agent(&ServerFlags::default()).unwrap(),
            held: Default::default(),
            token: None,
        };
        let (shown, mut address) = mpsc::channel::<String>(1);
        let logging_on = tokio::task::spawn_blocking(move || {
            log_on(&remote, |address| shown.blocking_send(address.to_owned()).unwrap()).map(|kept| (remote, kept))
        });
        let address = address.recv().await.unwrap();
        let mut browser = server.browser();
        let (at, page) = browser.open(address.strip_prefix(&url).unwrap()).await;
        let form = [("csrf", &*page.csrf()), ("name", "ann"), ("password", PASSWORD)];
        let asked = browser.post(&at, &form).await;
        let (at, page) = browser.open(asked.location()).await;
        let granted = browser
            .post(&at, &[("csrf", &page.csrf()), ("code", &server.code("ann"))])
            .await;
        let back = granted.location().to_owned();

        // Somebody else on this machine who guesses is not heard.
        let port = back.split('?').next().unwrap().to_owned();
        let visit = |address: String| {
            tokio::task::spawn_blocking(move || {
                let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
                agent.get(address).call().unwrap().status().as_u16()
            })
        };
        assert_eq!(
            visit(format!("{port}?code=forged&state=guessed&iss={url}"))
                .await
                .unwrap(),
            400
        );
        assert_eq!(visit(port.replace("/callback", "/favicon.ico")).await.unwrap(), 404);
        assert_eq!(visit(back).await.unwrap(), 200);

        let (_, kept) = logging_on.await.unwrap().unwrap();
        let access = crate::access::examine(&server.app, &kept.access, server.app.clock.now()).await;
        let account = access.unwrap().expect("a token that the server knows").account;
        assert_eq!(account.name.as_str(), "ann");
        serving.abort();
    }
}
