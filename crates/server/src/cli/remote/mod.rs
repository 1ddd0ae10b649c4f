//! A running server, from the command line: which one, trusted how, with whose token.

pub mod asking;
pub mod became;
pub mod credentials;
pub mod failure;
pub mod wait;

use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use clap::Args;
use countersign_core::clock::random;
use countersign_core::logon::{ClientId, Grant, PublicKey};
use countersign_core::{Clock as _, Sha256};
use serde_json::Value;
use ureq::http::Response;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, RequestBuilder};

use crate::adapters::{SystemClock, SystemEntropy};
use crate::config::PublicUrl;
use crate::http::api::IDEMPOTENCY_KEY;
use crate::session::WHY_HEADER;
use asking::Held;
use credentials::{CredentialFile, Kept, NoCredentials};
use failure::Failure;

/// Where a server is when nothing else is said.
const DEFAULT_SERVER: &str = "http://127.0.0.1:8765";

/// How long to wait before something is sent again.
const PAUSE: Duration = Duration::from_secs(1);

/// How often to ask again for what the server is still at work on.
const MOST_IN_FLIGHT: u32 = 30;

/// The largest answer that is read, in bytes: the manifest of about a million objects.
const LARGEST_ANSWER: u64 = 256 * 1024 * 1024;

/// Which server, and how it is trusted.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Server")]
pub struct ServerFlags {
    /// The server's public URL [default: the last one that was logged on to, else http://127.0.0.1:8765]
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_SERVER")]
    pub server: Option<PublicUrl>,
    /// Trust this certificate (PEM) in place of the public authorities
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_CACERT")]
    pub cacert: Option<PathBuf>,
}

