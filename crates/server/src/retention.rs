//! Removes logon events that are older than the settings keep them (docs/adr/0022), and counters of tries that have forgotten what they counted.

use std::time::Duration;

use countersign_core::ageing::recorded_from;
use countersign_core::policy::TRAFFIC;
use countersign_store::StoreError;
use prometheus_client::metrics::counter::Counter;

use crate::AppState;

/// How often old events are looked for.
const EVERY: Duration = Duration::from_secs(60);

/// How many are removed in one transaction: everybody who writes waits as long.
const A_STEP: u32 = 200;

/// How long others write in between.
const PAUSE: Duration = Duration::from_millis(50);

/// Removes old logon events, a few at a time.
pub struct Retention {
    app: AppState,
    removed: Counter,
}

impl Retention {
    /// Of this server, with its counter among the metrics.
    pub fn new(app: AppState) -> Self {
        let removed = Counter::default();
        let counted = removed.clone();
        app.metrics.register(move |registry| {
            registry.register("events_removed", "Old logon events that were removed", counted);
        });
        Self { app, removed }
    }

    /// Runs until it is dropped. Each step is one transaction, so being cut off leaves nothing half done.
    pub async fn run(self) {
        loop {
            let forgotten = match self.forget().await {
                Ok(gone) => gone,
                Err(error) => {
                    tracing::error!(
                        detail = error.detail(),
                        "old counters of tries could not be removed: {error}"
                    );
                    0
                }
            };
            let wait = match self.step().await {
                Ok(_) if forgotten >= u64::from(A_STEP) => PAUSE,
                Ok(A_STEP) => PAUSE,
                Ok(_) => EVERY,
                Err(error) => {
                    tracing::error!(detail = error.detail(), "old events could not be removed: {error}");
                    EVERY
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes away what counters of wrong tries have forgotten.
    async fn forget(&self) -> Result<u64, StoreError> {
        let now = self.app.clock.now();
        self.app
            .store
            .write(move |tx| Box::pin(async move { tx.forget_attempts(now, A_STEP).await }))
            .await
    }

    /// Removes some that may go; fewer than [`A_STEP`] when there are no more.
    async fn step(&self) -> Result<u32, StoreError> {
        let now = self.app.clock.now();
        let removed = self
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    // In one transaction with the setting, so that what was just set to stay does stay.
                    // By the time that ages: a clock that was moved forward removes nothing.
                    match tx.policy().await?.traffic_kept_from(tx.moment(now).ageing) {
                        Some(from) => {
                            let from = recorded_from(&tx.clock_corrections().await?, from);
                            tx.remove_events(&TRAFFIC, from, A_STEP).await
                        }
                        None => Ok(0),
                    }
                })
            })
            .await?;
        self.removed.inc_by(u64::from(removed));
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::Policy;
    use countersign_events::{Event, Timestamp, User};

    use super::*;
    use crate::testing::people::TestServer;

    const DAY: i64 = 86_400;

    fn wrong_code() -> Event {
        Event::InvalidMfaCode {
            user_name: "ann".into(),
            endpoint: None,
            sid: None,
        }
    }

    fn turned_on() -> Event {
        Event::FourEyesEnabled {
            initiator: User::local("ann"),
        }
    }

    async fn report(server: &TestServer, count: u32) {
        let now = server.app.clock.now();
        let done = server.app.store.write(move |tx| {
            Box::pin(async move {
                for _ in 0..count {
                    tx.report(&wrong_code(), now, None, "ann").await?;
                }
                tx.report(&turned_on(), now, None, "ann").await.map(drop)
            })
        });
        done.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
    }

    async fn keep(server: &TestServer, days: Option<u32>) {
        let policy = Policy {
            event_retention_days: days,
            ..Policy::default()
        };
        let done = server
            .app
            .store
            .write(move |tx| Box::pin(async move { tx.set_policy(&policy).await }));
        done.await.unwrap_or_else(|error: StoreError| panic!("{error}"));
    }

    #[tokio::test]
    async fn a_clock_that_was_moved_forward_removes_no_event() {
        let server = TestServer::new().await;
        let retention = Retention::new(server.app.clone());
        report(&server, 3).await;
        keep(&server, Some(30)).await;
        server.clock.advance_seconds(10 * DAY);
        server.clock.jump_seconds(100 * DAY);
        assert_eq!(retention.step().await, Ok(0));
        let (_, known) = server.app.store.stopped().unwrap();
        let confirmed = server
            .app
            .store
            .write(move |tx| Box::pin(async move { tx.confirm_clock(known.jumps, "ann").await }));
        assert_eq!(confirmed.await, Ok::<_, StoreError>(true));
        server
            .app
            .store
            .resume_ageing()
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(retention.step().await, Ok(0), "they are ten days old");
        server.clock.advance_seconds(20 * DAY - 1);
        assert_eq!(retention.step().await, Ok(0));
        server.clock.advance_seconds(2);
        assert_eq!(retention.step().await, Ok(3));
    }

    #[tokio::test]
    async fn old_logon_events_go_in_steps_once_every_receiver_has_them() {
        let server = TestServer::new().await;
        let retention = Retention::new(server.app.clone());
        let before = server.events().await.len();
        report(&server, A_STEP + 10).await;
        let spec = countersign_core::receiver::ReceiverSpec::plain(
            "siem".parse().unwrap(),
            countersign_core::receiver::Transport::Udp,
            "siem.example:514".parse().unwrap(),
        );
        let receiver = server
            .app
            .store
            .write(move |tx| Box::pin(async move { tx.add_receiver(&spec, Timestamp(0)).await }))
            .await
            .unwrap_or_else(|error: StoreError| panic!("{error}"));
        server.clock.advance_seconds(DAY);
        report(&server, 5).await;
        let newest = before + A_STEP as usize + 10 + 1 + 5 + 1;
        assert_eq!(server.events().await.len(), newest);

        // For ever, unless something is said.
        server.clock.advance_seconds(100 * DAY);
        assert_eq!(retention.step().await, Ok(0));
        keep(&server, Some(102)).await;
        assert_eq!(retention.step().await, Ok(0));
        keep(&server, Some(30)).await;
        assert_eq!(retention.step().await, Ok(A_STEP));
        assert_eq!(retention.step().await, Ok(10));
        assert_eq!(
            retention.step().await,
            Ok(0),
            "the receiver does not have the last five"
        );

        let settled = i64::try_from(newest).unwrap();
        server
            .app
            .store
            .write(move |tx| Box::pin(async move { tx.advance_cursor(receiver, settled, settled, Timestamp(0)).await }))
            .await
            .unwrap_or_else(|error: StoreError| panic!("{error}"));
        assert_eq!(retention.step().await, Ok(5));
        let left = server.events().await;
        assert_eq!(left.len(), before + 2);
        assert!(!left.contains(&wrong_code()), "{left:?}");
        assert_eq!(left.last(), Some(&turned_on()));
        let metrics = server.app.metrics.text().unwrap();
        assert!(metrics.contains("countersign_events_removed_total 215"), "{metrics}");
    }
}
