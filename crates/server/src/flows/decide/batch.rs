//! Many decisions with one factor: each is made by the same flow as one alone, in a transaction of its own, and answered by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use countersign_core::request::{DecidedFrom, Refusal};
use countersign_core::{RequestId, Sha256};
use countersign_store::{RequestRecord, StoreError, Tx};
use countersign_vault::VaultError;

use super::{DecideError, Decider, Deciding, Proven, approve_by, decided_from, may_approve, may_reject, reject_by};
use crate::AppState;
use crate::app::App;
use crate::step_up::{ShownRefused, verify_shown};

/// How many requests are decided at once at most.
pub const MOST: usize = 200;

/// One decision of a batch.
#[derive(Debug, Clone)]
pub struct Item {
    /// About which request.
    pub id: RequestId,
    /// The digest that was seen.
    pub seen: Sha256,
    /// Which way.
    pub verdict: Verdict,
    /// What is said about it.
    pub comment: String,
}

/// Which way a decision goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is to be done.
    Approve,
    /// It is not.
    Reject,
}

/// What became of one decision of a batch.
#[derive(Debug)]
pub struct Answered {
    /// About which request.
    pub id: RequestId,
    /// Which way it was to go.
    pub verdict: Verdict,
    /// What it decided, or why nothing.
    pub outcome: Result<Vec<RequestId>, DecideError>,
}

/// In what approvals differ that were asked for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unlike {
    /// In the operation's number.
    pub operation: bool,
    /// In who asked.
    pub initiator: bool,
    /// In the backup, or what else they are about.
    pub target: bool,
}

impl Unlike {
    /// Whether they differ in anything.
    pub const fn is_any(self) -> bool {
        self.operation || self.initiator || self.target
    }

    /// In what, as the API names it.
    pub fn words(self) -> Vec<&'static str> {
        let named = [
            (self.operation, "operation_id"),
            (self.initiator, "initiator"),
            (self.target, "target"),
        ];
        named
            .into_iter()
            .filter(|(differs, _)| *differs)
            .map(|(_, word)| word)
            .collect()
    }

    /// In what approvals of these differ.
    pub fn among<'r>(records: impl IntoIterator<Item = &'r RequestRecord>) -> Self {
        let (mut operations, mut initiators, mut targets) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for record in records {
            operations.insert(record.operation.id());
            initiators.insert(record.initiator.account);
            targets.insert(record.target.as_str());
        }
        Self {
            operation: operations.len() > 1,
            initiator: initiators.len() > 1,
            target: targets.len() > 1,
        }
    }
}

impl fmt::Display for Unlike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [
            (self.operation, "what they do"),
            (self.initiator, "who asked"),
            (self.target, "what they are about"),
        ];
        let words: Vec<_> = named
            .into_iter()
            .filter(|(differs, _)| *differs)
            .map(|(_, word)| word)
            .collect();
        f.write_str(&words.join(", "))
    }
}

