//! `Idempotency-Key`: the same call twice is done once. Laid round every path of the API that is not read alone.
//!
//! Written down before anything is done and after it was (docs/adr/0083); what the two mean is in `countersign_core::idempotency`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use countersign_core::idempotency::{Again, BadKey, IdempotencyKey, Keep, KeptCall};
use countersign_core::{AccountId, Sha256};
use countersign_store::StoreError;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use tracing::Instrument as _;

use super::super::problem::{Kind, Problem};
use super::body;
use crate::AppState;
use crate::app::App;
use crate::seal::{Purpose, SealingKey, Unopened};
use crate::session::{ApiCaller, WHY_HEADER};

/// Names a call, so that it is done once however often it is sent.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The largest answer that is kept, in bytes. No path that changes something answers more.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// What the calls that carry a key have in common.
pub struct Calls {
    /// Those that are being answered. What was begun and is not here will not be answered any more.
    in_flight: Arc<Mutex<BTreeSet<Call>>>,
    /// Bodies carry passwords and codes, so what is kept to compare them by is keyed.
    key: hmac::Key,
}

impl Calls {
    /// Of a server that starts.
    ///
    /// # Errors
    /// The sealing key gives no other key.
    pub fn new(sealing: &SealingKey) -> Result<Self, Unopened> {
        let key = sealing.derived("idempotency")?;
        Ok(Self {
            in_flight: Arc::default(),
            key: hmac::Key::new(hmac::HMAC_SHA256, &*key),
        })
    }

    /// Of what is called and with what.
    fn fingerprint(&self, parts: &Parts, body: &[u8]) -> Sha256 {
        let header = |name: &HeaderName| parts.headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        let place = parts.uri.path_and_query().map_or("", |place| place.as_str());
        let mut signing = hmac::Context::with_key(&self.key);
        for part in [
            parts.method.as_str().as_bytes(),
            place.as_bytes(),
            header(&header::CONTENT_TYPE),
            header(&WHY_HEADER),
            body,
        ] {
            signing.update(&(part.len() as u64).to_be_bytes());
            signing.update(part);
        }
        let mut hash = [0; 32];
        for (to, from) in hash.iter_mut().zip(signing.sign().as_ref()) {
            *to = *from;
        }
        Sha256(hash)
    }
}

/// A call with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    account: AccountId,
    key: Sha256,
}

impl Call {
    const fn purpose(self) -> Purpose {
        Purpose::KeptAnswer(self.account, self.key)
    }
}

/// A call that is being answered, as long as this lives.
struct InFlight {
    call: Call,
    all: Arc<Mutex<BTreeSet<Call>>>,
}

impl InFlight {
    /// Asked and begun in the one writer's transactions, so no two of them see the same.
    fn is(calls: &Calls, call: Call) -> bool {
        calls
            .in_flight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&call)
    }

    fn begin(calls: &Calls, call: Call) -> Self {
        let all = Arc::clone(&calls.in_flight);
        all.lock().unwrap_or_else(PoisonError::into_inner).insert(call);
        Self { call, all }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.call);
    }
}

/// What is kept of an answer, beside its status.
#[derive(Serialize, Deserialize)]
struct Answer {
    content_type: Option<String>,
    location: Option<String>,
    body: String,
}

/// Does a call that carries a key once, and says again what it was answered.
pub async fn once(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !changes || !request.headers().contains_key(IDEMPOTENCY_KEY) {
        return next.run(request).await;
    }
    match begun(&app, request).await {
        Ok(Begun::New(in_flight, request)) => {
            // A caller who goes away must not leave it half done, and unanswered for whoever asks again.
            let answering = async move {
                let response = next.run(request).await;
                let response = kept(&app, in_flight.call, response).await;
                drop(in_flight);
                response
            };
            match tokio::spawn(answering.in_current_span()).await {
                Ok(response) => response,
                Err(error) => Problem::internal(&error).into_response(),
            }
        }
        Ok(Begun::Before(response)) => response,
        Err(problem) => problem.into_response(),
    }
}

/// What a call with a key comes to before it is done.
enum Begun {
    /// It is new, and written down.
    New(InFlight, Request),
    /// It was made before.
    Before(Response),
}

