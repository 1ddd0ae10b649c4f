//! `/notices`: by which channels people are told of requests, how each stands, and its form.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::NoticeChannelId;
use countersign_core::notice::Way;
use countersign_store::{NoticeChannel, View};

use super::asked::part;
use super::notice::Notice;
use super::notice_channel_form::TypedChannel;
use super::receivers::may_change;
use super::tokens::Nothing;
use super::{Asked, changed, recorded, words};
use crate::AppState;
use crate::flows::settings::Changed;
use crate::flows::{notices, settings};
use crate::http::{Kind, Problem};
use crate::notices::{State as Course, Status, silent_approvers};
use crate::pages::{ChannelPage, ChannelRow, ChannelStanding, ChannelState, ChannelsPage, Count, Section, respond};
use crate::receivers::About;
use crate::session::{Person, PersonForm};

/// `GET /notices`.
pub async fn list(asked: Asked) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill_list(view, asked))).await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill_list(view: &mut View, asked: Asked) -> Result<ChannelsPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Notices)).await?;
    let all = Status::all(view).await?;
    let silent = silent_approvers(view, asked.now).await?;
    Ok(ChannelsPage {
        chrome,
        rows: all.iter().map(|status| row(&asked, status)).collect(),
        without_email: silent.into_iter().map(|account| account.name.to_string()).collect(),
        can_change: may_change(&asked, &policy),
    })
}

fn row(asked: &Asked, status: &Status) -> ChannelRow {
    let spec = &status.channel.spec;
    let (way, place) = match &spec.way {
        Way::Mail(mail) => ("Mail", format!("{}:{}", mail.host, mail.port)),
        Way::Webhook(webhook) => ("Webhook", webhook.url.to_string()),
    };
    ChannelRow {
        id: status.channel.id.to_string(),
        name: spec.name.to_string(),
        place,
        way,
        notices: spec.notices.to_string(),
        standing: standing(asked, status),
    }
}

fn standing(asked: &Asked, status: &Status) -> ChannelStanding {
    let channel = &status.channel;
    ChannelStanding {
        state: match status.state() {
            Course::Current => ChannelState::Current,
            Course::Sending => ChannelState::Sending,
            Course::Retrying => ChannelState::Retrying,
        },
        waiting: Count(status.waiting),
        given_up: Count(channel.given_up),
        last_delivered: channel.delivered_at.map(|at| asked.moment(at)),
        last_error: channel.last_error.clone().map(|(text, at)| (text, asked.moment(at))),
    }
}

/// What a page of a channel shows beside the channel.
#[derive(Default)]
struct Beside {
    typed: Option<TypedChannel>,
    problem: Option<String>,
    fresh: Option<String>,
    requested: Option<String>,
}

/// `GET /notices/new`.
pub async fn new_mail(asked: Asked) -> Result<Response, Problem> {
    page(
        asked,
        None,
        Beside {
            typed: Some(TypedChannel::new(true)),
            ..Beside::default()
        },
    )
    .await
}

/// `GET /notices/new-webhook`.
pub async fn new_webhook(asked: Asked) -> Result<Response, Problem> {
    page(
        asked,
        None,
        Beside {
            typed: Some(TypedChannel::new(false)),
            ..Beside::default()
        },
    )
    .await
}

/// `GET /notices/{id}`.
pub async fn show(Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    page(asked, Some(part(&id)?), Beside::default()).await
}

async fn page(asked: Asked, id: Option<NoticeChannelId>, beside: Beside) -> Result<Response, Problem> {
    let status = match beside.problem {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| Box::pin(fill(view, asked, id, beside)))
        .await?;
    Ok(respond::page(status, &page))
}

async fn fill(
    view: &mut View,
    asked: Asked,
    id: Option<NoticeChannelId>,
    beside: Beside,
) -> Result<ChannelPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Notices)).await?;
    let known = match id {
        Some(id) => {
            let channel = found(view, id).await?;
            Some(Status::of(view, channel).await?)
        }
        None => None,
    };
    let spec = known.as_ref().map(|status| &status.channel.spec);
    let form = beside.typed.or_else(|| spec.map(TypedChannel::of)).unwrap_or_default();
    Ok(ChannelPage {
        chrome,
        id: id.map(|id| id.to_string()),
        name: spec.map(|spec| spec.name.to_string()).unwrap_or_default(),
        standing: known.as_ref().map(|status| standing(&asked, status)),
        test: id.and_then(|id| words::test(&asked, About::Channel(id))),
        fresh: beside.fresh,
        requested: beside.requested,
        form: form.form(beside.problem),
        is_held: policy.four_eyes,
        can_change: may_change(&asked, &policy),
    })
}

async fn found(view: &mut View, id: NoticeChannelId) -> Result<NoticeChannel, Problem> {
    let channel = view.notice_channel(id).await?;
    channel.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such channel."))
}

/// `POST /notices`.
pub async fn add(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedChannel>,
) -> Result<Response, Problem> {
    apply(app, person, None, form).await
}

/// `POST /notices/{id}`.
pub async fn change(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<TypedChannel>,
) -> Result<Response, Problem> {
    apply(app, person, Some(part(&id)?), form).await
}

/// Adds or changes, and leads to what came of it; where a signing key was made, shows it.
async fn apply(
    app: AppState,
    person: Person,
    known: Option<NoticeChannelId>,
    typed: TypedChannel,
) -> Result<Response, Problem> {
    let done = match typed.read() {
        Err(problem) => Err(problem),
        Ok(given) => match notices::put(&app, &person.actor(), known, given).await {
            Ok(done) => Ok(done),
            Err(error) => Err(changed::complaint(error)?),
        },
    };
    let done = match done {
        Ok(done) => done,
        Err(problem) => {
            let beside = Beside {
                typed: Some(typed),
                problem: Some(problem),
                ..Beside::default()
            };
            return page(Asked::by(app, person), known, beside).await;
        }
    };
    let id = done.added.or(known);
    let requested = match done.changed {
        Changed::Requested(request) => Some(request),
        _ => None,
    };
    if let Some(secret) = &done.secret {
        let beside = Beside {
            typed: id.is_none().then_some(typed),
            fresh: Some(secret.to_string()),
            requested: requested.map(|request| request.to_string()),
            ..Beside::default()
        };
        return page(Asked::by(app, person), id, beside).await;
    }
    let path = id.map_or_else(|| "/notices".to_owned(), |id| format!("/notices/{id}"));
    Ok(match (requested, done.changed) {
        (Some(request), _) => recorded::lead(request),
        (None, Changed::Unchanged) => Notice::Unchanged.at(&path),
        (None, _) => Notice::Saved.at(&path),
    })
}

/// `POST /notices/{id}/test`.
pub async fn test(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id: NoticeChannelId = part(&id)?;
    settings::may_change(&app, &person.actor()).await?;
    let channel = app.store.ask(move |view| Box::pin(found(view, id))).await?;
    let test = crate::notices::test(&app, &channel, &person.account).await;
    app.receiver_tests.keep(About::Channel(id), test);
    Ok(Notice::Tested.at(&format!("/notices/{id}")))
}

/// `POST /notices/{id}/remove`.
pub async fn remove(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id: NoticeChannelId = part(&id)?;
    match notices::remove(&app, &person.actor(), id).await {
        Ok(changed) => Ok(changed::lead(changed, Notice::ChannelRemoved, "/notices")),
        Err(error) => {
            let beside = Beside {
                problem: Some(changed::complaint(error)?),
                ..Beside::default()
            };
            page(Asked::by(app, person), Some(id), beside).await
        }
    }
}
