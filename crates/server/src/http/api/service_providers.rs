//! Service providers: look, register, change, test, copy backups there, delete.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use countersign_core::receiver::{Certificates, Fingerprint, ServerName};
use countersign_core::service_provider::{EveryHours, ProviderUrl, ProviderUser, ServiceProviderSpec};
use countersign_core::{CopyId, Name, ServiceProviderId};
use countersign_events::Timestamp;
use countersign_store::{CopyRecord, ServiceProvider, StoreError, View};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::super::problem::{Kind, Problem};
use super::body::Body;
use super::{changed, id, name, page_size, time};
use crate::AppState;
use crate::copies::{Standing, standings};
use crate::flows::service_providers::{self as flows, ProviderChange, ProviderPassword, ProviderRefusal, Wanted};
use crate::flows::settings::ChangeError;
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/service-providers", get(list).post(add))
        .route("/api/v1/service-providers/{id}", get(show).put(change).delete(remove))
        .route("/api/v1/service-providers/{id}/password", put(password))
        .route("/api/v1/service-providers/{id}/test", post(test))
        .route(
            "/api/v1/service-providers/{id}/schedules/{storage}/{backup}",
            put(schedule).delete(unschedule),
        )
        .route("/api/v1/service-providers/{id}/copies", get(copies).post(copy))
        .route("/api/v1/service-providers/{id}/copies/{copy}", get(show_copy))
}

#[derive(Serialize)]
struct List {
    service_providers: Vec<Document>,
}

#[derive(Serialize)]
struct Document {
    id: ServiceProviderId,
    name: Name,
    url: ProviderUrl,
    user: ProviderUser,
    unencrypted: bool,
    server_name: Option<ServerName>,
    ca: Option<Certificates>,
    fingerprint: Option<Fingerprint>,
    /// Never the password itself.
    has_password: bool,
    created_at: String,
    schedules: Vec<Schedule>,
}

#[derive(Serialize)]
struct Schedule {
    backup: String,
    every_hours: EveryHours,
    to: Name,
    /// The newest copy that is over.
    last: Option<Copy>,
    /// Since when there is no newer good copy, if that is too long.
    late_since: Option<String>,
}

#[derive(Serialize)]
struct Copies {
    copies: Vec<Copy>,
}

#[derive(Serialize)]
struct Copy {
    id: CopyId,
    backup: String,
    to: Name,
    scheduled: bool,
    state: &'static str,
    asked_at: String,
    asked_by: String,
    due_at: String,
    attempts: u32,
    begun_at: Option<String>,
    ended_at: Option<String>,
    objects: u64,
    sent: u64,
    sent_bytes: u64,
    detail: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    name: Name,
    url: ProviderUrl,
    user: ProviderUser,
    #[serde(default)]
    unencrypted: bool,
    server_name: Option<ServerName>,
    ca: Option<Certificates>,
    fingerprint: Option<Fingerprint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    name: Name,
    url: ProviderUrl,
    user: ProviderUser,
    password: String,
    #[serde(default)]
    unencrypted: bool,
    server_name: Option<ServerName>,
    ca: Option<Certificates>,
    fingerprint: Option<Fingerprint>,
}