async fn begun(app: &AppState, request: Request) -> Result<Begun, Problem> {
    let key = key_of(request.headers())?;
    let (mut parts, body) = request.into_parts();
    let caller = ApiCaller::from_request_parts(&mut parts, app).await?;
    let call = Call {
        account: caller.account.id,
        key: key.hash(),
    };
    // Asked once: a proof of possession is taken once.
    parts.extensions.insert(caller);
    let body = body::read(Request::from_parts(parts.clone(), body), app).await?;
    let (fingerprint, now) = (app.calls.fingerprint(&parts, &body), app.clock.now());
    let server = AppState::clone(app);
    let found = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let at_work = InFlight::is(&server.calls, call);
                if let Some(before) = tx.kept_call(call.account, call.key).await?
                    && before.again(fingerprint, at_work, now) != Again::Over
                {
                    return Ok(Err((before, at_work)));
                }
                tx.begin_call(call.account, call.key, fingerprint, now).await?;
                Ok::<_, StoreError>(Ok(InFlight::begin(&server.calls, call)))
            })
        })
        .await?;
    match found {
        Ok(in_flight) => Ok(Begun::New(in_flight, Request::from_parts(parts, Body::from(body)))),
        Err((before, at_work)) => {
            said_again(app, call, &before, before.again(fingerprint, at_work, now)).map(Begun::Before)
        }
    }
}

fn key_of(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let mut lines = headers.get_all(IDEMPOTENCY_KEY).iter();
    let line = match (lines.next(), lines.next()) {
        (Some(line), None) => line.to_str().ok(),
        _ => None,
    };
    let key = line.ok_or(BadKey).and_then(IdempotencyKey::parse);
    key.map_err(|bad| Problem::new(Kind::Malformed, format!("Send one Idempotency-Key: {bad}.")))
}

/// What a call is answered that was made before.
fn said_again(app: &App, call: Call, before: &KeptCall, again: Again<'_>) -> Result<Response, Problem> {
    match again {
        Again::Answered { status, sealed } => opened(app, call, status, sealed),
        Again::Other => Err(Problem::new(
            Kind::Invalid,
            "This Idempotency-Key was used for another call. Take a new one for each call, and the same one only to send that call again.",
        )),
        Again::InFlight => Err(Problem::new(
            Kind::Conflict,
            "The first call with this Idempotency-Key is still being answered. Send it again in a moment.",
        )
        .retry_after(1)),
        Again::Unknown | Again::Over => Err(Problem::new(
            Kind::Conflict,
            format!(
                "The server stopped or failed while it answered the first call with this Idempotency-Key, at {}: whether that was done is not known. \
                 Look whether it was (requests, events), and if it was not, call with a new key.",
                super::time(before.begun_at)
            ),
        )),
    }
}

/// The answer of then.
fn opened(app: &App, call: Call, status: u16, sealed: &[u8]) -> Result<Response, Problem> {
    let plain = app.sealing.unseal(call.purpose(), sealed);
    let plain = plain.map_err(|error| Problem::internal(&error))?;
    let answer: Answer = serde_json::from_slice(&plain).map_err(|error| Problem::internal(&error))?;
    let status = StatusCode::from_u16(status).map_err(|error| Problem::internal(&error))?;
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in [
        (header::CONTENT_TYPE, answer.content_type),
        (header::LOCATION, answer.location),
    ] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

/// Keeps an answer before it leaves. Where that fails, what was begun stays written down: nobody is told that it was not done.
async fn kept(app: &AppState, call: Call, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let keep = Keep::of(parts.status.as_u16());
    let body = match to_bytes(body, LARGEST_ANSWER).await {
        Ok(body) => body,
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let written = match keep {
        Keep::Answer => keep_answer(app, call, &parts, &body).await,
        Keep::Nothing => {
            let forget = app
                .store
                .write(move |tx| Box::pin(async move { tx.forget_call(call.account, call.key).await }));
            forget.await
        }
        Keep::Doubt => Ok(()),
    };
    if let Err(error) = written {
        tracing::error!(
            detail = error.detail(),
            "an answer could not be kept for its key: {error}"
        );
    }
    Response::from_parts(parts, Body::from(body))
}

async fn keep_answer(
    app: &AppState,
    call: Call,
    parts: &http::response::Parts,
    body: &Bytes,
) -> Result<(), StoreError> {
    let text = |name: HeaderName| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let answer = Answer {
        content_type: text(header::CONTENT_TYPE),
        location: text(header::LOCATION),
        body: String::from_utf8_lossy(body).into_owned(),
    };
    let engine = |error: &dyn std::fmt::Display| StoreError::Engine(error.to_string());
    let plain = zeroize::Zeroizing::new(serde_json::to_vec(&answer).map_err(|error| engine(&error))?);
    // Whatever it says: some answers carry a secret that is shown once.
    let sealed = app.sealing.seal(call.purpose(), &plain, &*app.entropy);
    let sealed = sealed.map_err(|error| engine(&error))?;
    let status = parts.status.as_u16();
    app.store
        .write(move |tx| Box::pin(async move { tx.answer_call(call.account, call.key, status, &sealed).await }))
        .await
}
