//! The decision form: what was seen, what was chosen, who they are. And ending a collection.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::request::Refusal;
use countersign_core::{RequestId, Sha256};
use countersign_store::RequestRecord;
use countersign_vault::VaultError;
use http::{HeaderValue, header};
use serde::Deserialize;

use super::asked::part;
use super::notice::Notice;
use super::request::{self, Queue, Shown};
use super::tokens::Nothing;
use super::{Asked, obstacles, pending, words};
use crate::AppState;
use crate::flows::decide::{self, Decider};
use crate::flows::settings::ChangeError;
use crate::http::{Kind, Problem};
use crate::pages::{Busy, DecideError, NotAllowed, Span, respond};
use crate::passkey::BoundTo;
use crate::second_factor::CodeRefused;
use crate::session::PersonForm;
use crate::step_up::{self, ShownRefused};

/// The longest comment, in characters.
const LONGEST_COMMENT: usize = 1000;

/// The decision form, as sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SentDecision {
    /// Of the request, as its page showed it.
    pub digest: String,
    /// The others of its queue, as its page showed them.
    pub along: String,
    /// `approve` or `reject`.
    pub decision: String,
    /// What is said about it.
    pub comment: String,
    /// A one-time code, unless a passkey is shown.
    pub code: String,
    /// A passkey's answer.
    pub passkey: String,
}

/// `POST /requests/{id}/decision`.
pub async fn decide(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<SentDecision>,
) -> Result<Response, Problem> {
    let id: RequestId = part(&id)?;
    let asked = Asked::by(app, person);
    let done = match form.decision.as_str() {
        "approve" => approve(&asked, id, &form).await,
        "reject" => reject(&asked, id, &form).await,
        _ => Err(Refused::Told(DecideError::NothingChosen)),
    };
    match done {
        Ok(notice) => Ok(notice.at(&format!("/requests/{id}"))),
        Err(refused) => show_again(asked, id, form, refused).await,
    }
}

/// `POST /requests/{id}/veto`.
pub async fn veto(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<SentDecision>,
) -> Result<Response, Problem> {
    let id: RequestId = part(&id)?;
    let asked = Asked::by(app, person);
    match vetoed(&asked, id, &form).await {
        Ok(notice) => Ok(notice.at(&format!("/requests/{id}"))),
        Err(refused) => show_again(asked, id, form, refused).await,
    }
}

async fn vetoed(asked: &Asked, id: RequestId, form: &SentDecision) -> Result<Notice, Refused> {
    let record = asked
        .app
        .store
        .ask(move |view| Box::pin(async move { Ok::<_, Problem>(view.request(id).await?) }))
        .await?;
    let record = record.ok_or_else(|| Problem::from(VaultError::NoRequest(id)))?;
    decide::veto(&asked.app, decider(asked, form)?, id)
        .await
        .map(|_| Notice::Vetoed)
        .map_err(|error| refused(asked, &record, error))
}

