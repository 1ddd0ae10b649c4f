//! What access tokens are signed and checked with. The private parts lie sealed in the database, so that every node has them.

use std::sync::{Arc, PoisonError, RwLock};

use countersign_core::logon::{ACCESS_TOKEN_SECONDS, BadKey, NewKey, PublicKey, Signer};
use countersign_events::Timestamp;
use countersign_store::{SigningKeyRecord, StoreError};

use crate::App;
use crate::seal::{Purpose, Unopened};

/// A key signs for this long before the server makes another, in seconds.
pub const KEY_SECONDS: i64 = 30 * 86_400;

/// A retired key is told to others for this long, in seconds: what it signed last has ended by then, on any node.
pub const RETIRED_SECONDS: i64 = ACCESS_TOKEN_SECONDS + 60;

/// The keys as they were last read.
#[derive(Default)]
pub struct Signing(RwLock<Option<Arc<Keys>>>);

/// The keys.
pub struct Keys {
    /// Signs what is issued now.
    pub signer: Signer,
    /// Check what comes back, the one that signs first.
    pub public: Vec<PublicKey>,
}

/// There is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum NoSigningKey {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sealing key does not open it.
    #[error(transparent)]
    Sealed(#[from] Unopened),
    /// It is no key, or none can be made.
    #[error(transparent)]
    Bad(#[from] BadKey),
}

impl Signing {
    /// The keys; the first time, they are read, and made if there are none.
    ///
    /// # Errors
    /// There are none to be had.
    pub async fn keys(&self, app: &App) -> Result<Arc<Keys>, NoSigningKey> {
        let read = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        match read {
            Some(keys) => Ok(keys),
            None => self.read(app).await,
        }
    }

    /// Reads the keys anew: another node may have made one.
    ///
    /// # Errors
    /// There are none to be had.
    pub async fn read(&self, app: &App) -> Result<Arc<Keys>, NoSigningKey> {
        let now = app.clock.now();
        let ask = app.store.ask(|view| Box::pin(async { view.signing_keys().await }));
        let mut records = ask.await.map_err(|error: StoreError| error)?;
        if records.iter().all(|record| record.retired_at.is_some()) {
            records = replace(app, now).await?;
        }
        let over = now.plus_seconds(-RETIRED_SECONDS);
        records.retain(|record| record.retired_at.is_none_or(|retired| retired > over));
        let public = records
            .iter()
            .map(|record| PublicKey::new(&record.public))
            .collect::<Result<Vec<_>, _>>()?;
        let (Some(newest), Some(key)) = (records.first(), public.first()) else {
            return Err(BadKey.into());
        };
        let purpose = Purpose::SigningKey(newest.created_at.0);
        let private = app.sealing.unseal(purpose, &newest.sealed)?;
        let keys = Arc::new(Keys {
            signer: Signer::new(key, &private),
            public,
        });
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&keys));
        Ok(keys)
    }

    /// Puts a new key in the place of the one that signs. What the old one signed holds to its end.
    ///
    /// # Errors
    /// None can be made or kept.
    pub async fn rotate(&self, app: &App) -> Result<Arc<Keys>, NoSigningKey> {
        replace(app, app.clock.now()).await?;
        self.read(app).await
    }

    /// Reads the keys anew, and makes another when the one that signs is old. For the worker.
    ///
    /// # Errors
    /// There are none to be had.
    pub async fn look(&self, app: &App) -> Result<(), NoSigningKey> {
        let ask = app.store.ask(|view| Box::pin(async { view.signing_keys().await }));
        let records = ask.await.map_err(|error: StoreError| error)?;
        let due = app.clock.now().plus_seconds(-KEY_SECONDS);
        let newest = records.iter().find(|record| record.retired_at.is_none());
        match newest {
            Some(newest) if newest.created_at <= due => {
                self.rotate(app).await?;
                tracing::info!("access tokens are signed with a new key");
            }
            // The first is made when it is needed.
            None => (),
            Some(_) => drop(self.read(app).await?),
        }
        Ok(())
    }
}

/// Makes a key and puts it in the place of the one that signs; all keys that are kept then.
async fn replace(app: &App, now: Timestamp) -> Result<Vec<SigningKeyRecord>, NoSigningKey> {
    let new = NewKey::make()?;
    let record = SigningKeyRecord {
        id: PublicKey::new(&new.public)?.id().to_owned(),
        sealed: app
            .sealing
            .seal(Purpose::SigningKey(now.0), &new.private, &*app.entropy)?,
        public: new.public.to_vec(),
        created_at: now,
        retired_at: None,
    };
    app.store
        .write(move |tx| {
            Box::pin(async move {
                tx.replace_signing_key(&record, now.plus_seconds(-RETIRED_SECONDS))
                    .await?;
                Ok::<_, NoSigningKey>(tx.signing_keys().await?)
            })
        })
        .await
}
