//! What comes after an approval: the undo window, the veto, the effect.

use countersign_core::notice::NoticeKind;
use countersign_core::purge::DecidedDigest;
use countersign_core::request::Effect;
use countersign_core::undo::{Vetoed, Waiting};
use countersign_core::{AccountId, BackupId, RequestId, Sha256};
use countersign_events::Timestamp;

use crate::requests::{RequestRecord, one_row};
use crate::{StoreError, Tx, View};

impl View {
    /// The approved requests of a backup that wait for their time, oldest first: they take effect in this order.
    pub async fn waiting_queue(&mut self, backup: BackupId) -> Result<Vec<RequestId>, StoreError> {
        let rows = self
            .rows(
                "SELECT id FROM requests WHERE backup_id = $1 AND effect IN ('waiting', 'postponed') ORDER BY id",
                params![backup.0],
            )
            .await?;
        rows.iter().map(|row| row.int(0).map(RequestId)).collect()
    }

    /// All approved requests that can still be vetoed, the next to take effect first.
    pub async fn waiting(&mut self, most: u32) -> Result<Vec<RequestRecord>, StoreError> {
        let ids = self
            .rows(
                "SELECT id FROM requests WHERE effect IN ('waiting', 'postponed') ORDER BY due_at, id LIMIT $1",
                params![i64::from(most)],
            )
            .await?;
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            records.extend(self.request(RequestId(id.int(0)?)).await?);
        }
        Ok(records)
    }

    /// How many approved requests can still be vetoed.
    pub async fn count_waiting(&mut self) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM requests WHERE effect IN ('waiting', 'postponed')";
        self.count(sql, params![]).await
    }

    /// The approved requests whose undo window is over, oldest first, with the backups that they are about.
    pub async fn ripe(&mut self, ageing: Timestamp) -> Result<Vec<(RequestId, Option<BackupId>)>, StoreError> {
        let rows = self
            .rows(
                "SELECT id, backup_id FROM requests WHERE effect IN ('waiting', 'postponed') AND due_at <= $1 ORDER BY id",
                params![ageing.0],
            )
            .await?;
        rows.iter()
            .map(|row| Ok((RequestId(row.int(0)?), row.int_or_null(1)?.map(BackupId))))
            .collect()
    }

    /// When the last approval of a backup that waits for its time takes effect.
    pub async fn last_due(&mut self, backup: BackupId) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT max(due_at) FROM requests WHERE backup_id = $1 AND effect IN ('waiting', 'postponed')";
        let row = self.row(sql, params![backup.0]).await?;
        row.map_or(Ok(None), |row| Ok(row.int_or_null(0)?.map(Timestamp)))
    }

    /// The approved requests whose purge is to be done, with the digests that were approved.
    pub async fn due(&mut self) -> Result<Vec<DecidedDigest>, StoreError> {
        let rows = self
            .rows(
                "SELECT id, digest FROM requests WHERE state = 'approved' AND effect = 'due' ORDER BY id",
                params![],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let digest = Sha256::from_slice(&row.blob(1)?).ok_or(StoreError::Unreadable("a digest"))?;
                Ok(DecidedDigest {
                    request: RequestId(row.int(0)?),
                    digest,
                })
            })
            .collect()
    }
}

impl Tx {
    /// Notes when an approval that was just recorded takes effect. It must touch exactly one row.
    pub async fn record_waiting(&mut self, waiting: &Waiting) -> Result<(), StoreError> {
        let changed = self
            .execute(
                "UPDATE requests SET due_at = $1, approver_eligible_at = $2
                 WHERE id = $3 AND state = 'approved' AND effect = 'waiting' AND decided_by_id = $4",
                params![
                    waiting.due_at.0,
                    waiting.approver.eligible_at.0,
                    waiting.request.id.0,
                    waiting.approver.account.0
                ],
            )
            .await?;
        one_row(changed)
    }

    /// Records that what waited for its time is carried out from now on. It must touch exactly one row.
    pub async fn record_begun(&mut self, id: RequestId, now: Timestamp) -> Result<(), StoreError> {
        self.record_turn(id, Effect::Due, None, now).await
    }

    /// Records what became of an approval that waits for its time. It must touch exactly one row that still does.
    pub async fn record_turn(
        &mut self,
        id: RequestId,
        effect: Effect,
        detail: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let changed = self
            .execute(
                "UPDATE requests SET effect = $1, effect_at = $2, effect_detail = $3
                 WHERE id = $4 AND state = 'approved' AND effect IN ('waiting', 'postponed')",
                params![effect.as_str(), now.0, detail, id.0],
            )
            .await?;
        self.note_effect(id, effect, now).await?;
        self.note_turn(id);
        one_row(changed)
    }

    /// Whoever asked is told when what was approved does not come about.
    async fn note_effect(&mut self, id: RequestId, effect: Effect, now: Timestamp) -> Result<(), StoreError> {
        if matches!(effect, Effect::Failed | Effect::Vetoed) {
            self.note(NoticeKind::Failed, id, now).await?;
        }
        Ok(())
    }

    /// Records a veto. It must touch exactly one row that waits for its time.
    pub async fn record_veto(
        &mut self,
        vetoed: &Vetoed,
        by: AccountId,
        comment: &str,
        detail: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.record_turn(vetoed.request().id, Effect::Vetoed, detail, now)
            .await?;
        let changed = self
            .execute(
                "UPDATE requests SET vetoed_by_id = $1, vetoed_by = $2, veto_comment = $3 WHERE id = $4 AND effect = 'vetoed'",
                params![
                    by.0,
                    vetoed.supervisor().full_name.as_str(),
                    comment,
                    vetoed.request().id.0
                ],
            )
            .await?;
        one_row(changed)
    }

    /// Lets an approval that waits be looked at at once: something that it lists was uploaded again, so it cannot hold.
    pub async fn hasten(&mut self, id: RequestId, ageing: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE requests SET due_at = $1
                   WHERE id = $2 AND effect IN ('waiting', 'postponed') AND due_at > $1";
        self.execute(sql, params![ageing.0, id.0]).await.map(drop)
    }

    /// Records what came of an approval.
    pub async fn record_effect(
        &mut self,
        id: RequestId,
        effect: Effect,
        detail: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let changed = self
            .execute(
                "UPDATE requests SET effect = $1, effect_at = $2, effect_detail = $3 WHERE id = $4 AND state = 'approved'",
                params![effect.as_str(), now.0, detail, id.0],
            )
            .await?;
        self.note_effect(id, effect, now).await?;
        self.note_turn(id);
        one_row(changed)
    }
}
