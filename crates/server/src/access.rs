//! What an access token is worth that was shown to a resource.

use countersign_core::Account;
use countersign_core::logon::{AccessClaims, BadToken, read_access_token};
use countersign_events::Timestamp;
use countersign_store::StoreError;

use crate::App;
use crate::signing::NoSigningKey;

/// An access token that holds, whatever it is for.
#[derive(Debug, Clone)]
pub struct Access {
    /// Who logged on, as the account is now.
    pub account: Account,
    /// What the token says.
    pub claims: AccessClaims,
}

/// Whether a text may be an access token: no other token of ours has a dot in it.
pub fn looks_like_one(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() == 2
}

/// Reads a token and asks the store once whether its account and chain still stand; nothing when it does not hold. What it is
/// for is not asked here.
///
/// # Errors
/// The keys or the store cannot be read.
pub async fn examine(app: &App, token: &str, now: Timestamp) -> Result<Option<Access>, NoSigningKey> {
    let issuer = app.issuer();
    let mut keys = app.signing.keys(app).await?;
    let mut read = read_access_token(token, &keys.public, &issuer, now);
    if read == Err(BadToken::Signature) {
        // Another node may have made a key since.
        keys = app.signing.read(app).await?;
        read = read_access_token(token, &keys.public, &issuer, now);
    }
    let Ok(claims) = read else { return Ok(None) };
    let sid = claims.sid.clone();
    let found = app
        .store
        .ask(|view| Box::pin(async move { view.chain(&sid).await }))
        .await
        .map_err(|error: StoreError| error)?;
    Ok(found.and_then(|(chain, account)| {
        let stands = claims.standing(&chain, &account, now).is_ok();
        stands.then_some(Access { account, claims })
    }))
}
