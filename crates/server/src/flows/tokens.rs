//! Repository tokens: of one's own, and those of services, which others make. Made, shown once, revoked.

use countersign_core::token::{Rights, Scope, Secret};
use countersign_core::{Account, AccountId, AccountKind, Role, TokenId};
use countersign_events::{Changes, Event, Timestamp};
use countersign_store::{NewToken, StoreError, Tx};

use crate::app::App;

/// How long a label may be, in characters.
pub const LONGEST_LABEL: usize = 64;

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The label is empty or too long.
    #[error("a label has 1 to 64 characters: it says where the token is used")]
    Label,
    /// Its maker may not do so much.
    #[error("your roles do not allow a token with these rights")]
    Rights,
    /// Its end is not to come.
    #[error("the token would have expired already: choose a time to come")]
    Expired,
    /// The role is missing.
    #[error("this account may not do that: it needs the role of a backup administrator")]
    Role,
    /// There is none of this number.
    #[error("there is no such account")]
    NoAccount,
    /// People make their own.
    #[error("a person's tokens are made by that person: make one for a service account, or for yourself")]
    OtherPerson,
    /// It could not be used.
    #[error("this account is not active: enable it first")]
    NotActive,
    /// Below.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a token is to be.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// So that people know it again.
    pub label: String,
    /// What it may do.
    pub rights: Rights,
    /// To which backups.
    pub scope: Scope,
    /// From when on it does not hold any more; none for never.
    pub expires_at: Option<Timestamp>,
}

/// Makes a token for an account: for one's own, or for a service. The secret is told here and never again.
///
/// # Errors
/// The maker may not do so much, or the account is another person's.
pub async fn make(
    app: &App,
    maker: &Account,
    owner: AccountId,
    wanted: Wanted,
) -> Result<(TokenId, Secret), TokenError> {
    let label = wanted.label.trim().to_owned();
    if label.is_empty() || label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
        return Err(TokenError::Label);
    }
    let now = app.clock.now();
    if wanted.expires_at.is_some_and(|end| end <= now) {
        return Err(TokenError::Expired);
    }
    if !wanted.rights.within(maker.roles) {
        return Err(TokenError::Rights);
    }
    let secret = Secret::new(&*app.entropy);
    let new = NewToken {
        account: owner,
        hash: secret.hash(),
        label,
        rights: wanted.rights,
        scope: wanted.scope,
        created_at: now,
        expires_at: wanted.expires_at,
        made_by: Some(maker.id),
    };
    let by = maker.clone();
    let id = app
        .store
        .write(move |tx| Box::pin(async move { make_in(tx, &by, &new, now).await }))
        .await?;
    Ok((id, secret))
}

async fn make_in(tx: &mut Tx, maker: &Account, new: &NewToken, now: Timestamp) -> Result<TokenId, TokenError> {
    if maker.id != new.account {
        let owner = tx.account(new.account).await?.ok_or(TokenError::NoAccount)?;
        if owner.kind != AccountKind::Service {
            return Err(TokenError::OtherPerson);
        }
        if !maker.roles.has(Role::BackupAdministrator) {
            return Err(TokenError::Role);
        }
        if !owner.lives(now) {
            return Err(TokenError::NotActive);
        }
        let made = format!("{}: {} {}", new.label, new.rights.as_str(), new.scope);
        report(tx, &owner, (String::new(), made), maker, now).await?;
    }
    Ok(tx.add_token(new).await?)
}

/// A token of another account was made or revoked (31000).
async fn report(
    tx: &mut Tx,
    owner: &Account,
    (before, after): (String, String),
    by: &Account,
    now: Timestamp,
) -> Result<(), StoreError> {
    let event = Event::GeneralSettingsUpdated {
        changes: Changes::object(owner.id.subject(), owner.name.to_string())
            .attribute("type", "Account")
            .property("token", "String", before, after),
        user_name: by.name.to_string(),
    };
    tx.report(&event, now, None, by.name.as_str()).await.map(drop)
}

/// Ends a token at once: one's own, or as an administrator anybody's. False when the account has none such, or it has ended.
///
/// # Errors
/// It is another's, and the role is missing.
pub async fn revoke(app: &App, by: &Account, owner: AccountId, id: TokenId) -> Result<bool, TokenError> {
    if owner != by.id && super::may_administer(by).is_err() {
        return Err(TokenError::Role);
    }
    let (by, now) = (by.clone(), app.clock.now());
    let revoked = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let token = tx.tokens_of(owner).await?.into_iter().find(|token| token.id == id);
                let revoked = tx.revoke_token(owner, id, now).await?;
                if let (true, Some(token), true) = (revoked, token, by.id != owner) {
                    let owner = tx.account(owner).await?.ok_or(TokenError::NoAccount)?;
                    report(tx, &owner, (token.label, "revoked".to_owned()), &by, now).await?;
                }
                Ok::<_, TokenError>(revoked)
            })
        })
        .await?;
    app.tokens.forget(id);
    Ok(revoked)
}
