//! The security settings: one row, changed only from the state that was seen.

use countersign_core::Policy;

use crate::{StoreError, Tx, View};

impl View {
    /// The security settings; the built-in ones until they are first changed.
    pub async fn policy(&mut self) -> Result<Policy, StoreError> {
        match self
            .row("SELECT value FROM settings WHERE name = 'policy'", params![])
            .await?
        {
            Some(row) => {
                serde_json::from_str(&row.text(0)?).map_err(|_| StoreError::Unreadable("the security settings"))
            }
            None => Ok(Policy::default()),
        }
    }

    /// A value that the server keeps for itself.
    pub async fn note(&mut self, name: &'static str) -> Result<Option<String>, StoreError> {
        match self
            .row("SELECT value FROM settings WHERE name = $1", params![name])
            .await?
        {
            Some(row) => Ok(Some(row.text(0)?)),
            None => Ok(None),
        }
    }
}

impl Tx {
    /// Puts new security settings in the place of the old. How long a session lives holds for those that there are, too.
    pub async fn set_policy(&mut self, policy: &Policy) -> Result<(), StoreError> {
        let value = serde_json::to_string(policy).map_err(|error| StoreError::Engine(error.to_string()))?;
        self.set_note("policy", &value).await?;
        let sql = "UPDATE token_chains SET ends_at = created_at + $1
                   WHERE ended_at IS NULL AND id IN (SELECT chain FROM sessions WHERE ended_at IS NULL)";
        let micros = policy.session_seconds().saturating_mul(1_000_000);
        self.execute(sql, params![micros]).await.map(drop)
    }

    /// Keeps a value for the server itself.
    pub async fn set_note(&mut self, name: &'static str, value: &str) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO settings (name, value, revision) VALUES ($1, $2, 1)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value, revision = settings.revision + 1",
            params![name, value],
        )
        .await
        .map(drop)
    }
}
