//! A code for a session or for tokens: the same transaction for the pages and for other clients.

use std::net::IpAddr;

use countersign_core::Sha256;
use countersign_core::logon::{
    AccessClaims, Chain, Client, CodeRefusal, Grant, Lives, Presented, Redeemed, Thumbprint, Verifier,
};
use countersign_core::token::hash_of;
use countersign_events::{Reason, Timestamp};
use countersign_store::{StoreError, Tx};

use super::report::TokenRequest;
use crate::AppState;
use crate::flows::chains;

/// What a client shows.
pub struct Exchange {
    /// Who it is, authenticated.
    pub client: Client,
    /// The code.
    pub code: String,
    /// Where it got the code.
    pub redirect: String,
    /// Its answer to the challenge.
    pub verifier: Verifier,
    /// The key that it proved to have.
    pub key: Option<Thumbprint>,
    /// From where.
    pub address: IpAddr,
    /// Now.
    pub now: Timestamp,
}

/// What is made of a code.
pub enum Wanted {
    /// A session of a browser.
    Session {
        /// The hash of its cookie.
        cookie: Sha256,
        /// The token of its forms.
        csrf: String,
    },
    /// Tokens.
    Tokens,
}

/// What a client gets, to be signed and made into text.
#[derive(Debug)]
pub struct Issued {
    /// What its access token says.
    pub claims: AccessClaims,
    /// The generation of its refresh token, if it gets one.
    pub refresh: Option<i64>,
}

/// A code was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeRefused {
    /// There is no such code.
    Unknown,
    /// There is, and it does not hold.
    Refused(CodeRefusal),
}

impl Exchange {
    /// Takes the code and begins the chain that is wanted of it, or says why not; reported either way (44000, 44001). A code that
    /// comes a second time ends all that the first time gave (44005).
    pub async fn run(
        self,
        tx: &mut Tx,
        app: &AppState,
        wanted: Wanted,
    ) -> Result<Result<Issued, ExchangeRefused>, StoreError> {
        let mut request = TokenRequest {
            address: self.address,
            client: Some(self.client.spec.id.clone()),
            resource: None,
            grant_type: Some(Grant::AuthorizationCode.id().to_owned()),
            account: None,
        };
        let Some(code) = tx.take_code(hash_of(&self.code), self.now).await? else {
            let reason = Reason::Unauthenticated;
            request.rejected_to_anybody(tx, app, reason, self.now).await?;
            return Ok(Err(ExchangeRefused::Unknown));
        };
        let account = tx.account(code.account).await?;
        request.account = account.clone();
        request.resource = Some(code.resource);
        let chain = code.chain.clone();
        let presented = Presented {
            client: &self.client.spec.id,
            redirect: &self.redirect,
            verifier: &self.verifier,
        };
        let changed = tx.password_changed_at(code.account).await?;
        match code.redeem(&presented, account.clone(), changed, self.now) {
            Ok(redeemed) => {
                let issued = self.make(tx, app, &redeemed, wanted).await?;
                request
                    .approved(tx, &chain, issued.claims.expires_at(), self.now)
                    .await?;
                Ok(Ok(issued))
            }
            Err(refusal) => {
                request.rejected(tx, refusal.reason(), self.now).await?;
                if let (CodeRefusal::Used, Some(account)) = (refusal, &account) {
                    chains::end(tx, &chain, account, Some(self.address), self.now).await?;
                }
                Ok(Err(ExchangeRefused::Refused(refusal)))
            }
        }
    }

    async fn make(
        &self,
        tx: &mut Tx,
        app: &AppState,
        redeemed: &Redeemed,
        wanted: Wanted,
    ) -> Result<Issued, StoreError> {
        let policy = tx.policy().await?;
        let refreshes = self.client.allows(Grant::RefreshToken).is_ok();
        let lives = match &wanted {
            Wanted::Session { .. } => Lives::AsSession(&policy),
            Wanted::Tokens if refreshes => Lives::Refreshed,
            Wanted::Tokens => Lives::Once,
        };
        let address = self.address.to_string();
        let chain = Chain::begun(redeemed, lives, address.clone(), self.key.clone(), self.now);
        tx.add_chain(&chain, self.now).await?;
        let mut claims = AccessClaims::next_of(&chain, &app.issuer(), self.now, &*app.entropy);
        let mut refresh = refreshes.then_some(chain.generation);
        if let Wanted::Session { cookie, csrf } = wanted {
            tx.add_session(redeemed, cookie, &csrf, &address, self.now).await?;
            // No token is made: the cookie stands for the chain to its end.
            claims.exp = chain.ends_at.seconds();
            refresh = None;
        }
        Ok(Issued { claims, refresh })
    }
}
