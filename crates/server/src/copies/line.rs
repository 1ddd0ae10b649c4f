//! A connection to a provider: made when it is needed, kept as long as it holds, never redirected.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_core::service_provider::{ProviderUrl, ServiceProviderSpec};
use countersign_events::Timestamp;
use data_encoding::BASE64;
use http::header::{ACCEPT, AUTHORIZATION, HOST, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::trouble::Trouble;
use super::upload::Outgoing;
use crate::delivery::tls::Tls;

/// How long each step of connecting may take.
const CONNECTING: Duration = Duration::from_secs(15);

/// How long a provider may think about a request, beside the time for its bytes.
const THINKING: Duration = Duration::from_secs(120);

/// A connection that carries fewer bytes a second than this for an object as a whole is given up.
const SLOWEST: u64 = 16 * 1024;

/// Who is at the other end, and as whom we come.
pub struct End {
    url: ProviderUrl,
    tls: Option<Tls>,
    authorization: HeaderValue,
}

impl End {
    /// Reads what TLS needs. Made anew for each copy, so that a renewed list of authorities needs no restart.
    ///
    /// # Errors
    /// For people: what is set cannot be used.
    pub async fn prepare(spec: &ServiceProviderSpec, password: &str, now: Timestamp) -> Result<Arc<Self>, Trouble> {
        let tls = if spec.url.is_encrypted() {
            let (options, host) = (spec.tls(), spec.url.host().to_owned());
            let prepared = tokio::task::spawn_blocking(move || Tls::prepare_for(&options, &host, None, now)).await;
            let prepared = prepared.unwrap_or_else(|_| Err("TLS cannot be set up".to_owned()));
            Some(prepared.map_err(Trouble::Lasting)?)
        } else {
            None
        };
        let both = Zeroizing::new(format!("{}:{password}", spec.user));
        let mut authorization = HeaderValue::from_str(&format!("Basic {}", BASE64.encode(both.as_bytes())))
            .map_err(|_| Trouble::Lasting("user and password cannot be sent".to_owned()))?;
        authorization.set_sensitive(true);
        Ok(Arc::new(Self {
            url: spec.url.clone(),
            tls,
            authorization,
        }))
    }

    async fn connect(&self) -> Result<SendRequest<Outgoing>, Trouble> {
        let address = self.url.authority();
        let (host, port) = (self.url.host(), self.url.port());
        let found = match timeout(CONNECTING, tokio::net::lookup_host((host, port))).await {
            Ok(Ok(found)) => found.collect::<Vec<_>>(),
            Ok(Err(_)) | Err(_) => return Err(Trouble::Passing(format!("the name {host} is not known"))),
        };
        let connecting = TcpStream::connect(found.as_slice());
        let stream = match timeout(CONNECTING, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(Trouble::Passing(unreachable(address, &error))),
            Err(_) => return Err(Trouble::Passing(format!("{address} does not answer"))),
        };
        // A small request should not wait for the answer to the one before.
        let _ = stream.set_nodelay(true);
        let greeted = match &self.tls {
            None => greet(stream).await,
            Some(tls) => match timeout(CONNECTING, tls.secure(stream)).await {
                Ok(Ok(stream)) => greet(stream).await,
                Ok(Err(insecure)) => {
                    let text = format!("no secure connection to {address}: {}", insecure.words);
                    return Err(match insecure.lasts {
                        true => Trouble::Lasting(text),
                        false => Trouble::Passing(text),
                    });
                }
                Err(_) => return Err(Trouble::Passing(format!("{address} does not answer in TLS"))),
            },
        };
        greeted.map_err(|_| Trouble::Passing(format!("{address} hung up")))
    }
}

fn unreachable(address: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("nothing listens at {address}"),
        kind => format!("{address} cannot be reached: {kind}"),
    }
}

async fn greet(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Outgoing>, hyper::Error> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends when the sender is dropped.
    tokio::spawn(connection);
    Ok(sender)
}

/// A provider's answer.
pub struct Answer {
    /// How it went.
    pub status: StatusCode,
    /// What Content-Length said: also of an answer to HEAD.
    pub length: Option<u64>,
    /// The whole body.
    pub body: Bytes,
}

/// A connection that is made when it is needed.
pub struct Line {
    end: Arc<End>,
    sender: Option<SendRequest<Outgoing>>,
}

impl Line {
    /// Not connected yet.
    pub const fn new(end: Arc<End>) -> Self {
        Self { end, sender: None }
    }

    /// Another one to the same end.
    pub fn another(&self) -> Self {
        Self::new(Arc::clone(&self.end))
    }

    /// Host and port, for people.
    pub fn address(&self) -> &str {
        self.end.url.authority()
    }

    /// Asks, and reads an answer of up to `most` bytes. `path` is what follows the provider's own.
    ///
    /// # Errors
    /// There is no connection, or it broke. What the provider answers is no error here.
    pub async fn ask(&mut self, method: Method, path: &str, body: Outgoing, most: usize) -> Result<Answer, Trouble> {
        let size = http_body::Body::size_hint(&body).exact().unwrap_or(0);
        let patience = THINKING + Duration::from_secs(size / SLOWEST);
        let mut kept = self.sender.take();
        let ready = match &mut kept {
            Some(sender) => matches!(timeout(CONNECTING, sender.ready()).await, Ok(Ok(()))),
            None => false,
        };
        let mut sender = match kept {
            Some(sender) if ready => sender,
            _ => self.end.connect().await?,
        };
        let asked = timeout(patience, asked(&mut sender, self.request(method, path, body)?, most)).await;
        match asked {
            Ok(Ok(answer)) => {
                self.sender = Some(sender);
                Ok(answer)
            }
            Ok(Err(())) => Err(Trouble::Passing(format!("the connection to {} broke", self.address()))),
            Err(_) => Err(Trouble::Passing(format!("{} took too long to answer", self.address()))),
        }
    }

    fn request(&self, method: Method, path: &str, body: Outgoing) -> Result<Request<Outgoing>, Trouble> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.end.url.path()))
            .header(HOST, self.end.url.authority())
            .header(AUTHORIZATION, self.end.authorization.clone())
            .header(USER_AGENT, concat!("countersign/", env!("CARGO_PKG_VERSION")))
            // Of lists: with sizes (protocol version 2).
            .header(ACCEPT, "application/vnd.x.restic.rest.v2")
            .body(body);
        request.map_err(|_| Trouble::Lasting("the provider's address cannot be asked".to_owned()))
    }
}

async fn asked(sender: &mut SendRequest<Outgoing>, request: Request<Outgoing>, most: usize) -> Result<Answer, ()> {
    let is_head = request.method() == Method::HEAD;
    let answer = sender.send_request(request).await.map_err(|_| ())?;
    let (parts, body) = answer.into_parts();
    let length = parts.headers.get(http::header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let body = if is_head {
        Bytes::new()
    } else {
        Limited::new(body, most).collect().await.map_err(|_| ())?.to_bytes()
    };
    Ok(Answer {
        status: parts.status,
        length,
        body,
    })
}
