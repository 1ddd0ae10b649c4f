//! Channels of notices: look, add, change, remove, test.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_core::email::EmailAddress;
use countersign_core::notice::{Format, MailUser, NoticeKinds, Security, Way, WebhookUrl};
use countersign_core::receiver::{Certificates, ServerName};
use countersign_core::{Name, NoticeChannelId, RequestId};
use countersign_store::{NoticeChannel, StoreError, View};
use http::{StatusCode, header};
use serde::Serialize;

use super::super::problem::{Kind, Problem};
use super::body::Body;
use super::{changed, id, time};
use crate::AppState;
use crate::flows::notices::{self, Asked, Given};
use crate::flows::settings::{Changed, may_change};
use crate::notices::{Status, silent_approvers};
use crate::receivers::About;
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/api/v1/notice-channels", get(list).post(add))
        .route("/api/v1/notice-channels/{id}", get(show).put(put).delete(remove))
        .route("/api/v1/notice-channels/{id}/test", post(test))
}

#[derive(Serialize)]
struct List {
    channels: Vec<Document>,
    /// Who may approve and has no e-mail address.
    without_email: Vec<String>,
}

#[derive(Serialize)]
struct Document {
    id: NoticeChannelId,
    name: Name,
    notices: NoticeKinds,
    #[serde(flatten)]
    way: ShownWay,
    created_at: String,
    state: &'static str,
    /// How many notices it does not have yet.
    waiting: u64,
    delivered_at: Option<String>,
    last_error: Option<String>,
    last_error_at: Option<String>,
    /// Since when nothing has arrived.
    failing_since: Option<String>,
    /// How many notices were given up.
    given_up: u64,
}

/// How a channel tells, without its secrets.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum ShownWay {
    Mail {
        host: ServerName,
        port: u16,
        security: Security,
        user: Option<MailUser>,
        /// Whether there is one.
        has_password: bool,
        from: EmailAddress,
        ca: Option<Certificates>,
    },
    Webhook {
        url: WebhookUrl,
        format: Format,
        ca: Option<Certificates>,
    },
}

impl From<Way> for ShownWay {
    fn from(way: Way) -> Self {
        match way {
            Way::Mail(mail) => Self::Mail {
                host: mail.host,
                port: mail.port,
                security: mail.security,
                user: mail.user,
                has_password: mail.password.is_some(),
                from: mail.from,
                ca: mail.ca,
            },
            Way::Webhook(webhook) => Self::Webhook {
                url: webhook.url,
                format: webhook.format,
                ca: webhook.ca,
            },
        }
    }
}

/// A change that holds now, and the signing key that was made for it, this once.
#[derive(Serialize)]
struct Made<'a> {
    id: NoticeChannelId,
    secret: Option<&'a str>,
}

/// A change that waits, and the signing key that was made for it, this once.
#[derive(Serialize)]
struct Held<'a> {
    request: RequestId,
    href: String,
    secret: Option<&'a str>,
}

/// How a test went.
#[derive(Serialize)]
struct Told {
    outcome: &'static str,
    detail: String,
    at: String,
}

async fn list(State(app): State<AppState>, _: ApiCaller) -> Result<Json<List>, Problem> {
    let now = app.clock.now();
    app.store
        .read(move |view| {
            Box::pin(async move {
                let channels = Status::all(view).await?.into_iter().map(document).collect();
                let silent = silent_approvers(view, now).await?;
                Ok::<_, StoreError>(Json(List {
                    channels,
                    without_email: silent.into_iter().map(|account| account.name.to_string()).collect(),
                }))
            })
        })
        .await
        .map_err(Problem::from)
}

async fn show(State(app): State<AppState>, _: ApiCaller, Path(text): Path<String>) -> Result<Json<Document>, Problem> {
    let channel = id::<NoticeChannelId>(&text)?;
    app.store
        .read(move |view| {
            Box::pin(async move {
                let found = found(view, channel).await?;
                Ok::<_, Problem>(Json(document(Status::of(view, found).await?)))
            })
        })
        .await
}

async fn add(State(app): State<AppState>, caller: ApiCaller, Body(given): Body<Given>) -> Result<Response, Problem> {
    Ok(answer(notices::put(&app, &caller.actor(), None, given).await?, None))
}

async fn put(
    State(app): State<AppState>,
    caller: ApiCaller,
    Path(text): Path<String>,
    Body(given): Body<Given>,
) -> Result<Response, Problem> {
    let channel = id(&text)?;
    let asked = notices::put(&app, &caller.actor(), Some(channel), given).await?;
    Ok(answer(asked, Some(channel)))
}

fn answer(asked: Asked, known: Option<NoticeChannelId>) -> Response {
    let secret = asked.secret.as_ref().map(|secret| secret.as_str());
    match (asked.changed, asked.added, known) {
        (Changed::Requested(request), _, _) => {
            let href = format!("/api/v1/requests/{request}");
            let location = [(header::LOCATION, href.clone())];
            let held = Json(Held { request, href, secret });
            (StatusCode::ACCEPTED, location, held).into_response()
        }
        (_, Some(id), _) => {
            let href = format!("/api/v1/notice-channels/{id}");
            (
                StatusCode::CREATED,
                [(header::LOCATION, href)],
                Json(Made { id, secret }),
            )
                .into_response()
        }
        (Changed::Done, None, Some(id)) => Json(Made { id, secret }).into_response(),
        (other, None, _) => changed(other),
    }
}

async fn remove(State(app): State<AppState>, caller: ApiCaller, Path(text): Path<String>) -> Result<Response, Problem> {
    Ok(changed(notices::remove(&app, &caller.actor(), id(&text)?).await?))
}

/// Sends a test notice to the caller, for whoever may change settings, by a channel as it stands.
async fn test(State(app): State<AppState>, caller: ApiCaller, Path(text): Path<String>) -> Result<Json<Told>, Problem> {
    let channel = id::<NoticeChannelId>(&text)?;
    may_change(&app, &caller.actor()).await?;
    let found = app.store.ask(move |view| Box::pin(found(view, channel))).await?;
    let test = crate::notices::test(&app, &found, &caller.account).await;
    app.receiver_tests.keep(About::Channel(channel), test.clone());
    Ok(Json(Told {
        outcome: test.outcome.as_str(),
        detail: test.outcome.text(),
        at: time(test.at),
    }))
}

async fn found(view: &mut View, id: NoticeChannelId) -> Result<NoticeChannel, Problem> {
    let found = view.notice_channel(id).await?;
    found.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such channel."))
}

fn document(status: Status) -> Document {
    let state = status.state().as_str();
    let channel = status.channel;
    let (last_error, last_error_at) = channel.last_error.unzip();
    Document {
        id: channel.id,
        name: channel.spec.name,
        notices: channel.spec.notices,
        way: channel.spec.way.into(),
        created_at: time(channel.created_at),
        state,
        waiting: status.waiting,
        delivered_at: channel.delivered_at.map(time),
        last_error,
        last_error_at: last_error_at.map(time),
        failing_since: channel.failing_since.map(time),
        given_up: channel.given_up,
    }
}
