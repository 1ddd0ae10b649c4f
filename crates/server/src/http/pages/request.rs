//! `/requests/{id}`: everything a second person needs to decide, and what became of it.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::preview::Weight;
use countersign_core::request::{Effect as Progress, State, Summary};
use countersign_core::{Account, RequestId};
use countersign_store::{RequestRecord, StoreError, View};
use serde::Deserialize;

use super::asked::part;
use super::opening::{self, Inside};
use super::{Asked, accounts as account_pages, commands, obstacles, own_factors, pending, subject, words};
use crate::http::{Kind, Problem};
use crate::pages::{
    Bytes, CommandStanding, Count, DecideError, Decision, DecisionForm, Effect, Neighbour, RequestPage, RequestState,
    Section, Veto, VetoForm, WarningLine, respond,
};
use crate::preview;

/// The query of `/requests/{id}`: after which object the list goes on, as `KIND/NAME`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RequestQuery {
    after: String,
}

/// `GET /requests/{id}`.
pub async fn show(
    Path(id): Path<String>,
    Query(query): Query<RequestQuery>,
    asked: Asked,
) -> Result<Response, Problem> {
    let id = part(&id)?;
    let shown = Shown {
        after: query.after,
        ..Shown::default()
    };
    Ok(respond::page(StatusCode::OK, &look(asked, id, shown).await?))
}

/// The page with what this reader opened.
pub async fn look(asked: Asked, id: RequestId, mut shown: Shown) -> Result<RequestPage, Problem> {
    shown.inside = opening::inside(&asked, id).await?;
    let app = asked.app.clone();
    app.store
        .read(move |view| Box::pin(async move { fill(view, &asked, id, shown).await }))
        .await
}

/// What the page shows besides the request itself.
#[derive(Debug, Default)]
pub struct Shown {
    /// After which object the list goes on.
    pub after: String,
    /// What was typed before.
    pub comment: String,
    /// What was chosen before.
    pub chosen: String,
    /// Why the last try changed nothing.
    pub error: Option<DecideError>,
    /// Why the last password opened nothing, in a sentence.
    pub unopened: Option<String>,
    /// What this reader opened of it.
    pub inside: Inside,
}

/// The page as it is now.
pub async fn fill(view: &mut View, asked: &Asked, id: RequestId, shown: Shown) -> Result<RequestPage, Problem> {
    let Queue {
        record,
        earlier,
        later,
        accounts,
    } = queue(view, id).await?;
    let state = words::state(record.state).ok_or_else(|| closed(id))?;
    let vetoable = record.waiting().is_some();
    let waits = vetoable || matches!(state, RequestState::Pending | RequestState::Collecting);
    let section = if waits { Section::Pending } else { Section::History };
    let (chrome, policy) = asked.chrome(view, Some(section)).await?;
    let factors = view.factors_of(asked.person.account.id).await?;
    let veto = vetoable.then(|| VetoForm {
        cannot: obstacles::cannot_reject(asked, &record),
        comment: shown.comment.clone(),
        totp: factors.totp,
        passkey: own_factors::ask(asked, factors),
        along: later.iter().map(|other| neighbour(asked, other)).collect(),
    });
    let form = (state == RequestState::Pending).then(|| DecisionForm {
        totp: factors.totp,
        passkey: own_factors::ask(asked, factors),
        cannot_approve: obstacles::cannot_approve(asked, &record, &earlier, &accounts),
        cannot_reject: obstacles::cannot_reject(asked, &record),
        comment: shown.comment,
        chosen: shown.chosen,
    });
    let busy = match record.backup.filter(|_| vetoable || state == RequestState::Pending) {
        Some(backup) => obstacles::busy(view, asked, backup, &policy).await?,
        None => None,
    };
    let account = match subject::account(view, &record).await? {
        Some(name) => account_pages::of_request(view, asked, &policy, &name).await?,
        None => None,
    };
    let summary = preview::summary(view, &record, asked.now).await?;
    let mut subject = subject::of(view, asked, &record, &summary, &shown.after).await?;
    let opening = opening::of(asked, (&record, &accounts), &mut subject, shown.inside, shown.unopened);
    Ok(RequestPage {
        undo_hours: Count(policy.undo_hours.into()),
        account,
        opening,
        warnings: if waits {
            warnings(asked, &record, &summary)
        } else {
            Vec::new()
        },
        subject,
        decision: decision(view, asked, &record).await?,
        id: id.to_string(),
        operation: words::operation(asked, &record.operation),
        state,
        yours: asked.is_reader(record.initiator.account),
        created: asked.moment(record.created_at),
        expires: asked.moment(words::expires(asked, &record)),
        digest: record.digest.map(|digest| digest.to_hex()).unwrap_or_default(),
        earlier: earlier.iter().map(|other| neighbour(asked, other)).collect(),
        later: later.iter().map(|other| neighbour(asked, other)).collect(),
        can_end: pending::may_end(asked, &record),
        command: command(view, id).await?,
        why: view.why(id).await?.map(|why| why.to_string()),
        initiator: record.initiator.name,
        initiator_address: record.initiator.address,
        behind: words::behind(&record.initiator.behind, &accounts),
        form,
        veto,
        error: shown.error,
        busy,
        chrome,
    })
}

