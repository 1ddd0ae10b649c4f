//! `/requests/decide`: many requests on one page, decided with one factor.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::{BackupId, RequestId, Sha256};
use countersign_store::{RequestRecord, View};

use super::decision::{self, Refused, SentDecision};
use super::filter::address;
use super::{Asked, obstacles, own_factors, request, subject, words};
use crate::AppState;
use crate::flows::decide::{self as flow, BatchError, Item, MOST, Unlike, Verdict};
use crate::http::{Kind, Problem};
use crate::pages::{
    BatchDone, BatchDonePage, BatchItem, BatchPage, Count, DecideError, RequestState, Section, respond,
};
use crate::preview;
use crate::session::{PersonForm, form_pairs};

const PATH: &str = "/requests/decide";

/// `GET /requests/decide?id=12&id=13`; with `choose`, approve or reject is chosen where one click may choose it.
pub async fn show(RawQuery(query): RawQuery, asked: Asked) -> Result<Response, Problem> {
    let pairs = form_pairs(query.unwrap_or_default().as_bytes());
    let ids = pairs.iter().filter(|(name, _)| name == "id");
    let ids: Vec<RequestId> = ids.filter_map(|(_, id)| id.parse().ok()).collect();
    let choose = pairs.iter().find(|(name, _)| name == "choose");
    let shown = Shown {
        chosen: match choose.map(|(_, word)| word.as_str()) {
            Some("approve") => Chosen::ApproveAlike,
            Some("reject") => Chosen::RejectAll,
            _ => Chosen::None,
        },
        ..Shown::default()
    };
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| Box::pin(async move { fill(view, &asked, ids, shown).await }))
        .await?;
    Ok(respond::page(StatusCode::OK, &page))
}

/// `POST /requests/decide`.
pub async fn decide(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let asked = Asked::by(app, person);
    let seen = seen_in(&form)?;
    let ids: Vec<_> = seen.iter().map(|(id, _)| *id).collect();
    let told = match decided(&asked, &form, &seen).await {
        Ok(page) => return Ok(respond::page(StatusCode::OK, &page)),
        Err(Refused::Failed(problem)) => return Err(problem),
        Err(Refused::Told(error)) => error,
        Err(Refused::TooLate) => DecideError::Changed,
    };
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    let shown = Shown {
        comment: field("comment"),
        chosen: Chosen::Each(ids.iter().map(|id| (*id, field(&format!("decide-{id}")))).collect()),
        error: Some(told),
    };
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| Box::pin(async move { fill(view, &asked, ids, shown).await }))
        .await?;
    let status = page.error.as_ref().map_or(StatusCode::CONFLICT, decision::status);
    let mut response = respond::page(status, &page);
    decision::say_when(&mut response, page.error.as_ref());
    Ok(response)
}

/// What the page shows besides the requests.
#[derive(Default)]
struct Shown {
    comment: String,
    chosen: Chosen,
    error: Option<DecideError>,
}

/// What is chosen when the page opens.
#[derive(Default)]
enum Chosen {
    #[default]
    None,
    ApproveAlike,
    RejectAll,
    /// What was chosen before.
    Each(BTreeMap<RequestId, String>),
}

impl Chosen {
    /// Approving what is unlike the others takes a choice of its own.
    fn of(&self, id: RequestId, unlike: bool) -> String {
        let word = match self {
            Self::ApproveAlike if !unlike => "approve",
            Self::RejectAll => "reject",
            Self::None | Self::ApproveAlike => "leave",
            Self::Each(each) => match each.get(&id).map(String::as_str) {
                Some("approve") => "approve",
                Some("reject") => "reject",
                _ => "leave",
            },
        };
        word.to_owned()
    }
}

/// The waiting requests of the backups that a batch is about, each read once.
#[derive(Default)]
struct Queues(BTreeMap<BackupId, Vec<RequestRecord>>);

