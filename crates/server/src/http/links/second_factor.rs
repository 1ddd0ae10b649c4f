//! The page on which a second factor is enrolled.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use countersign_core::account_change::LinkKind;
use countersign_core::factor::TotpSecret;
use countersign_core::token::hash_of;
use countersign_store::{LinkProgress, StoreError};

use super::{Visit, finish, out_of_date, status, visit};
use crate::flows::account_links::Set;
use crate::http::Problem;
use crate::listen::ClientAddress;
use crate::pages::{QrCode, SetUpSecondFactor, respond};
use crate::seal::Purpose;
use crate::session::form_fields;
use crate::{App, AppState};

/// A fresh secret, and the same sealed until it is confirmed.
pub fn fresh_totp(app: &App, visit: &Visit) -> Result<(TotpSecret, Vec<u8>), Problem> {
    let totp = TotpSecret::new(&*app.entropy);
    let purpose = Purpose::LinkTotp(visit.working.link.id);
    let sealed = app
        .sealing
        .seal(purpose, totp.bytes(), &*app.entropy)
        .map_err(|error| Problem::internal(&error))?;
    Ok((totp, sealed))
}

/// The page of the second factor. `proof` is what shows that the password was shown, where it had to be.
pub fn ask_code(app: &App, visit: &Visit, sealed: &[u8], proof: &str, wrong_code: bool) -> Result<Response, Problem> {
    let totp = unsealed(app, visit, sealed)?;
    let qr = QrCode::new(&totp.otpauth("Countersign", visit.account().name.as_str()));
    let qr = qr.map_err(|_| Problem::internal(&StoreError::Unreadable("a name that fits into a QR code")))?;
    let letters: Vec<char> = totp.to_base32().chars().collect();
    let page = SetUpSecondFactor {
        public: visit.public(),
        action: visit.at("/second-factor"),
        name: visit.name(),
        qr,
        secret_groups: letters.chunks(4).map(|group| group.iter().collect()).collect(),
        wrong_code,
        proof: proof.to_owned(),
    };
    Ok(respond::page(status(wrong_code), &page))
}

fn unsealed(app: &App, visit: &Visit, sealed: &[u8]) -> Result<TotpSecret, Problem> {
    let purpose = Purpose::LinkTotp(visit.working.link.id);
    let bytes = app
        .sealing
        .unseal(purpose, sealed)
        .map_err(|error| Problem::internal(&error))?;
    TotpSecret::from_bytes(bytes.to_vec()).map_err(|error| Problem::internal(&error))
}

/// `POST /link/{secret}/second-factor`
pub async fn confirm(
    State(app): State<AppState>,
    address: ClientAddress,
    Path(secret): Path<String>,
    body: Bytes,
) -> Result<Response, Response> {
    let visit = visit(&app, &address, secret).await?;
    let [csrf, code, proof] = form_fields(&body, ["csrf", "code", "proof"]);
    out_of_date(&csrf, &visit).map_err(IntoResponse::into_response)?;
    let LinkProgress {
        password,
        sealed_totp,
        proof: proven,
    } = visit.working.link.progress.clone();
    let shown = match visit.working.link.kind {
        LinkKind::Invitation => password.is_some(),
        LinkKind::SecondFactor => proven == Some(hash_of(&proof)),
        LinkKind::Password => false,
    };
    let Some(sealed) = sealed_totp.filter(|_| shown) else {
        return Ok(Redirect::to(&visit.at("")).into_response());
    };
    let totp = unsealed(&app, &visit, &sealed).map_err(IntoResponse::into_response)?;
    let Ok((_, step)) = totp.verify(&code, None, visit.now) else {
        return ask_code(&app, &visit, &sealed, &proof, true).map_err(IntoResponse::into_response);
    };
    let chosen = Set {
        password,
        totp: Some((totp, step)),
        from: address.ip,
    };
    finish(&app, visit, chosen).await
}
