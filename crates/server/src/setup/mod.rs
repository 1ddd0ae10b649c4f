//! Setting up: from an empty data folder to two people who can approve.
//!
//! Two one-time links, one for each first administrator ([`links`], [`pages`]), or the same without a screen from a file
//! ([`headless`]). Both ways end for good once two people are there: after that they would be a way round four-eyes
//! authorization.

pub mod first_start;
pub mod headless;
pub mod links;
pub mod pages;

#[cfg(test)]
mod tests;

use countersign_core::factor::{BadSecret, TotpSecret};
use countersign_core::password::PasswordHash;
use countersign_core::{Account, AccountKind, AccountName, Entropy, Roles};
use countersign_events::Timestamp;
use countersign_store::{NewAccount, StoreError, Tx, View};

use crate::seal::{Purpose, SealingKey, Unopened};

/// How many people set-up is for.
pub const FOUNDERS: usize = 2;

/// Why something of the set-up was not done.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// It is over.
    #[error(
        "set-up is complete: two people are there. From now on accounts are changed by people who are logged on, so that \
         nobody goes round four-eyes authorization"
    )]
    Complete,
    /// Somebody has that name.
    #[error("there is an account named {0} already")]
    NameTaken(AccountName),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The second factor could not be sealed or opened.
    #[error(transparent)]
    Sealing(#[from] Unopened),
    /// What was sealed is no secret.
    #[error(transparent)]
    Secret(#[from] BadSecret),
}

/// A first administrator.
pub struct Founder {
    /// How they are called.
    pub name: AccountName,
    /// Their password.
    pub password: PasswordHash,
    /// Their second factor.
    pub totp: TotpSecret,
    /// The step they confirmed it with, which is used up; 0 when they did not have to.
    pub last_step: i64,
}

/// Whether two people are there, and set-up is over.
pub async fn complete(view: &mut View) -> Result<bool, StoreError> {
    Ok(missing(view).await? == 0)
}

/// How many people are missing.
pub async fn missing(view: &mut View) -> Result<usize, StoreError> {
    let accounts = view.accounts().await?;
    let people = accounts
        .iter()
        .filter(|account| account.kind == AccountKind::Person)
        .count();
    Ok(FOUNDERS.saturating_sub(people))
}

/// Makes a first administrator's account. It may approve at once: somebody must be the first (docs/adr/0007).
pub async fn add_founder(
    tx: &mut Tx,
    sealing: &SealingKey,
    entropy: &dyn Entropy,
    founder: &Founder,
    now: Timestamp,
) -> Result<Account, SetupError> {
    if tx.account_named(&founder.name).await?.is_some() {
        return Err(SetupError::NameTaken(founder.name.clone()));
    }
    let account = tx
        .add_account(&NewAccount {
            name: founder.name.clone(),
            kind: AccountKind::Person,
            roles: Roles::FOUNDING,
            created_at: now,
            eligible_at: now,
        })
        .await?;
    let sealed = sealing.seal(Purpose::Totp(account.id), founder.totp.bytes(), entropy)?;
    tx.set_password(account.id, &founder.password, now).await?;
    tx.set_totp(account.id, &sealed, founder.last_step, now).await?;
    Ok(account)
}
