//! Repository tokens of one's own: made, shown once, revoked.

use countersign_core::token::{Rights, Scope, Secret};
use countersign_core::{Account, TokenId};
use countersign_store::{NewToken, StoreError};

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
    /// Below.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a token for this account. The secret is told here and never again.
pub async fn make(
    app: &App,
    account: &Account,
    label: &str,
    rights: Rights,
    scope: Scope,
) -> Result<(TokenId, Secret), TokenError> {
    let label = label.trim();
    if label.is_empty() || label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
        return Err(TokenError::Label);
    }
    if !rights.within(account.roles) {
        return Err(TokenError::Rights);
    }
    let secret = Secret::new(&*app.entropy);
    let new = NewToken {
        account: account.id,
        hash: secret.hash(),
        label: label.to_owned(),
        rights,
        scope,
        created_at: app.clock.now(),
    };
    let id = app
        .store
        .write(move |tx| Box::pin(async move { tx.add_token(&new).await }))
        .await?;
    Ok((id, secret))
}

/// Ends a token of this account at once; false when there is none or it has ended.
pub async fn revoke(app: &App, account: &Account, id: TokenId) -> Result<bool, StoreError> {
    let (account, now) = (account.id, app.clock.now());
    let revoked = app
        .store
        .write(move |tx| Box::pin(async move { tx.revoke_token(account, id, now).await }))
        .await?;
    app.tokens.forget(id);
    Ok(revoked)
}
