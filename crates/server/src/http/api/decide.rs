//! Many decisions in one call, with one code.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use countersign_core::{RequestId, Sha256};
use countersign_vault::VaultError;
use serde::{Deserialize, Serialize};

use super::super::problem::Problem;
use super::body::Body;
use super::requests::decider;
use crate::AppState;
use crate::flows::decide::{self, Answered, BatchError, DecideError, Item, Verdict};
use crate::flows::settings::ChangeError;
use crate::session::ApiCaller;

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/api/v1/requests/decide", post(decide_all))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    decisions: Vec<One>,
    /// A fresh one-time code, for all of them.
    code: String,
    /// Whoever calls knows that the approvals differ, and has looked at each.
    #[serde(default)]
    unlike: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    id: RequestId,
    /// The digest that was seen.
    digest: Sha256,
    decision: Way,
    #[serde(default)]
    comment: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Way {
    Approve,
    Reject,
}

#[derive(Serialize)]
struct Results {
    /// In the order in which they were asked for.
    results: Vec<Decided>,
}

/// What became of one of them.
#[derive(Serialize)]
struct Decided {
    id: RequestId,
    outcome: Outcome,
    /// What was decided with it: a rejection takes later ones of its backup along.
    requests: Vec<RequestId>,
    /// Why it was not decided, in a sentence.
    detail: Option<String>,
}

/// In one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Approved,
    Rejected,
    /// Somebody is at work there; it still waits.
    Busy,
    /// It is not what was seen; it still waits.
    Changed,
    /// Somebody was first, or its time was over.
    Decided,
    /// The rules are against it; it still waits.
    Refused,
}

async fn decide_all(
    State(app): State<AppState>,
    caller: ApiCaller,
    Body(batch): Body<Batch>,
) -> Result<Json<Results>, Problem> {
    let mut items = Vec::with_capacity(batch.decisions.len());
    for one in batch.decisions {
        items.push(Item {
            id: one.id,
            seen: one.digest,
            verdict: match one.decision {
                Way::Approve => Verdict::Approve,
                Way::Reject => Verdict::Reject,
            },
            comment: super::requests::comment(one.comment)?,
        });
    }
    let decider = decider(&caller, batch.code, String::new())?;
    let answered = decide::decide_all(&app, decider, items, batch.unlike).await?;
    Ok(Json(Results {
        results: answered.into_iter().map(result).collect(),
    }))
}

fn result(answered: Answered) -> Decided {
    let Answered { id, verdict, outcome } = answered;
    match outcome {
        Ok(requests) => Decided {
            id,
            outcome: match verdict {
                Verdict::Approve => Outcome::Approved,
                Verdict::Reject => Outcome::Rejected,
            },
            requests,
            detail: None,
        },
        Err(error) => Decided {
            id,
            outcome: outcome_of(&error),
            requests: Vec::new(),
            // As the same decision alone would be answered: what is nobody else's business stays in the log.
            detail: Some(Problem::from(error).detail().to_owned()),
        },
    }
}

fn outcome_of(error: &DecideError) -> Outcome {
    use countersign_core::request::Refusal;
    let (DecideError::Vault(error) | DecideError::Change(ChangeError::Vault(error))) = error else {
        return Outcome::Refused;
    };
    match error {
        VaultError::InUse(_) | VaultError::Moving => Outcome::Busy,
        VaultError::Drift | VaultError::Undecided(Refusal::Changed) => Outcome::Changed,
        VaultError::Decided { .. } => Outcome::Decided,
        _ => Outcome::Refused,
    }
}

/// Why nothing of a batch was decided, as an answer.
impl From<BatchError> for Problem {
    fn from(error: BatchError) -> Self {
        use super::super::problem::Kind;
        match error {
            BatchError::Nothing | BatchError::TooMany | BatchError::Twice(_) => {
                Self::new(Kind::Invalid, format!("Nothing was decided: {error}.")).with("field", "decisions")
            }
            BatchError::Unlike(unlike) => {
                let problem = Self::new(
                    Kind::Conflict,
                    format!("Nothing was decided: {error} (“unlike”: true)."),
                );
                problem.with("differ", unlike.words())
            }
            BatchError::Factor(refused) => DecideError::Factor(refused).into(),
            BatchError::Store(error) => error.into(),
        }
    }
}
