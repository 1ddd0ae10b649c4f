//! TLS, with receivers that are who they should be and with others.

use std::sync::Arc;

use countersign_core::receiver::{ReceiverSpec, TlsOptions, Transport};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::authority::{Authority, Identity};
use super::{NOW, Sender, add, deliver_as, pace, record, row, sender, spec, store, until, until_error};
use crate::delivery::{OwnCertificate, check, test};

use super::sink::Sink;

const DAY: i64 = 86_400;

fn tls_spec(sink: &Sink, tls: TlsOptions) -> ReceiverSpec {
    let mut spec = spec("siem", Transport::Tls, &sink.address());
    spec.options.tls = tls;
    spec
}

fn trusting(authority: &Authority) -> TlsOptions {
    TlsOptions {
        ca: Some(authority.pem()),
        ..TlsOptions::default()
    }
}

fn with(own: Option<OwnCertificate>) -> Sender {
    Sender {
        own_certificate: own,
        ..sender()
    }
}

/// What a test of a receiver says about such a server.
async fn tried(server: Arc<ServerConfig>, tls: TlsOptions, own: Option<OwnCertificate>) -> Result<(), String> {
    let sink = Sink::secure(Transport::Tls, server).await;
    let spec = tls_spec(&sink, tls);
    let told = test(&spec, &with(own), NOW).await;
    if told.is_ok() {
        until("the test message arrives", async || !sink.texts().is_empty()).await;
    }
    // The port changes from run to run.
    told.map_err(|error| error.replace(&sink.address(), "SINK"))
}

#[tokio::test]
async fn events_arrive_inside_tls_and_an_ordinary_stop_repeats_nothing() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let authority = Authority::new();
        let server = authority.certify(&["127.0.0.1"]).server_speaking(None, &[version]);
        let (_folder, store) = store().await;
        let sink = Sink::secure(Transport::Tls, server).await;
        let delivery = deliver_as(pace(), &store, sender());
        let id = add(&store, tls_spec(&sink, trusting(&authority))).await;
        record(&store, 0..120).await;
        sink.until_has(119).await;
        record(&store, 120..240).await;
        sink.until_has(239).await;
        delivery.stop().await;
        assert_eq!(sink.numbers(), (0..240).collect::<Vec<_>>());
        let row = row(&store, id).await;
        assert_eq!((row.cursor, row.settled), (240, 240), "the sink said close_notify");
    }
}

#[tokio::test]
async fn a_receiver_inside_tls_that_dies_in_the_middle_loses_nothing() {
    let authority = Authority::new();
    let server = authority.certify(&["127.0.0.1"]).server(None);
    let (_folder, store) = store().await;
    let mut sink = Sink::secure(Transport::Tls, server).await;
    let address = sink.address();
    let delivery = deliver_as(pace(), &store, sender());
    add(&store, tls_spec(&sink, trusting(&authority))).await;
    for round in 0..5 {
        let next = round * 400;
        sink.read_only(100);
        record(&store, next..next + 300).await;
        sink.until_full().await;
        sink.die().await;
        record(&store, next + 300..next + 400).await;
        sink.revive(&address).await;
    }
    sink.until_has(1_999).await;
    delivery.stop().await;
    assert_eq!(sink.first_seen(), (0..2_000).collect::<Vec<_>>(), "all, in order");
}

#[tokio::test]
async fn a_receiver_that_an_authority_vouches_for_is_taken() {
    let authority = Authority::new();
    let server = authority.certify(&["127.0.0.1", "siem.example"]).server(None);
    assert_eq!(tried(Arc::clone(&server), trusting(&authority), None).await, Ok(()));
    let named = TlsOptions {
        server_name: Some("siem.example".parse().unwrap()),
        ..trusting(&authority)
    };
    assert_eq!(tried(server, named, None).await, Ok(()));

    let sixth = authority.certify(&["::1"]).server(None);
    let sink = Sink::at("[::1]:0", Transport::Tls, Some(sixth)).await;
    test(&tls_spec(&sink, trusting(&authority)), &sender(), NOW)
        .await
        .unwrap();

    let by_name = authority.certify(&["localhost"]).server(None);
    let sink = Sink::secure(Transport::Tls, by_name).await;
    let mut spec = tls_spec(&sink, trusting(&authority));
    spec.address = sink.address().replace("127.0.0.1", "localhost").parse().unwrap();
    test(&spec, &sender(), NOW).await.unwrap();
}

