//! Receivers of events, each with its own durable cursor in the event table.

use countersign_core::ReceiverId;
use countersign_core::receiver::ReceiverSpec;
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

/// A receiver as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// Never given twice.
    pub id: ReceiverId,
    /// Where to and how.
    pub spec: ReceiverSpec,
    /// When it was added.
    pub created_at: Timestamp,
    /// The sequence number of the last event that was handed over to it.
    pub cursor: i64,
    /// The sequence number up to which nothing need be sent again; what lies between it and the cursor was handed over,
    /// but may be lost with the connection. Never past the cursor. Delivery starts here.
    pub settled: i64,
    /// When it last got one.
    pub delivered_at: Option<Timestamp>,
    /// What went wrong last, and when; none since the last success.
    pub last_error: Option<(String, Timestamp)>,
}

impl View {
    /// Every receiver, by name.
    pub async fn receivers(&mut self) -> Result<Vec<Receiver>, StoreError> {
        let rows = self
            .rows(
                "SELECT id, name, transport, address, created_at, cursor_seq, settled_seq, delivered_at, last_error, error_at, options, filter FROM receivers ORDER BY name",
                params![],
            )
            .await?;
        rows.iter().map(receiver).collect()
    }

    /// A receiver.
    pub async fn receiver(&mut self, id: ReceiverId) -> Result<Option<Receiver>, StoreError> {
        let row = self
            .row(
                "SELECT id, name, transport, address, created_at, cursor_seq, settled_seq, delivered_at, last_error, error_at, options, filter FROM receivers WHERE id = $1",
                params![id.0],
            )
            .await?;
        row.as_ref().map(receiver).transpose()
    }
}

impl View {
    /// When the first event after a receiver's cursor was recorded: since then it waits. None when nothing waits.
    pub async fn waits_since(&mut self, cursor: i64) -> Result<Option<Timestamp>, StoreError> {
        let row = self
            .row(
                "SELECT at FROM events WHERE seq > $1 ORDER BY seq LIMIT 1",
                params![cursor],
            )
            .await?;
        row.map(|row| row.int(0).map(Timestamp)).transpose()
    }
}

impl Tx {
    /// Adds a receiver. It gets every event from now on. [`StoreError::Exists`] when the name is taken.
    pub async fn add_receiver(&mut self, spec: &ReceiverSpec, now: Timestamp) -> Result<ReceiverId, StoreError> {
        let cursor = self.last_event().await?;
        self.insert(
            "INSERT INTO receivers (name, transport, address, created_at, cursor_seq, settled_seq, options, filter)
             VALUES ($1, $2, $3, $4, $5, $5, $6, $7) RETURNING id",
            params![
                spec.name.as_str(),
                spec.transport.as_str(),
                spec.address.as_str(),
                now.0,
                cursor,
                json(&spec.options)?,
                json(&spec.filter)?
            ],
        )
        .await
        .map(ReceiverId)
    }

    /// Changes a receiver. It goes on where it was.
    pub async fn change_receiver(&mut self, id: ReceiverId, spec: &ReceiverSpec) -> Result<bool, StoreError> {
        let sql =
            "UPDATE receivers SET name = $1, transport = $2, address = $3, options = $4, filter = $5 WHERE id = $6";
        let params = params![
            spec.name.as_str(),
            spec.transport.as_str(),
            spec.address.as_str(),
            json(&spec.options)?,
            json(&spec.filter)?,
            id.0
        ];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Removes a receiver.
    pub async fn remove_receiver(&mut self, id: ReceiverId) -> Result<bool, StoreError> {
        Ok(self
            .execute("DELETE FROM receivers WHERE id = $1", params![id.0])
            .await?
            == 1)
    }

    /// Records how far a receiver has got: the last event handed over, and the last that need not be sent again. Neither
    /// goes backwards. A success: what went wrong before is forgotten.
    pub async fn advance_cursor(
        &mut self,
        id: ReceiverId,
        seq: i64,
        settled: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE receivers SET delivered_at = CASE WHEN cursor_seq < $1 THEN $3 ELSE delivered_at END,
                 cursor_seq = CASE WHEN cursor_seq < $1 THEN $1 ELSE cursor_seq END,
                 settled_seq = CASE WHEN settled_seq < $2 THEN $2 ELSE settled_seq END,
                 last_error = NULL, error_at = NULL
             WHERE id = $4",
            params![seq, settled.min(seq), now.0, id.0],
        )
        .await
        .map(drop)
    }

    /// Records what went wrong with a receiver.
    pub async fn note_receiver_error(&mut self, id: ReceiverId, error: &str, now: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "UPDATE receivers SET last_error = $1, error_at = $2 WHERE id = $3",
            params![error, now.0, id.0],
        )
        .await
        .map(drop)
    }
}

fn receiver(row: &Row) -> Result<Receiver, StoreError> {
    let unreadable = || StoreError::Unreadable("a receiver");
    Ok(Receiver {
        id: ReceiverId(row.int(0)?),
        spec: ReceiverSpec {
            name: row.text(1)?.parse().map_err(|_| unreadable())?,
            transport: row.text(2)?.parse().map_err(|_| unreadable())?,
            address: row.text(3)?.parse().map_err(|_| unreadable())?,
            options: serde_json::from_str(&row.text(10)?).map_err(|_| unreadable())?,
            filter: serde_json::from_str(&row.text(11)?).map_err(|_| unreadable())?,
        },
        created_at: Timestamp(row.int(4)?),
        cursor: row.int(5)?,
        settled: row.int(6)?,
        delivered_at: row.int_or_null(7)?.map(Timestamp),
        last_error: row.text_or_null(8)?.zip(row.int_or_null(9)?.map(Timestamp)),
    })
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Engine(error.to_string()))
}
