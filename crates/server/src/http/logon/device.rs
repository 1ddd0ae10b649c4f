//! `POST /oauth2/device_authorization` (RFC 8628, section 3.1): a host without a browser asks for a code.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use countersign_core::Sha256;
use countersign_core::clock::random;
use countersign_core::logon::{
    AccessClaims, Chain, Client, DEVICE_INTERVAL_SECONDS, DEVICE_SECONDS, DeviceLogon, DeviceRefusal, DeviceState,
    Grant, Lives, Resource, Thumbprint, UserCode,
};
use countersign_core::token::{Secret, hash_of};
use countersign_events::{Reason, Timestamp};
use countersign_store::{StoreError, Tx};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::client_call::{Parameters, Refused, answer, client};
use super::exchange::Issued;
use super::report::{Known, TokenRequest};
use crate::AppState;
use crate::flows::chains;
use crate::http::Problem;
use crate::listen::ClientAddress;

/// How many codes of one address may wait at a time: whoever asks is not known.
const WAITING_MOST: i64 = 20;

/// Gives a code for the host and one for people.
pub async fn authorize(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let parameters = match Parameters::read(&headers, &body) {
        Ok(parameters) => parameters,
        Err(refused) => return refuse(&app, &address, refused).await,
    };
    let client = match client(&app, &headers, &parameters).await? {
        Ok(client) => client,
        Err(refused) => return refuse(&app, &address, refused).await,
    };
    let refused = |error, description| Refused::client(error, description, Some(client.clone()));
    if client.allows(Grant::DeviceCode).is_err() {
        let refused = refused("unauthorized_client", "This client may not ask in this way.");
        return refuse(&app, &address, refused).await;
    }
    let resource = match parameters.one("resource").map(Resource::with_id) {
        Some(None) => None,
        known => client.spec.resource(known.flatten()),
    };
    let Some(resource) = resource else {
        let refused = refused("invalid_target", "This client may not ask for that resource.");
        return refuse(&app, &address, refused).await;
    };
    let now = app.clock.now();
    let (device_code, user_code) = (Secret::new(&*app.entropy), UserCode::new(&*app.entropy));
    let logon = DeviceLogon {
        chain: data_encoding::HEXLOWER.encode(&random::<16>(&*app.entropy)),
        client: client.spec.id.clone(),
        resource,
        address: address.to_string(),
        state: DeviceState::Pending,
        created_at: now,
        expires_at: now.plus_seconds(DEVICE_SECONDS),
        next_at: now.plus_seconds(DEVICE_INTERVAL_SECONDS),
        interval: DEVICE_INTERVAL_SECONDS,
    };
    let (device_hash, user_hash) = (device_code.hash(), user_code.hash());
    let kept = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let room = tx.device_logons_from(&logon.address, now).await? < WAITING_MOST;
                if room {
                    tx.add_device_logon(&logon, device_hash, user_hash, now).await?;
                }
                Ok(room)
            })
        })
        .await
        .map_err(|error: StoreError| Problem::internal(&error))?;
    if !kept {
        let refused = Refused {
            reason: Reason::TooManyInvalidRequests,
            ..refused(
                "slow_down",
                "Too many codes of this address wait: use one, or wait ten minutes.",
            )
        };
        return refuse(&app, &address, refused).await;
    }
    let page = app.config.public_url.join("/device");
    Ok(answer(
        StatusCode::OK,
        json!({
            "device_code": device_code.reveal(),
            "user_code": user_code.to_string(),
            "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code={user_code}"),
            "expires_in": DEVICE_SECONDS,
            "interval": DEVICE_INTERVAL_SECONDS,
        }),
    ))
}

async fn refuse(app: &AppState, address: &ClientAddress, refused: Refused) -> Result<Response, Problem> {
    let (now, reason) = (app.clock.now(), refused.reason);
    if app.denials.lets(address.ip, now) {
        let client = refused.client.as_ref();
        let known = Known {
            client: client.map(|client| client.spec.id.clone()),
            resource: client.and_then(|client| client.spec.resource(None)),
            ..Known::of(address, None)
        };
        app.store
            .write(move |tx| Box::pin(async move { known.denied(tx, reason, now).await }))
            .await
            .map_err(|error: StoreError| Problem::internal(&error))?;
    }
    Ok(refused.answer())
}

