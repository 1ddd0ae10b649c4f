//! The pages as a client of their own server: logon, session, logoff.

use std::net::IpAddr;

use axum::extract::{Query, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::Sha256;
use countersign_core::clock::random;
use countersign_core::logon::{Client, ClientId, FLOW_SECONDS, Resource, Verifier, WEB_UI_CALLBACK};
use countersign_core::token::{Secret, hash_of};
use countersign_events::{Reason, Timestamp};
use countersign_store::{StoreError, Tx};
use http::{HeaderMap, header};
use serde::Deserialize;

use super::exchange::{Exchange, Wanted};
use super::report::Known;
use super::{flow, with_query};
use crate::AppState;
use crate::flows::chains;
use crate::http::Problem;
use crate::listen::ClientAddress;
use crate::pages::{Link, Public, PublicProblemPage, SignedOut, respond};
use crate::session::{PersonForm, SESSION_COOKIE, form_pairs, local_path, of_browser};

/// Where to go after the logon.
#[derive(Debug, Deserialize)]
pub struct To {
    #[serde(default)]
    to: String,
}

const COOKIE_PREFIX: &str = "login-";

/// `GET /auth/login`: asks for a logon with a fresh PKCE verifier, which waits in a cookie for the way back.
pub async fn login(State(app): State<AppState>, headers: HeaderMap, Query(To { to }): Query<To>) -> Response {
    let verifier = Verifier::new(&*app.entropy);
    let state = data_encoding::HEXLOWER.encode(&random::<16>(&*app.entropy));
    let challenge = verifier.challenge().to_text();
    let to = data_encoding::BASE64URL_NOPAD.encode(local_path(&to).as_bytes());
    let location = with_query(
        "/oauth2/authorize",
        &[
            ("client_id", ClientId::web_ui().as_str()),
            ("redirect_uri", WEB_UI_CALLBACK),
            ("response_type", "code"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", &state),
        ],
    );
    let mut response = Redirect::to(&location).into_response();
    flow::tidy(&app, &headers, COOKIE_PREFIX, &mut response);
    flow::tidy(&app, &headers, &flow::cookie_name(""), &mut response);
    let cookie = format!("{}.{to}", verifier.as_str());
    if let Some(value) = app
        .cookies()
        .set(&format!("{COOKIE_PREFIX}{state}"), &cookie, Some(FLOW_SECONDS))
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// `GET /auth/callback`: the code comes back and becomes a session.
pub async fn callback(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let parameters = form_pairs(query.unwrap_or_default().as_bytes());
    let one = |name: &str| {
        let mut values = parameters
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    };
    let (code, state) = (one("code"), one("state").unwrap_or_default());
    let name = format!("{COOKIE_PREFIX}{state}");
    let waiting = app.cookies().read(&headers, &name).and_then(Waiting::read);
    let issued_here = one("iss") == Some(app.issuer().as_str());
    let (Some(waiting), Some(code), true) = (waiting, code, issued_here) else {
        // A reload or the back button after the logon: it is done already.
        let signed_in = of_browser(&app, &headers, address)
            .await
            .map_err(|error| Problem::internal(&error))?;
        if signed_in.is_some() {
            return Ok(Redirect::to("/").into_response());
        }
        return lost(&app, &address, code.is_some() && issued_here, &name).await;
    };

    let (cookie, csrf) = (Secret::new(&*app.entropy), Secret::new(&*app.entropy));
    let now = app.clock.now();
    let exchange = Exchange {
        client: Client::web_ui(),
        code: code.to_owned(),
        redirect: WEB_UI_CALLBACK.into(),
        verifier: waiting.verifier,
        key: None,
        address: address.ip,
        now,
    };
    let wanted = Wanted::Session {
        cookie: cookie.hash(),
        csrf: csrf.reveal().to_owned(),
    };
    // A session that this browser had before ends with the new one.
    let before = app.cookies().read(&headers, SESSION_COOKIE).map(hash_of);
    let (whole, ip) = (AppState::clone(&app), address.ip);
    let exchanged = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                if let Some(before) = before {
                    end_session(tx, before, ip, now).await?;
                }
                exchange.run(tx, &whole, wanted).await
            })
        })
        .await
        .map_err(|error: StoreError| Problem::internal(&error))?;
    let mut response = match exchanged {
        Ok(_) => {
            let mut response = Redirect::to(local_path(&waiting.to)).into_response();
            let set = app.cookies().set(SESSION_COOKIE, cookie.reveal(), None);
            response
                .headers_mut()
                .extend(set.map(|value| (header::SET_COOKIE, value)));
            response
        }
        Err(_) => start_again(),
    };
    if let Some(value) = app.cookies().clear(&name) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// What waits in the cookie.
struct Waiting {
    verifier: Verifier,
    to: String,
}

impl Waiting {
    fn read(cookie: &str) -> Option<Self> {
        let (verifier, to) = cookie.split_once('.')?;
        let to = data_encoding::BASE64URL_NOPAD.decode(to.as_bytes()).ok()?;
        Some(Self {
            verifier: Verifier::parse(verifier).ok()?,
            to: String::from_utf8(to).ok()?,
        })
    }
}

async fn lost(app: &AppState, address: &ClientAddress, well_formed: bool, name: &str) -> Result<Response, Problem> {
    let known = Known {
        client: Some(ClientId::web_ui()),
        resource: Some(Resource::Web),
        redirect: Some(WEB_UI_CALLBACK.into()),
        ..Known::of(address, None)
    };
    let reason = if well_formed {
        Reason::MissingCookie
    } else {
        Reason::MalformedRequest
    };
    known.denied_to_anybody(app, reason).await?;
    let mut response = start_again();
    let known_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if let Some(value) = app.cookies().clear(name).filter(|_| known_name) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

fn start_again() -> Response {
    let page = PublicProblemPage {
        public: Public::new(String::new()),
        status: 400,
        title: "This sign-in has ended".into(),
        text: "It was finished before, took too long, or this browser no longer has its cookie.".into(),
        advice: "Start again. If this comes back at once, allow cookies for this server.".into(),
        link: Some(Link {
            href: "/auth/login".into(),
            label: "Sign in".into(),
        }),
    };
    respond::page(StatusCode::BAD_REQUEST, &page)
}

/// Nothing but the token of the form.
#[derive(Debug, Deserialize)]
pub struct Nothing {}

/// `POST /logout`: ends the session.
pub async fn logout(State(app): State<AppState>, form: PersonForm<Nothing>) -> Result<Response, Problem> {
    let (session, ip, now) = (form.person.session, form.person.address.ip, app.clock.now());
    app.store
        .write(move |tx| Box::pin(async move { end_session(tx, session, ip, now).await }))
        .await
        .map_err(|error: StoreError| Problem::internal(&error))?;
    let page = SignedOut {
        public: Public::new(String::new()),
    };
    let mut response = respond::page(StatusCode::OK, &page);
    if let Some(value) = app.cookies().clear(SESSION_COOKIE) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// Ends a session with its chain and reports it (44005).
async fn end_session(tx: &mut Tx, session: Sha256, address: IpAddr, now: Timestamp) -> Result<(), StoreError> {
    if let Some((session, account)) = tx.session(session).await? {
        chains::end(tx, &session.chain, &account, Some(address), now).await?;
    }
    Ok(())
}
