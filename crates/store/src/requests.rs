//! Requests: from the first held object to the recorded effect.

use countersign_core::behind::{Part, Party};
use countersign_core::manifest::{Initiator, Manifest, Subject};
use countersign_core::request::{DecidedFrom, Effect, Pending, State, Summary};
use countersign_core::undo::{Approver, Waiting};
use countersign_core::{AccountId, Actor, BackupId, ObjectKind, RequestId, Sha256, Why};
use countersign_events::{Operation, Timestamp};

use crate::named::name_key;
use crate::time_marks::List;
use crate::{RequestFilter, Row, StoreError, Tx, View};

/// A request's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// Which one.
    pub id: RequestId,
    /// Where it is in its life.
    pub state: State,
    /// What would be done; while it is collecting, a first guess.
    pub operation: Operation,
    /// In which backup.
    pub backup: Option<BackupId>,
    /// What people call the thing it is about: `main/laptop`, or the name of a setting.
    pub target: String,
    /// Who asked.
    pub initiator: Initiator,
    /// When the first object was held, or the request was made.
    pub created_at: Timestamp,
    /// When its manifest was sealed.
    pub sealed_at: Option<Timestamp>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// Of its manifest.
    pub digest: Option<Sha256>,
    /// What it would take away, in numbers.
    pub summary: Option<Summary>,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// By whom.
    pub decided_by: Option<String>,
    /// What they said.
    pub comment: Option<String>,
    /// Why it was decided so when nobody said: it went along with an earlier one, its time was over.
    pub reason: Option<String>,
    /// How far the effect is.
    pub effect: Effect,
    /// Since when.
    pub effect_at: Option<Timestamp>,
    /// What came of it.
    pub effect_detail: Option<String>,
    /// When an approval that waits for its time takes effect, if nobody vetoes it.
    pub due_at: Option<Timestamp>,
    /// Who approved, while it waits for its time.
    pub approver: Option<Approver>,
    /// Who vetoed it.
    pub vetoed_by: Option<String>,
    /// What they said.
    pub veto_comment: Option<String>,
    /// How it was decided; none where nobody did, or before it was noted.
    pub decided_from: Option<DecidedFrom>,
}

impl RequestRecord {
    /// The request as the decision sees it; none unless it is pending.
    pub fn pending(&self) -> Option<Pending> {
        match self.state {
            State::Pending => self.sealed(),
            State::Collecting | State::Approved | State::Rejected | State::Expired | State::Closed => None,
        }
    }

    /// The approval as a veto and the end of the undo window see it; none unless it waits for its time.
    pub fn waiting(&self) -> Option<Waiting> {
        match (self.state, self.effect, self.approver, self.due_at) {
            (State::Approved, Effect::Waiting | Effect::Postponed, Some(approver), Some(due_at)) => Some(Waiting {
                request: self.sealed()?,
                approver,
                due_at,
            }),
            _ => None,
        }
    }

    fn sealed(&self) -> Option<Pending> {
        Some(Pending {
            id: self.id,
            operation: self.operation.clone(),
            backup: self.backup,
            initiator: self.initiator.clone(),
            digest: self.digest?,
            expires_at: self.expires_at?,
        })
    }
}

/// What a request is made of at first.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// What would be done.
    pub operation: Operation,
    /// In which backup.
    pub backup: Option<BackupId>,
    /// What people call the thing it is about.
    pub target: String,
    /// When.
    pub created_at: Timestamp,
}

impl View {
    /// A request.
    pub async fn request(&mut self, id: RequestId) -> Result<Option<RequestRecord>, StoreError> {
        let row = self
            .row(
                "SELECT id, state, operation, backup_id, target, initiator_id, initiator, initiator_login_type, address, created_at,
                        sealed_at, expires_at, digest, summary, decided_at, decided_by, comment, reason, effect, effect_at, effect_detail,
                        behind, decided_from, due_at, decided_by_id, approver_eligible_at, vetoed_by, veto_comment
                 FROM requests WHERE id = $1",
                params![id.0],
            )
            .await?;
        row.as_ref().map(record).transpose()
    }

