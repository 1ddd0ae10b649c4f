//! For those who watch the server: is it alive, is it ready, what does it count.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;

use super::{Kind, Problem};
use crate::AppState;
use crate::listen::ClientAddress;

/// `/healthz`, `/readyz`, `/metrics`.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// The process answers. Says nothing about what it depends on, so that a full disk does not make it be restarted.
async fn alive() -> &'static str {
    "ok\n"
}

/// The server can do its work: it may be sent requests.
async fn ready(State(app): State<AppState>) -> Result<&'static str, Problem> {
    app.readiness().await.map_err(|unready| {
        tracing::warn!(%unready, "not ready");
        Problem::new(Kind::Unavailable, unready.to_string()).retry_after(5)
    })?;
    Ok("ready\n")
}

/// Prometheus metrics, for callers on this machine and for the networks of `metrics.allow`.
async fn metrics(State(app): State<AppState>, client: ClientAddress) -> Result<Response, Problem> {
    let allowed = client.is_local()
        || app
            .config
            .metrics_allow
            .iter()
            .any(|network| network.contains(&client.ip));
    if !allowed {
        return Err(Problem::new(
            Kind::Forbidden,
            "Metrics are for callers on the server's own machine. Allow other networks with metrics.allow.",
        ));
    }
    let text = app.metrics.text().map_err(|error| Problem::internal(&error))?;
    Ok((
        [(
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        text,
    )
        .into_response())
}
