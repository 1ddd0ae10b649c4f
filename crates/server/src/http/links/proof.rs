//! The page on which the password is shown, before another second factor is enrolled.

use axum::response::{IntoResponse, Response};
use countersign_core::logon::throttle::Counter;
use countersign_core::password::PasswordHash;
use countersign_core::token::Secret;
use countersign_store::{LinkProgress, StoreError};
use zeroize::Zeroizing;

use super::second_factor::{ask_code, fresh_totp};
use super::{Visit, failed, keep, status, wait};
use crate::AppState;
use crate::listen::ClientAddress;
use crate::pages::{LinkProof, SignInMessage, respond};

/// The page, perhaps once more.
pub fn ask_proof(visit: &Visit, message: Option<SignInMessage>) -> Response {
    let wrong = message.is_some();
    let page = LinkProof {
        public: visit.public(),
        action: visit.at(""),
        name: visit.name(),
        message,
        expires: visit.expires(),
    };
    respond::page(status(wrong), &page)
}

/// The password was shown: charged and compared as at a logon.
pub async fn prove(
    app: &AppState,
    address: &ClientAddress,
    visit: Visit,
    password: Zeroizing<String>,
) -> Result<Response, Response> {
    let of_name = Counter::NameFrom {
        name: visit.name(),
        source: address.ip,
    };
    let (first, second) = (of_name.clone(), Counter::Source(address.ip));
    let (account, now) = (visit.account().id, visit.now);
    let charged = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let (one, two) = (tx.charge(&first, now).await?, tx.charge(&second, now).await?);
                match one.err().or(two.err()) {
                    Some(throttled) => Ok::<_, StoreError>(Err(throttled)),
                    None => Ok(Ok(tx.password_of(account).await?)),
                }
            })
        })
        .await
        .map_err(failed)?;
    let kept: Option<PasswordHash> = match charged {
        Ok(kept) => kept,
        Err(throttled) => return Ok(ask_proof(&visit, Some(wait(throttled, now)))),
    };
    let kept = kept.map(|hash| (account, hash));
    let known = app.hashing.verify(kept, password).await.map_err(failed)?;
    if known.is_none() {
        return Ok(ask_proof(&visit, Some(SignInMessage::WrongCredentials)));
    }
    let source = Counter::Source(address.ip);
    app.store
        .write(move |tx| {
            Box::pin(async move {
                tx.forgive(&of_name).await?;
                tx.take_back(&source).await
            })
        })
        .await
        .map_err(|error: StoreError| failed(error))?;
    let (_, sealed) = fresh_totp(app, &visit).map_err(IntoResponse::into_response)?;
    let proof = Secret::new(&*app.entropy);
    let progress = LinkProgress {
        password: None,
        sealed_totp: Some(sealed.clone()),
        proof: Some(proof.hash()),
    };
    keep(app, &visit, progress).await?;
    // Shown here and nowhere else: whoever has only the link's address must not see the secret.
    ask_code(app, &visit, &sealed, proof.reveal(), false).map_err(IntoResponse::into_response)
}