/// What a host shows that asks whether somebody has confirmed its code.
pub struct Fetch {
    /// Who it is, authenticated.
    pub client: Client,
    /// Its code.
    pub device_code: String,
    /// The key that it proved to have.
    pub key: Option<Thumbprint>,
    /// From where.
    pub address: ClientAddress,
    /// Now.
    pub now: Timestamp,
}

impl Fetch {
    /// Gives what a person confirmed, or says why not, or not yet. What is decided is reported (44000, 44001); a code that comes a
    /// second time ends all that the first time gave (44005).
    pub async fn run(self, tx: &mut Tx, app: &AppState) -> Result<Result<Issued, DeviceRefusal>, StoreError> {
        let mut request = TokenRequest {
            address: self.address.ip,
            client: Some(self.client.spec.id.clone()),
            resource: None,
            grant_type: Some(Grant::DeviceCode.id().to_owned()),
            account: None,
        };
        let hash = hash_of(&self.device_code);
        let Some(logon) = tx.device_logon_of_host(hash).await? else {
            let refusal = DeviceRefusal::Unknown;
            let reason = Reason::Unauthenticated;
            request.rejected_to_anybody(tx, app, reason, self.now).await?;
            return Ok(Err(refusal));
        };
        request.resource = Some(logon.resource);
        let account = match logon.state {
            DeviceState::Confirmed(by) | DeviceState::Used(by) => tx.account(by.account).await?,
            DeviceState::Pending | DeviceState::Refused => None,
        };
        request.account = account.clone();
        let (chain, interval) = (logon.chain.clone(), logon.interval);
        let changed = match &account {
            Some(account) => tx.password_changed_at(account.id).await?,
            None => None,
        };
        let refusal = match logon.poll(&self.client.spec.id, account.clone(), changed, self.now) {
            Ok(redeemed) if tx.use_device_logon(&chain).await? => {
                let refreshes = self.client.allows(Grant::RefreshToken).is_ok();
                let lives = if refreshes { Lives::Refreshed } else { Lives::Once };
                let address = self.address.to_string();
                let chain = Chain::begun(&redeemed, lives, address, self.key.clone(), self.now);
                tx.add_chain(&chain, self.now).await?;
                let claims = AccessClaims::next_of(&chain, &app.issuer(), self.now, &*app.entropy);
                request.approved(tx, &chain.id, claims.expires_at(), self.now).await?;
                let refresh = refreshes.then_some(chain.generation);
                return Ok(Ok(Issued { claims, refresh }));
            }
            Ok(_) => DeviceRefusal::Used,
            Err(refusal) => refusal,
        };
        if refusal.reason().is_none() {
            self.asked_early(tx, hash, refusal, interval).await?;
        }
        self.rejected(tx, request, refusal).await?;
        if let (DeviceRefusal::Used, Some(account)) = (refusal, &account) {
            chains::end(tx, &chain, account, Some(self.address.ip), self.now).await?;
        }
        Ok(Err(refusal))
    }

    /// Whoever asks too often must wait longer from now on.
    async fn asked_early(
        &self,
        tx: &mut Tx,
        hash: Sha256,
        refusal: DeviceRefusal,
        interval: i64,
    ) -> Result<(), StoreError> {
        let interval = match refusal {
            DeviceRefusal::SlowDown => interval + DEVICE_INTERVAL_SECONDS,
            _ => interval,
        };
        tx.note_device_poll(hash, self.now.plus_seconds(interval), interval)
            .await
    }

    async fn rejected(&self, tx: &mut Tx, request: TokenRequest, refusal: DeviceRefusal) -> Result<(), StoreError> {
        match refusal.reason() {
            Some(reason) => request.rejected(tx, reason, self.now).await,
            None => Ok(()),
        }
    }
}
