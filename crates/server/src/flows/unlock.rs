//! Unlocking: an administrator gives an account its tries back.

use std::net::SocketAddr;

use countersign_core::account_change::AccountRefusal;
use countersign_core::logon::throttle::{Counter, Throttled};
use countersign_core::{AccountId, Actor, Deed, Verdict, decide};
use countersign_events::{Changes, Event, Timestamp};
use countersign_store::{StoreError, Tx};
use countersign_vault::VaultError;

use super::settings::ChangeError;
use crate::app::App;
use crate::listen::ClientAddress;

/// Why an account was not unlocked.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// The role is missing, it is one's own account, or there is none.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// It was unlocked too often.
    #[error("this account was unlocked several times already: look who tries to get in, and unlock it again later")]
    Throttled(Throttled),
}

impl From<StoreError> for UnlockError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

/// Forgets every wrong password and code of an account, from wherever they came. Not held while four-eyes authorization is on: nobody gets
/// in by it who has not the right ones (docs/adr/0047). Nobody unlocks themselves, and nobody without end: with a stolen session, codes
/// could be guessed that way. Reported (31000; 41810 when it is refused).
///
/// # Errors
/// Why nothing was done.
pub async fn unlock(app: &App, actor: &Actor, from: &ClientAddress, id: AccountId) -> Result<(), UnlockError> {
    let (by, now) = (actor.clone(), app.clock.now());
    let unlocked = app
        .store
        .write(move |tx| Box::pin(async move { unlock_in(tx, &by, id, now).await }))
        .await;
    if let Err(UnlockError::Change(
        ChangeError::Vault(VaultError::Refused(_)) | ChangeError::Account(AccountRefusal::OwnAccount),
    )) = &unlocked
    {
        let event = Event::UpdateSecurityObjectFailed {
            // Behind a proxy the port is not known.
            endpoint: SocketAddr::new(from.ip, from.port.unwrap_or(0)),
            user_name: Some(actor.name.clone()),
        };
        let name = actor.name.clone();
        app.store
            .write(move |tx| Box::pin(async move { tx.report(&event, now, None, &name).await }))
            .await
            .map_err(|error: StoreError| UnlockError::from(error))?;
    }
    unlocked?.map_err(UnlockError::Throttled)
}

/// Having been too early is an outcome of the transaction and no error of it: the try is kept.
async fn unlock_in(
    tx: &mut Tx,
    actor: &Actor,
    id: AccountId,
    now: Timestamp,
) -> Result<Result<(), Throttled>, UnlockError> {
    if let Verdict::Deny(refusal) = decide(actor, Deed::ChangeAccounts, &tx.policy().await?, now) {
        return Err(ChangeError::from(VaultError::from(refusal)).into());
    }
    let account = tx.account(id).await?.ok_or(ChangeError::NoAccount)?;
    if account.id == actor.account {
        return Err(ChangeError::from(AccountRefusal::OwnAccount).into());
    }
    if let Err(throttled) = tx.charge(&Counter::Unlocks(id), now).await? {
        return Ok(Err(throttled));
    }
    tx.unlock(&account).await?;
    let changes = Changes::object(account.id.to_string(), account.name.to_string())
        .attribute("type", "Account")
        .property("wrong_tries", "String", "", "forgotten");
    let event = Event::GeneralSettingsUpdated {
        changes,
        user_name: actor.name.clone(),
    };
    tx.report(&event, now, None, &actor.name).await?;
    Ok(Ok(()))
}
