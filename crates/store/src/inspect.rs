//! Looks at a database without changing it: for `countersign doctor`, also beside a running server.

use std::path::Path;

use countersign_events::Timestamp;

use crate::StoreError;
use crate::engine::Connection;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What the engine says is damaged; empty when nothing is.
    pub damage: Vec<String>,
    /// When the last event was recorded, if any was.
    pub last_event_at: Option<Timestamp>,
}

/// Reads every page of the database once. The file must be there; its schema is left as it is.
///
/// # Errors
/// The file is no database of ours, or cannot be read.
pub async fn inspect(path: &Path) -> Result<Inspection, StoreError> {
    let mut connection = Connection::open_existing(path).await?;
    let damage = connection.damage().await?;
    let last = connection
        .row("SELECT at FROM events ORDER BY seq DESC LIMIT 1", params![])
        .await?;
    let last_event_at = last.map(|row| row.int(0)).transpose()?.map(Timestamp);
    Ok(Inspection { damage, last_event_at })
}
