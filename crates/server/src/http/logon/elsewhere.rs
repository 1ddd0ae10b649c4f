//! The other ways to sign in, while they are not set up: SSO (SAML) and the current user of the machine (Kerberos). Each answers with a
//! page that says so, and is reported (44002, reasons 10 and 11).

use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use countersign_core::logon::AuthorizationRequest;
use countersign_events::Reason;
use http::{HeaderMap, header};

use super::authorize::known_client;
use super::first_factor::Which;
use super::flow;
use super::report::Known;
use crate::AppState;
use crate::http::Problem;
use crate::listen::ClientAddress;
use crate::pages::{Link, Public, PublicProblemPage, respond};
use crate::session::form_pairs;

/// Where single sign-on begins.
pub const SAML_LOGIN: &str = "/auth/saml/login";
/// Where the current user of the machine would be asked for.
pub const NEGOTIATE: &str = "/auth/negotiate";

/// The ways that the sign-in page offers besides.
pub fn offered(flow: &str) -> Vec<Link> {
    let link = |path: &str, label: &str| Link {
        href: format!("{path}?flow={flow}"),
        label: label.to_owned(),
    };
    vec![
        link(SAML_LOGIN, "Sign in with SSO"),
        link(NEGOTIATE, "Sign in as current user"),
    ]
}

/// `GET /auth/saml/login`, `GET` and `POST /auth/saml/acs`.
pub async fn saml(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let title = "Single sign-on is not set up here";
    of_flow(&app, &address, &headers, &which.flow, Reason::Saml2Disabled, title).await
}

/// `GET /auth/negotiate`.
pub async fn negotiate(
    State(app): State<AppState>,
    address: ClientAddress,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    of_flow(&app, &address, &headers, &which.flow, Reason::GssDisabled, NO_KERBEROS).await
}

const NO_KERBEROS: &str = "Signing in as the current user is not set up here";

async fn of_flow(
    app: &AppState,
    address: &ClientAddress,
    headers: &HeaderMap,
    id: &str,
    reason: Reason,
    title: &'static str,
) -> Result<Response, Problem> {
    let logon = flow::find(app, address, headers, id).await?;
    let known = Known::of(address, logon.as_ref().map(|logon| logon.flow.request()));
    let back = match logon {
        Some(logon) => format!("/logon?flow={}", logon.id),
        None => "/auth/login".to_owned(),
    };
    off(app, known, reason, title, back).await
}

/// For what a browser may send a Kerberos token to: it is not looked at.
pub async fn no_negotiation(
    State(app): State<AppState>,
    address: ClientAddress,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let mut lines = request.headers().get_all(header::AUTHORIZATION).iter();
    let negotiates = lines.any(|line| {
        let scheme = line.as_bytes().split(|byte| *byte == b' ').next();
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"negotiate"))
    });
    if !negotiates {
        return Ok(next.run(request).await);
    }
    let query = form_pairs(request.uri().query().unwrap_or_default().as_bytes());
    let flow = query.iter().find(|(name, _)| name == "flow");
    if let Some((_, flow)) = flow {
        return of_flow(
            &app,
            &address,
            request.headers(),
            flow,
            Reason::GssDisabled,
            NO_KERBEROS,
        )
        .await;
    }
    let mut known = Known::of(&address, None);
    if let Ok(id) = AuthorizationRequest::client_id(&query) {
        let client = known_client(&app, id).await?;
        if let Ok(asked) = AuthorizationRequest::parse(&query, client.as_ref(), Some(&app.issuer())) {
            known = Known::of(&address, Some(&asked));
        }
    }
    off(&app, known, Reason::GssDisabled, NO_KERBEROS, "/auth/login".to_owned()).await
}

async fn off(
    app: &AppState,
    known: Known,
    reason: Reason,
    title: &'static str,
    back: String,
) -> Result<Response, Problem> {
    known.denied_to_anybody(app, reason).await?;
    let page = PublicProblemPage {
        public: Public::new(String::new()),
        status: 403,
        title: title.into(),
        text: "An administrator has not turned this way to sign in on.".into(),
        advice: "Sign in with your name and password, or with a passkey.".into(),
        link: Some(Link {
            href: back,
            label: "Sign in".into(),
        }),
    };
    Ok(respond::page(StatusCode::FORBIDDEN, &page))
}
