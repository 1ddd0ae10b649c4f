//! A code for a session or a token: the same transaction for the pages and for other clients.

use std::net::IpAddr;

use countersign_core::Sha256;
use countersign_core::logon::{ACCESS_TOKEN_SECONDS, ClientId, CodeRefusal, Presented, Redeemed, Verifier};
use countersign_core::token::hash_of;
use countersign_events::{Reason, Timestamp};
use countersign_store::{StoreError, Tx};

use super::report::{TokenRequest, chain_revoked};

/// What a client shows.
pub struct Exchange {
    /// Who it is.
    pub client: ClientId,
    /// The code.
    pub code: String,
    /// Where it got the code.
    pub redirect: String,
    /// Its answer to the challenge.
    pub verifier: Verifier,
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
    /// An access token.
    AccessToken {
        /// Its hash.
        hash: Sha256,
    },
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
    /// Takes the code and makes what is wanted of it, or says why not; reported either way (44000, 44001). A code that comes a
    /// second time ends all that the first time gave (44005).
    pub async fn run(self, tx: &mut Tx, wanted: Wanted) -> Result<Result<(), ExchangeRefused>, StoreError> {
        let mut request = TokenRequest {
            address: self.address,
            client: Some(self.client.clone()),
            resource: None,
            grant_type: Some("authorization_code".into()),
            account: None,
        };
        let Some(code) = tx.take_code(hash_of(&self.code), self.now).await? else {
            request.rejected(tx, Reason::Unauthenticated, self.now).await?;
            return Ok(Err(ExchangeRefused::Unknown));
        };
        let account = tx.account(code.account).await?;
        request.account = account.clone();
        request.resource = Some(code.resource);
        let chain = code.chain.clone();
        let presented = Presented {
            client: &self.client,
            redirect: &self.redirect,
            verifier: &self.verifier,
        };
        match code.redeem(&presented, account.clone(), self.now) {
            Ok(redeemed) => {
                let expires = self.make(tx, &redeemed, wanted).await?;
                request.approved(tx, &chain, expires, self.now).await?;
                Ok(Ok(()))
            }
            Err(refusal) => {
                request.rejected(tx, refusal.reason(), self.now).await?;
                if refusal == CodeRefusal::Used && tx.end_chain(&chain, self.now).await? > 0 {
                    chain_revoked(tx, &chain, self.address, account.as_ref(), self.now).await?;
                }
                Ok(Err(ExchangeRefused::Refused(refusal)))
            }
        }
    }

    async fn make(&self, tx: &mut Tx, redeemed: &Redeemed, wanted: Wanted) -> Result<Timestamp, StoreError> {
        match wanted {
            Wanted::Session { cookie, csrf } => {
                let address = self.address.to_string();
                tx.add_session(redeemed, cookie, &csrf, &address, self.now).await?;
                let lives = tx.policy().await?.session_seconds();
                Ok(self.now.plus_seconds(lives))
            }
            Wanted::AccessToken { hash } => {
                let expires = self.now.plus_seconds(ACCESS_TOKEN_SECONDS);
                tx.add_access_token(redeemed, hash, expires, self.now).await?;
                Ok(expires)
            }
        }
    }
}
