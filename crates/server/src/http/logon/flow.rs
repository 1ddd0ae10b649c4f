//! A logon that is going on: begun, found again by its address and its cookie, lost, ended.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::clock::random;
use countersign_core::factor::Factors;
use countersign_core::logon::{AuthorizationRequest, FLOW_SECONDS, Flow};
use countersign_core::token::{Secret, hash_of};
use countersign_events::Reason;
use countersign_store::{LogonFlow, StoreError};
use http::{HeaderMap, header};

use super::report::Known;
use crate::AppState;
use crate::http::Problem;
use crate::listen::ClientAddress;
use crate::pages::{Link, Public, PublicProblemPage, respond};

/// More cookies of logons than this in one browser are those of forgotten tabs, and make its requests long.
const COOKIES_MOST: usize = 10;

/// The cookie of a logon: one each, so that several tabs do not disturb each other.
pub fn cookie_name(id: &str) -> String {
    format!("logon-{id}")
}

/// Begins a logon: keeps it, gives the browser its cookie, and leads to the first page.
pub async fn begin(
    app: &AppState,
    address: &ClientAddress,
    request: AuthorizationRequest,
) -> Result<Response, Problem> {
    let known = Known::of(address, Some(&request));
    let now = app.clock.now();
    let id = data_encoding::HEXLOWER.encode(&random::<8>(&*app.entropy));
    let cookie = Secret::new(&*app.entropy);
    let flow = LogonFlow {
        id: id.clone(),
        csrf: Secret::new(&*app.entropy).reveal().to_owned(),
        name: String::new(),
        flow: Flow::begin(request),
        factors: Factors::default(),
        expires_at: now.plus_seconds(FLOW_SECONDS),
        revision: 0,
    };
    let hash = cookie.hash();
    app.store
        .write(move |tx| Box::pin(async move { tx.add_logon_flow(&flow, hash, now).await }))
        .await
        .map_err(|error: StoreError| known.failed(app, &error))?;
    let mut response = Redirect::to(&format!("/logon?flow={id}")).into_response();
    let set = app
        .cookies()
        .set(&cookie_name(&id), cookie.reveal(), Some(FLOW_SECONDS));
    response
        .headers_mut()
        .extend(set.map(|value| (header::SET_COOKIE, value)));
    Ok(response)
}

/// Takes the cookies of forgotten tabs away once there are many.
pub fn tidy(app: &AppState, headers: &HeaderMap, prefix: &str, response: &mut Response) {
    let names = app.cookies().names_with_prefix(headers, prefix);
    if names.len() >= COOKIES_MOST {
        let cleared = names.iter().filter_map(|name| app.cookies().clear(name));
        let lines: Vec<_> = cleared.map(|value| (header::SET_COOKIE, value)).collect();
        for (name, value) in lines {
            response.headers_mut().append(name, value);
        }
    }
}

/// The logon with this id, if the browser has its cookie and it has not ended.
pub async fn find(
    app: &AppState,
    address: &ClientAddress,
    headers: &HeaderMap,
    id: &str,
) -> Result<Option<LogonFlow>, Problem> {
    let Some(cookie) = app.cookies().read(headers, &cookie_name(id)) else {
        return Ok(None);
    };
    let (id, hash, now) = (id.to_owned(), hash_of(cookie), app.clock.now());
    app.store
        .ask(|view| Box::pin(async move { view.logon_flow(&id, hash, now).await }))
        .await
        .map_err(|error: StoreError| Known::of(address, None).failed(app, &error))
}

/// The cookie is absent, unreadable, too old, or of another logon: says so, clears it, and lets the person start again.
pub async fn lost(app: &AppState, address: &ClientAddress, id: &str) -> Result<Response, Problem> {
    let known = Known::of(address, None);
    known.denied_to_anybody(app, Reason::MissingCookie).await?;
    let page = PublicProblemPage {
        public: Public::new(String::new()),
        status: 400,
        title: "This sign-in has ended".into(),
        text: "It was open for more than ten minutes, or this browser no longer has its cookie.".into(),
        advice: "Start again. If this comes back at once, allow cookies for this server.".into(),
        link: Some(Link {
            href: "/auth/login".into(),
            label: "Sign in".into(),
        }),
    };
    let mut response = respond::page(StatusCode::BAD_REQUEST, &page);
    clear(app, id, &mut response);
    Ok(response)
}

/// Takes a logon's cookie away.
pub fn clear(app: &AppState, id: &str, response: &mut Response) {
    if let Some(value) = app.cookies().clear(&cookie_name(id)) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
