//! A backup client without a socket: what it sends goes to the vault as the repository protocol would bring it.

use bytes::Bytes;
use countersign_core::token::Rights;
use countersign_core::{AccountName, Actor, Name, ObjectKey, ObjectKind, Sha256, Via};
use countersign_store::StoreError;
use countersign_vault::{Deleted, OpenBackup, VaultError};

use crate::AppState;
use crate::app::DEFAULT_STORAGE;

/// A client that backs up to one backup of its own, named like its account.
pub struct Client {
    app: AppState,
    actor: Actor,
    storage: Name,
    backup: Name,
}

/// Why the client could not do it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no such account.
    #[error("there is no account {0}")]
    NoAccount(AccountName),
    /// An account's name that can be no backup's.
    #[error("{0} is no name for a backup")]
    Name(AccountName),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Client {
    /// The client of an account, calling from an address; makes its backup.
    pub async fn begin(app: &AppState, account: AccountName, address: &str) -> Result<Self, ClientError> {
        let named = account.clone();
        let found = app
            .store
            .ask(move |view| Box::pin(async move { view.account_named(&named).await }))
            .await?;
        let Some(known) = found else {
            return Err(ClientError::NoAccount(account));
        };
        let backup = account.as_str().parse().map_err(|_| ClientError::Name(account))?;
        let storage = DEFAULT_STORAGE.parse().map_err(|_| VaultError::NoStorage)?;
        let actor = Actor {
            account: known.id,
            name: known.name.as_str().to_owned(),
            login_type: known.user().login_type,
            via: Via::Token(Rights::Delete),
            address: address.to_owned(),
            why: None,
            maker: None,
        };
        app.vault.create(&storage, &backup, &actor).await?;
        Ok(Self {
            app: AppState::clone(app),
            actor,
            storage,
            backup,
        })
    }

    /// Sends an object, named by its hash.
    pub async fn put(&self, kind: ObjectKind, bytes: Vec<u8>) -> Result<ObjectKey, ClientError> {
        let key = match kind {
            ObjectKind::Config => ObjectKey::CONFIG,
            kind => ObjectKey::parse(kind, &Sha256::of(&bytes).to_hex()).map_err(|_| VaultError::WrongHash)?,
        };
        let mut incoming = self.app.vault.accept(self.enter().await?, key, &self.actor)?;
        incoming.write(Bytes::from(bytes)).await?;
        self.app.vault.publish(incoming, &self.actor).await?;
        Ok(key)
    }

    /// Deletes an object, as far as four-eyes authorization lets it.
    pub async fn delete(&self, key: ObjectKey) -> Result<Deleted, ClientError> {
        Ok(self.app.vault.delete(&self.enter().await?, key, &self.actor).await?)
    }

    async fn enter(&self) -> Result<OpenBackup, VaultError> {
        self.app.vault.enter(&self.storage, &self.backup).await
    }
}
