//! A whole server without a socket, for tests: its clock stands until it is moved, its randomness counts.

pub mod office;
pub mod people;
#[path = "../../core/src/passkey/soft.rs"]
pub mod soft;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::response::Response;
use countersign_core::{Entropy, ManualClock};
use countersign_events::Timestamp;
use http::Request;
use tower::ServiceExt as _;

use crate::config::{Config, Key, Sources};
use crate::listen::Peer;
use crate::{App, AppState};

/// 2026-11-18T10:26:40Z.
pub const NOW: Timestamp = Timestamp(1_795_000_000_000_000);

/// A server on a folder of its own, gone with it.
pub struct House {
    /// What the parts share.
    pub app: AppState,
    /// The server's clock.
    pub clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

impl House {
    /// A new server with the defaults.
    pub async fn open() -> Self {
        Self::with(&[]).await
    }

    /// A new server with these settings.
    pub async fn with(settings: &[(Key, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The key is there already, so that making it takes none of the counted randomness.
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        std::fs::write(folder.path().join("keys/sealing.key"), [7; 32]).unwrap();
        Self::over(folder, settings, NOW).await
    }

    /// A server on a folder that there is, at this time.
    pub async fn over(folder: tempfile::TempDir, settings: &[(Key, &str)], now: Timestamp) -> Self {
        let mut flags = vec![(Key::Data, folder.path().display().to_string())];
        flags.extend(settings.iter().map(|(key, value)| (*key, (*value).to_owned())));
        let config = Config::load(&Sources {
            flags,
            host: "vbrsrv01".into(),
            ..Sources::default()
        })
        .unwrap();
        let clock = Arc::new(ManualClock::at(now));
        let app = App::open(config, clock.clone(), Arc::new(Counting::default()))
            .await
            .unwrap();
        Self { app, clock, folder }
    }

    /// The data folder.
    pub fn data(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Asks from this machine.
    pub async fn ask(&self, request: http::request::Builder) -> Answer {
        self.ask_from("127.0.0.1:50000", request.body(Body::empty()).unwrap())
            .await
    }

    /// Asks from anywhere, with any body.
    pub async fn ask_from(&self, peer: &str, mut request: Request<Body>) -> Answer {
        request
            .extensions_mut()
            .insert(Peer(peer.parse::<SocketAddr>().unwrap()));
        Answer::of(crate::http::router(self.app.clone()).oneshot(request).await.unwrap()).await
    }
}

/// An answer, read to its end.
pub struct Answer {
    /// Status and headers.
    pub head: http::response::Parts,
    /// The body as text.
    pub body: String,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Self {
            head,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }
}

impl std::fmt::Display for Answer {
    /// The status, the headers in order, and the body.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.head.status)?;
        let mut headers: Vec<_> = self.head.headers.iter().collect();
        headers.sort_by_key(|(name, _)| name.as_str().to_owned());
        for (name, value) in headers {
            writeln!(f, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        write!(f, "\n{}", self.body)
    }
}

/// Bytes that never come twice and are the same in every run.
#[derive(Debug, Default)]
pub struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            chunk.copy_from_slice(&next[8 - chunk.len()..]);
        }
    }
}
