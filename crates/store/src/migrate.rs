//! The schema, step by step.

use crate::StoreError;
use crate::engine::Connection;

const STEPS: &[&str] = &[
    include_str!("../migrations/sqlite/0001_ground.sql"),
    include_str!("../migrations/sqlite/0002_logon.sql"),
    include_str!("../migrations/sqlite/0003_receiver_options.sql"),
];

/// Brings the schema up to date, each step in a transaction of its own.
pub(crate) async fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    connection
        .execute(
            "CREATE TABLE IF NOT EXISTS schema_steps (step BIGINT NOT NULL PRIMARY KEY)",
            params![],
        )
        .await?;
    let done = match connection.row("SELECT max(step) FROM schema_steps", params![]).await? {
        Some(row) => row.int_or_null(0)?.unwrap_or(0),
        None => 0,
    };
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if done > known {
        return Err(StoreError::TooNew(done));
    }
    for (number, step) in (1_i64..).zip(STEPS) {
        if number <= done {
            continue;
        }
        connection.execute("BEGIN IMMEDIATE", params![]).await?;
        let ran = async {
            connection.script(step).await?;
            connection
                .execute("INSERT INTO schema_steps (step) VALUES ($1)", params![number])
                .await
        }
        .await;
        match ran {
            Ok(_) => connection.execute("COMMIT", params![]).await?,
            Err(error) => {
                connection.execute("ROLLBACK", params![]).await?;
                return Err(error);
            }
        };
    }
    Ok(())
}
