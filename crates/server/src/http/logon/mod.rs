//! Logon over HTTP: the OAuth endpoints, its pages, and the pages' own client.
//!
//! | address | what | where |
//! |---|---|---|
//! | `GET /oauth2/authorize` | a client asks for a logon | [`authorize`] |
//! | `GET`, `POST /logon`, `/logon/code`, `/logon/password` | name and password, second factor, new password | [`first_factor`], [`second_factor`], [`password_change`] |
//! | `POST /logon/passkey`, `/logon/passkey/challenge` | a passkey, alone or as the second factor | [`passkey`] |
//! | `GET /auth/login`, `/auth/callback`, `POST /logout` | the pages as a client: a session | [`web_ui`] |
//! | `POST /oauth2/token` | other clients: tokens by a code ([`exchange`]) or a refresh token ([`refresh`]) | [`token`] |
//! | `POST /oauth2/revoke`, `/oauth2/introspect` | a client ends a logon, or asks what a token is worth | [`revoke`], [`introspect`] |
//! | `POST /oauth2/device_authorization` | a host without a browser asks for a code; `/device` is among the pages | [`device`] |
//! | `GET /oauth2/jwks` | what access tokens are checked with | [`metadata`] |
//! | `GET /.well-known/oauth-authorization-server` | where all that is | [`metadata`] |
//!
//! What is decided is in `countersign_core::logon`; each decision and its event are one transaction.

mod authorize;
mod client_call;
mod device;
mod elsewhere;
mod exchange;
mod first_factor;
mod flow;
mod introspect;
mod metadata;
mod passkey;
mod password_change;
mod refresh;
mod report;
mod revoke;
mod second_factor;
mod token;
mod told;
mod turn;
mod web_ui;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

pub use report::Known;

use super::same_site::own_forms_only;
use crate::{App, AppState};

/// The logon's addresses.
pub fn router(app: &AppState) -> Router<AppState> {
    let negotiable = Router::new()
        .route("/logon", get(first_factor::show).post(first_factor::answer))
        .layer(from_fn_with_state(app.clone(), own_forms_only))
        .route("/oauth2/authorize", get(authorize::authorize))
        .layer(from_fn_with_state(app.clone(), elsewhere::no_negotiation));
    let pages = Router::new()
        .route("/logon/code", get(second_factor::show).post(second_factor::answer))
        .route("/logon/passkey", post(passkey::answer))
        .route("/logon/passkey/challenge", post(passkey::challenge))
        .route(
            "/logon/password",
            get(password_change::show).post(password_change::answer),
        )
        .route("/auth/login", get(web_ui::login))
        .route("/auth/callback", get(web_ui::callback))
        .route("/logout", post(web_ui::logout))
        .layer(from_fn_with_state(app.clone(), own_forms_only));
    Router::new()
        .route(elsewhere::SAML_LOGIN, get(elsewhere::saml))
        .route("/auth/saml/acs", get(elsewhere::saml).post(elsewhere::saml))
        .route(elsewhere::NEGOTIATE, get(elsewhere::negotiate))
        .route("/oauth2/token", post(token::token))
        .route("/oauth2/revoke", post(revoke::revoke))
        .route("/oauth2/introspect", post(introspect::introspect))
        .route("/oauth2/device_authorization", post(device::authorize))
        .route("/oauth2/jwks", get(metadata::jwks))
        .route("/.well-known/oauth-authorization-server", get(metadata::metadata))
        .merge(negotiable)
        .merge(pages)
        .layer(DefaultBodyLimit::max(16 * 1024))
}

impl App {
    /// Who issues: the `iss` of answers (RFC 9207).
    pub fn issuer(&self) -> String {
        self.config.public_url.to_string()
    }
}

/// An address with more in its query; the values escaped.
fn with_query(address: &str, pairs: &[(&str, &str)]) -> String {
    let mut out = address.to_owned();
    for (name, value) in pairs {
        out.push(if out.contains('?') { '&' } else { '?' });
        out.push_str(name);
        out.push('=');
        out.extend(percent_encoding::utf8_percent_encode(
            value,
            crate::session::QUERY_VALUE,
        ));
    }
    out
}
