//! `/receivers`: where events go, how each stands, and its form.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::receiver::ReceiverSpec;
use countersign_core::{Deed, Policy, ReceiverId, Verdict, decide};
use countersign_store::{Receiver, View};

use super::asked::part;
use super::notice::Notice;
use super::receiver_form::TypedReceiver;
use super::tokens::Nothing;
use super::{Asked, changed, recorded, words};
use crate::AppState;
use crate::flows::settings::{self, Change, Changed};
use crate::http::{Kind, Problem};
use crate::pages::{
    Count, ReceiverPage, ReceiverRow, ReceiverStanding, ReceiverState, ReceiversPage, Section, Span, respond,
};
use crate::receivers::{About, State as Course, Status, Test};
use crate::session::{Person, PersonForm};

/// `GET /receivers`.
pub async fn list(asked: Asked) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill_list(view, asked))).await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill_list(view: &mut View, asked: Asked) -> Result<ReceiversPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Receivers)).await?;
    let all = Status::all(view, asked.now).await?;
    Ok(ReceiversPage {
        chrome,
        rows: all.iter().map(|status| row(&asked, status)).collect(),
        can_change: may_change(&asked, &policy),
    })
}

/// Whether the reader may change settings, at once or by a request.
pub fn may_change(asked: &Asked, policy: &Policy) -> bool {
    let verdict = decide(&asked.person.actor(), Deed::ChangeSettings, policy, asked.now);
    !matches!(verdict, Verdict::Deny(_))
}

fn row(asked: &Asked, status: &Status) -> ReceiverRow {
    let spec = &status.receiver.spec;
    ReceiverRow {
        id: status.receiver.id.to_string(),
        name: spec.name.to_string(),
        transport: words::transport(spec.transport).to_owned(),
        address: spec.address.to_string(),
        filtered: filtered(spec),
        standing: standing(asked, status),
    }
}

/// How many events a receiver's filter names.
pub fn filtered(spec: &ReceiverSpec) -> Count {
    Count(spec.filter.iter().count() as u64)
}

fn standing(asked: &Asked, status: &Status) -> ReceiverStanding {
    let receiver = &status.receiver;
    ReceiverStanding {
        state: match status.state() {
            Course::Current => ReceiverState::Current,
            Course::Sending => ReceiverState::Sending,
            Course::Retrying => ReceiverState::Retrying,
        },
        connected: status.connected(&asked.app),
        backlog: Count(status.backlog),
        lag: (status.backlog > 0).then_some(Span(status.lag_seconds)),
        delivered: Count(receiver.cursor.unsigned_abs()),
        last_delivered: receiver.delivered_at.map(|at| asked.moment(at)),
        last_error: receiver.last_error.clone().map(|(text, at)| (text, asked.moment(at))),
    }
}

/// `GET /receivers/new`.
pub async fn new(asked: Asked) -> Result<Response, Problem> {
    page(asked, None, None, None).await
}

/// `GET /receivers/{id}`.
pub async fn show(Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    page(asked, Some(part(&id)?), None, None).await
}

/// The form: as it was typed with what is wrong, or else as the receiver is.
async fn page(
    asked: Asked,
    id: Option<ReceiverId>,
    typed: Option<TypedReceiver>,
    problem: Option<String>,
) -> Result<Response, Problem> {
    let status = match problem {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| Box::pin(fill(view, asked, id, typed, problem)))
        .await?;
    Ok(respond::page(status, &page))
}

