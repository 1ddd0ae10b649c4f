//! The accept loop over real sockets.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use countersign_events::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;

use super::tls::Tls;
use super::*;
use crate::config::Limits;

struct Running {
    address: std::net::SocketAddr,
    stop: Stop,
    ended: tokio::task::JoinHandle<()>,
}

async fn start(router: Router, tls: Option<Tls>, limits: Limits) -> Running {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), tls, limits)
        .await
        .unwrap();
    let (address, stop) = (listener.address().unwrap(), Stop::new());
    let ended = tokio::spawn(listener.serve(router, stop.clone()));
    Running { address, stop, ended }
}

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

/// Asks once and reads until the server closes.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> String {
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let limits = Limits {
        header: Duration::from_millis(50),
        ..Limits::default()
    };
    let running = start(hello(), None, limits).await;
    for said in [&b""[..], b"P", b"PRI * HT", b"GET / HTTP/1.1\r\nHost:"] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        let mut answer = Vec::new();
        // Ends only when the server closes.
        let _ = stream.read_to_end(&mut answer).await;
    }
    assert!(
        ask(TcpStream::connect(running.address).await.unwrap())
            .await
            .ends_with("hello")
    );
}

#[tokio::test]
async fn a_stop_finishes_what_runs_and_takes_nothing_new() {
    let (entered, go_on) = (std::sync::Arc::new(Notify::new()), std::sync::Arc::new(Notify::new()));
    let router = Router::new()
        .route(
            "/",
            get(
                |State((entered, go_on)): State<(std::sync::Arc<Notify>, std::sync::Arc<Notify>)>| async move {
                    entered.notify_one();
                    go_on.notified().await;
                    "finished"
                },
            ),
        )
        .with_state((entered.clone(), go_on.clone()));
    let running = start(router, None, Limits::default()).await;
    let idle = TcpStream::connect(running.address).await.unwrap();
    let asked = tokio::spawn(ask(TcpStream::connect(running.address).await.unwrap()));
    entered.notified().await;
    running.stop.cancel();
    // Refused as soon as the socket is closed, which is the loop's next step.
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!running.ended.is_finished());
    go_on.notify_one();
    assert!(asked.await.unwrap().ends_with("finished"));
    running.ended.await.unwrap();
    drop(idle);
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_closed() {
    let router = Router::new().route("/", get(std::future::pending::<()>));
    let running = start(
        router,
        None,
        Limits {
            stop: Duration::from_millis(20),
            ..Limits::default()
        },
    )
    .await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    tokio::task::yield_now().await;
    running.stop.cancel();
    running.ended.await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert_eq!(String::from_utf8_lossy(&answer), "");
}

#[tokio::test]
async fn a_client_waits_while_there_is_no_room() {
    let running = start(
        hello(),
        None,
        Limits {
            connections: 1,
            ..Limits::default()
        },
    )
    .await;
    let mut first = TcpStream::connect(running.address).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut byte = [0];
    first.read_exact(&mut byte).await.unwrap();
    let second = tokio::spawn(ask(TcpStream::connect(running.address).await.unwrap()));
    drop(first);
    assert!(second.await.unwrap().ends_with("hello"));
}

#[tokio::test]
async fn http_2_is_spoken_to_those_who_know() {
    let running = start(hello(), None, Limits::default()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    // RFC 9113 section 3.4: the preface, then an empty SETTINGS frame.
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        .await
        .unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "the server's first frame is SETTINGS");
}

const NOW: Timestamp = Timestamp(1_795_000_000_000_000);

/// Connects by TLS, trusting only that certificate.
async fn connect(address: std::net::SocketAddr, trusted: &std::path::Path) -> Result<(String, String), std::io::Error> {
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_file(trusted).unwrap())
        .unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await?;
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(std::sync::Arc::new(config))
        .connect(name, stream)
        .await?;
    let chosen = String::from_utf8_lossy(stream.get_ref().1.alpn_protocol().unwrap_or_default()).into_owned();
    Ok((chosen, ask(stream).await))
}

#[tokio::test]
async fn a_self_signed_certificate_is_made_once_and_can_be_trusted() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let tls = Tls::open(&TlsSource::SelfSigned, folder.path(), &names, NOW).unwrap();
    let again = Tls::open(&TlsSource::SelfSigned, folder.path(), &names, NOW).unwrap();
    assert_eq!(tls.fingerprint().unwrap(), again.fingerprint().unwrap());
    assert_eq!(tls.fingerprint().unwrap().len(), 32 * 3 - 1);
    let mode = |name| {
        std::fs::metadata(folder.path().join("tls").join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("self-signed.key"), 0o600);

    let running = start(hello(), Some(tls.clone()), Limits::default()).await;
    let (chosen, answer) = connect(running.address, tls.certificate()).await.unwrap();
    assert_eq!(chosen, "http/1.1");
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn a_renewed_certificate_is_used_after_a_reload_and_a_bad_one_never() {
    let (old, new, used) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let names = ["localhost".to_owned()];
    for folder in [&old, &new] {
        Tls::open(&TlsSource::SelfSigned, folder.path(), &names, NOW).unwrap();
    }
    let file = |folder: &tempfile::TempDir, kind| folder.path().join(format!("tls/self-signed.{kind}"));
    let (certificate, key) = (used.path().join("a.crt"), used.path().join("a.key"));
    let put = |folder: &tempfile::TempDir| {
        std::fs::copy(file(folder, "crt"), &certificate).unwrap();
        std::fs::copy(file(folder, "key"), &key).unwrap();
    };
    put(&old);
    let source = TlsSource::Files {
        certificate: certificate.clone(),
        key: key.clone(),
    };
    let tls = Tls::open(&source, used.path(), &[], NOW).unwrap();
    let running = start(hello(), Some(tls.clone()), Limits::default()).await;
    assert!(connect(running.address, &file(&old, "crt")).await.is_ok());
    put(&new);
    tls.reload().unwrap();
    assert!(connect(running.address, &file(&old, "crt")).await.is_err());
    assert!(connect(running.address, &file(&new, "crt")).await.is_ok());
    std::fs::copy(file(&old, "key"), &key).unwrap();
    assert!(matches!(tls.reload(), Err(tls::TlsError::Unusable(_))));
    std::fs::write(&certificate, "no certificate").unwrap();
    assert!(matches!(tls.reload(), Err(tls::TlsError::Certificate(..))));
    assert!(connect(running.address, &file(&new, "crt")).await.is_ok());
}
