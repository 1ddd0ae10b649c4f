//! The few static files, built in. Their address holds a hash of their content, so they may be kept for ever.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// A built-in file.
#[derive(Debug)]
pub struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
    hash: u64,
}

/// The style of all pages.
pub static STYLE: Asset = Asset::new(
    "countersign.css",
    "text/css; charset=utf-8",
    include_bytes!("../../static/countersign.css"),
);
/// Refreshes live lists; every page works without it.
pub static LIVE: Asset = Asset::new(
    "live.js",
    "text/javascript; charset=utf-8",
    include_bytes!("../../static/live.js"),
);
/// Asks for passkeys; nothing but passkeys needs it.
pub static PASSKEY: Asset = Asset::new(
    "passkey.js",
    "text/javascript; charset=utf-8",
    include_bytes!("../../static/passkey.js"),
);
/// The icon of the tab.
pub static ICON: Asset = Asset::new("icon.svg", "image/svg+xml", include_bytes!("../../static/icon.svg"));

static ALL: [&Asset; 4] = [&STYLE, &LIVE, &PASSKEY, &ICON];

impl Asset {
    const fn new(name: &'static str, kind: &'static str, bytes: &'static [u8]) -> Self {
        Self {
            name,
            kind,
            bytes,
            hash: fingerprint(bytes),
        }
    }

    /// Its address: `/static/HASH/NAME`.
    pub fn path(&self) -> String {
        format!("/static/{:016x}/{}", self.hash, self.name)
    }
}

/// Serves `/static/…`.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/static/{hash}/{name}", get(file))
}

async fn file(Path((hash, name)): Path<(String, String)>) -> Response {
    let Some(asset) = ALL.iter().find(|asset| asset.name == name) else {
        return (StatusCode::NOT_FOUND, "no such file").into_response();
    };
    // A page of another version may ask for its own content: answer, but never let ours be kept under its address.
    let keep = if hash == format!("{:016x}", asset.hash) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = [
        (CONTENT_TYPE, asset.kind),
        (CACHE_CONTROL, keep),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.bytes).into_response()
}

/// FNV-1a, 64 bits: tells versions apart at compile time; nothing trusts it.
const fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn fetched(path: &str) -> Response {
        router::<()>()
            .oneshot(Request::get(path).body(Body::empty()).unwrap())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn files_are_kept_for_ever_under_their_own_address_only() {
        for asset in ALL {
            let fresh = fetched(&asset.path()).await;
            assert_eq!(fresh.status(), StatusCode::OK);
            assert_eq!(fresh.headers()[CONTENT_TYPE], asset.kind);
            assert_eq!(fresh.headers()[CACHE_CONTROL], "public, max-age=31536000, immutable");
            assert_eq!(fresh.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
            let stale = fetched(&format!("/static/0000000000000000/{}", asset.name)).await;
            assert_eq!(stale.headers()[CACHE_CONTROL], "no-cache");
        }
        assert_eq!(fetched("/static/0/passwd").await.status(), StatusCode::NOT_FOUND);
    }
}
