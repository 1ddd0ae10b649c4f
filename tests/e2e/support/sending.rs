//! A server that sends: events and receivers are put into its store while it does not run.

use std::{collections::BTreeMap, fs, os::unix::fs::DirBuilderExt as _};

use countersign_core::receiver::{ReceiverSpec, TlsOptions, Transport};
use countersign_events::{Event, Timestamp};
use countersign_store::{Store, StoreError, View};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::{certificates::Authority, process::Outcome, rsyslog::SENDER, server::Server};

pub struct Sending {
    pub server: Server,
    runtime: Runtime,
}

impl Sending {
    /// A data folder with these settings of `[events]`; nothing runs.
    pub fn with(settings: &str) -> Self {
        let server = Server::on_the_machines_clock();
        fs::DirBuilder::new().mode(0o700).create(server.data()).unwrap();
        // Whoever sends a load from here speaks for many sources: of one, few denials are reported.
        let settings = format!("behind_proxy = ['127.0.0.1/32']\n[events]\nhostname = 'vbrsrv01.example'\n{settings}");
        fs::write(server.data().join("countersign.toml"), settings).unwrap();
        Self {
            server,
            runtime: Runtime::new().unwrap(),
        }
    }

    /// The same with a certificate of its own, to show to receivers.
    pub fn with_certificate(authority: &Authority) -> Self {
        let sending = Self::with("tls_cert = 'sender.crt'\ntls_key = 'sender.key'\n");
        authority.identity(SENDER).write(&sending.server.data(), "sender");
        sending
    }

    /// Adds receivers. They get what is recorded from now on.
    pub fn add(&self, receivers: Vec<ReceiverSpec>) {
        self.write(|store| async move {
            let now = Timestamp(1_763_962_000_000_000);
            store
                .write(move |tx| {
                    Box::pin(async move {
                        for spec in &receivers {
                            spec.check().expect("a receiver");
                            tx.add_receiver(spec, now).await?;
                        }
                        Ok::<_, StoreError>(())
                    })
                })
                .await
        });
    }

    /// Records events, a second between them.
    pub fn record(&self, events: Vec<Event>) {
        self.write(|store| async move {
            store
                .write(move |tx| {
                    Box::pin(async move {
                        let mut at = 1_763_962_597_421_424;
                        for event in &events {
                            tx.report(event, Timestamp(at), None, "").await?;
                            at += 1_000_000;
                        }
                        Ok::<_, StoreError>(())
                    })
                })
                .await
        });
    }

    fn write<F: Future<Output = Result<(), StoreError>>>(&self, work: impl FnOnce(Store) -> F) {
        self.runtime.block_on(async {
            let store = Store::open(&self.server.data().join("countersign.db")).await.unwrap();
            work(store).await.unwrap();
        });
    }

    /// What went wrong last with each receiver, as the server notes it.
    pub fn errors(&self) -> BTreeMap<String, String> {
        let receivers = self.runtime.block_on(async {
            let mut view = View::beside(&self.server.data().join("countersign.db")).await.unwrap();
            view.receivers().await.unwrap()
        });
        receivers
            .into_iter()
            .filter_map(|receiver| Some((receiver.spec.name.as_str().to_owned(), receiver.last_error?.0)))
            .collect()
    }

    /// Every message as `events tail` prints it.
    pub fn tail(&self) -> Vec<String> {
        self.told(&["events", "tail", "--since", "0"])
    }

    /// The same in JSON.
    pub fn tail_json(&self) -> Vec<Value> {
        let lines = self.told(&["events", "tail", "--since", "0", "--json"]);
        lines
            .iter()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }

    fn told(&self, arguments: &[&str]) -> Vec<String> {
        let told = Outcome::of(&mut self.server.command(arguments)).expect("events tail");
        told.stdout.lines().map(str::to_owned).collect()
    }
}

/// A receiver that gets every event as the server tells it.
pub fn plain(name: &str, transport: Transport, address: &str) -> ReceiverSpec {
    ReceiverSpec::plain(name.parse().unwrap(), transport, address.parse().unwrap())
}

/// The same inside TLS, vouched for by this authority; `mutual`: it sees our certificate, too.
pub fn encrypted(name: &str, transport: Transport, address: &str, authority: &Authority, mutual: bool) -> ReceiverSpec {
    let mut spec = plain(name, transport, address);
    spec.options.tls = TlsOptions {
        ca: Some(authority.certificate().parse().unwrap()),
        client_certificate: mutual,
        ..TlsOptions::default()
    };
    spec
}