/// Why nothing of a batch was decided.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// There is nothing to do.
    #[error("name at least one request")]
    Nothing,
    /// More than [`MOST`].
    #[error("{MOST} requests are decided at once at most")]
    TooMany,
    /// Two decisions about one request.
    #[error("request {0} is named twice")]
    Twice(RequestId),
    /// The approvals differ, and nobody said that this is known.
    #[error("these approvals are not alike: they differ in {0}. Look at each of them, and say that they are unlike")]
    Unlike(Unlike),
    /// The factor was not taken.
    #[error(transparent)]
    Factor(#[from] ShownRefused),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Decides these, with one factor, which is used up only if there is one among them that this account may decide.
///
/// Approvals come first, the oldest first, then rejections, the newest first: so each finds the order of its backup's queue as it must be,
/// and none takes along what another of them is about. The decider's own comment is not used: each item has its own.
///
/// # Errors
/// Why nothing was decided at all. What became of each is in the answer, in the order in which they were given.
pub async fn decide_all(
    app: &AppState,
    decider: Decider,
    items: Vec<Item>,
    unlike: bool,
) -> Result<Vec<Answered>, BatchError> {
    well_formed(&items)?;
    if !unlike {
        let differ = Unlike::among(&approved_among(app, &items).await?);
        if differ.is_any() {
            return Err(BatchError::Unlike(differ));
        }
    }
    let Checked { proven, refused } = checked(app, &decider, &items).await?;
    let mut order: Vec<_> = (0..items.len()).collect();
    order.sort_by_key(|at| match items[*at].verdict {
        Verdict::Approve => (false, items[*at].id.0),
        Verdict::Reject => (true, -items[*at].id.0),
    });
    let mut outcomes = BTreeMap::new();
    if let Some(proven) = &proven {
        for at in order.into_iter().filter(|at| !refused.contains_key(at)) {
            let item = &items[at];
            let deciding = Deciding {
                decider: Decider {
                    comment: item.comment.clone(),
                    ..decider.clone()
                },
                batch: Some(Arc::clone(proven)),
            };
            let outcome = match item.verdict {
                Verdict::Approve => approve_by(app, deciding, vec![(item.id, item.seen)]).await,
                Verdict::Reject => reject_by(app, deciding, item.id).await,
            };
            outcomes.insert(at, outcome);
        }
    }
    outcomes.extend(refused.into_iter().map(|(at, why)| (at, Err(why))));
    let answered = outcomes.into_iter().map(|(at, outcome)| Answered {
        id: items[at].id,
        verdict: items[at].verdict,
        outcome,
    });
    Ok(answered.collect())
}

/// Each request once, and not too many.
fn well_formed(items: &[Item]) -> Result<(), BatchError> {
    if items.is_empty() {
        return Err(BatchError::Nothing);
    }
    if items.len() > MOST {
        return Err(BatchError::TooMany);
    }
    let mut named = BTreeSet::new();
    match items.iter().find(|item| !named.insert(item.id)) {
        Some(twice) => Err(BatchError::Twice(twice.id)),
        None => Ok(()),
    }
}

/// The requests that are to be approved, as far as there are such.
async fn approved_among(app: &App, items: &[Item]) -> Result<Vec<RequestRecord>, StoreError> {
    let approvals = items.iter().filter(|item| item.verdict == Verdict::Approve);
    let ids: Vec<_> = approvals.map(|item| item.id).collect();
    app.store
        .read(move |view| {
            Box::pin(async move {
                let mut records = Vec::new();
                for id in ids {
                    records.extend(view.request(id).await?);
                }
                Ok(records)
            })
        })
        .await
}

/// What was found before anything is decided.
struct Checked {
    /// The factor, if there is anything to decide with it.
    proven: Option<Arc<Proven>>,
    /// Why some cannot be decided, by their place.
    refused: BTreeMap<usize, DecideError>,
}

/// In one transaction: which of them this account may decide now as they were seen, and, if there is one, the factor.
async fn checked(app: &AppState, decider: &Decider, items: &[Item]) -> Result<Checked, BatchError> {
    let (server, decider, items, moment) = (
        AppState::clone(app),
        decider.clone(),
        items.to_vec(),
        app.vault.moment(),
    );
    let (checked, wrong) = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let account = tx.account(decider.account).await?;
                let account = account.ok_or(StoreError::Unreadable("the account of a session"))?;
                let mut refused = BTreeMap::new();
                for (at, item) in items.iter().enumerate() {
                    let may = match item.verdict {
                        Verdict::Approve => may_approve(tx, &account, item.id, moment).await,
                        Verdict::Reject => may_reject(tx, &account, item.id, moment).await,
                    };
                    let found = match may {
                        Ok(()) => as_seen(tx, item).await,
                        Err(why) => Err(why),
                    };
                    match found {
                        Ok(()) => {}
                        Err(VaultError::Store(error)) => return Err(error),
                        Err(why) => drop(refused.insert(at, why.into())),
                    }
                }
                if refused.len() == items.len() {
                    return Ok((Checked { proven: None, refused }, None));
                }
                let shown = verify_shown(tx, &server, &account, &decider.shown, &decider.from, moment.now).await?;
                Ok(match shown {
                    Ok(proof) => {
                        let from = decided_from(tx, &decider, moment.now).await?;
                        let proven = Arc::new(Proven {
                            proof,
                            from: of_batch(from, items.len()),
                        });
                        let proven = Some(proven);
                        (Checked { proven, refused }, None)
                    }
                    Err(wrong) => (Checked { proven: None, refused }, Some(wrong)),
                })
            })
        })
        .await?;
    // What a wrong code sets off is reported, also when nothing is decided.
    app.delivery_changed.notify_one();
    match wrong {
        Some(wrong) => Err(wrong.into()),
        None => Ok(checked),
    }
}

/// A request is decided as it was seen, either way.
async fn as_seen(tx: &mut Tx, item: &Item) -> Result<(), VaultError> {
    let record = tx.request(item.id).await?.ok_or(VaultError::NoRequest(item.id))?;
    if record.digest == Some(item.seen) {
        Ok(())
    } else {
        Err(Refusal::Changed.into())
    }
}

/// That the factor was shown for several at once is kept with each of them.
fn of_batch(from: DecidedFrom, count: usize) -> DecidedFrom {
    DecidedFrom {
        factor: if count > 1 {
            format!("{} for {count} requests at once", from.factor)
        } else {
            from.factor
        },
        ..from
    }
}
