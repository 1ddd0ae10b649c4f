//! Channels of notices, each with its own durable cursor, and what is to be told.

use countersign_core::notice::{ChannelSpec, NoticeKind, remind_at, reminders_until};
use countersign_core::{NoticeChannelId, RequestId, Sha256};
use countersign_events::Timestamp;

use crate::requests::json;
use crate::{Row, StoreError, Tx, View};

/// A channel as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeChannel {
    /// Never given twice.
    pub id: NoticeChannelId,
    /// Where to and how.
    pub spec: ChannelSpec,
    /// When it was added.
    pub created_at: Timestamp,
    /// The number of the last notice that it has, or that was given up.
    pub cursor: i64,
    /// When it last took one.
    pub delivered_at: Option<Timestamp>,
    /// What went wrong last, and when; none since the last success.
    pub last_error: Option<(String, Timestamp)>,
    /// Since when nothing has arrived; none since the last success.
    pub failing_since: Option<Timestamp>,
    /// How many messages were given up: refused for good, or too old.
    pub given_up: u64,
}

/// Something to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedNotice {
    /// Its place in the order of all notices.
    pub seq: i64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Why people are told.
    pub kind: NoticeKind,
    /// Of which request.
    pub request: RequestId,
}

impl View {
    /// Every channel, by name.
    pub async fn notice_channels(&mut self) -> Result<Vec<NoticeChannel>, StoreError> {
        let sql = "SELECT id, spec, created_at, cursor_seq, delivered_at, last_error, error_at, failing_since, given_up
                   FROM notice_channels ORDER BY name";
        self.rows(sql, params![]).await?.iter().map(channel).collect()
    }

    /// A channel.
    pub async fn notice_channel(&mut self, id: NoticeChannelId) -> Result<Option<NoticeChannel>, StoreError> {
        let sql = "SELECT id, spec, created_at, cursor_seq, delivered_at, last_error, error_at, failing_since, given_up
                   FROM notice_channels WHERE id = $1";
        self.row(sql, params![id.0]).await?.as_ref().map(channel).transpose()
    }

    /// What a channel's secret is sealed in, by the SHA-256 of the box.
    pub async fn notice_secret(&mut self, hash: Sha256) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT sealed FROM notice_secrets WHERE hash = $1";
        let row = self.row(sql, params![hash.0.as_slice()]).await?;
        row.map(|row| row.blob(0)).transpose()
    }

    /// The first notice after a number.
    pub async fn notice_after(&mut self, seq: i64) -> Result<Option<RecordedNotice>, StoreError> {
        let sql = "SELECT seq, at, kind, request_id FROM notices WHERE seq > $1 ORDER BY seq LIMIT 1";
        self.row(sql, params![seq]).await?.as_ref().map(notice).transpose()
    }

    /// How many notices come after a number, of whatever kind.
    pub async fn notices_waiting(&mut self, seq: i64) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM notices WHERE seq > $1";
        self.count(sql, params![seq]).await
    }

    /// Whether a reminder is due that was not recorded, and there is a channel that tells of it.
    pub async fn reminders_due(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        Ok(!self.notice_channels().await?.is_empty() && !self.unreminded(now).await?.is_empty())
    }

    /// The pending requests whose reminder is due and was not recorded, oldest first.
    async fn unreminded(&mut self, now: Timestamp) -> Result<Vec<RequestId>, StoreError> {
        let sql = "SELECT id, sealed_at, expires_at FROM requests
                   WHERE state = 'pending' AND expires_at > $1 AND expires_at <= $2 AND reminded_at IS NULL ORDER BY id";
        let ageing = self.moment(now).ageing;
        let rows = self.rows(sql, params![ageing.0, reminders_until(ageing).0]).await?;
        let mut due = Vec::new();
        for row in &rows {
            if remind_at(Timestamp(row.int(1)?), Timestamp(row.int(2)?)) <= ageing {
                due.push(RequestId(row.int(0)?));
            }
        }
        Ok(due)
    }
}

impl Tx {
    /// Adds a channel. It tells of what comes from now on. [`StoreError::Exists`] when the name is taken.
    pub async fn add_notice_channel(
        &mut self,
        spec: &ChannelSpec,
        now: Timestamp,
    ) -> Result<NoticeChannelId, StoreError> {
        self.insert(
            "INSERT INTO notice_channels (name, spec, secret, created_at, cursor_seq)
             VALUES ($1, $2, $3, $4, (SELECT COALESCE(MAX(seq), 0) FROM notices)) RETURNING id",
            params![spec.name.as_str(), json(spec)?, secret(spec), now.0],
        )
        .await
        .map(NoticeChannelId)
    }

