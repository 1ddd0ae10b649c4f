//! Who answers: the routers of the parts, put together, and what holds for every answer.

pub mod api;
pub mod cookie;
pub mod headers;
pub mod health;
mod links;
pub mod logon;
pub mod pages;
pub mod problem;
mod refusal;
pub mod repository_client;
pub mod request;
pub mod restic;
pub mod same_site;
mod taken_out;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};

use crate::AppState;
pub use logon::Known as LogonKnown;
pub use problem::{Kind, Problem};
pub use request::RequestId;

/// Everything the server answers. Each part gives its own router; what holds for all is laid round them here, from the
/// outside in: where the request comes from and its id, its span and metrics; security headers; problems in the
/// caller's form.
pub fn router(app: AppState) -> Router {
    Router::new()
        .merge(health::router())
        .merge(api::router(&app))
        .merge(crate::pages::assets::router())
        .merge(logon::router(&app))
        .merge(pages::router(&app))
        .merge(crate::setup::pages::router(&app))
        .merge(links::router(&app))
        .merge(restic::router().layer(axum::extract::DefaultBodyLimit::disable()))
        .fallback(|| async { Problem::new(Kind::NotFound, "There is nothing at this address.") })
        .method_not_allowed_fallback(|| async {
            Problem::new(Kind::MethodNotAllowed, "This address does not take this method.")
        })
        .layer(from_fn(problem::present))
        .layer(from_fn_with_state(app.clone(), headers::secure))
        .layer(from_fn_with_state(app.clone(), request::observe))
        .with_state(app)
}

#[cfg(test)]
mod tests;