/// A request, and the waiting ones of its backup before and after it, oldest first.
pub struct Queue {
    /// It.
    pub record: RequestRecord,
    /// Approving takes them along.
    pub earlier: Vec<RequestRecord>,
    /// Rejecting takes them along, and so does a veto.
    pub later: Vec<RequestRecord>,
    /// Everybody, by which it is judged who is a second person.
    pub accounts: Vec<Account>,
}

/// A request and its neighbours; it has none unless it waits itself, for a decision or for the end of its undo window.
pub async fn queue(view: &mut View, id: RequestId) -> Result<Queue, Problem> {
    let record = view.request(id).await?;
    let record = record.ok_or_else(|| Problem::new(Kind::NotFound, format!("There is no request {id}.")))?;
    let (mut earlier, mut later) = (Vec::new(), Vec::new());
    if let (Some(backup), State::Pending) = (record.backup, record.state) {
        for other in view.queue(backup).await? {
            match other.cmp(&id) {
                std::cmp::Ordering::Less => earlier.extend(view.request(other).await?),
                std::cmp::Ordering::Greater => later.extend(view.request(other).await?),
                std::cmp::Ordering::Equal => {}
            }
        }
    }
    if let (Some(backup), Some(_)) = (record.backup, record.waiting()) {
        for other in [view.waiting_queue(backup).await?, view.queue(backup).await?].concat() {
            if other > id {
                later.extend(view.request(other).await?);
            }
        }
    }
    Ok(Queue {
        record,
        earlier,
        later,
        accounts: view.accounts().await?,
    })
}

/// What must not be overlooked about a request, the heaviest first.
pub fn warnings(asked: &Asked, record: &RequestRecord, summary: &Summary) -> Vec<WarningLine> {
    let told = preview::told(&record.operation, summary, asked.now).into_iter();
    told.map(|told| WarningLine {
        strong: told.weight == Weight::Strong,
        text: told.text,
    })
    .collect()
}

/// The command that came of a request, if one did.
async fn command(view: &mut View, id: RequestId) -> Result<Option<(String, CommandStanding)>, StoreError> {
    let found = match view.command_of(id).await? {
        Some(command) => view.command(command).await?,
        None => None,
    };
    Ok(found.map(|command| (command.id.to_string(), commands::standing(command.state))))
}

fn closed(id: RequestId) -> Problem {
    Problem::new(
        Kind::Gone,
        format!("Everything that was collected for request {id} was uploaded again, so there is nothing to decide."),
    )
}

fn neighbour(asked: &Asked, other: &RequestRecord) -> Neighbour {
    Neighbour {
        id: other.id.to_string(),
        digest: other.digest.map(|digest| digest.to_hex()).unwrap_or_default(),
        operation: words::operation(asked, &other.operation),
        initiator: other.initiator.name.clone(),
        bytes: Bytes(other.summary.as_ref().map_or(0, Summary::bytes)),
        marks: preview::marks(other, asked.now),
        created: asked.moment(other.created_at),
    }
}

async fn decision(view: &mut View, asked: &Asked, record: &RequestRecord) -> Result<Option<Decision>, StoreError> {
    let Some(at) = record.decided_at else {
        return Ok(None);
    };
    Ok(Some(Decision {
        by: record.decided_by.clone(),
        at: asked.moment(at),
        from: record.decided_from.as_ref().map(words::decided_from),
        comment: record.comment.clone().unwrap_or_default(),
        reason: record.reason.as_deref().map(words::sentence),
        effect: effect(view, asked, record).await?,
    }))
}

async fn effect(view: &mut View, asked: &Asked, record: &RequestRecord) -> Result<Effect, StoreError> {
    let summary = record.summary.clone().unwrap_or_default();
    let (objects, bytes) = (summary.objects(), summary.bytes());
    let approved = record.state == State::Approved;
    Ok(match (approved, record.backup.is_some(), record.effect) {
        (false, true, _) => Effect::Returned {
            objects: Count(objects),
            bytes: Bytes(bytes),
        },
        (false, false, _) => Effect::Unchanged,
        (true, _, Progress::Failed) => Effect::Drifted {
            why: record.effect_detail.as_deref().map(words::sentence).unwrap_or_default(),
        },
        (true, _, Progress::Waiting | Progress::Postponed) => Effect::Waiting {
            due: asked.moment(record.due_at.unwrap_or(asked.now)),
            postponed: record.effect_detail.as_deref().map(words::sentence),
        },
        (true, _, Progress::Vetoed) => Effect::Vetoed(Veto {
            by: record.vetoed_by.clone().unwrap_or_default(),
            at: asked.moment(record.effect_at.unwrap_or(asked.now)),
            comment: record.veto_comment.clone().unwrap_or_default(),
            reason: record.effect_detail.as_deref().map(words::sentence),
        }),
        (true, false, _) => Effect::Applied,
        (true, true, Progress::Done) => Effect::Purged {
            objects: Count(objects),
            bytes: Bytes(bytes),
            at: asked.moment(record.effect_at.unwrap_or(asked.now)),
        },
        (true, true, Progress::None | Progress::Due) => {
            let left: u64 = view.held_totals(record.id).await?.iter().map(|sum| sum.objects).sum();
            Effect::Purging {
                done: Count(objects.saturating_sub(left)),
                objects: Count(objects),
            }
        }
    })
}