    /// How many requests are in a state.
    pub async fn count_requests(&mut self, state: State) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM requests WHERE state = $1";
        self.count(sql, params![state.as_str()]).await
    }

    /// The waiting requests of a backup, oldest first: the queue that decisions keep to.
    pub async fn queue(&mut self, backup: BackupId) -> Result<Vec<RequestId>, StoreError> {
        let rows = self
            .rows(
                "SELECT id FROM requests WHERE backup_id = $1 AND state = 'pending' ORDER BY id",
                params![backup.0],
            )
            .await?;
        rows.iter().map(|row| row.int(0).map(RequestId)).collect()
    }

    /// The request that collects deletes in a backup, if one does. There is never a second.
    pub async fn collecting(&mut self, backup: BackupId) -> Result<Option<RequestRecord>, StoreError> {
        match self
            .row(
                "SELECT id FROM requests WHERE backup_id = $1 AND state = 'collecting'",
                params![backup.0],
            )
            .await?
        {
            Some(row) => self.request(RequestId(row.int(0)?)).await,
            None => Ok(None),
        }
    }

    /// Every request that collects.
    pub async fn all_collecting(&mut self) -> Result<Vec<RequestRecord>, StoreError> {
        self.requests(
            &RequestFilter {
                states: vec![State::Collecting],
                ..RequestFilter::default()
            },
            None,
            10_000,
        )
        .await
    }

    /// The pending requests whose time is over, oldest first.
    pub async fn overdue(&mut self, now: Timestamp) -> Result<Vec<RequestId>, StoreError> {
        let rows = self
            .rows(
                "SELECT id FROM requests WHERE state = 'pending' AND expires_at <= $1 ORDER BY id",
                params![now.0],
            )
            .await?;
        rows.iter().map(|row| row.int(0).map(RequestId)).collect()
    }

    /// Why a request was asked for, if its initiator said so.
    pub async fn why(&mut self, id: RequestId) -> Result<Option<Why>, StoreError> {
        let row = self
            .row("SELECT why FROM requests WHERE id = $1", params![id.0])
            .await?;
        let text = row.map(|row| row.text_or_null(0)).transpose()?.flatten();
        text.map(|text| {
            text.parse()
                .map_err(|_| StoreError::Unreadable("why a request was asked for"))
        })
        .transpose()
    }
}

