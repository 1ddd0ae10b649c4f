//! `GET /oauth2/authorize`: a client asks for a logon (RFC 6749, section 4.1.1).

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::logon::{AuthorizationRequest, BackToClient, Client, RequestRefusal};
use countersign_store::StoreError;

use super::flow;
use super::report::Known;
use super::with_query;
use crate::AppState;
use crate::http::Problem;
use crate::listen::ClientAddress;
use crate::pages::{Link, Public, PublicProblemPage, respond};
use crate::session::form_pairs;

/// Begins a logon, or says why not: to the client at its redirect URI if both are known, else on a page here.
pub async fn authorize(
    State(app): State<AppState>,
    address: ClientAddress,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let parameters = form_pairs(query.unwrap_or_default().as_bytes());
    let (client, request) = match AuthorizationRequest::client_id(&parameters) {
        Ok(id) => {
            let client = known_client(&app, id).await?;
            let request = AuthorizationRequest::parse(&parameters, client.as_ref(), Some(&app.issuer()));
            (client, request)
        }
        Err(refusal) => (None, Err(refusal)),
    };
    match request {
        Ok(request) => flow::begin(&app, &address, request).await,
        Err(refusal) => refused(&app, &address, client, refusal).await,
    }
}

/// The client that calls itself so, if there is one.
pub async fn known_client(app: &AppState, id: &str) -> Result<Option<Client>, Problem> {
    let Ok(id) = id.parse() else { return Ok(None) };
    app.store
        .ask(|view| Box::pin(async move { view.client(&id).await }))
        .await
        .map_err(|error: StoreError| Problem::internal(&error))
}

async fn refused(
    app: &AppState,
    address: &ClientAddress,
    client: Option<Client>,
    refusal: RequestRefusal,
) -> Result<Response, Problem> {
    let reason = refusal.reason();
    let mut known = Known::of(address, None);
    known.resource = client.and_then(|client| client.spec.resource(None));
    match &refusal {
        RequestRefusal::Here { client, .. } => known.client = client.clone(),
        RequestRefusal::Back(back) => {
            known.client = Some(back.client.clone());
            known.redirect = Some(back.redirect.as_str().to_owned());
        }
    }
    known.denied_to_anybody(app, reason).await?;
    Ok(match refusal {
        RequestRefusal::Here { detail, .. } => error_page(detail),
        RequestRefusal::Back(back) => Redirect::to(&told(app, &back)).into_response(),
    })
}

fn told(app: &AppState, back: &BackToClient) -> String {
    let issuer = app.issuer();
    let mut pairs = vec![("error", back.error), ("error_description", back.description)];
    if let Some(state) = &back.state {
        pairs.push(("state", state));
    }
    pairs.push(("iss", &issuer));
    with_query(back.redirect.as_str(), &pairs)
}

fn error_page(detail: &'static str) -> Response {
    let page = PublicProblemPage {
        public: Public::new(String::new()),
        status: 400,
        title: "This logon cannot begin".into(),
        text: detail.into(),
        advice:
            "Start again from the program that sent you here. If that does not help, it is not set up for this server."
                .into(),
        link: Some(Link {
            href: "/".into(),
            label: "Go to Countersign".into(),
        }),
    };
    respond::page(StatusCode::BAD_REQUEST, &page)
}
