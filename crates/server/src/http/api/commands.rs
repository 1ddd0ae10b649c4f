//! Commands under four eyes: asked for, looked at, taken by runners, redeemed by scripts.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_core::command::{CommandSpec, CommandState};
use countersign_core::{Account, CommandId, RequestId};
use countersign_store::{CommandRecord, Ended, Output, Report, StoreError};
use data_encoding::BASE64;
use http::request::Parts;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::super::problem::{Kind, Problem};
use super::body::Body;
use super::{held, id, page_size, time};
use crate::AppState;
use crate::access::{Shown, missing};
use crate::flows::commands::{self, Asked, Attempt, By, Handed, Wanted};
use crate::flows::runners::of_token;
use crate::listen::ClientAddress;
use crate::session::ApiCaller;

/// The largest report of a runner, in bytes: twice what is kept, in Base64, and what stands around it.
const LARGEST_REPORT: usize = 4 * 1024 * 1024;

/// How long a runner may wait for a command in one call, in seconds.
const LONGEST_WAIT: u64 = 50;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/requests/{id}/grant", get(grant))
        .route("/api/v1/commands", get(list))
        .route("/api/v1/commands/{id}", get(show))
        .route("/api/v1/commands/{id}/output", get(output))
        .route("/api/v1/commands/{id}/grant", get(grant_of_command))
}

/// For programs that show no account's token but a grant or a runner's. What they do is done once without a key.
pub(super) fn of_programs() -> Router<AppState> {
    Router::new()
        .route("/api/v1/grants/redeem", post(redeem))
        .route("/api/v1/runner/take", post(take))
        .route(
            "/api/v1/runner/commands/{id}/report",
            post(report).layer(DefaultBodyLimit::max(LARGEST_REPORT)),
        )
}

/// What is asked for by `POST /api/v1/requests`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asking {
    /// The operation's number: 10000.
    operation: u32,
    name: String,
    argv: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default = "root")]
    folder: String,
    /// The runner's name; or `audience`.
    #[serde(default)]
    runner: Option<String>,
    /// What a script says it is, that shows a grant.
    #[serde(default)]
    audience: Option<String>,
    #[serde(default = "seconds")]
    seconds: u32,
    #[serde(default = "valid_minutes")]
    valid_minutes: u32,
}

fn root() -> String {
    "/".to_owned()
}

const fn seconds() -> u32 {
    3600
}

const fn valid_minutes() -> u32 {
    60
}

/// A command that was allowed at once.
#[derive(Serialize)]
struct Allowed {
    command: CommandId,
    href: String,
}

/// Asks for an operation. Those that have an address of their own are asked for there.
pub(super) async fn ask(
    State(app): State<AppState>,
    caller: ApiCaller,
    Body(asking): Body<Asking>,
) -> Result<Response, Problem> {
    if asking.operation != 10_000 {
        let detail = "Only operation 10000, a command, is asked for here: ask for the others where their things are.";
        return Err(Problem::new(Kind::Invalid, detail).with("field", "operation"));
    }
    let by = match (asking.runner, asking.audience) {
        (Some(runner), None) => By::Runner(runner),
        (None, Some(audience)) => By::Grant(audience),
        _ => {
            let detail = "Name the runner that is to run it, or the audience of a grant; not both.";
            return Err(Problem::new(Kind::Invalid, detail).with("field", "runner"));
        }
    };
    let wanted = Wanted {
        argv: asking.argv,
        environment: asking.environment,
        folder: asking.folder,
        by,
        name: asking.name,
        seconds: asking.seconds,
        valid_minutes: asking.valid_minutes,
    };
    Ok(match commands::ask(&app, &caller.actor(), wanted).await? {
        Asked::Held(request) => held(request),
        Asked::Allowed(command) => {
            let href = format!("/api/v1/commands/{command}");
            let location = [(header::LOCATION, href.clone())];
            (StatusCode::CREATED, location, Json(Allowed { command, href })).into_response()
        }
    })
}

/// A command as the API tells it.
#[derive(Serialize)]
struct Document {
    id: CommandId,
    request: Option<RequestId>,
    state: CommandState,
    spec: CommandSpec,
    /// The words as one line that says exactly them.
    line: String,
    initiator: String,
    allowed_at: String,
    /// Until when it can be taken; once a runner has it, until when it must report.
    until: String,
    taken_at: Option<String>,
    taken_from: Option<String>,
    ended_at: Option<String>,
    exit_code: Option<u8>,
    signal: Option<u8>,
    detail: Option<String>,
    href: String,
}

