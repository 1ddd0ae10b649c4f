//! `/commands`: commands that were allowed, what became of them, and the runners that get them.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::command::CommandState;
use countersign_core::{AccountId, AccountKind, CommandId, Deed, Verdict, decide};
use countersign_store::{CommandRecord, Output, View};
use serde::Deserialize;

use super::asked::part;
use super::notice::Notice;
use super::tokens::Nothing;
use super::{Asked, changed};
use crate::AppState;
use crate::flows::settings::{self, Change};
use crate::flows::{commands, runners};
use crate::http::{Kind, Problem};
use crate::pages::{
    Choice, CommandPage, CommandRow, CommandStanding, CommandsPage, RunnerRow, Section, WrittenView, respond,
};
use crate::session::{Person, PersonForm};

/// How many stand on a page.
const A_PAGE: u32 = 50;

/// How much of what a command wrote is shown, in bytes of each stream.
const SHOWN_BYTES: usize = 64 * 1024;

/// The query of `/commands`: before which one the list goes on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CommandsQuery {
    before: String,
}

/// What the page shows beside the lists.
#[derive(Default)]
struct Shown {
    before: Option<CommandId>,
    fresh: Option<(AccountId, String)>,
    problem: Option<String>,
}

/// `GET /commands`.
pub async fn list(Query(query): Query<CommandsQuery>, asked: Asked) -> Result<Response, Problem> {
    let shown = Shown {
        before: query.before.parse().ok(),
        ..Shown::default()
    };
    page(asked, shown).await
}

async fn page(asked: Asked, shown: Shown) -> Result<Response, Problem> {
    let status = if shown.problem.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill(view, asked, shown))).await?;
    Ok(respond::page(status, &page))
}

async fn fill(view: &mut View, asked: Asked, shown: Shown) -> Result<CommandsPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Commands)).await?;
    let records = view.commands(shown.before, A_PAGE + 1).await?;
    let most = usize::try_from(A_PAGE).unwrap_or(usize::MAX);
    let last = records.get(most.saturating_sub(1)).filter(|_| records.len() > most);
    let next = last.map(|last| format!("/commands?before={}", last.id));
    let all = view.runners().await?;
    let is_runner = |id: AccountId| all.iter().any(|runner| runner.account.id == id);
    let services =
        view.accounts().await?.into_iter().filter(|account| {
            account.kind == AccountKind::Service && account.lives(asked.now) && !is_runner(account.id)
        });
    let candidates = services.map(|account| Choice {
        value: account.id.to_string(),
        label: account.name.to_string(),
        hint: String::new(),
        chosen: false,
    });
    let fresh = shown.fresh.and_then(|(id, token)| {
        let runner = all.iter().find(|runner| runner.account.id == id)?;
        Some((runner.account.name.to_string(), token))
    });
    let verdict = decide(&asked.person.actor(), Deed::ChangeAccounts, &policy, asked.now);
    Ok(CommandsPage {
        candidates: candidates.collect(),
        rows: records.iter().take(most).map(|record| row(&asked, record)).collect(),
        next,
        runners: all
            .iter()
            .map(|runner| RunnerRow {
                id: runner.account.id.to_string(),
                name: runner.account.name.to_string(),
                active: runner.account.lives(asked.now),
                has_token: runner.token_at.is_some(),
                seen: runner
                    .seen_at
                    .map(|at| (asked.moment(at), runner.seen_from.clone().unwrap_or_default())),
            })
            .collect(),
        fresh,
        problem: shown.problem,
        is_held: policy.four_eyes,
        can_change: !matches!(verdict, Verdict::Deny(_)),
        chrome,
    })
}

fn row(asked: &Asked, record: &CommandRecord) -> CommandRow {
    CommandRow {
        id: record.id.to_string(),
        name: record.spec.name.clone(),
        state: standing(record.state),
        line: record.spec.line(),
        by: record.initiator_name.clone(),
        allowed: asked.moment(record.allowed_at),
    }
}

