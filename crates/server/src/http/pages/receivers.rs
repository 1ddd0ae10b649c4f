//! `/receivers`: where events go.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::receiver::{ReceiverSpec, Transport};
use countersign_core::{Deed, Policy, ReceiverId, Verdict, decide};
use countersign_store::{Receiver, View};
use serde::Deserialize;

use super::asked::part;
use super::notice::Notice;
use super::tokens::Nothing;
use super::{Asked, changed, words};
use crate::AppState;
use crate::flows::settings::{self, Change};
use crate::http::{Kind, Problem};
use crate::pages::{
    Choice, Count, ReceiverForm, ReceiverPage, ReceiverRow, ReceiverState, ReceiversPage, Section, respond,
};
use crate::session::{Person, PersonForm};

/// `GET /receivers`.
pub async fn list(asked: Asked) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill_list(view, asked))).await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill_list(view: &mut View, asked: Asked) -> Result<ReceiversPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Receivers)).await?;
    let last = view.last_event().await?;
    let receivers = view.receivers().await?;
    Ok(ReceiversPage {
        chrome,
        rows: receivers.iter().map(|receiver| row(&asked, receiver, last)).collect(),
        can_change: may_change(&asked, &policy),
    })
}

/// Whether the reader may change settings, at once or by a request.
pub fn may_change(asked: &Asked, policy: &Policy) -> bool {
    let verdict = decide(&asked.person.actor(), Deed::ChangeSettings, policy, asked.now);
    !matches!(verdict, Verdict::Deny(_))
}

fn row(asked: &Asked, receiver: &Receiver, last: i64) -> ReceiverRow {
    let backlog = u64::try_from(last - receiver.cursor).unwrap_or(0);
    ReceiverRow {
        id: receiver.id.to_string(),
        name: receiver.spec.name.to_string(),
        transport: transport(receiver.spec.transport).0.to_owned(),
        address: receiver.spec.address.to_string(),
        state: match (&receiver.last_error, backlog) {
            (Some(_), _) => ReceiverState::Retrying,
            (None, 0) => ReceiverState::Current,
            (None, _) => ReceiverState::Sending,
        },
        backlog: Count(backlog),
        last_delivered: receiver.delivered_at.map(|at| asked.moment(at)),
        last_error: receiver.last_error.clone().map(|(text, at)| (text, asked.moment(at))),
    }
}

/// What a transport is called, and what it means.
const fn transport(transport: Transport) -> (&'static str, &'static str) {
    match transport {
        Transport::Udp => ("UDP", "One message a datagram. What is lost on the way is lost."),
        Transport::TcpLf => ("TCP, line feed", "One message a line (RFC 6587, 3.4.2)."),
        Transport::TcpOctets => (
            "TCP, octet counting",
            "Each message after its length (RFC 6587, 3.4.1).",
        ),
        Transport::Tls => ("TLS", "Octet counting inside TLS (RFC 5425)."),
        Transport::Relp => (
            "RELP",
            "The receiver acknowledges each message: nothing is lost. Recommended.",
        ),
        Transport::RelpTls => ("RELP inside TLS", "Acknowledged and encrypted."),
    }
}

/// The form of a receiver, as typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TypedReceiver {
    name: String,
    transport: String,
    address: String,
}

impl TypedReceiver {
    fn of(spec: &ReceiverSpec) -> Self {
        Self {
            name: spec.name.to_string(),
            transport: spec.transport.as_str().to_owned(),
            address: spec.address.to_string(),
        }
    }

    fn read(&self) -> Result<ReceiverSpec, String> {
        let complain = |error: &dyn std::fmt::Display| words::sentence(&error.to_string());
        Ok(ReceiverSpec::plain(
            self.name.trim().parse().map_err(|error| complain(&error))?,
            self.transport.parse().map_err(|error| complain(&error))?,
            self.address.trim().parse().map_err(|error| complain(&error))?,
        ))
    }

    fn form(self, problem: Option<String>) -> ReceiverForm {
        let choice = |one: Transport| Choice {
            value: one.as_str().to_owned(),
            label: transport(one).0.to_owned(),
            hint: transport(one).1.to_owned(),
            chosen: one.as_str() == self.transport,
        };
        ReceiverForm {
            transports: Transport::ALL.map(choice).into(),
            name: self.name,
            address: self.address,
            problem,
        }
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
            let receiver = view.receiver(id).await?;
            let receiver = receiver.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such receiver."))?;
            TypedReceiver::of(&receiver.spec)
        }
        None => TypedReceiver::default(),
    };
    Ok(ReceiverPage {
        chrome,
        id: id.map(|id| id.to_string()),
        form: typed.unwrap_or(known).form(problem),
        is_held: policy.four_eyes,
        can_change: may_change(&asked, &policy),
    })
}

/// `POST /receivers`.
pub async fn add(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedReceiver>,
) -> Result<Response, Problem> {
    match form.read() {
        Ok(spec) => apply(app, person, None, Change::AddReceiver(spec), Some(form)).await,
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
        Ok(spec) => apply(app, person, Some(id), Change::ChangeReceiver(id, spec), Some(form)).await,
        Err(problem) => page(Asked::by(app, person), Some(id), Some(form), Some(problem)).await,
    }
}

/// `POST /receivers/{id}/remove`.
pub async fn remove(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id: ReceiverId = part(&id)?;
    apply(app, person, Some(id), Change::RemoveReceiver(id), None).await
}

async fn apply(
    app: AppState,
    person: Person,
    id: Option<ReceiverId>,
    change: Change,
    typed: Option<TypedReceiver>,
) -> Result<Response, Problem> {
    let done = match change {
        Change::RemoveReceiver(_) => Notice::Removed,
        _ => Notice::Saved,
    };
    match settings::change(&app, &person.actor(), change).await {
        Ok(changed) => Ok(changed::lead(changed, done, "/receivers")),
        Err(error) => page(Asked::by(app, person), id, typed, Some(changed::complaint(error)?)).await,
    }
}