#[derive(Serialize)]
struct List {
    commands: Vec<Document>,
    /// `before` of the next page; none at the end.
    next: Option<CommandId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    before: Option<String>,
    limit: Option<u32>,
}

async fn list(
    State(app): State<AppState>,
    _: ApiCaller,
    Query(query): Query<ListQuery>,
) -> Result<Json<List>, Problem> {
    let before = query.before.as_deref().map(id::<CommandId>).transpose()?;
    let most = page_size(query.limit);
    let records = app
        .store
        .ask(move |view| Box::pin(async move { view.commands(before, most).await }))
        .await?;
    let full = u32::try_from(records.len()).is_ok_and(|count| count == most);
    let next = records.last().filter(|_| full).map(|record| record.id);
    Ok(Json(List {
        commands: records.into_iter().map(document).collect(),
        next,
    }))
}

async fn known(app: &AppState, text: &str) -> Result<CommandRecord, Problem> {
    let command = id::<CommandId>(text)?;
    let found = app
        .store
        .ask(move |view| Box::pin(async move { view.command(command).await }))
        .await
        .map_err(|error: StoreError| Problem::from(error))?;
    found.ok_or_else(|| commands::CommandError::NoCommand.into())
}

async fn show(State(app): State<AppState>, _: ApiCaller, Path(text): Path<String>) -> Result<Json<Document>, Problem> {
    Ok(Json(document(known(&app, &text).await?)))
}

/// What a command wrote, in Base64: it may be anything.
#[derive(Serialize)]
struct OutputDocument {
    output: String,
    errors: String,
    output_cut: bool,
    errors_cut: bool,
}

async fn output(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<Json<OutputDocument>, Problem> {
    let record = known(&app, &text).await?;
    if !commands::may_see_output(&record, &caller.account) {
        return Err(commands::CommandError::NotYours(" and for administrators").into());
    }
    let output = app
        .store
        .ask(move |view| Box::pin(async move { view.command_output(record.id).await }))
        .await
        .map_err(|error: StoreError| Problem::from(error))?
        .unwrap_or_default();
    Ok(Json(OutputDocument {
        output: BASE64.encode(&output.output),
        errors: BASE64.encode(&output.errors),
        output_cut: output.output_cut,
        errors_cut: output.errors_cut,
    }))
}

/// A command handed out, with what to check it by.
#[derive(Serialize)]
struct HandedDocument {
    id: CommandId,
    /// The server's signed word that it was allowed.
    grant: String,
    /// The canonical JSON of the command, whose SHA-256 the grant names.
    command: String,
    /// The manifest that was approved, whose SHA-256 the grant names; none when four-eyes authorization was off.
    manifest: Option<String>,
}

fn handed(handed: Handed) -> HandedDocument {
    HandedDocument {
        id: handed.record.id,
        grant: handed.grant,
        command: handed.record.text,
        manifest: handed.manifest,
    }
}

async fn grant(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<Json<HandedDocument>, Problem> {
    let request = id::<RequestId>(&text)?;
    Ok(Json(handed(commands::grant(&app, &caller.account, request).await?)))
}

async fn grant_of_command(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
) -> Result<Json<HandedDocument>, Problem> {
    let command = id::<CommandId>(&text)?;
    let found = commands::grant_of_command(&app, &caller.account, command).await?;
    Ok(Json(handed(found)))
}

/// What a script is about to run. The grant is what it shows for it; no other token is needed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redemption {
    grant: String,
    audience: String,
    argv: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default = "root")]
    folder: String,
}

#[derive(Serialize)]
struct Redeemed {
    id: CommandId,
    request: Option<RequestId>,
}

async fn redeem(
    State(app): State<AppState>,
    address: ClientAddress,
    Body(asked): Body<Redemption>,
) -> Result<Json<Redeemed>, Problem> {
    let attempt = Attempt {
        grant: asked.grant,
        audience: asked.audience,
        argv: asked.argv,
        environment: asked.environment,
        folder: asked.folder,
    };
    let record = commands::redeem(&app, attempt, &address.to_string()).await?;
    Ok(Json(Redeemed {
        id: record.id,
        request: record.request,
    }))
}

