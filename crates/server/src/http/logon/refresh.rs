//! A refresh token for the next of its chain.

use std::net::IpAddr;

use countersign_core::logon::{AccessClaims, Client, Grant, RefreshRefusal, Resource, Shown, Thumbprint, Turn};
use countersign_events::Timestamp;
use countersign_store::{StoreError, Tx};

use super::exchange::Issued;
use super::report::TokenRequest;
use crate::AppState;
use crate::flows::chains;

/// How often a turn is tried that another node takes at the same moment.
const TRIES: u32 = 3;

/// What a client shows.
pub struct Refresh {
    /// Who it is, authenticated.
    pub client: Client,
    /// The chain and the generation that its token is of; none when it is no token of ours.
    pub token: Option<(String, i64)>,
    /// The key that it proved to have.
    pub key: Option<Thumbprint>,
    /// What it asks for, if it says so.
    pub resource: Option<Resource>,
    /// The scope that it asks for, if it says so.
    pub scope: Option<String>,
    /// From where.
    pub address: IpAddr,
    /// Now.
    pub now: Timestamp,
}

impl Refresh {
    /// Goes one generation on, or says why not; reported either way (44000, 44001). A reuse ends the chain (44005).
    pub async fn run(self, tx: &mut Tx, app: &AppState) -> Result<Result<Issued, RefreshRefusal>, StoreError> {
        let mut request = TokenRequest {
            address: self.address,
            client: Some(self.client.spec.id.clone()),
            resource: None,
            grant_type: Some(Grant::RefreshToken.id().to_owned()),
            account: None,
        };
        for _ in 0..TRIES {
            let found = match &self.token {
                Some((chain, _)) => tx.chain(chain).await?,
                None => None,
            };
            let (Some((chain, account)), Some((_, generation))) = (found, &self.token) else {
                let refusal = RefreshRefusal::Unknown;
                let reason = refusal.reason();
                request.rejected_to_anybody(tx, app, reason, self.now).await?;
                return Ok(Err(refusal));
            };
            request.resource = Some(chain.resource);
            request.account = Some(account.clone());
            let shown = Shown {
                client: &self.client.spec.id,
                generation: *generation,
                key: self.key.as_ref(),
                resource: self.resource,
                scope: self.scope.as_deref(),
            };
            let changed = tx.password_changed_at(account.id).await?;
            let newest = match chain.refresh(&shown, Some(&account), changed, self.now) {
                Ok(Turn::Again) => chain.generation,
                Ok(Turn::Next) if tx.rotate_chain(&chain, self.now).await? => chain.generation + 1,
                // Another took the turn between our look and our step: look again.
                Ok(Turn::Next) => continue,
                Err(refusal) => {
                    request.rejected(tx, refusal.reason(), self.now).await?;
                    if refusal.ends_chain() {
                        chains::end(tx, &chain.id, &account, Some(self.address), self.now).await?;
                    }
                    return Ok(Err(refusal));
                }
            };
            let claims = AccessClaims::next_of(&chain, &app.issuer(), self.now, &*app.entropy);
            request.approved(tx, &chain.id, claims.expires_at(), self.now).await?;
            return Ok(Ok(Issued {
                claims,
                refresh: Some(newest),
            }));
        }
        Err(StoreError::Busy)
    }
}
