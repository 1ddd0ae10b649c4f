//! "A factor shown within so many minutes": a property that any route of the pages can ask for (OWASP ASVS 5.0, 7.5.1).

use axum::extract::{FromRequestParts as _, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use percent_encoding::utf8_percent_encode;

use crate::AppState;
use crate::http::Problem;
use crate::listen::ClientAddress;
use crate::session::{QUERY_VALUE, of_browser};

/// What a route asks for.
#[derive(Clone)]
pub struct Fresh {
    /// The server.
    pub app: AppState,
    /// How long ago a factor may have been shown.
    pub minutes: i64,
    /// Where to come back to: what a form wanted cannot be repeated by a redirect.
    pub back_to: &'static str,
}

/// Lets a request through if a factor was shown in its session within these minutes, else leads to the page that asks for one. Whoever is
/// not logged on goes on, too: what comes next leads to the logon.
pub async fn required(State(fresh): State<Fresh>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(address) = ClientAddress::from_request_parts(&mut parts, &fresh.app).await;
    let person = match of_browser(&fresh.app, &parts.headers, address).await {
        Ok(person) => person,
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let now = fresh.app.clock.now();
    match person {
        Some(person) if !person.fresh(fresh.minutes, now) => {
            let to = utf8_percent_encode(fresh.back_to, QUERY_VALUE);
            Redirect::to(&format!("/account/confirm?to={to}")).into_response()
        }
        _ => next.run(Request::from_parts(parts, body)).await,
    }
}
