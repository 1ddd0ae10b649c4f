//! `POST /oauth2/token` for clients other than the pages (RFC 6749, section 3.2).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use countersign_core::logon::{Client, DeviceRefusal, Grant, Proof, Resource, Thumbprint, Verifier};
use countersign_events::Reason;
use countersign_store::StoreError;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::client_call::{Parameters, Refused, answer, client, error};
use super::device::Fetch;
use super::exchange::{Exchange, ExchangeRefused, Issued, Wanted};
use super::refresh::Refresh;
use super::report::TokenRequest;
use crate::AppState;
use crate::access::{PROOF, shown_proof};
use crate::http::Problem;
use crate::listen::ClientAddress;
use crate::signing::Keys;

/// The grants that have a name; what else is sent goes into no event.
const NAMED: [&str; 5] = [
    Grant::AuthorizationCode.id(),
    Grant::RefreshToken.id(),
    Grant::DeviceCode.id(),
    "password",
    "client_credentials",
];

/// A request whose client is known for sure.
struct Call<'a> {
    app: &'a AppState,
    address: ClientAddress,
    parameters: &'a Parameters,
    client: Client,
    key: Option<Thumbprint>,
    keys: Arc<Keys>,
}

/// `POST /oauth2/token`
pub async fn token(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let parameters = match Parameters::read(&headers, &body) {
        Ok(parameters) => parameters,
        Err(refused) => return refuse(&app, &address, None, refused).await,
    };
    let asked = parameters.one("grant_type");
    let grant = match asked {
        Some(asked) => Grant::with_id(asked),
        None => {
            let refused = named(&app, &parameters, Refused::malformed("grant_type must be given once.")).await?;
            return refuse(&app, &address, None, refused).await;
        }
    };
    let Some(grant) = grant else {
        let description = "No such grant is given here: authorization_code, refresh_token and device_code are.";
        let refused = Refused::client("unsupported_grant_type", description, None);
        let refused = named(&app, &parameters, refused).await?;
        return refuse(&app, &address, asked, refused).await;
    };
    let client = match client(&app, &headers, &parameters).await? {
        Ok(client) => client,
        Err(refused) => return refuse(&app, &address, asked, refused).await,
    };
    if client.allows(grant).is_err() {
        let description = "This client may not ask in this way.";
        let refused = Refused::client("unauthorized_client", description, Some(client));
        return refuse(&app, &address, asked, refused).await;
    }
    let keys = match app.signing.keys(&app).await {
        Ok(keys) => keys,
        Err(cause) => {
            let refused = Refused {
                error: "server_error",
                description: "",
                reason: Reason::ServerError,
                client: Some(Box::new(client)),
            };
            refuse(&app, &address, asked, refused).await?;
            return Err(Problem::internal(&cause));
        }
    };
    let key = match proven(&app, &headers).await? {
        Ok(key) => key,
        Err(mut refused) => {
            refused.client = Some(Box::new(client));
            return refuse(&app, &address, asked, refused).await;
        }
    };
    let call = Call {
        app: &app,
        address,
        parameters: &parameters,
        client: client.clone(),
        key,
        keys,
    };
    let answered = match grant {
        Grant::AuthorizationCode => call.code().await?,
        Grant::RefreshToken => call.refresh().await?,
        Grant::DeviceCode => call.device().await?,
    };
    match answered {
        Ok(response) => Ok(response),
        Err(mut refused) => {
            refused.client = Some(Box::new(client));
            refuse(&app, &address, asked, refused).await
        }
    }
}

/// The key that the client proves to have, if it wants its tokens bound to one (RFC 9449, section 5).
async fn proven(app: &AppState, headers: &HeaderMap) -> Result<Result<Option<Thumbprint>, Refused>, Problem> {
    if !headers.contains_key(PROOF) {
        return Ok(Ok(None));
    }
    let bad = || Refused {
        error: "invalid_dpop_proof",
        ..Refused::malformed("The DPoP header must be one fresh proof for this address, shown once.")
    };
    let (now, address) = (app.clock.now(), app.config.public_url.join("/oauth2/token"));
    let proof = shown_proof(headers).map(|proof| Proof::read(proof, "POST", &address, None, now));
    let Some(Ok(proof)) = proof else {
        return Ok(Err(bad()));
    };
    let key = proof.key.clone();
    let taken = app
        .store
        .write(move |tx| Box::pin(async move { tx.take_proof(&proof, now).await }))
        .await
        .map_err(|error: StoreError| Problem::internal(&error))?;
    Ok(if taken { Ok(Some(key)) } else { Err(bad()) })
}

/// What is malformed still names its client in the event, if it is one of ours.
async fn named(app: &AppState, parameters: &Parameters, refused: Refused) -> Result<Refused, Problem> {
    let client = match parameters.one("client_id") {
        Some(id) => super::authorize::known_client(app, id).await?,
        None => None,
    };
    let client = client.map(Box::new);
    Ok(Refused { client, ..refused })
}

/// Reports the refusal and answers it. Anybody can cause these: so many of each network and minute are reported.
async fn refuse(
    app: &AppState,
    address: &ClientAddress,
    grant: Option<&str>,
    refused: Refused,
) -> Result<Response, Problem> {
    let (now, reason) = (app.clock.now(), refused.reason);
    let client = refused.client.as_ref();
    let request = TokenRequest {
        address: address.ip,
        resource: client.and_then(|client| client.spec.resource(None)),
        client: client.map(|client| client.spec.id.clone()),
        grant_type: grant.filter(|grant| NAMED.contains(grant)).map(str::to_owned),
        account: None,
    };
    if reason == Reason::ServerError || app.denials.lets(address.ip, now) {
        app.store
            .write(move |tx| Box::pin(async move { request.rejected(tx, reason, now).await }))
            .await
            .map_err(|error: StoreError| Problem::internal(&error))?;
    }
    Ok(refused.answer())
}