async fn fill(
    view: &mut View,
    asked: Asked,
    id: Option<ReceiverId>,
    typed: Option<TypedReceiver>,
    problem: Option<String>,
) -> Result<ReceiverPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Receivers)).await?;
    let known = match id {
        Some(id) => {
            let receiver = found(view, id).await?;
            Some(Status::of(view, receiver, asked.now).await?)
        }
        None => None,
    };
    let spec = known.as_ref().map(|status| &status.receiver.spec);
    let form = typed.or_else(|| spec.map(TypedReceiver::of)).unwrap_or_default();
    Ok(ReceiverPage {
        chrome,
        id: id.map(|id| id.to_string()),
        name: spec.map(|spec| spec.name.to_string()).unwrap_or_default(),
        standing: known.as_ref().map(|status| standing(&asked, status)),
        test: id.and_then(|id| words::test(&asked, About::Receiver(id))),
        filtered: spec.map(filtered).unwrap_or_default(),
        form: form.form(&asked.app.config.origin, problem),
        is_held: policy.four_eyes,
        can_change: may_change(&asked, &policy),
    })
}

/// The receiver with this number.
pub async fn found(view: &mut View, id: ReceiverId) -> Result<Receiver, Problem> {
    let receiver = view.receiver(id).await?;
    receiver.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such receiver."))
}

/// `POST /receivers`.
pub async fn add(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedReceiver>,
) -> Result<Response, Problem> {
    match form.read() {
        Ok(spec) => apply(app, person, None, spec, form).await,
        Err(problem) => page(Asked::by(app, person), None, Some(form), Some(problem)).await,
    }
}

/// `POST /receivers/{id}`.
pub async fn change(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<TypedReceiver>,
) -> Result<Response, Problem> {
    let id: ReceiverId = part(&id)?;
    match form.read() {
        Ok(spec) => apply(app, person, Some(id), spec, form).await,
        Err(problem) => page(Asked::by(app, person), Some(id), Some(form), Some(problem)).await,
    }
}

/// Adds or changes, sends a test message, and leads to where its result is shown.
async fn apply(
    app: AppState,
    person: Person,
    known: Option<ReceiverId>,
    spec: ReceiverSpec,
    typed: TypedReceiver,
) -> Result<Response, Problem> {
    let change = match known {
        None => Change::AddReceiver(spec.clone()),
        Some(id) => Change::DescribeReceiver(id, spec.clone()),
    };
    let done = match settings::change(&app, &person.actor(), change).await {
        Ok(done) => done,
        Err(error) => {
            let complaint = changed::complaint(error)?;
            return page(Asked::by(app, person), known, Some(typed), Some(complaint)).await;
        }
    };
    Ok(match (done, known) {
        (Changed::Added(id), _) | (Changed::Done, Some(id)) => {
            let test = Test::send(&app, &spec).await;
            app.receiver_tests.keep(About::Receiver(id), test);
            Notice::Saved.at(&format!("/receivers/{id}"))
        }
        (Changed::Requested(request), _) => {
            let test = Test::send(&app, &spec).await;
            app.receiver_tests.keep(About::Request(request), test);
            recorded::lead(request)
        }
        (Changed::Unchanged, Some(id)) => Notice::Unchanged.at(&format!("/receivers/{id}")),
        (Changed::Done | Changed::Unchanged, None) | (Changed::AddedAccount(_), _) => {
            Notice::Unchanged.at("/receivers")
        }
    })
}

/// `POST /receivers/{id}/test`.
pub async fn test(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id: ReceiverId = part(&id)?;
    settings::may_change(&app, &person.actor()).await?;
    let receiver = app.store.ask(move |view| Box::pin(found(view, id))).await?;
    let test = Test::send(&app, &receiver.spec).await;
    app.receiver_tests.keep(About::Receiver(id), test);
    Ok(Notice::Tested.at(&format!("/receivers/{id}")))
}

/// `POST /receivers/{id}/remove`.
pub async fn remove(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id: ReceiverId = part(&id)?;
    match settings::change(&app, &person.actor(), Change::RemoveReceiver(id)).await {
        Ok(changed) => Ok(changed::lead(changed, Notice::Removed, "/receivers")),
        Err(error) => page(Asked::by(app, person), Some(id), None, Some(changed::complaint(error)?)).await,
    }
}
