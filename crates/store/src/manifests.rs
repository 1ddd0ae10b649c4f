//! What sealed requests list.

use countersign_core::manifest::{Manifest, ManifestObject};
use countersign_core::{ObjectKind, RequestId, Sha256};
use countersign_events::Timestamp;

use crate::{Row, StoreError, View};

/// An object as a manifest lists it, with what the server knows of it besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// As the manifest has it.
    pub object: ManifestObject,
    /// When it had been received.
    pub received_at: Timestamp,
    /// From which account.
    pub received_by: String,
}

impl View {
    /// The manifest as it was sealed, without its objects.
    pub async fn manifest_head(&mut self, id: RequestId) -> Result<Option<Manifest>, StoreError> {
        let row = self
            .row("SELECT manifest FROM requests WHERE id = $1", params![id.0])
            .await?;
        match row.map(|row| row.text_or_null(0)).transpose()?.flatten() {
            Some(text) => serde_json::from_str(&text)
                .map(Some)
                .map_err(|_| StoreError::Unreadable("a manifest")),
            None => Ok(None),
        }
    }

    /// The manifest as it was sealed, whole.
    pub async fn manifest(&mut self, id: RequestId) -> Result<Option<Manifest>, StoreError> {
        let Some(head) = self.manifest_head(id).await? else {
            return Ok(None);
        };
        let objects = self
            .manifest_objects(id, None, u32::MAX)
            .await?
            .into_iter()
            .map(|listed| listed.object)
            .collect();
        Ok(Some(head.with_objects(objects)))
    }

    /// The objects that a sealed manifest lists, by kind and name, after one of them (for the next page).
    pub async fn manifest_objects(
        &mut self,
        id: RequestId,
        after: Option<(ObjectKind, &str)>,
        most: u32,
    ) -> Result<Vec<ListedObject>, StoreError> {
        let (kind, name) = after.map_or(("", ""), |(kind, name)| (kind.as_str(), name));
        let rows = self
            .rows(
                "SELECT kind, name, size, hash, received_at, received_by FROM request_objects
                 WHERE request_id = $1 AND (kind > $2 OR (kind = $2 AND name > $3)) ORDER BY kind, name LIMIT $4",
                params![id.0, kind, name, i64::from(most)],
            )
            .await?;
        rows.iter().map(listed).collect()
    }

    /// The snapshots that a request lists, newest first.
    pub async fn listed_snapshots(&mut self, id: RequestId, most: u32) -> Result<Vec<ListedObject>, StoreError> {
        let rows = self
            .rows(
                "SELECT kind, name, size, hash, received_at, received_by FROM request_objects
                 WHERE request_id = $1 AND kind = 'snapshots' ORDER BY received_at DESC, name LIMIT $2",
                params![id.0, i64::from(most)],
            )
            .await?;
        rows.iter().map(listed).collect()
    }
}

fn listed(row: &Row) -> Result<ListedObject, StoreError> {
    let unreadable = || StoreError::Unreadable("an object of a request");
    Ok(ListedObject {
        object: ManifestObject {
            kind: row.text(0)?.parse().map_err(|_| unreadable())?,
            name: row.text(1)?,
            size: u64::try_from(row.int(2)?).map_err(|_| unreadable())?,
            hash: Sha256::from_slice(&row.blob(3)?).ok_or_else(unreadable)?,
        },
        received_at: Timestamp(row.int(4)?),
        received_by: row.text(5)?,
    })
}
