//! How much one account asks for, and how often it was told no.

use countersign_core::{AccountId, BackupId, ObjectKind, Sha256};
use countersign_events::Timestamp;

use crate::engine::Value;
use crate::{StoreError, View};

impl View {
    /// How many requests of this account wait or collect, counted up to `most`.
    pub async fn open_requests_of(&mut self, account: AccountId, most: u32) -> Result<u32, StoreError> {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM requests
                   WHERE initiator_id = $1 AND state IN ('collecting', 'pending') LIMIT $2) AS open";
        self.counted(sql, params![account.0, i64::from(most)]).await
    }

    /// How often somebody said no to the same thing of this account since then. What went along with another is not counted.
    pub async fn rejections_since(
        &mut self,
        account: AccountId,
        likeness: Sha256,
        since: Timestamp,
    ) -> Result<u32, StoreError> {
        let sql = "SELECT count(*) FROM requests WHERE initiator_id = $1 AND same_as = $2 AND decided_at > $3
                   AND state = 'rejected' AND reason IS NULL";
        self.counted(sql, params![account.0, likeness.0.as_slice(), since.0])
            .await
    }

    /// How often somebody said no since then to requests of this account that list this object.
    pub async fn object_rejections_since(
        &mut self,
        (account, backup): (AccountId, BackupId),
        (kind, name): (ObjectKind, &str),
        since: Timestamp,
    ) -> Result<u32, StoreError> {
        let sql = "SELECT count(*) FROM requests AS r JOIN request_objects AS o ON o.request_id = r.id AND o.kind = $4 AND o.name = $5
                   WHERE r.initiator_id = $1 AND r.state = 'rejected' AND r.decided_at > $3 AND r.backup_id = $2 AND r.reason IS NULL";
        let params = params![account.0, backup.0, since.0, kind.as_str(), name];
        self.counted(sql, params).await
    }

    async fn counted(&mut self, sql: &'static str, params: Vec<Value>) -> Result<u32, StoreError> {
        Ok(u32::try_from(self.count(sql, params).await?).unwrap_or(u32::MAX))
    }
}
