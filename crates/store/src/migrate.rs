//! The schema, step by step.

use crate::{StoreError, Tx};

const STEPS: &[Step] = &[
    Step::Schema(include_str!("../migrations/sqlite/0001_ground.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0002_logon.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0003_receiver_options.sql")),
    Step::Searching(include_str!("../migrations/sqlite/0004_event_search.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0005_clients.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0006_tokens.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0007_factors.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0008_accounts.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0009_people.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0010_effects.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0011_deciding.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0012_storages.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0013_why.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0014_notices.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0015_previews.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0016_configuration_backups.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0017_service_providers.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0018_commands.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0019_clock.sql")),
    Step::Schema(include_str!("../migrations/sqlite/0020_idempotency.sql")),
];

enum Step {
    /// Tables and indexes.
    Schema(&'static str),
    /// Tables and indexes to search by, which are filled from what is there.
    Searching(&'static str),
}

/// Brings the schema up to date, each step in a transaction of its own.
pub(crate) async fn migrate(tx: &mut Tx) -> Result<(), StoreError> {
    to_step(tx, STEPS.len()).await
}

/// How many steps this version knows.
pub(crate) const fn known() -> usize {
    STEPS.len()
}

/// Takes the steps up to this one.
pub(crate) async fn to_step(tx: &mut Tx, last: usize) -> Result<(), StoreError> {
    tx.execute(
        "CREATE TABLE IF NOT EXISTS schema_steps (step BIGINT NOT NULL PRIMARY KEY)",
        params![],
    )
    .await?;
    let done = match tx.row("SELECT max(step) FROM schema_steps", params![]).await? {
        Some(row) => row.int_or_null(0)?.unwrap_or(0),
        None => 0,
    };
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if done > known {
        return Err(StoreError::TooNew(done));
    }
    for (number, step) in (1_i64..).zip(&STEPS[..last]) {
        if number <= done {
            continue;
        }
        tx.execute("BEGIN IMMEDIATE", params![]).await?;
        match take(tx, number, step).await {
            Ok(()) => tx.execute("COMMIT", params![]).await?,
            Err(error) => {
                tx.execute("ROLLBACK", params![]).await?;
                return Err(error);
            }
        };
    }
    Ok(())
}

async fn take(tx: &mut Tx, number: i64, step: &Step) -> Result<(), StoreError> {
    match step {
        Step::Schema(sql) => tx.script(sql).await?,
        Step::Searching(sql) => {
            tx.script(sql).await?;
            tx.index_all_events().await?;
            tx.index_all_requests().await?;
        }
    }
    let sql = "INSERT INTO schema_steps (step) VALUES ($1)";
    tx.execute(sql, params![number]).await.map(drop)
}