    /// Changes a channel. It goes on where it was; what went wrong before is forgotten.
    pub async fn change_notice_channel(&mut self, id: NoticeChannelId, spec: &ChannelSpec) -> Result<bool, StoreError> {
        let sql = "UPDATE notice_channels SET name = $1, spec = $2, secret = $3, last_error = NULL, error_at = NULL,
                          failing_since = NULL WHERE id = $4";
        let params = params![spec.name.as_str(), json(spec)?, secret(spec), id.0];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Removes a channel.
    pub async fn remove_notice_channel(&mut self, id: NoticeChannelId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM notice_channels WHERE id = $1";
        Ok(self.execute(sql, params![id.0]).await? == 1)
    }

    /// Keeps a box, and tells the SHA-256 that it is found by.
    pub async fn keep_notice_secret(&mut self, sealed: &[u8], now: Timestamp) -> Result<Sha256, StoreError> {
        let hash = Sha256::of(sealed);
        let sql = "INSERT INTO notice_secrets (hash, sealed, created_at) VALUES ($1, $2, $3)";
        self.execute(sql, params![hash.0.as_slice(), sealed, now.0]).await?;
        Ok(hash)
    }

    /// Forgets the boxes from before a time that no channel names.
    pub async fn forget_notice_secrets(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let sql = "DELETE FROM notice_secrets WHERE created_at < $1
                   AND hash NOT IN (SELECT secret FROM notice_channels WHERE secret IS NOT NULL)";
        self.execute(sql, params![before.0]).await
    }

    /// Records that people are to be told, in this transaction. Nothing is kept where there is no channel.
    pub(crate) async fn note(&mut self, kind: NoticeKind, request: RequestId, at: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO notices (at, kind, request_id)
                   SELECT $1, $2, $3 WHERE EXISTS (SELECT 1 FROM notice_channels)";
        self.execute(sql, params![at.0, kind.as_str(), request.0])
            .await
            .map(drop)
    }

    /// Records the reminders that are due, each request's once; how many. Where there is no channel, they wait for one.
    pub async fn note_reminders(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        if self.notice_channels().await?.is_empty() {
            return Ok(0);
        }
        let due = self.unreminded(now).await?;
        for request in &due {
            let sql =
                "UPDATE requests SET reminded_at = $1 WHERE id = $2 AND state = 'pending' AND reminded_at IS NULL";
            if self.execute(sql, params![now.0, request.0]).await? == 1 {
                self.note(NoticeKind::Reminder, *request, now).await?;
            }
        }
        Ok(due.len())
    }

    /// Records that a channel has a notice (`delivered`), or that nobody was to be told of it. Never backwards. A success: what
    /// went wrong before is forgotten. What every channel has is dropped.
    pub async fn advance_notices(
        &mut self,
        id: NoticeChannelId,
        seq: i64,
        delivered: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if delivered {
            let sql = "UPDATE notice_channels SET delivered_at = $1, last_error = NULL, error_at = NULL,
                              failing_since = NULL WHERE id = $2";
            self.execute(sql, params![now.0, id.0]).await?;
        }
        let sql = "UPDATE notice_channels SET cursor_seq = $1 WHERE id = $2 AND cursor_seq < $1";
        self.execute(sql, params![seq, id.0]).await?;
        self.drop_delivered_notices().await
    }

    async fn drop_delivered_notices(&mut self) -> Result<(), StoreError> {
        // The last one stays: new channels begin after it.
        let sql = "DELETE FROM notices WHERE seq <= (SELECT MIN(cursor_seq) FROM notice_channels)
                   AND seq < (SELECT MAX(seq) FROM notices)";
        self.execute(sql, params![]).await.map(drop)
    }

    /// Records that a message was given up, and why.
    pub async fn give_up_notice(&mut self, id: NoticeChannelId, error: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE notice_channels SET given_up = given_up + 1, last_error = $1, error_at = $2 WHERE id = $3";
        self.execute(sql, params![error, now.0, id.0]).await.map(drop)
    }

    /// Records what went wrong with a channel.
    pub async fn note_notice_error(
        &mut self,
        id: NoticeChannelId,
        error: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql =
            "UPDATE notice_channels SET last_error = $1, error_at = $2, failing_since = COALESCE(failing_since, $2)
                   WHERE id = $3";
        self.execute(sql, params![error, now.0, id.0]).await.map(drop)
    }
}

fn channel(row: &Row) -> Result<NoticeChannel, StoreError> {
    let spec = serde_json::from_str(&row.text(1)?).map_err(|_| StoreError::Unreadable("a channel of notices"))?;
    Ok(NoticeChannel {
        id: NoticeChannelId(row.int(0)?),
        spec,
        created_at: Timestamp(row.int(2)?),
        cursor: row.int(3)?,
        delivered_at: row.int_or_null(4)?.map(Timestamp),
        last_error: row.text_or_null(5)?.zip(row.int_or_null(6)?.map(Timestamp)),
        failing_since: row.int_or_null(7)?.map(Timestamp),
        given_up: u64::try_from(row.int(8)?).unwrap_or(0),
    })
}

fn notice(row: &Row) -> Result<RecordedNotice, StoreError> {
    let kind = row.text(2)?.parse().map_err(|_| StoreError::Unreadable("a notice"))?;
    Ok(RecordedNotice {
        seq: row.int(0)?,
        at: Timestamp(row.int(1)?),
        kind,
        request: RequestId(row.int(3)?),
    })
}

fn secret(spec: &ChannelSpec) -> Option<Vec<u8>> {
    spec.way.secret().map(|hash| hash.0.to_vec())
}
