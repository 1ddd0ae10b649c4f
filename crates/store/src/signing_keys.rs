//! What access tokens are signed with.

use countersign_events::Timestamp;

use crate::{StoreError, Tx, View};

/// A signing key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// The `kid` of its tokens.
    pub id: String,
    /// The private part, sealed.
    pub sealed: Vec<u8>,
    /// The public part: 0x04, x, y.
    pub public: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on another signs; none for the one that signs now.
    pub retired_at: Option<Timestamp>,
}

impl View {
    /// Every signing key that is kept, newest first.
    pub async fn signing_keys(&mut self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        let sql = "SELECT id, sealed, public, created_at, retired_at FROM signing_keys
                   ORDER BY retired_at IS NOT NULL, created_at DESC, id";
        let rows = self.rows(sql, params![]).await?;
        rows.iter()
            .map(|row| {
                Ok(SigningKeyRecord {
                    id: row.text(0)?,
                    sealed: row.blob(1)?,
                    public: row.blob(2)?,
                    created_at: Timestamp(row.int(3)?),
                    retired_at: row.int_or_null(4)?.map(Timestamp),
                })
            })
            .collect()
    }
}

impl Tx {
    /// Puts a new signing key in the place of the one that signs now, and forgets those that were retired until `over`.
    pub async fn replace_signing_key(&mut self, new: &SigningKeyRecord, over: Timestamp) -> Result<(), StoreError> {
        self.execute("DELETE FROM signing_keys WHERE retired_at <= $1", params![over.0])
            .await?;
        let retire = "UPDATE signing_keys SET retired_at = $1 WHERE retired_at IS NULL";
        self.execute(retire, params![new.created_at.0]).await?;
        self.execute(
            "INSERT INTO signing_keys (id, sealed, public, created_at) VALUES ($1, $2, $3, $4)",
            params![
                new.id.as_str(),
                new.sealed.as_slice(),
                new.public.as_slice(),
                new.created_at.0
            ],
        )
        .await
        .map(drop)
    }
}