impl From<Description> for ServiceProviderSpec {
    fn from(description: Description) -> Self {
        Self {
            ca: description.ca,
            copies: Vec::new(),
            fingerprint: description.fingerprint,
            name: description.name,
            server_name: description.server_name,
            unencrypted: description.unencrypted,
            url: description.url,
            user: description.user,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rhythm {
    every_hours: EveryHours,
    to: Option<Name>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    backup: String,
    to: Option<Name>,
}

#[derive(Serialize)]
struct Tested {
    ok: bool,
    detail: String,
    at: String,
}

async fn list(State(app): State<AppState>, _: ApiCaller) -> Result<Json<List>, Problem> {
    let now = app.clock.now();
    let all = app.store.read(move |view| {
        Box::pin(async move {
            let mut all = Vec::new();
            for provider in view.service_providers().await? {
                all.push(document(view, provider, now).await?);
            }
            Ok::<_, StoreError>(all)
        })
    });
    Ok(Json(List {
        service_providers: all.await?,
    }))
}

async fn show(State(app): State<AppState>, _: ApiCaller, Path(text): Path<String>) -> Result<Json<Document>, Problem> {
    let (provider, now) = (id(&text)?, app.clock.now());
    let found = app.store.read(move |view| {
        Box::pin(async move {
            let found = found(view, provider).await?;
            Ok::<_, Problem>(document(view, found, now).await?)
        })
    });
    Ok(Json(found.await?))
}

async fn found(view: &mut View, id: ServiceProviderId) -> Result<ServiceProvider, Problem> {
    let found = view.service_provider(id).await?;
    found.ok_or_else(|| ChangeError::from(ProviderRefusal::None).into())
}

async fn document(view: &mut View, provider: ServiceProvider, now: Timestamp) -> Result<Document, StoreError> {
    let standings = standings(view, &provider, now).await?;
    let spec = provider.spec;
    Ok(Document {
        id: provider.id,
        name: spec.name,
        url: spec.url,
        user: spec.user,
        unencrypted: spec.unencrypted,
        server_name: spec.server_name,
        ca: spec.ca,
        fingerprint: spec.fingerprint,
        has_password: provider.password.is_some(),
        created_at: time(provider.created_at),
        schedules: standings.into_iter().map(schedule_document).collect(),
    })
}

fn schedule_document(standing: Standing) -> Schedule {
    Schedule {
        backup: standing.copy.name,
        every_hours: standing.copy.every_hours,
        to: standing.copy.to,
        last: standing.last.map(copy_document),
        late_since: standing.late_since.map(time),
    }
}

fn copy_document(copy: CopyRecord) -> Copy {
    Copy {
        id: copy.id,
        backup: copy.backup_name,
        to: copy.to,
        scheduled: copy.scheduled,
        state: copy.state.as_str(),
        asked_at: time(copy.asked_at),
        asked_by: copy.asked_by,
        due_at: time(copy.due_at),
        attempts: copy.attempts,
        begun_at: copy.begun_at.map(time),
        ended_at: copy.ended_at.map(time),
        objects: copy.tally.objects,
        sent: copy.tally.sent,
        sent_bytes: copy.tally.sent_bytes,
        detail: copy.detail,
    }
}

async fn add(State(app): State<AppState>, caller: ApiCaller, Body(new): Body<New>) -> Result<Response, Problem> {
    let password = ProviderPassword::read(new.password).map_err(ChangeError::from)?;
    let description = Description {
        name: new.name,
        url: new.url,
        user: new.user,
        unencrypted: new.unencrypted,
        server_name: new.server_name,
        ca: new.ca,
        fingerprint: new.fingerprint,
    };
    let added = flows::add(&app, &caller.actor(), description.into(), password).await?;
    let href = format!("/api/v1/service-providers/{added}");
    let made = Json(serde_json::json!({ "id": added }));
    Ok((StatusCode::CREATED, [(header::LOCATION, href)], made).into_response())
}

async fn change(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Body(description): Body<Description>,
) -> Result<Response, Problem> {
    let change = ProviderChange::Describe(id(&text)?, Box::new(description.into()));
    Ok(changed(flows::change(&app, &caller.actor(), change).await?))
}

async fn remove(State(app): State<AppState>, caller: ApiCaller, Path(text): Path<String>) -> Result<Response, Problem> {
    let change = ProviderChange::Delete(id(&text)?);
    Ok(changed(flows::change(&app, &caller.actor(), change).await?))
}

async fn password(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Body(given): Body<Password>,
) -> Result<StatusCode, Problem> {
    let password = ProviderPassword::read(given.password).map_err(ChangeError::from)?;
    flows::give_password(&app, &caller.actor(), id(&text)?, password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Connects and logs on; writes nothing there.
async fn test(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<Json<Tested>, Problem> {
    let wrong = flows::test(&app, &caller.actor(), id(&text)?).await?;
    Ok(Json(Tested {
        ok: wrong.is_none(),
        detail: wrong.unwrap_or_else(|| "it answers and takes user and password".to_owned()),
        at: time(app.clock.now()),
    }))
}

async fn schedule(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path((text, storage, backup)): Path<(String, String, String)>,
    Body(rhythm): Body<Rhythm>,
) -> Result<Response, Problem> {
    let provider = id(&text)?;
    flows::may_use(&app, &caller.actor()).await?;
    let backup = format!("{}/{}", name(&storage)?, name(&backup)?);
    let copy = flows::scheduled(&app, backup, rhythm.every_hours, rhythm.to).await?;
    let change = ProviderChange::Schedule(provider, Box::new(copy));
    Ok(changed(flows::change(&app, &caller.actor(), change).await?))
}

async fn unschedule(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path((text, storage, backup)): Path<(String, String, String)>,
) -> Result<Response, Problem> {
    let change = ProviderChange::Unschedule(id(&text)?, format!("{}/{}", name(&storage)?, name(&backup)?));
    Ok(changed(flows::change(&app, &caller.actor(), change).await?))
}

#[derive(Deserialize)]
struct Paging {
    before: Option<CopyId>,
    limit: Option<u32>,
}

async fn copies(
    State(app): State<AppState>,
    _: ApiCaller,
    Path(text): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Copies>, Problem> {
    let provider = id(&text)?;
    let all = app.store.read(move |view| {
        Box::pin(async move {
            found(view, provider).await?;
            Ok::<_, Problem>(view.copies(provider, paging.before, page_size(paging.limit)).await?)
        })
    });
    Ok(Json(Copies {
        copies: all.await?.into_iter().map(copy_document).collect(),
    }))
}

/// Asks for a copy, which begins at once.
async fn copy(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Body(asked): Body<Asked>,
) -> Result<Response, Problem> {
    let provider: ServiceProviderId = id(&text)?;
    let wanted = Wanted {
        backup: asked.backup,
        to: asked.to,
    };
    let copy = flows::ask_copy(&app, &caller.actor(), provider, wanted).await?;
    let href = format!("/api/v1/service-providers/{provider}/copies/{copy}");
    let told = Json(copy_of(&app, provider, copy).await?);
    Ok((StatusCode::CREATED, [(header::LOCATION, href)], told).into_response())
}

async fn show_copy(
    State(app): State<AppState>,
    _: ApiCaller,
    Path((text, copy)): Path<(String, String)>,
) -> Result<Json<Copy>, Problem> {
    Ok(Json(copy_of(&app, id(&text)?, id(&copy)?).await?))
}

async fn copy_of(app: &AppState, provider: ServiceProviderId, copy: CopyId) -> Result<Copy, Problem> {
    let found = app
        .store
        .ask(move |view| Box::pin(async move { view.copy(copy).await }))
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    let found = found.filter(|found| found.provider == provider);
    let found = found.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such copy."))?;
    Ok(copy_document(found))
}