impl Tx {
    /// Begins a request. It collects until it is sealed.
    pub async fn begin_request(&mut self, new: &NewRequest, actor: &Actor) -> Result<RequestId, StoreError> {
        let behind = self.behind_now(actor, new.created_at).await?;
        let id = self.insert(
            "INSERT INTO requests (state, operation, backup_id, target, initiator_id, initiator, initiator_login_type, address,
                                   created_at, effect, operation_id, initiator_key, why, behind)
             VALUES ('collecting', $1, $2, $3, $4, $5, $6, $7, $8, 'none', $9, $10, $11, $12) RETURNING id",
            params![
                json(&new.operation)?,
                new.backup.map(|backup| backup.0),
                new.target.as_str(),
                actor.account.0,
                actor.name.as_str(),
                i64::from(actor.login_type),
                actor.address.as_str(),
                new.created_at.0,
                i64::from(new.operation.id()),
                name_key(&actor.name),
                actor.why.as_ref().map(Why::as_str),
                json(&behind)?
            ],
        )
        .await?;
        self.mark_time(List::Requests, id, new.created_at).await?;
        Ok(RequestId(id))
    }

    /// More is asked for in a collecting request, by the same account, perhaps with another maker's token.
    pub async fn join_request(
        &mut self,
        record: &RequestRecord,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let known = &record.initiator.behind;
        if actor
            .maker
            .is_none_or(|maker| known.iter().any(|party| party.account == maker))
        {
            return Ok(());
        }
        let mut behind = self.behind_now(actor, now).await?;
        behind.extend(known);
        behind.sort_unstable();
        behind.dedup();
        let sql = "UPDATE requests SET behind = $1 WHERE id = $2 AND state = 'collecting'";
        one_row(self.execute(sql, params![json(&behind)?, record.id.0]).await?)
    }

    async fn behind_now(&mut self, actor: &Actor, now: Timestamp) -> Result<Vec<Party>, StoreError> {
        let maker = actor.maker.map(|account| Party {
            account,
            part: Part::Maker,
        });
        self.parties_now(actor.account, maker.as_slice(), now).await
    }

    /// The initiator of a collecting request as its manifest names them: with everybody who stands behind it by now, too.
    pub async fn initiator_now(&mut self, record: &RequestRecord, now: Timestamp) -> Result<Initiator, StoreError> {
        let recorded = &record.initiator;
        Ok(Initiator {
            behind: self.parties_now(recorded.account, &recorded.behind, now).await?,
            ..recorded.clone()
        })
    }

    /// Seals a collecting request: from here on it waits for a decision on exactly this manifest.
    pub async fn seal_request(
        &mut self,
        manifest: &Manifest,
        operation: &Operation,
        summary: &Summary,
    ) -> Result<Sha256, StoreError> {
        let id = manifest.request;
        let digest = manifest
            .digest()
            .map_err(|error| StoreError::Engine(error.to_string()))?;
        let likeness = manifest
            .subject
            .likeness(operation.id())
            .map_err(|error| StoreError::Engine(error.to_string()))?;
        let sealed = self
            .execute(
                "UPDATE requests SET state = 'pending', operation = $1, sealed_at = $2, expires_at = $3, manifest = $4, digest = $5, summary = $6,
                                     operation_id = $8, behind = $9, same_as = $10
                 WHERE id = $7 AND state = 'collecting'",
                params![
                    json(operation)?,
                    manifest.sealed_at.0,
                    manifest.expires_at.0,
                    json(&manifest.head())?,
                    digest.0.as_slice(),
                    json(summary)?,
                    id.0,
                    i64::from(operation.id()),
                    json(&manifest.initiator.behind)?,
                    likeness.0.as_slice()
                ],
            )
            .await?;
        one_row(sealed)?;
        if let Subject::Objects { .. } = &manifest.subject {
            self.execute(
                "INSERT INTO request_objects (request_id, kind, name, size, hash, received_at, received_by)
                 SELECT held_by, kind, name, size, hash, received_at, received_by FROM objects WHERE held_by = $1",
                params![id.0],
            )
            .await?;
        }
        Ok(digest)
    }

    /// Takes an object that was uploaded again out of a pending request: its manifest and digest change.
    pub async fn unlist_object(&mut self, id: RequestId, kind: ObjectKind, name: &str) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM request_objects WHERE request_id = $1 AND kind = $2 AND name = $3",
            params![id.0, kind.as_str(), name],
        )
        .await?;
        let Some(manifest) = self.manifest(id).await? else {
            return Ok(());
        };
        let digest = manifest
            .digest()
            .map_err(|error| StoreError::Engine(error.to_string()))?;
        let record = self.request(id).await?.ok_or(StoreError::Unreadable("a request"))?;
        let mut summary = Summary {
            kinds: self.held_totals(id).await?,
            ..record.summary.unwrap_or_default()
        };
        if let (Some(sealed), Some(backup)) = (summary.preview.take(), record.backup) {
            let left = self.totals(backup).await?.visible;
            summary.preview = Some(self.preview_now(sealed, id, backup, left).await?);
        }
        let changed = self
            .execute(
                "UPDATE requests SET digest = $1, summary = $2 WHERE id = $3 AND state = 'pending'",
                params![digest.0.as_slice(), json(&summary)?, id.0],
            )
            .await?;
        one_row(changed)
    }

    /// Closes a collecting request that emptied.
    pub async fn close_request(&mut self, id: RequestId, now: Timestamp) -> Result<(), StoreError> {
        let closed = self
            .execute(
                "UPDATE requests SET state = 'closed', decided_at = $1, reason = 'everything was uploaded again'
                 WHERE id = $2 AND state = 'collecting'",
                params![now.0, id.0],
            )
            .await?;
        self.note_turn(id);
        one_row(closed)
    }
}

