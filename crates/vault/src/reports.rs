//! What is reported of deletes: each snapshot that went, each backup that went, and what was refused.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use countersign_core::{Actor, ObjectKind, Refusal, RequestId};
use countersign_events::{Changes, Event, Timestamp, User};
use countersign_store::{Backup, StoreError, StoredObject, Tx};

use crate::VaultError;

/// By whom something goes, and on which request.
#[derive(Debug, Clone)]
pub(crate) struct By {
    /// Who asked.
    pub(crate) name: String,
    /// Their `loginType` in events.
    pub(crate) login_type: u32,
    /// None at once.
    pub(crate) request: Option<RequestId>,
}

impl By {
    pub(crate) fn actor(actor: &Actor) -> Self {
        Self {
            name: actor.name.clone(),
            login_type: actor.login_type,
            request: None,
        }
    }
}

/// 10050 for a snapshot that goes.
pub(crate) async fn snapshot_deleted(
    tx: &mut Tx,
    backup: &Backup,
    stored: &StoredObject,
    by: &By,
    now: Timestamp,
) -> Result<(), StoreError> {
    let object = &stored.object;
    if object.key.kind != ObjectKind::Snapshots {
        return Ok(());
    }
    let event = Event::RestorePointDeleted {
        oib_id: Some(object.key.name.to_string()),
        original_oib_id: None,
        vm_ref: None,
        vm_name: backup.path(),
        server_name: Some(object.received_by.clone()),
        date_time: Some(object.received_at),
        is_corrupted: None,
        platform: Some("restic".to_owned()),
        storage_size: Some(object.size),
        repository_id: Some(backup.id.to_string()),
        is_full: None,
        user_name: by.name.clone(),
        request_id: by.request.map(|request| request.to_string()),
        result: None,
    };
    tx.report(&event, now, by.request, &by.name).await.map(drop)
}

/// 28200 for a backup that is gone.
pub(crate) async fn backup_deleted(tx: &mut Tx, backup: &Backup, by: &By, now: Timestamp) -> Result<(), StoreError> {
    let id = backup.id.to_string();
    let event = Event::RepositoryDeleted {
        repository_id: Some(id.clone()),
        repository_type: Some(backup.kind.to_string()),
        repository_name: backup.path(),
        changes: Changes::object(id, backup.path())
            .attribute("type", "Backup")
            .property("storage", "String", backup.storage.as_str(), "")
            .property("name", "String", backup.name.as_str(), ""),
        user_name: by.name.clone(),
        user: User {
            full_name: by.name.clone(),
            login_type: by.login_type,
        },
        request_id: by.request.map(|request| request.to_string()),
        result: None,
    };
    tx.report(&event, now, by.request, &by.name).await.map(drop)
}

/// 41800, where a delete was refused because the right is missing or nobody may: what is only mistyped, or in use, is none.
pub(crate) fn refused(actor: &Actor, error: &VaultError) -> Option<Event> {
    match error {
        VaultError::Refused(Refusal::NotAllowed(_) | Refusal::ConfigProtected) | VaultError::Immutable { .. } => {
            Some(Event::DeleteBackupFailed {
                endpoint: endpoint(&actor.address),
                user_name: Some(actor.name.clone()),
                request_id: None,
            })
        }
        _ => None,
    }
}

/// An actor's address as events have it. Behind a proxy the port is not known.
fn endpoint(address: &str) -> SocketAddr {
    address.parse().unwrap_or_else(|_| {
        let ip = address.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        SocketAddr::new(ip, 0)
    })
}
