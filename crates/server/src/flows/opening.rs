//! Looking into the snapshots of a request with the repository's password (docs/adr/0079).
//!
//! For people alone who may approve the request, and only while it waits: the bytes are sealed, but a key file lets whoever has it guess
//! passwords without asking the server again. Each look is in the log.

use countersign_core::request::{State, second_person};
use countersign_core::{Account, BackupId, ObjectKey, ObjectKind, RequestId};
use countersign_events::Timestamp;
use countersign_store::{ListedObject, RequestRecord, StoreError};
use countersign_vault::VaultError;
use zeroize::Zeroizing;

use crate::AppState;
use crate::repository::{KEYS, KeyFile, LARGEST_FILE, MasterKey, Unopened};

/// Why nothing was opened.
#[derive(Debug, thiserror::Error)]
pub enum OpeningError {
    /// Not for this person.
    #[error("only who may approve this request may look into its snapshots")]
    NotAllowed,
    /// There is nothing to look into.
    #[error("this request is about no objects of a backup, or waits no more")]
    Nothing,
    /// No key file lies in the backup.
    #[error("no key lies in this backup, so no password opens it")]
    NoKey,
    /// By the password.
    #[error(transparent)]
    Unopened(#[from] Unopened),
    /// The work could not be done.
    #[error("this server has no room for it now: try again")]
    Busy,
    /// Below.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<StoreError> for OpeningError {
    fn from(error: StoreError) -> Self {
        Self::Vault(error.into())
    }
}

/// An object's name and its bytes as they lie in the vault.
#[derive(Debug)]
pub struct Sealed {
    /// Its name.
    pub name: String,
    /// None when it is too large to be looked into, or not there.
    pub bytes: Option<Vec<u8>>,
}

/// Whether a person may look into a request now, and into which backup; `known` are the accounts as they are now, `ageing` is the time
/// by which they settle.
///
/// # Errors
/// They may not approve it, or there is nothing.
pub fn may_look(
    account: &Account,
    record: &RequestRecord,
    known: &[Account],
    ageing: Timestamp,
) -> Result<BackupId, OpeningError> {
    second_person(account, &record.initiator, known, ageing).map_err(|_| OpeningError::NotAllowed)?;
    match (record.backup, record.state) {
        (Some(backup), State::Pending) => Ok(backup),
        _ => Err(OpeningError::Nothing),
    }
}

/// The key files of a backup, held ones too.
///
/// # Errors
/// There is none, or it cannot be read.
pub async fn key_files(app: &AppState, backup: BackupId) -> Result<Vec<Sealed>, OpeningError> {
    let names = app
        .store
        .ask(move |view| Box::pin(async move { view.key_names(backup, KEYS).await }))
        .await?;
    let files = read(app, backup, ObjectKind::Keys, names).await?;
    if files.is_empty() {
        return Err(OpeningError::NoKey);
    }
    Ok(files)
}

/// The bytes of these snapshots.
///
/// # Errors
/// They cannot be read.
pub async fn snapshots(app: &AppState, backup: BackupId, listed: &[ListedObject]) -> Result<Vec<Sealed>, OpeningError> {
    let names = listed.iter().map(|listed| listed.object.name.clone()).collect();
    read(app, backup, ObjectKind::Snapshots, names).await
}

async fn read(
    app: &AppState,
    backup: BackupId,
    kind: ObjectKind,
    names: Vec<String>,
) -> Result<Vec<Sealed>, OpeningError> {
    let mut files = Vec::new();
    for name in names {
        let key = ObjectKey::parse(kind, &name).map_err(|_| StoreError::Unreadable("the name of an object"))?;
        let bytes = app.vault.look_into(backup, key, LARGEST_FILE).await?;
        files.push(Sealed { name, bytes });
    }
    Ok(files)
}

/// Opens a backup's key with a password, where passwords are hashed: it is slow on purpose.
///
/// # Errors
/// The password opens no key of this backup.
pub async fn open(app: &AppState, backup: BackupId, password: Zeroizing<String>) -> Result<MasterKey, OpeningError> {
    let files = key_files(app, backup).await?;
    let opened = app.hashing.work(move || {
        let bytes = files.iter().filter_map(|file| file.bytes.as_deref());
        KeyFile::open_any(bytes, &password)
    });
    Ok(opened.await.map_err(|_| OpeningError::Busy)??)
}

/// Says in the log who looked.
pub fn note(account: &Account, request: RequestId, how: &str) {
    tracing::info!(account = account.name.as_str(), %request, "{how}");
}