impl Tx {
    /// Notes what the requests of a database from before searching are found by.
    pub(crate) async fn index_all_requests(&mut self) -> Result<(), StoreError> {
        let sql = "SELECT id, operation, initiator, decided_by, created_at FROM requests ORDER BY id";
        for row in self.rows(sql, params![]).await? {
            let id = row.int(0)?;
            let operation: Operation =
                serde_json::from_str(&row.text(1)?).map_err(|_| StoreError::Unreadable("a request"))?;
            let decider = row.text_or_null(3)?.map(|name| name_key(&name));
            self.execute(
                "UPDATE requests SET operation_id = $1, initiator_key = $2, decided_by_key = $3 WHERE id = $4",
                params![i64::from(operation.id()), name_key(&row.text(2)?), decider, id],
            )
            .await?;
            self.mark_time(List::Requests, id, Timestamp(row.int(4)?)).await?;
        }
        Ok(())
    }
}

/// A row that another transaction changed first is not silently passed over.
pub(crate) fn one_row(touched: u64) -> Result<(), StoreError> {
    if touched == 1 {
        Ok(())
    } else {
        Err(StoreError::Unreadable("a request in the state it was read in"))
    }
}

pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Engine(error.to_string()))
}

pub(crate) fn record(row: &Row) -> Result<RequestRecord, StoreError> {
    let unreadable = || StoreError::Unreadable("a request");
    let state = row.text(1)?;
    let effect = row.text(18)?;
    Ok(RequestRecord {
        id: RequestId(row.int(0)?),
        state: State::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(unreadable)?,
        operation: serde_json::from_str(&row.text(2)?).map_err(|_| unreadable())?,
        backup: row.int_or_null(3)?.map(BackupId),
        target: row.text(4)?,
        initiator: Initiator {
            account: AccountId(row.int(5)?),
            name: row.text(6)?,
            login_type: u32::try_from(row.int(7)?).map_err(|_| unreadable())?,
            address: row.text(8)?,
            behind: match row.text_or_null(21)? {
                Some(text) => serde_json::from_str(&text).map_err(|_| unreadable())?,
                // From before it was noted.
                None => Vec::new(),
            },
        },
        created_at: Timestamp(row.int(9)?),
        sealed_at: row.int_or_null(10)?.map(Timestamp),
        expires_at: row.int_or_null(11)?.map(Timestamp),
        digest: row
            .blob_or_null(12)?
            .map(|bytes| Sha256::from_slice(&bytes).ok_or_else(unreadable))
            .transpose()?,
        summary: row
            .text_or_null(13)?
            .map(|text| serde_json::from_str(&text).map_err(|_| unreadable()))
            .transpose()?,
        decided_at: row.int_or_null(14)?.map(Timestamp),
        decided_by: row.text_or_null(15)?,
        comment: row.text_or_null(16)?,
        reason: row.text_or_null(17)?,
        effect: Effect::ALL
            .into_iter()
            .find(|known| known.as_str() == effect)
            .ok_or_else(unreadable)?,
        effect_at: row.int_or_null(19)?.map(Timestamp),
        effect_detail: row.text_or_null(20)?,
        due_at: row.int_or_null(23)?.map(Timestamp),
        approver: match (row.int_or_null(24)?, row.int_or_null(25)?) {
            (Some(account), Some(eligible_at)) => Some(Approver {
                account: AccountId(account),
                eligible_at: Timestamp(eligible_at),
            }),
            _ => None,
        },
        vetoed_by: row.text_or_null(26)?,
        veto_comment: row.text_or_null(27)?,
        decided_from: row
            .text_or_null(22)?
            .map(|text| serde_json::from_str(&text).map_err(|_| unreadable()))
            .transpose()?,
    })
}
