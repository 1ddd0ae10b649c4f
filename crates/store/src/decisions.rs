//! What became of requests that waited for a decision. Each must touch exactly one row that still does.

use countersign_core::request::{Approved, DecidedFrom, Effect, Expired, Rejected};
use countersign_core::{AccountId, RequestId};
use countersign_events::Timestamp;

use crate::named::name_key;
use crate::requests::{json, one_row};
use crate::{StoreError, Tx};

impl Tx {
    /// Records an approval. It must touch exactly one pending row, with the digest that was approved.
    pub async fn record_approval(
        &mut self,
        approved: &Approved,
        comment: &str,
        effect: Effect,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let changed = self
            .execute(
                "UPDATE requests SET state = 'approved', decided_at = $1, decided_by_id = $2, decided_by = $3, comment = $4, effect = $5, effect_at = $1,
                                     decided_by_key = $8
                 WHERE id = $6 AND state = 'pending' AND digest = $7",
                params![
                    now.0,
                    approved.supervisor().id.0,
                    approved.supervisor().name.as_str(),
                    comment,
                    effect.as_str(),
                    approved.request().id.0,
                    approved.request().digest.0.as_slice(),
                    approved.supervisor().name.key()
                ],
            )
            .await?;
        self.note_turn(approved.request().id);
        one_row(changed)
    }

    /// Records a rejection. It must touch exactly one pending row.
    pub async fn record_rejection(
        &mut self,
        rejected: &Rejected,
        by: Option<AccountId>,
        comment: &str,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let changed = self
            .execute(
                "UPDATE requests SET state = 'rejected', decided_at = $1, decided_by_id = $2, decided_by = $3, comment = $4, reason = $5,
                                     effect = 'done', effect_at = $1, decided_by_key = $7
                 WHERE id = $6 AND state = 'pending'",
                params![
                    now.0,
                    by.map(|account| account.0),
                    rejected.supervisor().full_name.as_str(),
                    comment,
                    reason,
                    rejected.request().id.0,
                    name_key(&rejected.supervisor().full_name)
                ],
            )
            .await?;
        self.note_turn(rejected.request().id);
        one_row(changed)
    }

    /// Records that nobody decided in time. It must touch exactly one pending row.
    pub async fn record_expiry(&mut self, expired: &Expired, reason: &str, now: Timestamp) -> Result<(), StoreError> {
        let changed = self
            .execute(
                "UPDATE requests SET state = 'expired', decided_at = $1, reason = $2, effect = 'done', effect_at = $1
                 WHERE id = $3 AND state = 'pending'",
                params![now.0, reason, expired.request().id.0],
            )
            .await?;
        self.note_turn(expired.request().id);
        one_row(changed)
    }

    /// Notes how these were decided, in the transaction that decided them.
    pub async fn note_decided_from(&mut self, ids: &[RequestId], from: &DecidedFrom) -> Result<(), StoreError> {
        let json = json(from)?;
        for id in ids {
            let sql = "UPDATE requests SET decided_from = $1 WHERE id = $2 AND state IN ('approved', 'rejected')";
            one_row(self.execute(sql, params![json.as_str(), id.0]).await?)?;
        }
        Ok(())
    }
}