#[tokio::test]
async fn a_receiver_with_a_wrong_certificate_is_told_apart() {
    let (authority, other) = (Authority::new(), Authority::new());
    let good = authority.certify(&["127.0.0.1"]);
    let error = tried(good.server(None), trusting(&other), None).await.unwrap_err();
    assert_eq!(
        error,
        format!(
            "no secure connection to SINK: nobody we know vouches for its certificate: give the certificates of its \
             authority (ca), or its fingerprint. It showed SHA-256 {}",
            good.fingerprint()
        )
    );
    // The machine that runs the tests trusts authorities of its own, or none: in no case this one.
    let error = tried(good.server(None), TlsOptions::default(), None).await.unwrap_err();
    assert!(
        error.contains("nobody we know vouches") || error.contains("this machine trusts no authority"),
        "{error}"
    );

    let elsewhere = authority.certify(&["siem.example", "10.0.0.1"]).server(None);
    let error = tried(elsewhere, trusting(&authority), None).await.unwrap_err();
    assert_eq!(
        error,
        "no secure connection to SINK: its certificate is for siem.example, 10.0.0.1, not for 127.0.0.1: set the name in it \
         (server_name) if that is the right one"
    );

    let many: Vec<String> = (0..40).map(|number| format!("siem{number}.example")).collect();
    let many = authority.certify(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let error = tried(many.server(None), trusting(&authority), None).await.unwrap_err();
    assert!(
        error.contains("siem4.example and 35 more, not for 127.0.0.1"),
        "{error}"
    );

    let expired = authority.certify_dated(&["127.0.0.1"], -9 * DAY, -DAY).server(None);
    let error = tried(expired, trusting(&authority), None).await.unwrap_err();
    assert_eq!(
        error,
        "no secure connection to SINK: its certificate has expired on 2025-11-23T00:00:00Z: renew it there"
    );

    let early = authority.certify_dated(&["127.0.0.1"], 2 * DAY, 9 * DAY).server(None);
    let error = tried(early, trusting(&authority), None).await.unwrap_err();
    assert_eq!(
        error,
        "no secure connection to SINK: its certificate is not valid before 2025-11-26T00:00:00Z: check both clocks"
    );
}

#[tokio::test]
async fn a_pinned_receiver_is_known_by_its_certificate_alone() {
    let identity = Identity::self_signed(&["siem.example"]);
    let pinned = |identity: &Identity| TlsOptions {
        fingerprint: Some(identity.fingerprint()),
        ..TlsOptions::default()
    };
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = identity.server_speaking(None, &[version]);
        assert_eq!(tried(server, pinned(&identity), None).await, Ok(()));
    }
    let expired = Authority::new().certify_dated(&[], -9 * DAY, -DAY);
    assert_eq!(tried(expired.server(None), pinned(&expired), None).await, Ok(()));

    let other = Identity::self_signed(&["siem.example"]);
    let error = tried(identity.server(None), pinned(&other), None).await.unwrap_err();
    assert_eq!(
        error,
        format!(
            "no secure connection to SINK: its certificate is not the one whose fingerprint is set. It showed SHA-256 {}",
            identity.fingerprint()
        )
    );
    // Whoever has only the certificate, not its key, is not that receiver.
    let thief = identity.server_with_key_of(&other);
    let error = tried(thief, pinned(&identity), None).await.unwrap_err();
    assert!(error.contains("is not signed by it"), "{error}");
}

