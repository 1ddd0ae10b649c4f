//! A passkey in a logon: alone on the first page, or as the second factor on the second.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::logon::{Answer, Flow};
use countersign_core::passkey::request_options;
use countersign_store::StoreError;
use http::HeaderMap;

use super::first_factor::Which;
use super::flow;
use super::turn::{Given, field};
use crate::http::{Kind, Problem};
use crate::listen::ClientAddress;
use crate::pages::PasskeyAsk;
use crate::passkey::{BoundTo, PasskeyRefused, Showing, verify_passkey};
use crate::session::same_text;
use crate::{App, AppState};

/// Where a page of this logon asks for a passkey; none where there are none.
pub fn ask(app: &App, flow: &str) -> Option<PasskeyAsk> {
    app.relying_party().map(|_| PasskeyAsk {
        action: format!("/logon/passkey?flow={flow}"),
        challenge: format!("/logon/passkey/challenge?flow={flow}"),
    })
}

/// `POST /logon/passkey/challenge`: what the authenticator is to sign. The page's script asks when its button is pressed.
pub async fn challenge(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    Query(which): Query<Which>,
    body: Bytes,
) -> Result<Response, Problem> {
    let logon = flow::find(&app, &address, &headers, &which.flow).await?;
    let csrf = field(&body, "csrf").unwrap_or_default();
    let logon = logon.filter(|logon| same_text(&csrf, &logon.csrf)).ok_or_else(|| {
        Problem::new(
            Kind::Forbidden,
            "This sign-in has ended. Open the page again and start anew.",
        )
    })?;
    let party = app
        .relying_party()
        .ok_or_else(|| Problem::new(Kind::NotFound, "There are no passkeys at this address."))?;
    let (allowed, alone) = match &logon.flow {
        Flow::SecondFactor { passed, .. } => {
            let account = passed.account;
            let known = app
                .store
                .ask(move |view| Box::pin(async move { view.passkeys_of(account).await }))
                .await
                .map_err(|error: StoreError| Problem::internal(&error))?;
            (
                known.into_iter().map(|known| known.passkey.credential_id).collect(),
                false,
            )
        }
        Flow::FirstFactor(_) | Flow::PasswordChange { .. } => (Vec::new(), true),
    };
    let challenge = app
        .passkey_challenge(&BoundTo::Logon(logon.id))
        .await
        .map_err(|error| Problem::internal(&error))?;
    Ok(Json(request_options(&party, &allowed, alone, &challenge)).into_response())
}

/// `POST /logon/passkey`: `passkey` is the browser's answer.
pub async fn answer(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    Query(which): Query<Which>,
    body: Bytes,
) -> Result<Response, Problem> {
    let Some(logon) = flow::find(&app, &address, &headers, &which.flow).await? else {
        return flow::lost(&app, &address, &which.flow).await;
    };
    let given = Given {
        app: &app,
        address,
        logon,
        typed: None,
    };
    match (field(&body, "csrf"), field(&body, "passkey")) {
        (Some(csrf), Some(answer)) if same_text(&csrf, &given.logon.csrf) => given.passkey(answer).await,
        _ => given.unreadable().await,
    }
}

impl Given<'_> {
    async fn passkey(self, answer: String) -> Result<Response, Problem> {
        let (app, address) = (self.app.clone(), self.address);
        let mut turn = self.turn();
        let outcome = self
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let party = app.relying_party();
                    let expected = match turn.logon.flow.passed() {
                        Some(passed) => tx.account(passed.account).await?,
                        None => None,
                    };
                    turn.known.account = expected.clone();
                    let showing = Showing {
                        party: party.as_ref(),
                        bound_to: &BoundTo::Logon(turn.logon.id.clone()),
                        answer: &answer,
                        expected: expected.as_ref(),
                        from: &address,
                    };
                    let (answer, throttled) = match verify_passkey(tx, &showing, turn.now).await? {
                        Ok(shown) => {
                            let standing = tx.standing(shown.account()).await?;
                            if expected.is_none() {
                                turn.known.account = standing.as_ref().map(|standing| standing.account.clone());
                                if let Some(account) = &turn.known.account {
                                    turn.name = account.name.to_string();
                                }
                            }
                            (Answer::Passkey { shown, standing }, None)
                        }
                        Err(PasskeyRefused::Throttled(throttled)) => (Answer::Throttled, Some(throttled)),
                        Err(refused) => {
                            tracing::info!("a passkey was not taken: {refused}");
                            (Answer::WrongPasskey, None)
                        }
                    };
                    turn.answer(tx, answer, throttled).await
                })
            })
            .await;
        self.respond(outcome)
    }
}
