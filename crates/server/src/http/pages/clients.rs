//! `/clients`: what may ask for logons, each with its form and its secret.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::logon::{Authentication, Client, ClientId};
use countersign_core::{Deed, Policy, Verdict, decide};
use countersign_store::View;

use super::asked::part;
use super::client_form::{self, TypedClient};
use super::notice::Notice;
use super::tokens::Nothing;
use super::{Asked, changed, recorded};
use crate::AppState;
use crate::flows::clients::{NewSecret, new_secret};
use crate::flows::settings::{self, Change, ChangeError, Changed};
use crate::http::{Kind, Problem};
use crate::pages::{ClientPage, ClientRow, ClientState, ClientsPage, Section, respond};
use crate::session::{Person, PersonForm};

/// `GET /clients`.
pub async fn list(asked: Asked) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill_list(view, asked))).await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill_list(view: &mut View, asked: Asked) -> Result<ClientsPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Clients)).await?;
    let built_in = [Client::web_ui(), Client::cli()];
    let all = built_in.into_iter().chain(view.clients().await?);
    Ok(ClientsPage {
        chrome,
        rows: all.map(|client| row(&client)).collect(),
        can_change: may_change(&asked, &policy),
    })
}

fn may_change(asked: &Asked, policy: &Policy) -> bool {
    let verdict = decide(&asked.person.actor(), Deed::ChangeClients, policy, asked.now);
    !matches!(verdict, Verdict::Deny(_))
}

fn row(client: &Client) -> ClientRow {
    ClientRow {
        id: client.spec.id.to_string(),
        name: client.spec.name.clone(),
        state: state(client),
        grants: client_form::grants_said(&client.spec),
        resources: client_form::resources_said(&client.spec),
    }
}

fn state(client: &Client) -> ClientState {
    if Client::built_in(&client.spec.id).is_some() {
        ClientState::BuiltIn
    } else if !client.spec.enabled {
        ClientState::Disabled
    } else if has_secret(client) == Some(false) {
        ClientState::WithoutSecret
    } else {
        ClientState::Enabled
    }
}

/// None where it needs none.
fn has_secret(client: &Client) -> Option<bool> {
    (client.spec.authentication == Authentication::Secret).then_some(client.secret.is_some())
}

/// `GET /clients/new`.
pub async fn new(asked: Asked) -> Result<Response, Problem> {
    page(asked, None, Shown::default()).await
}

/// `GET /clients/{id}`.
pub async fn show(Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    page(asked, Some(part(&id)?), Shown::default()).await
}

/// What the page shows beside the client as it is.
#[derive(Default)]
struct Shown {
    /// What was typed, and what is wrong with it.
    refused: Option<(TypedClient, String)>,
    fresh: Option<String>,
    secret_problem: Option<String>,
}

async fn page(asked: Asked, id: Option<ClientId>, shown: Shown) -> Result<Response, Problem> {
    let status = if shown.refused.is_some() || shown.secret_problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| Box::pin(fill(view, asked, id, shown)))
        .await?;
    Ok(respond::page(status, &page))
}

async fn fill(view: &mut View, asked: Asked, id: Option<ClientId>, shown: Shown) -> Result<ClientPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Clients)).await?;
    let known = match &id {
        Some(id) => Some(found(view, id).await?),
        None => None,
    };
    let form = match (shown.refused, &known) {
        (Some((typed, problem)), _) => typed.form(Some(problem)),
        (None, Some(client)) => TypedClient::of(&client.spec).form(None),
        (None, None) => TypedClient::fresh().form(None),
    };
    let state = known.as_ref().map(state);
    Ok(ClientPage {
        chrome,
        id: id.map(|id| id.to_string()),
        state,
        secret: known.as_ref().and_then(has_secret),
        fresh: shown.fresh,
        secret_problem: shown.secret_problem,
        form,
        is_held: policy.four_eyes,
        can_change: state != Some(ClientState::BuiltIn) && may_change(&asked, &policy),
    })
}

async fn found(view: &mut View, id: &ClientId) -> Result<Client, Problem> {
    let client = view.client(id).await?;
    client.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such client."))
}

/// `POST /clients`.
pub async fn add(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedClient>,
) -> Result<Response, Problem> {
    let spec = match form.read() {
        Ok(spec) => spec,
        Err(problem) => return refuse(app, person, None, form, problem).await,
    };
    let (id, authentication) = (spec.id.clone(), spec.authentication);
    match settings::change(&app, &person.actor(), Change::AddClient(Box::new(spec))).await {
        Ok(Changed::Requested(request)) => Ok(recorded::lead(request)),
        Ok(_) if authentication == Authentication::Secret => tell_secret(app, person, id).await,
        Ok(_) => Ok(Notice::Saved.at(&format!("/clients/{id}"))),
        Err(error) => refuse(app, person, None, form, changed::complaint(error)?).await,
    }
}

/// `POST /clients/{id}`.
pub async fn change(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<TypedClient>,
) -> Result<Response, Problem> {
    let id: ClientId = part(&id)?;
    let typed = form.of_known(&id);
    let spec = match typed.read() {
        Ok(spec) => spec,
        Err(problem) => return refuse(app, person, Some(id), typed, problem).await,
    };
    match settings::change(&app, &person.actor(), Change::ChangeClient(Box::new(spec))).await {
        Ok(done) => Ok(changed::lead(done, Notice::Saved, &format!("/clients/{id}"))),
        Err(error) => refuse(app, person, Some(id), typed, changed::complaint(error)?).await,
    }
}

async fn refuse(
    app: AppState,
    person: Person,
    id: Option<ClientId>,
    typed: TypedClient,
    problem: String,
) -> Result<Response, Problem> {
    let shown = Shown {
        refused: Some((typed, problem)),
        ..Shown::default()
    };
    page(Asked::by(app, person), id, shown).await
}

/// `POST /clients/{id}/remove`.
pub async fn remove(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let change = Change::RemoveClient(part(&id)?);
    match settings::change(&app, &person.actor(), change).await {
        Ok(done) => Ok(changed::lead(done, Notice::ClientRemoved, "/clients")),
        Err(error) => Err(error.into()),
    }
}

/// `POST /clients/{id}/secret`.
pub async fn secret(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    tell_secret(app, person, part(&id)?).await
}

/// Makes a secret and shows it, this once. The page is the answer itself: nothing may keep the secret to show it after a redirect.
async fn tell_secret(app: AppState, person: Person, id: ClientId) -> Result<Response, Problem> {
    let shown = match new_secret(&app, &person.actor(), &id).await {
        Ok(NewSecret::Made(secret)) => Shown {
            fresh: Some(secret.reveal().to_owned()),
            ..Shown::default()
        },
        Ok(NewSecret::Requested(request)) => return Ok(recorded::lead(request)),
        Err(error @ ChangeError::NoSecret) => Shown {
            secret_problem: Some(changed::complaint(error)?),
            ..Shown::default()
        },
        Err(error) => return Err(error.into()),
    };
    page(Asked::by(app, person), Some(id), shown).await
}
