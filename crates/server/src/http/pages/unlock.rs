//! `POST /accounts/{id}/unlock`: gives an account its tries back.

use axum::extract::{Path, State};
use axum::response::Response;

use super::asked::part;
use super::notice::Notice;
use super::tokens::Nothing;
use crate::AppState;
use crate::flows::unlock as flow;
use crate::http::Problem;
use crate::session::PersonForm;

/// `POST /accounts/{id}/unlock`.
pub async fn unlock(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id = part(&id)?;
    flow::unlock(&app, &person.actor(), &person.address, id).await?;
    Ok(Notice::Unlocked.at(&format!("/accounts/{id}")))
}
