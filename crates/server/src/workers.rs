//! What runs beside the requests: sealing, expiry, purging, retention, alerts, notices, new signing keys, forgetting.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::alerts::{SystemDisk, Watch};
use crate::copies::Copier;
use crate::flows::effects;
use crate::retention::Retention;
use crate::{AppState, configuration_backup};

/// How often collected deletes and overdue requests are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// How often is looked whether the key that signs access tokens is old, and whether another node has made one.
const SIGNING_KEYS_EVERY: Duration = Duration::from_secs(600);

/// How often calls with a key that are a day old are forgotten.
const CALLS_EVERY: Duration = Duration::from_secs(3600);

/// Runs until it is cancelled. Each step is one transaction, so being cut off leaves nothing half done.
pub async fn run(app: AppState, stop: CancellationToken) {
    let (mut workers, keeping) = (JoinSet::new(), AppState::clone(&app));
    let purging = AppState::clone(&app);
    workers.spawn(async move { purging.vault.run_purges().await });
    workers.spawn(Watch::new(AppState::clone(&app), Box::new(SystemDisk)).run());
    workers.spawn(Retention::new(AppState::clone(&app)).run());
    workers.spawn(crate::notices::run(AppState::clone(&app)));
    workers.spawn(configuration_backup::run(AppState::clone(&app)));
    workers.spawn(Copier::new(AppState::clone(&app)).run());
    let calls = AppState::clone(&app);
    workers.spawn(async move {
        loop {
            let now = calls.clock.now();
            let forgotten = calls.store.write(move |tx| Box::pin(tx.forget_old_calls(now)));
            match forgotten.await {
                Ok(0) => {}
                Ok(forgotten) => tracing::debug!(forgotten, "calls that were made with a key are a day old"),
                Err(error) => tracing::error!(detail = error.detail(), "old calls could not be forgotten: {error}"),
            }
            tokio::time::sleep(CALLS_EVERY).await;
        }
    });
    let signing = AppState::clone(&app);
    workers.spawn(async move {
        loop {
            if let Err(error) = signing.signing.look(&signing).await {
                tracing::error!("the signing keys could not be looked at: {error}");
            }
            tokio::time::sleep(SIGNING_KEYS_EVERY).await;
        }
    });
    workers.spawn(async move {
        loop {
            if let Err(error) = app.store.look_at_clock().await {
                tracing::error!(detail = error.detail(), "the clock could not be kept: {error}");
            }
            app.openings.forget_old(app.clock.now());
            // The steps are independent: one that fails is said and tried again, and keeps no other back.
            match app.vault.seal_finished().await {
                Ok(0) => {}
                Ok(sealed) => tracing::info!(sealed, "collected deletes became requests"),
                Err(error) => tracing::error!("collected deletes could not be sealed: {error}"),
            }
            match app.vault.expire_overdue().await {
                Ok(0) => {}
                Ok(expired) => tracing::info!(expired, "requests expired"),
                Err(error) => tracing::error!("overdue requests could not expire: {error}"),
            }
            match effects::carry_out_ripe(&app).await {
                Ok(0) => {}
                Ok(begun) => tracing::info!(begun, "approvals took effect at the end of their undo window"),
                Err(error) => tracing::error!("an approval could not take effect and is tried again: {error}"),
            }
            match crate::flows::commands::end_overdue(&app).await {
                Ok(0) => {}
                Ok(ended) => tracing::warn!(
                    ended,
                    "commands that nobody took in time, or whose runner never reported"
                ),
                Err(error) => tracing::error!(detail = error.detail(), "overdue commands could not be ended: {error}"),
            }
            match app.unrecorded.record(&app.store).await {
                Ok(0) => {}
                Ok(recorded) => tracing::warn!(recorded, "logons that were denied while the store did not answer"),
                Err(error) => tracing::error!(detail = error.detail(), "denied logons wait to be recorded: {error}"),
            }
            tokio::time::sleep(EVERY).await;
        }
    });
    stop.cancelled().await;
    workers.shutdown().await;
    if let Err(error) = keeping.store.keep_clock().await {
        tracing::error!(detail = error.detail(), "the clock could not be kept: {error}");
    }
}