#[tokio::test]
async fn a_receiver_that_asks_gets_our_certificate_or_says_no() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let own = clients.certify(&["backup.example"]).keep(folder.path());
    let showing = TlsOptions {
        client_certificate: true,
        ..trusting(&authority)
    };
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let identity = authority.certify(&["127.0.0.1"]);
        let server = || identity.server_speaking(Some(&clients), &[version]);
        assert_eq!(
            tried(server(), showing.clone(), Some(own.clone())).await,
            Ok(()),
            "{version:?}"
        );

        // It is shown only where the receiver's options say so.
        let error = tried(server(), trusting(&authority), Some(own.clone()))
            .await
            .unwrap_err();
        assert!(
            error.contains("it asks for our certificate: let it see one (client_certificate)"),
            "{version:?}: {error}"
        );

        let stranger = tempfile::tempdir().unwrap();
        let unknown = Identity::self_signed(&["backup.example"]).keep(stranger.path());
        let error = tried(server(), showing.clone(), Some(unknown)).await.unwrap_err();
        assert!(
            error.contains("it does not accept our certificate (events.tls_cert)"),
            "{version:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_refusal_stands_with_the_receiver_until_our_certificate_is_renewed() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let own = Identity::self_signed(&["backup.example"]).keep(folder.path());
    let server = authority.certify(&["127.0.0.1"]).server(Some(&clients));
    let (_folder, store) = store().await;
    let sink = Sink::secure(Transport::Tls, server).await;
    let showing = TlsOptions {
        client_certificate: true,
        ..trusting(&authority)
    };
    let delivery = deliver_as(pace(), &store, with(Some(own)));
    let id = add(&store, tls_spec(&sink, showing)).await;
    record(&store, 0..20).await;
    let error = until_error(&store, id).await;
    assert!(error.contains("it does not accept our certificate"), "{error}");
    assert_eq!(row(&store, id).await.settled, 0);
    // The same files hold another certificate now.
    clients.certify(&["backup.example"]).keep(folder.path());
    sink.until_has(19).await;
    delivery.stop().await;
    assert_eq!(sink.numbers(), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_receiver_that_speaks_no_tls_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut greets, _) = listener.accept().await.unwrap();
        greets.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        let (silent, _) = listener.accept().await.unwrap();
        let (mut hangs_up, _) = listener.accept().await.unwrap();
        // Read first: unread octets would make its end a reset.
        let _ = hangs_up.read(&mut [0; 4_096]).await.unwrap();
        drop(hangs_up);
        // It stays open as long as the other side wants.
        let _ = greets.read_to_end(&mut Vec::new()).await;
        drop(silent);
    });
    let mut spec = spec("siem", Transport::Tls, &address);
    spec.options.tls = trusting(&Authority::new());
    let error = test(&spec, &sender(), NOW).await.unwrap_err();
    assert!(error.contains("what it answers is no TLS"), "{error}");
    spec.options.connect_seconds = 1.try_into().unwrap();
    let error = test(&spec, &sender(), NOW).await.unwrap_err();
    assert!(
        error.contains("it has not answered for 1 seconds: does it speak TLS on this port?"),
        "{error}"
    );
    spec.options.connect_seconds = 60.try_into().unwrap();
    let error = test(&spec, &sender(), NOW).await.unwrap_err();
    assert!(
        error.contains("it hung up instead of answering: does it speak TLS on this port?"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_used_is_told_before_it_is_kept() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let own = authority.certify(&["backup.example"]).keep(folder.path());
    let mut spec = spec("siem", Transport::Tls, "siem.example:6514");
    spec.options.tls = trusting(&authority);
    assert_eq!(check(&spec, &sender(), NOW), Ok(()));

    spec.options.tls.client_certificate = true;
    assert_eq!(
        check(&spec, &sender(), NOW),
        Err(
            "this receiver is to see our certificate, but there is none: set events.tls_cert and events.tls_key"
                .to_owned()
        )
    );
    assert_eq!(check(&spec, &with(Some(own.clone())), NOW), Ok(()));
    let error = |own: &OwnCertificate| check(&spec, &with(Some(own.clone())), NOW).unwrap_err();
    let mut broken = own.clone();
    broken.key = folder.path().join("gone");
    assert!(error(&broken).starts_with("events.tls_key: "), "{}", error(&broken));
    let other = tempfile::tempdir().unwrap();
    broken.key = authority.certify(&["backup.example"]).keep(other.path()).key;
    assert!(error(&broken).contains("do not go together"), "{}", error(&broken));
    broken = own;
    std::fs::write(&broken.certificate, "").unwrap();
    assert!(error(&broken).contains("holds no certificate"), "{}", error(&broken));

    spec.options.tls = trusting(&authority);
    spec.options.tls.ca = Some(
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
            .parse()
            .unwrap(),
    );
    let error = check(&spec, &sender(), NOW).unwrap_err();
    assert!(
        error.starts_with("a certificate of the authority cannot be used"),
        "{error}"
    );
    spec.options.tls = trusting(&authority);
    spec.transport = Transport::TcpLf;
    let error = check(&spec, &sender(), NOW).unwrap_err();
    assert_eq!(error, "TLS settings need the transport tls or relp-tls");
}