/// Why the server did not do it.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The certificate.
    #[error("the certificate {0} cannot be used: {1}")]
    Certificate(PathBuf, String),
    /// The file of tokens.
    #[error(transparent)]
    Credentials(#[from] NoCredentials),
    /// Nobody is logged on.
    #[error("not logged on to {0}: run `countersign login --server {0}`, or set COUNTERSIGN_TOKEN")]
    NotLoggedOn(String),
    /// No answer.
    #[error("{0} cannot be reached: {1}")]
    Unreachable(String, Box<ureq::Error>),
    /// An answer that says no.
    #[error("{detail}")]
    Refused {
        /// The status.
        status: u16,
        /// What the server says.
        detail: String,
    },
    /// An answer that makes no sense.
    #[error("{0} answers as no Countersign server does: {1}")]
    Strange(String, &'static str),
}

/// What comes of a request.
type Answered = Result<Response<Body>, ureq::Error>;

/// A server that is spoken to.
pub struct Remote {
    /// Where.
    pub url: PublicUrl,
    pub(super) agent: Agent,
    pub(super) token: Option<Token>,
    pub(super) held: Held,
}

/// What is sent with each request.
pub(super) enum Token {
    /// It was given, and is sent as it is.
    Given(String),
    /// It is of a logon, and is renewed before it ends.
    Kept(CredentialFile, Mutex<Kept>),
}

impl From<String> for Token {
    fn from(token: String) -> Self {
        Self::Given(token)
    }
}

impl Remote {
    /// The server that the flags name, without a token.
    ///
    /// # Errors
    /// The certificate or the file of tokens cannot be read.
    pub fn anonymous(flags: &ServerFlags) -> Result<Self, RemoteError> {
        let url = match (&flags.server, CredentialFile::usual()?.read()?.last) {
            (Some(url), _) => url.clone(),
            (None, Some(last)) => last.parse().map_err(|_| NoCredentials::Unreadable)?,
            (None, None) => DEFAULT_SERVER.parse().map_err(|_| NoCredentials::Unreadable)?,
        };
        let agent = agent(flags)?;
        Ok(Self {
            url,
            agent,
            token: None,
            held: Held::default(),
        })
    }

    /// The server that the flags name, with the token of the last logon (or `COUNTERSIGN_TOKEN`).
    ///
    /// # Errors
    /// [`RemoteError::NotLoggedOn`] when there is none.
    pub fn logged_on(flags: &ServerFlags) -> Result<Self, RemoteError> {
        let mut remote = Self::anonymous(flags)?;
        let from_environment = std::env::var("COUNTERSIGN_TOKEN")
            .ok()
            .filter(|token| !token.is_empty());
        remote.token = Some(match from_environment {
            Some(token) => Token::Given(token),
            None => remote.kept(CredentialFile::usual()?)?,
        });
        Ok(remote)
    }

    fn kept(&self, file: CredentialFile) -> Result<Token, RemoteError> {
        let kept = file.read()?.kept(&self.url).cloned();
        let kept = kept.ok_or_else(|| RemoteError::NotLoggedOn(self.url.to_string()))?;
        Ok(Token::Kept(file, Mutex::new(kept)))
    }

    /// The access token, if there is one: renewed when it ends soon.
    ///
    /// # Errors
    /// It cannot be renewed.
    pub fn access(&self) -> Result<Option<String>, RemoteError> {
        match &self.token {
            None => Ok(None),
            Some(Token::Given(token)) => Ok(Some(token.clone())),
            Some(Token::Kept(file, kept)) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if !kept.fresh(SystemClock.now()) {
                    *kept = self.renewed(file, None)?;
                }
                Ok(Some(kept.access.clone()))
            }
        }
    }

    /// The next tokens of a logon, in the place of an access token that ends or was refused. Only one command at a time renews
    /// them, and the others take what it got.
    fn renewed(&self, file: &CredentialFile, refused: Option<&str>) -> Result<Kept, RemoteError> {
        let _lock = file.lock()?;
        let not_logged_on = || RemoteError::NotLoggedOn(self.url.to_string());
        let kept = file.read()?.kept(&self.url).cloned().ok_or_else(not_logged_on)?;
        if kept.fresh(SystemClock.now()) && refused != Some(kept.access.as_str()) {
            return Ok(kept);
        }
        let client = ClientId::cli();
        let form = [
            ("grant_type", Grant::RefreshToken.id()),
            ("client_id", client.as_str()),
            ("refresh_token", &kept.refresh),
        ];
        let (status, answer) = self.ask_form("/oauth2/token", &form)?;
        if status == 200 {
            let strange = || RemoteError::Strange(self.url.to_string(), "it gave no tokens");
            let next = Kept::read(&answer, SystemClock.now()).ok_or_else(strange)?;
            file.change(|credentials| credentials.keep(&self.url, next.clone()))?;
            return Ok(next);
        }
        if answer["error"] == "invalid_grant" {
            file.change(|credentials| credentials.forget(&self.url))?;
            return Err(not_logged_on());
        }
        Err(self.refused(status, Some(&answer)))
    }

    /// Asks for a JSON document.
    ///
    /// # Errors
    /// No answer, or one that says no.
    pub fn get(&self, path: &str) -> Result<Value, RemoteError> {
        self.read(self.as_us(|token| bearing(self.agent.get(self.url.join(path)), token).call())?)
    }

    /// Asks for a document, to be read byte for byte.
    ///
    /// # Errors
    /// No answer, or one that says no.
    pub fn get_text(&self, path: &str) -> Result<String, RemoteError> {
        let answered = self.as_us(|token| bearing(self.agent.get(self.url.join(path)), token).call())?;
        self.read_text(answered).map(|(_, text)| text)
    }

    /// Asks for a file and writes it where there is none yet, for this account alone; its SHA-256.
    ///
    /// # Errors
    /// No answer, one that says no, or the file cannot be written.
    pub fn get_file(&self, path: &str, into: &Path) -> Result<Sha256, Failure> {
        let answered = self.as_us(|token| bearing(self.agent.get(self.url.join(path)), token).call())?;
        let unreachable = |error| RemoteError::Unreachable(self.url.to_string(), Box::new(error));
        let mut response = answered.map_err(unreachable)?;
        if response.status().as_u16() >= 400 {
            self.read_text(Ok(response))?;
            return Err(Failure::strange(self));
        }
        let failed = |error| Failure::File(into.display().to_string(), error);
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(into)
            .map_err(failed)?;
        let mut body = response.body_mut().with_config().limit(u64::MAX).reader();
        let (mut hash, mut piece) = (digest::Context::new(&digest::SHA256), vec![0; 64 * 1024]);
        loop {
            match body.read(&mut piece).map_err(failed)? {
                0 => break,
                count => {
                    hash.update(&piece[..count]);
                    file.write_all(&piece[..count]).map_err(failed)?;
                }
            }
        }
        file.sync_all().map_err(failed)?;
        let mut octets = [0; 32];
        octets.copy_from_slice(hash.finish().as_ref());
        Ok(Sha256(octets))
    }

    /// Sends a JSON document.
    ///
    /// # Errors
    /// No answer, or one that says no.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, RemoteError> {
        self.read(self.posted(path, body)?)
    }

    /// Sends a JSON document; what is answered, if anything.
    ///
    /// # Errors
    /// No answer, or one that says no.
    pub fn post_any(&self, path: &str, body: &Value) -> Result<Option<Value>, RemoteError> {
        self.read_any(self.posted(path, body)?)
    }

    /// Puts a JSON document in its place; what is answered, if anything.
    ///
    /// # Errors
    /// No answer, or one that says no.
    pub fn put(&self, path: &str, body: &Value) -> Result<Option<Value>, RemoteError> {
        self.put_text(path, "application/json", &body.to_string())
    }

    /// Puts a text in its place; what is answered, if anything.
    ///
    /// # Errors
    /// No answer, or one that says no.
    pub fn put_text(&self, path: &str, kind: &str, text: &str) -> Result<Option<Value>, RemoteError> {
        self.read_any(self.once(|token, key| {
            let request = self.agent.put(self.url.join(path)).content_type(kind);
            self.asking(request, token, key).send(text)
        })?)
    }

    /// Takes something away; what is answered, if anything.
    ///
    /// # Errors
    /// No answer, or one that says no.
    pub fn delete(&self, path: &str) -> Result<Option<Value>, RemoteError> {
        self.read_any(self.once(|token, key| self.asking(self.agent.delete(self.url.join(path)), token, key).call())?)
    }

    fn posted(&self, path: &str, body: &Value) -> Result<Answered, RemoteError> {
        self.once(|token, key| {
            let request = self.agent.post(self.url.join(path)).content_type("application/json");
            self.asking(request, token, key).send(body.to_string())
        })
    }

    /// Sends what changes something with a key of its own, so that the server does it once; where the connection broke, it is sent once
    /// more with the same key, and what was done is answered.
    fn once(&self, send: impl Fn(Option<&str>, &str) -> Answered) -> Result<Answered, RemoteError> {
        let key = format!("\"{}\"", data_encoding::HEXLOWER.encode(&random::<16>(&SystemEntropy)));
        let (mut broken, mut in_flight) = (0, 0);
        loop {
            let answered = self.as_us(|token| send(token, &key))?;
            let again = match &answered {
                Err(error) if is_broken(error) => {
                    broken += 1;
                    broken == 1
                }
                Err(_) => false,
                // The first is still at work: only that is told to be asked for again.
                Ok(response) if response.status() == 409 && response.headers().contains_key("retry-after") => {
                    in_flight += 1;
                    in_flight <= MOST_IN_FLIGHT
                }
                Ok(_) => false,
            };
            if !again {
                return Ok(answered);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// With the token, the key of the call, and why it is made.
    fn asking<B>(&self, request: RequestBuilder<B>, token: Option<&str>, key: &str) -> RequestBuilder<B> {
        let request = bearing(request, token).header(IDEMPOTENCY_KEY, key);
        match &self.held.asking.reason {
            Some(why) => {
                let why = percent_encoding::utf8_percent_encode(why.as_str(), percent_encoding::NON_ALPHANUMERIC);
                request.header(WHY_HEADER, why.to_string())
            }
            None => request,
        }
    }

    /// Sends a request with the token, if there is one. A kept one that the server does not take, its clock being another than
    /// ours, is renewed once.
    fn as_us(&self, send: impl Fn(Option<&str>) -> Answered) -> Result<Answered, RemoteError> {
        let token = self.access()?;
        let answered = send(token.as_deref());
        let refused = matches!(&answered, Ok(response) if response.status() == 401);
        match (&self.token, token) {
            (Some(Token::Kept(file, kept)), Some(token)) if refused => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                *kept = self.renewed(file, Some(&token))?;
                Ok(send(Some(&kept.access)))
            }
            _ => Ok(answered),
        }
    }

    /// Sends a form, and takes also an answer that says no: the status and the document.
    ///
    /// # Errors
    /// No answer, or one that is no document.
    pub fn ask_form(&self, path: &str, form: &[(&str, &str)]) -> Result<(u16, Value), RemoteError> {
        let unreachable = |error| RemoteError::Unreachable(self.url.to_string(), Box::new(error));
        let answered = self.agent.post(self.url.join(path)).send_form(form.iter().copied());
        let mut response = answered.map_err(unreachable)?;
        let text = response.body_mut().read_to_string().map_err(unreachable)?;
        let strange = |_| RemoteError::Strange(self.url.to_string(), "the body is no JSON");
        let document = serde_json::from_str(&text).map_err(strange)?;
        Ok((response.status().as_u16(), document))
    }

    /// Sends a form.
    ///
    /// # Errors
    /// No answer, or one that says no.
    pub fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Result<Value, RemoteError> {
        self.read(self.agent.post(self.url.join(path)).send_form(form.iter().copied()))
    }

    fn read_any(&self, answered: Answered) -> Result<Option<Value>, RemoteError> {
        let (status, text) = self.read_text(answered)?;
        if text.is_empty() {
            return Ok(None);
        }
        let strange = |_| RemoteError::Strange(self.url.to_string(), "the body is no JSON");
        let answer = serde_json::from_str(&text).map_err(strange)?;
        self.held.note(status, &answer);
        Ok(Some(answer))
    }

    fn read(&self, answered: Answered) -> Result<Value, RemoteError> {
        let strange = || RemoteError::Strange(self.url.to_string(), "the body is no JSON");
        self.read_any(answered)?.ok_or_else(strange)
    }

    fn read_text(&self, answered: Answered) -> Result<(u16, String), RemoteError> {
        let unreachable = |error| RemoteError::Unreachable(self.url.to_string(), Box::new(error));
        let mut response = answered.map_err(unreachable)?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(LARGEST_ANSWER);
        let text = body.read_to_string().map_err(unreachable)?;
        if status < 400 {
            return Ok((status, text));
        }
        let body: Option<Value> = serde_json::from_str(&text).ok();
        Err(self.refused(status, body.as_ref()))
    }

    fn refused(&self, status: u16, body: Option<&Value>) -> RemoteError {
        let member = |name| body.and_then(|body: &Value| body[name].as_str()).map(str::to_owned);
        let detail = member("detail").or_else(|| member("error_description"));
        RemoteError::Refused {
            status,
            detail: detail.unwrap_or_else(|| format!("{} answers with status {status}", self.url)),
        }
    }
}

/// Whether nobody knows what became of what was sent.
const fn is_broken(error: &ureq::Error) -> bool {
    matches!(
        error,
        ureq::Error::Io(_) | ureq::Error::ConnectionFailed | ureq::Error::Timeout(_) | ureq::Error::Protocol(_)
    )
}

fn bearing<B>(request: RequestBuilder<B>, token: Option<&str>) -> RequestBuilder<B> {
    match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    }
}

/// The keys that the server signs with.
///
/// # Errors
/// They cannot be had.
pub fn keys(remote: &Remote) -> Result<Vec<PublicKey>, RemoteError> {
    let answer = remote.get("/oauth2/jwks")?;
    let keys = answer["keys"].as_array().into_iter().flatten();
    let read: Result<Vec<_>, _> = keys.map(PublicKey::from_jwk).collect();
    read.map_err(|_| RemoteError::Strange(remote.url.to_string(), "its keys are none"))
}

pub(super) fn agent(flags: &ServerFlags) -> Result<Agent, RemoteError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = match &flags.cacert {
        None => RootCerts::WebPki,
        Some(path) => {
            let unusable = |why: String| RemoteError::Certificate(path.clone(), why);
            let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
            let mut certificates = Vec::new();
            for item in parse_pem(&pem) {
                if let PemItem::Certificate(certificate) = item.map_err(|error| unusable(error.to_string()))? {
                    certificates.push(certificate);
                }
            }
            if certificates.is_empty() {
                return Err(unusable("it holds no certificate".into()));
            }
            RootCerts::new_with_certs(&certificates)
        }
    };
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(roots)
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(60)))
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(config.into())
}

#[cfg(test)]
mod tests;
