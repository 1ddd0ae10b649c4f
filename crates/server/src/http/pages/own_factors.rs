//! `POST /account/passkeys/challenge`: what a passkey of the reader's own is to sign, for whatever page asks for it.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::factor::Factors;
use countersign_core::passkey::request_options;

use super::Asked;
use super::tokens::Nothing;
use crate::AppState;
use crate::http::{Kind, Problem};
use crate::passkey::BoundTo;
use crate::session::PersonForm;

/// Where a page's script asks for a passkey of the reader's; none if the reader has none, or there are none here.
pub fn ask(asked: &Asked, factors: Factors) -> Option<String> {
    let here = asked.app.relying_party().is_some();
    (here && factors.passkeys > 0).then(|| "/account/passkeys/challenge".to_owned())
}

/// The answer holds for this session alone, once. The authenticator must check who is there.
pub async fn challenge(
    State(app): State<AppState>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let party = app.relying_party().ok_or_else(not_here)?;
    let account = person.account.id;
    let known = app
        .store
        .read(move |view| Box::pin(async move { view.passkeys_of(account).await }))
        .await?;
    let allowed: Vec<_> = known.into_iter().map(|known| known.passkey.credential_id).collect();
    if allowed.is_empty() {
        return Err(Problem::new(Kind::NotFound, "You have no passkey here."));
    }
    let challenge = app.passkey_challenge(&BoundTo::Session(person.session)).await?;
    Ok(Json(request_options(&party, &allowed, true, &challenge)).into_response())
}

/// There are no passkeys at this address.
pub fn not_here() -> Problem {
    Problem::new(
        Kind::NotFound,
        "There are no passkeys at this address: browsers make them for names, over https.",
    )
}
