//! `/backups`: what is there, by storage.

use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::request::KindSum;
use countersign_core::{BackupKind, ObjectKind, Policy, RequestId};
use countersign_store::{Backup, Storage, StoreError, View};

use super::{Asked, words};
use crate::http::Problem;
use crate::pages::{BackupRow, BackupsPage, Bytes, Count, Section, Share, StorageView, respond};

/// `GET /backups`.
pub async fn show(asked: Asked) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill(view, asked))).await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill(view: &mut View, asked: Asked) -> Result<BackupsPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Backups)).await?;
    let backups = view.backups().await?;
    let mut storages = Vec::new();
    for storage in view.storages().await? {
        let mut rows = Vec::new();
        let here = backups.iter().filter(|backup| backup.storage == storage.spec.name);
        for backup in here.filter(|backup| is_there(backup)) {
            rows.push(row(view, &asked, backup).await?);
        }
        storages.push(storage_view(&asked, &policy, &storage, rows));
    }
    Ok(BackupsPage { chrome, storages })
}

/// Whether people still have it: not deleted at once, with its bytes on their way out.
pub fn is_there(backup: &Backup) -> bool {
    backup.held_by != Some(RequestId(0))
}

fn storage_view(asked: &Asked, policy: &Policy, storage: &Storage, backups: Vec<BackupRow>) -> StorageView {
    let name = storage.spec.name.to_string();
    let path = format!("{name}/BACKUP");
    StorageView {
        name,
        href: format!("/storages/{}", storage.id),
        bytes: Bytes(backups.iter().map(|backup| backup.bytes.0).sum()),
        held_bytes: Bytes(backups.iter().map(|backup| backup.held_bytes.0).sum()),
        held_cap: policy.held_bytes_cap.map(Bytes),
        client_url: words::client_url(asked, words::TOKEN_PLACE, &path),
        backups,
    }
}

async fn row(view: &mut View, asked: &Asked, backup: &Backup) -> Result<BackupRow, StoreError> {
    let totals = view.totals(backup.id).await?;
    let (bytes, held) = (bytes(&totals.visible), bytes(&totals.held));
    let snapshots = |sums: &[KindSum]| {
        let snapshots = sums.iter().filter(|sum| sum.kind == ObjectKind::Snapshots);
        Count(snapshots.map(|sum| sum.objects).sum())
    };
    Ok(BackupRow {
        name: backup.name.to_string(),
        href: words::backup_href(&backup.path()),
        log: backup.kind == BackupKind::Log,
        snapshots: snapshots(&totals.visible),
        held_snapshots: snapshots(&totals.held),
        bytes: Bytes(bytes),
        held_bytes: Bytes(held),
        held_share: Share::new(held, bytes.saturating_add(held)),
        last_received: totals.newest.map(|at| asked.moment(at)),
        locks: words::live_locks(view, asked, backup.id).await?,
        pending: Count(view.queue(backup.id).await?.len() as u64),
    })
}

/// The bytes of all kinds.
pub fn bytes(sums: &[KindSum]) -> u64 {
    sums.iter().map(|sum| sum.bytes).sum()
}