/// Why a decision was not recorded.
pub enum Refused {
    /// The page says it.
    Told(DecideError),
    /// It is decided already: the page says by whom, once it has looked.
    TooLate,
    /// The page has nothing to say about it.
    Failed(Problem),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl From<DecideError> for Refused {
    fn from(error: DecideError) -> Self {
        Self::Told(error)
    }
}

async fn approve(asked: &Asked, id: RequestId, form: &SentDecision) -> Result<Notice, Refused> {
    let Queue {
        record,
        earlier,
        accounts,
        ..
    } = waiting(asked, id).await?;
    let decided_on: Vec<_> = earlier.iter().chain([&record]).filter_map(seen_now).collect();
    let saw: Vec<_> = seen_in(form, id, |other| other < id)?;
    if saw != decided_on {
        return Err(DecideError::Changed.into());
    }
    if let Some(why) = obstacles::cannot_approve(asked, &record, &earlier, &accounts) {
        return Err(DecideError::NotAllowed(why).into());
    }
    decide::approve(&asked.app, decider(asked, form)?, saw)
        .await
        .map(|_| Notice::Approved)
        .map_err(|error| refused(asked, &record, error))
}

async fn reject(asked: &Asked, id: RequestId, form: &SentDecision) -> Result<Notice, Refused> {
    let Queue { record, later, .. } = waiting(asked, id).await?;
    let mut taken_along: Vec<_> = later.iter().chain([&record]).filter_map(seen_now).collect();
    taken_along.sort_unstable();
    let mut saw = seen_in(form, id, |other| other > id)?;
    saw.sort_unstable();
    if saw != taken_along {
        return Err(DecideError::Changed.into());
    }
    if let Some(why) = obstacles::cannot_reject(asked, &record) {
        return Err(DecideError::NotAllowed(why).into());
    }
    decide::reject(&asked.app, decider(asked, form)?, id)
        .await
        .map(|_| Notice::Rejected)
        .map_err(|error| refused(asked, &record, error))
}

/// The request and its queue as they are now, if it still waits.
async fn waiting(asked: &Asked, id: RequestId) -> Result<Queue, Refused> {
    let queue = asked
        .app
        .store
        .read(move |view| Box::pin(async move { request::queue(view, id).await }))
        .await?;
    if queue.record.pending().is_some() {
        Ok(queue)
    } else {
        Err(Refused::TooLate)
    }
}

/// What a page that is opened now would send for a request.
fn seen_now(record: &RequestRecord) -> Option<(RequestId, Sha256)> {
    record.digest.map(|digest| (record.id, digest))
}

/// What the form says that its page showed: those that go along, then the request itself. A decision takes along only one
/// side of the queue; what happened on the other does not matter to it.
fn seen_in(
    form: &SentDecision,
    id: RequestId,
    goes_along: impl Fn(RequestId) -> bool,
) -> Result<Vec<(RequestId, Sha256)>, DecideError> {
    let pair = |text: &str| -> Option<(RequestId, Sha256)> {
        let (id, digest) = text.split_once(':')?;
        Some((id.parse().ok()?, digest.parse().ok()?))
    };
    let along = form.along.split(',').filter(|text| !text.is_empty()).map(pair);
    let along: Option<Vec<_>> = along.collect();
    let own = form.digest.parse().map_err(|_| DecideError::Changed)?;
    let along = along.ok_or(DecideError::Changed)?;
    let along = along.into_iter().filter(|(other, _)| goes_along(*other));
    Ok(along.chain([(id, own)]).collect())
}

/// The reader as somebody who decides.
///
/// # Errors
/// The comment is too long.
pub fn decider(asked: &Asked, form: &SentDecision) -> Result<Decider, DecideError> {
    // Browsers send a line's end as two characters and count it as one.
    let comment = form.comment.replace("\r\n", "\n").trim().to_owned();
    if comment.chars().count() > LONGEST_COMMENT {
        return Err(DecideError::Impossible(format!(
            "The comment is too long: it may have {LONGEST_COMMENT} characters."
        )));
    }
    Ok(Decider {
        account: asked.person.account.id,
        shown: if form.passkey.is_empty() {
            step_up::Shown::Code(form.code.clone())
        } else {
            step_up::Shown::Passkey {
                answer: form.passkey.clone(),
                bound_to: BoundTo::Session(asked.person.session),
            }
        },
        comment,
        from: asked.person.address,
        agent: asked.person.agent.clone(),
        client: None,
    })
}

/// What the page says of an error.
pub fn refused(asked: &Asked, record: &RequestRecord, error: decide::DecideError) -> Refused {
    let vault = match error {
        decide::DecideError::Factor(refused) => return factor_refused(asked, refused).into(),
        decide::DecideError::Vault(error) | decide::DecideError::Change(ChangeError::Vault(error)) => error,
        decide::DecideError::Change(error) => {
            return DecideError::Impossible(words::sentence(&error.to_string())).into();
        }
    };
    let told = match vault {
        VaultError::Decided { id, .. } if id == record.id => return Refused::TooLate,
        VaultError::Decided { .. } | VaultError::OutOfOrder(_) | VaultError::Undecided(Refusal::Changed) => {
            DecideError::Changed
        }
        VaultError::InUse(in_use) => DecideError::Busy(obstacles::in_use_as(asked, in_use)),
        VaultError::Moving => DecideError::Busy(Busy::NotQuiet { wait: Span(1) }),
        VaultError::Undecided(Refusal::OwnRequest) => DecideError::NotAllowed(NotAllowed::Initiator),
        VaultError::Undecided(Refusal::Ineligible(why)) => DecideError::NotAllowed(obstacles::not_allowed(asked, why)),
        VaultError::Undecided(refusal @ (Refusal::Behind(_) | Refusal::NotKnown(_))) => {
            DecideError::NotAllowed(NotAllowed::NotSecond {
                id: None,
                why: words::sentence(&refusal.to_string()),
            })
        }
        VaultError::Undecided(Refusal::Expired) => DecideError::NotAllowed(NotAllowed::Expired),
        VaultError::NotWaiting { .. } => DecideError::Impossible(words::sentence(&vault.to_string())),
        VaultError::Drift if record.backup.is_some() => DecideError::Drifted,
        VaultError::Drift => DecideError::Impossible(
            "What it would change is no longer as it was when this was asked for. Reject it, and ask again.".to_owned(),
        ),
        other => return Refused::Failed(other.into()),
    };
    Refused::Told(told)
}

/// What the page says of a factor that was not taken.
pub fn factor_refused(asked: &Asked, refused: ShownRefused) -> DecideError {
    if let Some(throttled) = refused.throttled() {
        return DecideError::Throttled {
            retry_after: Span(seconds_until(asked, throttled.until)),
        };
    }
    match refused {
        ShownRefused::Code(CodeRefused::Wrong) => DecideError::WrongCode,
        ShownRefused::Code(CodeRefused::AlreadyUsed) => DecideError::UsedCode,
        ShownRefused::Passkey(_) => DecideError::WrongPasskey(words::sentence(&refused.to_string())),
        ShownRefused::Code(_) => DecideError::Impossible(words::sentence(&refused.to_string())),
    }
}

fn seconds_until(asked: &Asked, until: countersign_events::Timestamp) -> u64 {
    let micros = u64::try_from(until.0 - asked.now.0).unwrap_or(0);
    micros.div_ceil(1_000_000).max(1)
}

/// The request's page as it is now, with what was typed and why nothing was decided.
async fn show_again(asked: Asked, id: RequestId, form: SentDecision, refused: Refused) -> Result<Response, Problem> {
    let error = match refused {
        Refused::Failed(problem) => return Err(problem),
        Refused::Told(error) => Some(error),
        Refused::TooLate => None,
    };
    let shown = Shown {
        after: String::new(),
        comment: form.comment,
        chosen: form.decision,
        error,
        ..Shown::default()
    };
    let mut page = request::look(asked, id, shown).await?;
    if page.error.is_none() {
        page.error = Some(match &page.decision {
            Some(decision) => DecideError::AlreadyDecided {
                state: page.state,
                by: decision.by.clone(),
                at: decision.at,
            },
            None => DecideError::Changed,
        });
    }
    let mut response = respond::page(page.error.as_ref().map_or(StatusCode::CONFLICT, status), &page);
    say_when(&mut response, page.error.as_ref());
    Ok(response)
}

/// When to try again, where the page says that it is too early.
pub fn say_when(response: &mut Response, error: Option<&DecideError>) {
    if let Some(DecideError::Throttled { retry_after }) = error {
        let seconds = HeaderValue::from(retry_after.0);
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
}

/// The status of a page that says why nothing was decided.
pub const fn status(error: &DecideError) -> StatusCode {
    match error {
        DecideError::NotAllowed(_) => StatusCode::FORBIDDEN,
        DecideError::WrongCode | DecideError::UsedCode | DecideError::WrongPasskey(_) | DecideError::NothingChosen => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        DecideError::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
        DecideError::Busy(_)
        | DecideError::AlreadyDecided { .. }
        | DecideError::Changed
        | DecideError::Drifted
        | DecideError::Impossible(_) => StatusCode::CONFLICT,
    }
}

/// `POST /requests/{id}/seal`: ends collecting now. Whoever comes second is led to what there is.
pub async fn seal(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id: RequestId = part(&id)?;
    let asked = Asked::by(app.clone(), person);
    let record = app
        .store
        .ask(move |view| Box::pin(async move { Ok::<_, Problem>(view.request(id).await?) }))
        .await?;
    let record = record.ok_or_else(|| Problem::from(VaultError::NoRequest(id)))?;
    if !pending::may_end(&asked, &record) {
        return Err(Problem::new(
            Kind::Forbidden,
            "Only an administrator, or the account whose deletes they are, can end collecting.",
        ));
    }
    let path = format!("/requests/{id}");
    match app.vault.seal_now(id).await {
        Ok(()) => Ok(Notice::Sealed.at(&path)),
        Err(VaultError::Decided { .. }) => Ok(Redirect::to(&path).into_response()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    fn hash(letter: u8) -> Sha256 {
        Sha256::of(&[letter])
    }

    #[test]
    fn a_form_is_read_for_the_side_that_goes_along() {
        let form = SentDecision {
            digest: hash(2).to_hex(),
            along: format!("1:{},3:{}", hash(1), hash(3)),
            ..SentDecision::default()
        };
        let id = RequestId(2);
        let approving = seen_in(&form, id, |other| other < id).unwrap();
        assert_eq!(approving, [(RequestId(1), hash(1)), (id, hash(2))]);
        let rejecting = seen_in(&form, id, |other| other > id).unwrap();
        assert_eq!(rejecting, [(RequestId(3), hash(3)), (id, hash(2))]);
    }

    #[test]
    fn what_cannot_be_read_was_never_shown() {
        for along in ["1", "1:", "x:abc", "-1:00", "1:00,,", "1:é"] {
            let form = SentDecision {
                digest: hash(2).to_hex(),
                along: along.into(),
                ..SentDecision::default()
            };
            assert!(seen_in(&form, RequestId(2), |_| true).is_err(), "{along}");
        }
        assert!(seen_in(&SentDecision::default(), RequestId(2), |_| true).is_err());
    }
}