impl Queues {
    /// What an approval takes before, and what a rejection takes along, oldest first.
    async fn around(
        &mut self,
        view: &mut View,
        record: &RequestRecord,
    ) -> Result<(Vec<RequestRecord>, Vec<RequestRecord>), Problem> {
        let Some(backup) = record.backup else {
            return Ok((Vec::new(), Vec::new()));
        };
        let queue = match self.0.entry(backup) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let mut queue = Vec::new();
                for id in view.queue(backup).await? {
                    queue.extend(view.request(id).await?);
                }
                unknown.insert(queue)
            }
        };
        let older = queue.iter().filter(|other| other.id < record.id).cloned().collect();
        let later = queue.iter().filter(|other| other.id > record.id).cloned().collect();
        Ok((older, later))
    }
}

/// What a rejection takes along, as the form says that its page showed it.
fn along(later: &[RequestRecord]) -> String {
    let pairs = later.iter().map(|other| {
        format!(
            "{}:{}",
            other.id,
            other.digest.map(|digest| digest.to_hex()).unwrap_or_default()
        )
    });
    Sha256::of(pairs.collect::<Vec<_>>().join(",").as_bytes()).to_hex()
}

/// Those of these requests that wait, the oldest first, each once.
async fn waiting(view: &mut View, mut ids: Vec<RequestId>) -> Result<Vec<RequestRecord>, Problem> {
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > MOST {
        return Err(Problem::new(
            Kind::Invalid,
            format!("{MOST} requests are decided at once at most. Go back and choose fewer."),
        ));
    }
    let mut records = Vec::new();
    for id in ids {
        records.extend(view.request(id).await?.filter(|record| record.pending().is_some()));
    }
    Ok(records)
}

/// Which of these are not like most of them.
fn unlike(records: &[RequestRecord]) -> Vec<bool> {
    let like = |record: &RequestRecord| (record.operation.id(), record.initiator.account, record.target.clone());
    let mut counts = BTreeMap::new();
    for record in records {
        *counts.entry(like(record)).or_insert(0_usize) += 1;
    }
    let most = counts.values().max().copied().unwrap_or(0);
    // Of several that are as many, the first.
    let largest = records.iter().map(like).find(|key| counts.get(key) == Some(&most));
    records.iter().map(|record| Some(like(record)) != largest).collect()
}

async fn fill(view: &mut View, asked: &Asked, ids: Vec<RequestId>, shown: Shown) -> Result<BatchPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Pending)).await?;
    let factors = view.factors_of(asked.person.account.id).await?;
    let records = waiting(view, ids).await?;
    let here: Vec<_> = records.iter().map(|record| record.id).collect();
    let accounts = view.accounts().await?;
    let differ = Unlike::among(&records);
    let unlike = unlike(&records);
    let mut queues = Queues::default();
    let mut items = Vec::new();
    for (record, unlike) in records.iter().zip(unlike) {
        let (older, later) = queues.around(view, record).await?;
        let missing = |others: &[RequestRecord]| -> Vec<RequestId> {
            let ids = others.iter().map(|other| other.id);
            ids.filter(|id| !here.contains(id)).collect()
        };
        let texts = |ids: &[RequestId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        let summary = preview::summary(view, record, asked.now).await?;
        let missing_older = missing(&older);
        let cannot_approve = obstacles::cannot_approve(asked, record, &[], &accounts);
        let cannot_reject = obstacles::cannot_reject(asked, record);
        let chosen = shown.chosen.of(record.id, unlike);
        let closed = match chosen.as_str() {
            "approve" => cannot_approve.is_some() || !missing_older.is_empty(),
            "reject" => cannot_reject.is_some(),
            _ => false,
        };
        items.push(BatchItem {
            id: record.id.to_string(),
            digest: record.digest.map(|digest| digest.to_hex()).unwrap_or_default(),
            operation: words::operation(asked, &record.operation),
            initiator: record.initiator.name.clone(),
            yours: asked.is_reader(record.initiator.account),
            created: asked.moment(record.created_at),
            expires: asked.moment(words::expires(asked, record)),
            why: view.why(record.id).await?.map(|why| why.to_string()),
            warnings: request::warnings(asked, record, &summary),
            subject: subject::brief(view, asked, record, &summary).await?,
            unlike,
            busy: match record.backup {
                Some(backup) => obstacles::busy(view, asked, backup, &policy).await?,
                None => None,
            },
            cannot_approve,
            cannot_reject,
            older_href: place(&[here.as_slice(), &missing_older].concat(), ""),
            older: texts(&missing_older),
            later: texts(&missing(&later)),
            along: along(&later),
            chosen: if closed { "leave".to_owned() } else { chosen },
        });
    }
    Ok(BatchPage {
        undo_hours: Count(policy.undo_hours.into()),
        chrome,
        items,
        differ: differ.is_any().then(|| differ.to_string()),
        comment: shown.comment,
        error: shown.error,
        totp: factors.totp,
        passkey: own_factors::ask(asked, factors),
        approve_href: place(&here, "approve"),
        reject_href: place(&here, "reject"),
    })
}

