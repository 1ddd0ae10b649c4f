//! One signed call to an address (Standard Webhooks).

use std::time::Duration;

use aws_lc_rs::hmac;
use bytes::Bytes;
use countersign_core::notice::{Format, WebhookSpec, signed_text};
use countersign_events::Timestamp;
use data_encoding::BASE64;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Trouble;
use super::content::Content;
use crate::app::App;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(20);

/// Sends a notice. Redirects are not followed and no proxy is asked: it goes where two people said, or nowhere. Of the answer,
/// nothing but its status is looked at.
pub(super) async fn send(app: &App, spec: &WebhookSpec, key: &[u8], content: &Content) -> Result<(), Trouble> {
    let request = request(app, spec, key, content)?;
    let (host, port) = (spec.url.host(), spec.url.port());
    let connecting = timeout(CONNECT, TcpStream::connect((host, port))).await;
    let stream = match connecting {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(later(spec, &format!("there is no connection: {}", error.kind()))),
        Err(_) => return Err(later(spec, "it cannot be reached in time")),
    };
    let status = if spec.url.is_secure() {
        let secured = crate::delivery::secured((host, port), spec.ca.clone(), app.clock.now(), stream);
        match timeout(CONNECT, secured).await {
            Ok(Ok(stream)) => call(stream, request).await,
            Ok(Err(words)) => return Err(later(spec, &format!("there is no secure connection: {words}"))),
            Err(_) => return Err(later(spec, "there is no secure connection in time")),
        }
    } else {
        call(stream, request).await
    };
    match status {
        Ok(status) if status.is_success() => Ok(()),
        // What it cannot read today it will not read tomorrow; anything else may be put right there or here.
        Ok(
            status @ (StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY),
        ) => Err(Trouble::Refused(format!("{} answered {status}", place(spec)))),
        Ok(status) => Err(Trouble::Later(format!("{} answered {status}", place(spec)))),
        Err(words) => Err(later(spec, &words)),
    }
}

/// The host alone: the rest of the address may be a secret of the chat's.
fn place(spec: &WebhookSpec) -> &str {
    spec.url.authority()
}

fn later(spec: &WebhookSpec, words: &str) -> Trouble {
    Trouble::Later(format!("{}: {words}", place(spec)))
}

fn body(spec: &WebhookSpec, content: &Content) -> String {
    let text = content.chat();
    match spec.format {
        Format::Slack => json!({ "text": text }).to_string(),
        Format::Json => {
            let mut document = content.document.clone();
            if let Value::Object(fields) = &mut document {
                fields.insert("text".to_owned(), text.into());
            }
            document.to_string()
        }
    }
}

/// As Standard Webhooks write it: `v1,` and the HMAC-SHA256.
fn signature(key: &[u8], id: &str, at: Timestamp, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let signature = hmac::sign(&key, signed_text(id, at, body).as_bytes());
    format!("v1,{}", BASE64.encode(signature.as_ref()))
}

fn request(app: &App, spec: &WebhookSpec, key: &[u8], content: &Content) -> Result<Request<Full<Bytes>>, Trouble> {
    let (now, id, body) = (app.clock.now(), format!("notice_{}", content.id), body(spec, content));
    let signature = signature(key, &id, now, &body);
    Request::post(spec.url.target())
        .header(header::HOST, spec.url.authority())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("Countersign/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", id)
        .header("webhook-timestamp", now.seconds())
        .header("webhook-signature", signature)
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| Trouble::Refused(format!("the call cannot be written: {error}")))
}

async fn call(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode, String> {
    let answering = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let answer = sender.send_request(request);
        tokio::pin!(answer, connection);
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            ended = &mut connection => {
                ended?;
                answer.await
            }
        }
    };
    match timeout(ANSWER, answering).await {
        Ok(Ok(answer)) => Ok(answer.status()),
        Ok(Err(_)) => Err("it hung up, or what it answers is no HTTP".to_owned()),
        Err(_) => Err(format!("it did not answer within {} seconds", ANSWER.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the libraries of Standard Webhooks are tested with.
    #[test]
    fn a_call_is_signed_as_standard_webhooks_says() {
        let key = BASE64.decode(b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = Timestamp(1_614_265_330_000_000);
        let signed = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