/// A runner, by the token that it shows. It reaches its own commands and nothing else.
struct RunnerCaller {
    account: Account,
    address: ClientAddress,
}

impl FromRequestParts<AppState> for RunnerCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        let Ok(address) = ClientAddress::from_request_parts(parts, app).await;
        let shown = Shown::read(&parts.headers).ok_or_else(missing)?;
        let account = of_token(app, shown.token()).await.map_err(Problem::from)?;
        account.map(|account| Self { account, address }).ok_or_else(|| {
            let detail = "This is no runner's token, or its account is not active.";
            let challenge = http::HeaderValue::from_static("Bearer error=\"invalid_token\"");
            Problem::new(Kind::Unauthenticated, detail).with_header(header::WWW_AUTHENTICATE, challenge)
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Taking {
    /// How long to wait for a command, in seconds, up to 50.
    #[serde(default)]
    wait: u64,
}

/// The next command of a runner, which has it from then on; 204 when there is none within the time.
async fn take(
    State(app): State<AppState>,
    runner: RunnerCaller,
    Body(taking): Body<Taking>,
) -> Result<Response, Problem> {
    let deadline = tokio::time::sleep(Duration::from_secs(taking.wait.min(LONGEST_WAIT)));
    tokio::pin!(deadline);
    loop {
        // Listening first, so that what comes meanwhile is not missed.
        let comes = app.command_waits.notified();
        let id = runner.account.id;
        if let Some(found) = commands::take(&app, id, &runner.address.to_string()).await? {
            return Ok(Json(handed(found)).into_response());
        }
        tokio::select! {
            () = comes => {}
            () = &mut deadline => return Ok(StatusCode::NO_CONTENT.into_response()),
            () = app.stop.cancelled() => return Ok(StatusCode::NO_CONTENT.into_response()),
        }
    }
}

/// What a runner says became of a command.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reported {
    /// How its process ended by itself.
    #[serde(default)]
    exit_code: Option<u8>,
    /// Which signal ended it.
    #[serde(default)]
    signal: Option<u8>,
    /// Why it was not run, or not to its end.
    #[serde(default)]
    failed: Option<String>,
    /// In Base64.
    #[serde(default)]
    output: String,
    /// In Base64.
    #[serde(default)]
    errors: String,
    #[serde(default)]
    output_cut: bool,
    #[serde(default)]
    errors_cut: bool,
}

async fn report(
    State(app): State<AppState>,
    runner: RunnerCaller,
    Path(text): Path<String>,
    Body(said): Body<Reported>,
) -> Result<StatusCode, Problem> {
    let command = id::<CommandId>(&text)?;
    let bytes = |text: &str, field: &'static str| {
        BASE64
            .decode(text.as_bytes())
            .map_err(|_| Problem::new(Kind::Invalid, "Output is sent in Base64.").with("field", field))
    };
    let state = match (&said.failed, said.exit_code, said.signal) {
        (None, Some(_), None) | (None, None, Some(_)) => CommandState::Ended,
        (Some(_), _, _) => CommandState::Failed,
        (None, _, _) => {
            let detail = "Say how the process ended, exit_code or signal, or why it was not run, failed.";
            return Err(Problem::new(Kind::Invalid, detail));
        }
    };
    let report = Report {
        state,
        ended: Ended {
            exit_code: said.exit_code,
            signal: said.signal,
        },
        output: Output {
            output: bytes(&said.output, "output")?,
            errors: bytes(&said.errors, "errors")?,
            output_cut: said.output_cut,
            errors_cut: said.errors_cut,
        },
        detail: said.failed.map(|why| why.chars().take(1000).collect()),
    };
    commands::report(&app, runner.account.id, command, report).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn document(record: CommandRecord) -> Document {
    Document {
        id: record.id,
        request: record.request,
        state: record.state,
        line: record.spec.line(),
        spec: record.spec,
        initiator: record.initiator_name,
        allowed_at: time(record.allowed_at),
        until: time(record.until),
        taken_at: record.taken_at.map(time),
        taken_from: record.taken_from,
        ended_at: record.ended_at.map(time),
        exit_code: record.ended.exit_code,
        signal: record.ended.signal,
        detail: record.detail,
        href: format!("/api/v1/commands/{}", record.id),
    }
}
