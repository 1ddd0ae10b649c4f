//! What holds for every request: where it comes from, its id, its span in the log, its metrics.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use countersign_core::clock::random;
use http::{HeaderName, HeaderValue};
use prometheus_client::metrics::gauge::Gauge;
use tracing::Instrument as _;

use crate::AppState;
use crate::adapters::Stopwatch;
use crate::listen::Peer;

/// The id of one request: in its answer (`X-Request-Id`), in its log lines, in its problem document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// 16 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives a request its client address and id, and counts and logs its answer. Neither the query nor any header is
/// logged: they carry codes, tokens and cookies.
pub async fn observe(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let client = request
        .extensions()
        .get::<Peer>()
        .map(|peer| app.config.listen.proxies().client(*peer, request.headers()));
    let id = RequestId(data_encoding::HEXLOWER.encode(&random::<8>(&*app.entropy)));
    if let Some(client) = client {
        request.extensions_mut().insert(client);
    }
    request.extensions_mut().insert(id.clone());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
        .to_owned();
    let method = request.method().clone();
    let span =
        tracing::info_span!("request", id = id.as_str(), %method, route, client = client.map(tracing::field::display));

    let stopwatch = Stopwatch::start();
    let in_flight = InFlight::enter(&app.metrics.in_flight);
    let mut response = next.run(request).instrument(span.clone()).await;
    drop(in_flight);
    let seconds = stopwatch.seconds();
    let status = response.status();
    app.metrics.answered(&method, &route, status, seconds);
    span.in_scope(|| tracing::debug!(status = status.as_u16(), seconds, "answered"));
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}

/// Counts a request while it is being answered, also one whose client goes away.
struct InFlight(Gauge);

impl InFlight {
    fn enter(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
