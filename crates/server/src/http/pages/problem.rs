//! What went wrong, for somebody who is logged on: within the pages, with a way on.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header;

use super::Asked;
use crate::AppState;
use crate::http::{Kind, Problem};
use crate::listen::ClientAddress;
use crate::pages::{Link, ProblemPage, respond};
use crate::session::of_browser;

/// Gives problems of people who are logged on the form of a page. All others go on to [`crate::http::problem::present`].
pub async fn present(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let address = request.extensions().get::<ClientAddress>().copied();
    let mut lines = headers.get_all(header::ACCEPT).iter();
    let reads_pages = lines.any(|line| line.to_str().is_ok_and(|line| line.contains("text/html")));
    let response = next.run(request).await;
    let (Some(problem), Some(address), true) = (
        response.extensions().get::<Arc<Problem>>().cloned(),
        address,
        reads_pages,
    ) else {
        return response;
    };
    // Whatever fails here, the plain form of the problem is still true.
    let Ok(Some(person)) = of_browser(&app, &headers, address).await else {
        return response;
    };
    let Ok(page) = page(Asked::by(app, person), &problem).await else {
        return response;
    };
    let mut presented = respond::page(problem.kind().status(), &page);
    for (name, value) in problem.headers() {
        presented.headers_mut().append(name, value.clone());
    }
    presented
}

async fn page(asked: Asked, problem: &Problem) -> Result<ProblemPage, Problem> {
    let app = asked.app.clone();
    let (chrome, _) = app
        .store
        .read(move |view| Box::pin(async move { asked.chrome(view, None).await.map_err(Problem::from) }))
        .await?;
    Ok(ProblemPage {
        chrome,
        status: problem.kind().status().as_u16(),
        title: problem.kind().title().to_owned(),
        text: problem.detail().to_owned(),
        advice: advice(problem.kind()).to_owned(),
        link: Some(Link {
            href: "/pending".to_owned(),
            label: "All pending".to_owned(),
        }),
    })
}

const fn advice(kind: Kind) -> &'static str {
    match kind {
        Kind::NotFound => "It may have another number or name, or be gone: look at what is pending, or in History.",
        Kind::Forbidden => "Nothing was changed.",
        Kind::Conflict | Kind::Gone => "Nothing was changed. Look at the current state before you try again.",
        Kind::Unavailable | Kind::TooMany => "Nothing was changed. Try again in a moment.",
        Kind::Full => "Nothing was changed. Make room on the server's disk.",
        Kind::Internal => "Try again; if it comes back, the server's log says why.",
        Kind::Malformed
        | Kind::Unauthenticated
        | Kind::MethodNotAllowed
        | Kind::TooLarge
        | Kind::UnsupportedMediaType
        | Kind::RangeNotSatisfiable
        | Kind::Invalid => "Go back, open the page again and send the form once more.",
    }
}