/// Where a command is in its life, as pages say it.
pub const fn standing(state: CommandState) -> CommandStanding {
    let (label, word) = match state {
        CommandState::Waiting => ("Waits to be taken", "pending"),
        CommandState::Running => ("Running", "pending"),
        CommandState::Ended => ("Ended", "ok"),
        CommandState::Failed => ("Failed", "error"),
        CommandState::Unknown => ("Outcome not known", "error"),
        CommandState::Redeemed => ("Redeemed", "ok"),
        CommandState::Lapsed => ("Not taken in time", "expired"),
    };
    CommandStanding { label, word }
}

/// `GET /commands/{id}`.
pub async fn show(Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    let id: CommandId = part(&id)?;
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| Box::pin(async move { fill_one(view, asked, id).await }))
        .await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill_one(view: &mut View, asked: Asked, id: CommandId) -> Result<CommandPage, Problem> {
    let (chrome, _) = asked.chrome(view, Some(Section::Commands)).await?;
    let record = view.command(id).await?;
    let record = record.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such command."))?;
    let seen = record.state.is_over() && commands::may_see_output(&record, &asked.person.account);
    let output = if seen { view.command_output(id).await? } else { None };
    let how = match (record.ended.exit_code, record.ended.signal) {
        (Some(code), _) => Some(format!("exit code {code}")),
        (None, Some(signal)) => Some(format!("signal {signal}")),
        (None, None) => None,
    };
    Ok(CommandPage {
        chrome,
        id: id.to_string(),
        name: record.spec.name.clone(),
        state: standing(record.state),
        request: record.request.map(|request| request.to_string()),
        by: record.initiator_name,
        allowed: asked.moment(record.allowed_at),
        taken: record
            .taken_at
            .map(|at| (asked.moment(at), record.taken_from.unwrap_or_default())),
        ended: record.ended_at.map(|at| asked.moment(at)),
        how,
        detail: record.detail,
        facts: commands::facts(&record.spec),
        output: output.map(written),
    })
}

fn written(output: Output) -> WrittenView {
    let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_BYTES)]).into_owned();
    let more = output.output.len().max(output.errors.len()) > SHOWN_BYTES;
    WrittenView {
        output: text(&output.output),
        errors: text(&output.errors),
        cut: more || output.output_cut || output.errors_cut,
    }
}

/// The form of a new runner.
#[derive(Debug, Deserialize)]
pub struct TypedRunner {
    account: String,
}

/// `POST /runners`.
pub async fn add_runner(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedRunner>,
) -> Result<Response, Problem> {
    let change = Change::AddRunner(part(&form.account)?);
    match settings::change(&app, &person.actor(), change).await {
        Ok(done) => Ok(changed::lead(done, Notice::Saved, "/commands")),
        Err(error) => refused(app, person, changed::complaint(error)?).await,
    }
}

/// `POST /runners/{id}/token`. The page is the answer itself: nothing may keep the token to show it after a redirect.
pub async fn runner_token(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id: AccountId = part(&id)?;
    match runners::new_token(&app, &person.actor(), id).await {
        Ok(secret) => {
            let shown = Shown {
                fresh: Some((id, secret.reveal().to_owned())),
                ..Shown::default()
            };
            page(Asked::by(app, person), shown).await
        }
        Err(error) => refused(app, person, changed::complaint(error)?).await,
    }
}

/// `POST /runners/{id}/remove`.
pub async fn remove_runner(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    match runners::remove(&app, &person.actor(), part(&id)?).await {
        Ok(()) => Ok(Notice::Saved.at("/commands")),
        Err(error) => refused(app, person, changed::complaint(error)?).await,
    }
}

async fn refused(app: AppState, person: Person, problem: String) -> Result<Response, Problem> {
    let shown = Shown {
        problem: Some(problem),
        ..Shown::default()
    };
    page(Asked::by(app, person), shown).await
}
