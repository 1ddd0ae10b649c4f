//! Calls of the API that were made with a key.

use countersign_core::idempotency::{KEPT_SECONDS, KeptCall, Progress};
use countersign_core::{AccountId, Sha256};
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

impl View {
    /// The call that an account made with a key, if it is kept.
    pub async fn kept_call(&mut self, account: AccountId, key: Sha256) -> Result<Option<KeptCall>, StoreError> {
        let sql = "SELECT fingerprint, begun_at, status, sealed FROM idempotency
                   WHERE account_id = $1 AND key_hash = $2";
        let row = self.row(sql, params![account.0, key.0.as_slice()]).await?;
        row.as_ref().map(kept).transpose()
    }
}

impl Tx {
    /// Writes down that a call was begun. What was kept under its key is forgotten.
    pub async fn begin_call(
        &mut self,
        account: AccountId,
        key: Sha256,
        fingerprint: Sha256,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.forget_call(account, key).await?;
        let sql = "INSERT INTO idempotency (account_id, key_hash, fingerprint, begun_at) VALUES ($1, $2, $3, $4)";
        let params = params![account.0, key.0.as_slice(), fingerprint.0.as_slice(), now.0];
        self.execute(sql, params).await.map(drop)
    }

    /// Keeps what a call that was begun was answered.
    pub async fn answer_call(
        &mut self,
        account: AccountId,
        key: Sha256,
        status: u16,
        sealed: &[u8],
    ) -> Result<(), StoreError> {
        let sql = "UPDATE idempotency SET status = $1, sealed = $2 WHERE account_id = $3 AND key_hash = $4";
        let params = params![i64::from(status), sealed, account.0, key.0.as_slice()];
        self.execute(sql, params).await.map(drop)
    }

    /// Forgets a call: it may be made again.
    pub async fn forget_call(&mut self, account: AccountId, key: Sha256) -> Result<(), StoreError> {
        let sql = "DELETE FROM idempotency WHERE account_id = $1 AND key_hash = $2";
        self.execute(sql, params![account.0, key.0.as_slice()]).await.map(drop)
    }

    /// Forgets the calls that are a day old; how many.
    pub async fn forget_old_calls(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let sql = "DELETE FROM idempotency WHERE begun_at <= $1";
        self.execute(sql, params![now.plus_seconds(-KEPT_SECONDS).0]).await
    }
}

fn kept(row: &Row) -> Result<KeptCall, StoreError> {
    let unreadable = || StoreError::Unreadable("a call that was made with a key");
    let progress = match row.int_or_null(2)? {
        Some(status) => Progress::Answered {
            status: u16::try_from(status).map_err(|_| unreadable())?,
            sealed: row.blob(3)?,
        },
        None => Progress::Begun,
    };
    Ok(KeptCall {
        fingerprint: Sha256::from_slice(&row.blob(0)?).ok_or_else(unreadable)?,
        begun_at: Timestamp(row.int(1)?),
        progress,
    })
}
