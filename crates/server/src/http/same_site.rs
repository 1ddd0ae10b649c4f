//! Forms are taken from our own pages alone, beside the token that each form carries (OWASP ASVS 5.0, 3.5).

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method, header};

use super::{Kind, Problem};
use crate::AppState;
use crate::config::PublicUrl;

/// Refuses what another site makes a browser send. For the routers of pages: their GETs and HEADs change nothing.
pub async fn own_forms_only(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if safe || from_own_page(request.headers(), &app.config.public_url) {
        next.run(request).await
    } else {
        Problem::new(
            Kind::Forbidden,
            "This form was sent by another site. Open the page here and send it again.",
        )
        .into_response()
    }
}

/// `Sec-Fetch-Site` is the browser's own word. Without it (plain HTTP, old browsers) `Origin` decides; it is "null" on our
/// own forms, because our pages send no referrer. With neither, it is no browser, and the form's token is all there is.
fn from_own_page(headers: &HeaderMap, public_url: &PublicUrl) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let same_host = origin.split_once("://").is_some_and(|(_, rest)| Some(rest) == host);
    origin == "null" || origin == public_url.to_string() || same_host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_send_forms() {
        let taken = |lines: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.insert(*name, value.parse().unwrap());
            }
            from_own_page(&headers, &"https://backup.example".parse().unwrap())
        };
        assert!(taken(&[]));
        assert!(taken(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(taken(&[("origin", "https://backup.example")]));
        assert!(taken(&[
            ("origin", "http://127.0.0.1:8765"),
            ("host", "127.0.0.1:8765")
        ]));
        assert!(!taken(&[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://backup.example")
        ]));
        assert!(!taken(&[("sec-fetch-site", "same-site")]));
        assert!(!taken(&[("sec-fetch-site", "none")]));
        assert!(!taken(&[
            ("origin", "https://evil.example"),
            ("host", "backup.example")
        ]));
        assert!(!taken(&[("origin", "https://backup.example.evil")]));
    }
}
