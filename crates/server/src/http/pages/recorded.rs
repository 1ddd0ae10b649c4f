//! `/requests/{id}/recorded`: what was asked for is held.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::RequestId;
use countersign_core::request::State;

use super::asked::part;
use super::{Asked, words};
use crate::http::{Kind, Problem};
use crate::pages::{RecordedPage, Section, respond};
use crate::receivers::About;

/// Where whoever asked for something that is held is led.
pub fn lead(id: RequestId) -> Response {
    Redirect::to(&format!("/requests/{id}/recorded")).into_response()
}

/// `GET /requests/{id}/recorded`: a page of its own, so that loading it again asks for nothing again.
pub async fn show(Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    let id: RequestId = part(&id)?;
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| {
            Box::pin(async move {
                let record = view.request(id).await?;
                let record =
                    record.ok_or_else(|| Problem::new(Kind::NotFound, format!("There is no request {id}.")))?;
                let (chrome, _) = asked.chrome(view, Some(Section::Pending)).await?;
                Ok::<_, Problem>((record.state == State::Pending).then(|| RecordedPage {
                    chrome,
                    id: id.to_string(),
                    operation: words::operation(&asked, &record.operation),
                    expires: asked.moment(words::expires(&asked, &record)),
                    test: words::test(&asked, About::Request(id)),
                }))
            })
        })
        .await?;
    Ok(match page {
        Some(page) => respond::page(StatusCode::OK, &page),
        None => Redirect::to(&format!("/requests/{id}")).into_response(),
    })
}