/// Where these are shown, with this chosen.
fn place(ids: &[RequestId], choose: &str) -> String {
    let texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let mut pairs: Vec<_> = texts.iter().map(|id| ("id", id.as_str())).collect();
    pairs.push(("choose", choose));
    address(PATH, &pairs)
}

/// What the form says that its page showed.
fn seen_in(form: &HashMap<String, String>) -> Result<Vec<(RequestId, Sha256)>, Problem> {
    let unreadable = || Problem::new(Kind::Malformed, "This form cannot be read. Open the page again.");
    let seen = form.get("seen").ok_or_else(unreadable)?;
    let pair = |text: &str| {
        let (id, digest) = text.split_once(':')?;
        Some((id.parse().ok()?, digest.parse().ok()?))
    };
    let pairs: Option<Vec<_>> = seen.split(',').filter(|text| !text.is_empty()).map(pair).collect();
    pairs.ok_or_else(unreadable)
}

/// Decides what was chosen; the page that says what became of each.
async fn decided(
    asked: &Asked,
    form: &HashMap<String, String>,
    seen: &[(RequestId, Sha256)],
) -> Result<BatchDonePage, Refused> {
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    let sent = SentDecision {
        comment: field("comment"),
        code: field("code"),
        passkey: field("passkey"),
        ..SentDecision::default()
    };
    let decider = decision::decider(asked, &sent)?;
    let verdict = |id: RequestId| match form.get(&format!("decide-{id}")).map(String::as_str) {
        Some("approve") => Some(Verdict::Approve),
        Some("reject") => Some(Verdict::Reject),
        _ => None,
    };
    let mut items = Vec::new();
    for (id, digest) in seen {
        items.extend(verdict(*id).map(|verdict| Item {
            id: *id,
            seen: *digest,
            verdict,
            comment: decider.comment.clone(),
        }));
    }
    if items.is_empty() {
        return Err(DecideError::NothingChosen.into());
    }
    let ids: Vec<_> = items.iter().map(|item| item.id).collect();
    // A rejection takes along what its page showed, or nothing is rejected.
    let now = standing(asked, ids).await?;
    let stale = |item: &Item| {
        let shown = form.get(&format!("along-{}", item.id));
        item.verdict == Verdict::Reject && now.get(&item.id).is_some_and(|(_, along)| Some(along) != shown)
    };
    let (stale, fresh): (Vec<_>, Vec<_>) = items.into_iter().partition(stale);
    // Each of the unlike ones was chosen by itself.
    let answered = match flow::decide_all(&asked.app, decider, fresh, true).await {
        Ok(answered) => answered,
        Err(BatchError::Nothing) if !stale.is_empty() => Vec::new(),
        Err(BatchError::Factor(refused)) => return Err(decision::factor_refused(asked, refused).into()),
        Err(error) => return Err(Refused::Failed(error.into())),
    };
    let mut outcomes: BTreeMap<RequestId, Result<(RequestState, Vec<String>), DecideError>> = BTreeMap::new();
    for item in stale {
        outcomes.insert(item.id, Err(DecideError::Changed));
    }
    for one in answered {
        let outcome = match one.outcome {
            Ok(ids) => {
                let along = ids.iter().filter(|other| **other != one.id).map(ToString::to_string);
                let state = match one.verdict {
                    Verdict::Approve => RequestState::Approved,
                    Verdict::Reject => RequestState::Rejected,
                };
                Ok((state, along.collect()))
            }
            Err(error) => Err(why_not(asked, now.get(&one.id).map(|(record, _)| record), error).await?),
        };
        outcomes.insert(one.id, outcome);
    }
    Ok(done(asked, &now, outcomes).await?)
}

