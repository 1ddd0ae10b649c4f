//! People change their own second factors and passwords: at once, with a factor shown a moment ago, by the rules of
//! `core/src/own_factor.rs`.

use countersign_core::Account;
use countersign_core::factor::Factors;
use countersign_core::own_factor::{OwnDeed, OwnRefusal, may};
use countersign_core::passkey::NewPasskey;
use countersign_core::password::PasswordHash;
use countersign_core::recovery::RecoveryCode;
use countersign_events::{Changes, Event, Timestamp};
use countersign_store::{StoreError, Tx};

use super::accounts::leave_enough;
use super::settings::ChangeError;

/// What somebody does to a second factor of their own.
pub enum FactorChange {
    /// A passkey more.
    AddPasskey {
        /// The passkey.
        new: NewPasskey,
        /// What its owner calls it.
        label: String,
    },
    /// A passkey less.
    RemovePasskey(i64),
    /// An authenticator app, in the place of an earlier one.
    SetTotp {
        /// Its secret, sealed.
        sealed: Vec<u8>,
        /// The step whose code confirmed it.
        last_step: i64,
    },
    /// No authenticator app any more.
    RemoveTotp,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// The owner may not.
    #[error(transparent)]
    Refused(#[from] OwnRefusal),
    /// Rule 4.
    #[error("your cool-off would leave too few people who can approve: {0}")]
    TooFewLeft(String),
    /// There is none.
    #[error("there is no such second factor: it was removed before")]
    NoFactor,
    /// The authenticator's passkey is known already.
    #[error("this passkey is known here already")]
    Known,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes it, starts the cool-off, and reports it (40202 where one was taken away, else 31000).
pub async fn change(tx: &mut Tx, account: &Account, change: FactorChange, now: Timestamp) -> Result<(), OwnError> {
    let policy = tx.policy().await?;
    let factors = tx.factors_of(account.id).await?;
    let deed = deed(&change, factors);
    may(deed, factors, account, &policy)?;
    let after = Account {
        eligible_at: account.eligible_at.max(policy.eligible(tx.moment(now).ageing)),
        ..account.clone()
    };
    if policy.four_eyes {
        leave_enough(tx, &after, now).await.map_err(|error| match error {
            ChangeError::TooFewLeft(left) => OwnError::TooFewLeft(if left.left.is_empty() {
                "nobody would be left".to_owned()
            } else {
                format!("only {} would be left", left.left.join(", "))
            }),
            _ => OwnError::Store(StoreError::Unreadable("the accounts")),
        })?;
    }
    let what = match change {
        FactorChange::AddPasskey { new, label } => {
            match tx.add_passkey(account.id, &new, &label, now).await {
                Err(StoreError::Exists) => return Err(OwnError::Known),
                added => added?,
            };
            "a passkey"
        }
        FactorChange::RemovePasskey(id) => {
            if !tx.remove_passkey(account.id, id).await? {
                return Err(OwnError::NoFactor);
            }
            "a passkey"
        }
        FactorChange::SetTotp { sealed, last_step } => {
            tx.set_totp(account.id, &sealed, last_step, now).await?;
            tx.forget_pending_totp(account.id).await?;
            "an authenticator app"
        }
        FactorChange::RemoveTotp => {
            if !tx.remove_totp(account.id).await? {
                return Err(OwnError::NoFactor);
            }
            "an authenticator app"
        }
    };
    if !tx.factors_of(account.id).await?.enrolled() {
        // They stand in for a factor, and there is none.
        tx.set_recovery_codes(account.id, &[]).await?;
    }
    tx.start_cool_off(account.id, after.eligible_at).await?;
    let event = match deed {
        OwnDeed::Add => own_change(account, "second_factor", "", what),
        OwnDeed::Replace | OwnDeed::Remove => Event::MfaTokenRevoked {
            target: account.name.to_string(),
            user: account.user(),
        },
    };
    tx.report(&event, now, None, account.name.as_str()).await?;
    Ok(())
}

const fn deed(change: &FactorChange, factors: Factors) -> OwnDeed {
    match change {
        FactorChange::AddPasskey { .. } => OwnDeed::Add,
        FactorChange::SetTotp { .. } if factors.totp => OwnDeed::Replace,
        FactorChange::SetTotp { .. } => OwnDeed::Add,
        FactorChange::RemovePasskey(_) | FactorChange::RemoveTotp => OwnDeed::Remove,
    }
}

/// Makes a set of recovery codes, in the place of an earlier one, and reports it (31000). They approve nothing, so no cool-off begins.
pub async fn renew_recovery_codes(
    tx: &mut Tx,
    account: &Account,
    codes: &[RecoveryCode],
    now: Timestamp,
) -> Result<(), OwnError> {
    if !tx.factors_of(account.id).await?.enrolled() {
        return Err(OwnError::NoFactor);
    }
    tx.set_recovery_codes(account.id, codes).await?;
    let event = own_change(account, "recovery_codes", "", "a new set");
    tx.report(&event, now, None, account.name.as_str()).await?;
    Ok(())
}

/// Gives an account the password that its owner chose, and reports it (31000). Refresh tokens from before it are dead with it.
pub async fn set_password(
    tx: &mut Tx,
    account: &Account,
    hash: &PasswordHash,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.set_password(account.id, hash, now).await?;
    let event = own_change(account, "password", "", "a new one");
    tx.report(&event, now, None, account.name.as_str()).await.map(drop)
}

fn own_change(account: &Account, property: &str, before: &str, after: &str) -> Event {
    Event::GeneralSettingsUpdated {
        changes: Changes::object(account.id.subject(), account.name.to_string())
            .attribute("type", "Account")
            .property(property, "String", before, after),
        user_name: account.name.to_string(),
    }
}