impl Call<'_> {
    async fn code(self) -> Result<Result<Response, Refused>, Problem> {
        let (Some(code), Some(redirect)) = (self.parameters.one("code"), self.parameters.one("redirect_uri")) else {
            return Ok(Err(Refused::malformed(
                "code and redirect_uri must each be given once.",
            )));
        };
        let Some(Ok(verifier)) = self.parameters.one("code_verifier").map(Verifier::parse) else {
            return Ok(Err(Refused::malformed(
                "code_verifier must be given once, in 43 to 128 unreserved characters.",
            )));
        };
        let exchange = Exchange {
            client: self.client.clone(),
            code: code.to_owned(),
            redirect: redirect.to_owned(),
            verifier,
            key: self.key.clone(),
            address: self.address.ip,
            now: self.app.clock.now(),
        };
        let app = AppState::clone(self.app);
        let exchanged = self
            .app
            .store
            .write(move |tx| Box::pin(async move { exchange.run(tx, &app, Wanted::Tokens).await }))
            .await
            .map_err(|error: StoreError| Problem::internal(&error))?;
        Ok(Ok(match exchanged {
            Ok(issued) => self.given(&issued)?,
            // Which of them it was is in the event: the client needs only to know that it must start again.
            Err(ExchangeRefused::Unknown | ExchangeRefused::Refused(_)) => {
                error("invalid_grant", "The code does not hold, or no longer: log on again.")
            }
        }))
    }

    async fn refresh(self) -> Result<Result<Response, Refused>, Problem> {
        let Some(token) = self.parameters.one("refresh_token") else {
            return Ok(Err(Refused::malformed("refresh_token must be given once.")));
        };
        let resource = match self.parameters.one("resource").map(Resource::with_id) {
            None => None,
            Some(Some(resource)) => Some(resource),
            Some(None) => {
                return Ok(Err(Refused::client(
                    "invalid_target",
                    "There is no such resource.",
                    None,
                )));
            }
        };
        let refresh = Refresh {
            client: self.client.clone(),
            token: self.app.refresh.read(token),
            key: self.key.clone(),
            resource,
            scope: self.parameters.one("scope").map(str::to_owned),
            address: self.address.ip,
            now: self.app.clock.now(),
        };
        let app = AppState::clone(self.app);
        let refreshed = self
            .app
            .store
            .write(move |tx| Box::pin(async move { refresh.run(tx, &app).await }))
            .await
            .map_err(|error: StoreError| Problem::internal(&error))?;
        Ok(Ok(match refreshed {
            Ok(issued) => self.given(&issued)?,
            Err(refusal) => error(
                refusal.error(),
                "The logon does not hold for this, or no longer: log on again.",
            ),
        }))
    }

    async fn device(self) -> Result<Result<Response, Refused>, Problem> {
        let Some(code) = self.parameters.one("device_code") else {
            return Ok(Err(Refused::malformed("device_code must be given once.")));
        };
        let fetch = Fetch {
            client: self.client.clone(),
            device_code: code.to_owned(),
            key: self.key.clone(),
            address: self.address,
            now: self.app.clock.now(),
        };
        let app = AppState::clone(self.app);
        let fetched = self
            .app
            .store
            .write(move |tx| Box::pin(async move { fetch.run(tx, &app).await }))
            .await
            .map_err(|error: StoreError| Problem::internal(&error))?;
        Ok(Ok(match fetched {
            Ok(issued) => self.given(&issued)?,
            Err(refusal) => error(refusal.error(), told(refusal)),
        }))
    }

    /// Signs what was issued: after it is durable, and outside of the transaction.
    fn given(&self, issued: &Issued) -> Result<Response, Problem> {
        let claims = &issued.claims;
        let token = self
            .keys
            .signer
            .sign(claims)
            .map_err(|error| Problem::internal(&error))?;
        let mut body = json!({
            "access_token": token,
            "token_type": if claims.cnf.is_some() { "DPoP" } else { "Bearer" },
            "expires_in": claims.exp - claims.iat,
            "scope": claims.scope,
        });
        if let Some(generation) = issued.refresh {
            body["refresh_token"] = self.app.refresh.token(&claims.sid, generation).into();
        }
        Ok(answer(StatusCode::OK, body))
    }
}

/// What a host is told: where it may ask again, why not yet, and no more of the others than that it must start again.
const fn told(refusal: DeviceRefusal) -> &'static str {
    match refusal {
        DeviceRefusal::Pending => "Nobody has confirmed the code yet.",
        DeviceRefusal::SlowDown => "Ask less often.",
        DeviceRefusal::Expired => "Nobody confirmed the code in time.",
        DeviceRefusal::Refused => "The logon was refused.",
        DeviceRefusal::Unknown
        | DeviceRefusal::OtherClient
        | DeviceRefusal::Used
        | DeviceRefusal::AccountChanged
        | DeviceRefusal::PasswordChanged
        | DeviceRefusal::NotReached => "The code does not hold, or no longer: log on again.",
    }
}
