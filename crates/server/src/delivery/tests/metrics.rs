//! What `/metrics` says about receivers.

use countersign_core::receiver::Transport;
use countersign_events::Timestamp;
use countersign_store::Store;

use super::relp_sink::{Manner, RelpSink};
use super::sink::Sink;
use super::{NOW, add, deliver_when, pace, record, row, sender, spec, store, until, until_error};
use crate::delivery::Delivery;
use crate::metrics::Metrics;

/// A minute and a half after the events.
fn deliver_later(store: &Store) -> (Delivery, Metrics) {
    let delivery = deliver_when(Timestamp(NOW.0 + 90_000_000), pace(), store, sender());
    let metrics = Metrics::new();
    metrics.register(|registry| delivery.register(registry));
    (delivery, metrics)
}

fn lines(metrics: &Metrics) -> Vec<String> {
    let text = metrics.text().unwrap();
    let ours = text
        .lines()
        .filter_map(|line| line.strip_prefix("countersign_delivery_"));
    ours.map(|line| line.replace("{receiver=\"siem\"}", "")).collect()
}

async fn until_it_says(metrics: &Metrics, line: &str) {
    until(line, async || lines(metrics).iter().any(|said| said == line)).await;
}

#[tokio::test]
async fn metrics_tell_each_receiver() {
    let (_folder, store) = store().await;
    let mut sink = Sink::open(Transport::TcpLf).await;
    let (delivery, metrics) = deliver_later(&store);
    let id = add(&store, spec("siem", Transport::TcpLf, &sink.address())).await;
    record(&store, 0..10).await;
    until("all is handed over", async || row(&store, id).await.cursor == 10).await;
    assert_eq!(
        lines(&metrics),
        [
            "messages_total 10",
            "sequence 10",
            "backlog 0",
            "lag_seconds 0",
            "connected 1",
            "connected_since_timestamp_seconds 1764000090",
        ]
    );
    sink.die().await;
    until_error(&store, id).await;
    record(&store, 10..12).await;
    // What was handed over and may be lost waits again.
    until_it_says(&metrics, "lag_seconds 90").await;
    let said = lines(&metrics);
    for line in [
        "backlog 12",
        "sequence 0",
        "connected 0",
        "last_error_timestamp_seconds 1764000090",
    ] {
        assert!(said.iter().any(|said| said == line), "{line}: {said:?}");
    }
    delivery.stop().await;
}

#[tokio::test]
async fn what_is_not_acknowledged_waits() {
    let (_folder, store) = store().await;
    let sink = RelpSink::open(Manner::Only(4)).await;
    let (delivery, metrics) = deliver_later(&store);
    add(&store, spec("siem", Transport::Relp, &sink.address())).await;
    record(&store, 0..10).await;
    sink.until_acknowledged(4).await;
    until_it_says(&metrics, "sequence 4").await;
    until_it_says(&metrics, "lag_seconds 90").await;
    let said = lines(&metrics);
    for line in ["backlog 6", "last_acknowledgement_timestamp_seconds 1764000090"] {
        assert!(said.iter().any(|said| said == line), "{line}: {said:?}");
    }
    sink.behave(Manner::AtOnce);
    until_it_says(&metrics, "sequence 10").await;
    until_it_says(&metrics, "lag_seconds 0").await;
    delivery.stop().await;
}
