//! Headers that keep a browser from being used against its owner, on every answer.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{self, HeaderName, HeaderValue};

use crate::AppState;
use crate::pages::respond::POLICY;

/// Two years (RFC 6797); said only where the public address is https.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=63072000";

/// Adds the security headers. What a handler set by itself stays: a form whose target is a registered client, say,
/// needs a wider `form-action`. Nothing is kept by caches unless the handler says that it may be.
pub async fn secure(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let repository = request.uri().path().starts_with("/restic/");
    let mut response = next.run(request).await;
    let mut say = |name: HeaderName, value: &'static str| {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    say(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if app.config.public_url.is_https() {
        say(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT_SECURITY);
    }
    // Backup programs have no use for the rest, and ask for many small objects.
    if !repository {
        say(header::CONTENT_SECURITY_POLICY, POLICY);
        say(header::REFERRER_POLICY, "no-referrer");
        say(header::CACHE_CONTROL, "no-store");
    }
    response
}