/// How each stands before anything is decided, and what rejecting it would take along.
async fn standing(asked: &Asked, ids: Vec<RequestId>) -> Result<BTreeMap<RequestId, (RequestRecord, String)>, Problem> {
    asked
        .app
        .store
        .read(move |view| {
            Box::pin(async move {
                let (mut queues, mut now) = (Queues::default(), BTreeMap::new());
                for id in ids {
                    let Some(record) = view.request(id).await? else {
                        continue;
                    };
                    let (_, later) = queues.around(view, &record).await?;
                    now.insert(id, (record, along(&later)));
                }
                Ok(now)
            })
        })
        .await
}

/// What the page says of one that was not decided.
async fn why_not(
    asked: &Asked,
    record: Option<&RequestRecord>,
    error: flow::DecideError,
) -> Result<DecideError, Problem> {
    let Some(record) = record else {
        return Ok(DecideError::Impossible(words::sentence(&error.to_string())));
    };
    match decision::refused(asked, record, error) {
        Refused::Told(error) => Ok(error),
        Refused::Failed(problem) => Ok(DecideError::Impossible(problem.detail().to_owned())),
        Refused::TooLate => {
            let id = record.id;
            let record = asked
                .app
                .store
                .ask(move |view| Box::pin(async move { Ok::<_, Problem>(view.request(id).await?) }))
                .await?;
            Ok(match record.and_then(|now| Some((words::state(now.state)?, now))) {
                Some((state, now)) => DecideError::AlreadyDecided {
                    state,
                    at: asked.moment(now.decided_at.unwrap_or(asked.now)),
                    by: now.decided_by,
                },
                None => DecideError::Changed,
            })
        }
    }
}

/// The page that says what became of each.
async fn done(
    asked: &Asked,
    now: &BTreeMap<RequestId, (RequestRecord, String)>,
    outcomes: BTreeMap<RequestId, Result<(RequestState, Vec<String>), DecideError>>,
) -> Result<BatchDonePage, Problem> {
    let still: Vec<_> = outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Err(error) if !matches!(error, DecideError::AlreadyDecided { .. })))
        .map(|(id, _)| *id)
        .collect();
    let operation = |id: RequestId| {
        now.get(&id)
            .map(|(record, _)| words::operation(asked, &record.operation))
    };
    let rows = outcomes.into_iter().map(|(id, outcome)| BatchDone {
        id: id.to_string(),
        operation: operation(id).unwrap_or_default(),
        outcome,
    });
    let rows = rows.collect();
    let reader = Asked::by(asked.app.clone(), asked.person.clone());
    let chrome = asked
        .app
        .store
        .read(move |view| Box::pin(async move { reader.chrome(view, Some(Section::Pending)).await }));
    let (chrome, _) = chrome.await?;
    Ok(BatchDonePage {
        chrome,
        rows,
        again: (!still.is_empty()).then(|| place(&still, "")),
    })
}
