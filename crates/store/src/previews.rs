//! What a supervisor sees before deciding: the numbers of [`Preview`], each by an index.

use countersign_core::preview::{Earlier, HABIT_WEEKS, Left, NAMED_CLIENTS, Preview};
use countersign_core::preview::{habit, rhythm_seconds};
use countersign_core::request::{KindSum, State, Summary};
use countersign_core::{AccountId, BackupId, ObjectKind, RequestId};
use countersign_events::Timestamp;

use crate::requests::RequestRecord;
use crate::{StoreError, View};

/// How many earlier requests a habit is looked for in, the newest first. A prune every hour makes 2,016 in twelve weeks.
const MOST_EARLIER: i64 = 2_048;

/// How many of the newest snapshots a rhythm is read from.
const MOST_RHYTHM: i64 = 32;

/// One client's snapshots in a backup.
struct OfClient {
    name: String,
    oldest: Timestamp,
    newest: Timestamp,
}

impl View {
    /// What there is to know of a request that is being sealed. `left` is what clients see of the backup without it.
    pub async fn preview(
        &mut self,
        record: &RequestRecord,
        backup: BackupId,
        whole: bool,
        left: Vec<KindSum>,
        now: Timestamp,
    ) -> Result<Preview, StoreError> {
        let earlier = self.earlier(backup, record.initiator.account, record.id, now).await?;
        let (habit, week) = habit(&earlier, now);
        let sealed = Preview {
            whole,
            habit,
            week,
            rhythm_seconds: self.rhythm(backup).await?,
            ..Preview::default()
        };
        self.preview_now(sealed, record.id, backup, left).await
    }

    /// The same with what goes and what stays as it is now, for a request that still holds its objects.
    pub async fn preview_now(
        &mut self,
        sealed: Preview,
        request: RequestId,
        backup: BackupId,
        left: Vec<KindSum>,
    ) -> Result<Preview, StoreError> {
        let lost = self
            .of_clients(
                "SELECT received_by, min(received_at), max(received_at) FROM objects
                 WHERE held_by = $1 AND kind = 'snapshots' GROUP BY received_by ORDER BY received_by",
                request.0,
            )
            .await?;
        let stay = self
            .of_clients(
                "SELECT received_by, min(received_at), max(received_at) FROM objects
                 WHERE backup_id = $1 AND kind = 'snapshots' AND held_by IS NULL GROUP BY received_by ORDER BY received_by",
                backup.0,
            )
            .await?;
        let stays = |name: &str| stay.iter().any(|client| client.name == name);
        let gone: Vec<_> = lost.iter().filter(|client| !stays(&client.name)).collect();
        let oldest = lost.iter().map(|client| client.oldest).min();
        let newest = lost.iter().map(|client| client.newest).max();
        Ok(Preview {
            lost: oldest.zip(newest),
            left: Left {
                kinds: left,
                newest: stay.iter().map(|client| client.newest).max(),
            },
            last_copy_count: gone.len() as u64,
            last_copies: gone
                .into_iter()
                .take(NAMED_CLIENTS)
                .map(|client| client.name.clone())
                .collect(),
            ..sealed
        })
    }

    /// The names of a backup's keys, visible or held.
    pub async fn key_names(&mut self, backup: BackupId, most: usize) -> Result<Vec<String>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = self
            .rows(
                "SELECT name FROM objects WHERE backup_id = $1 AND kind = 'keys' ORDER BY name LIMIT $2",
                params![backup.0, most],
            )
            .await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    async fn of_clients(&mut self, sql: &'static str, id: i64) -> Result<Vec<OfClient>, StoreError> {
        let rows = self.rows(sql, params![id]).await?;
        rows.iter()
            .map(|row| {
                Ok(OfClient {
                    name: row.text(0)?,
                    oldest: Timestamp(row.int(1)?),
                    newest: Timestamp(row.int(2)?),
                })
            })
            .collect()
    }

    async fn rhythm(&mut self, backup: BackupId) -> Result<Option<i64>, StoreError> {
        let rows = self
            .rows(
                "SELECT received_at FROM objects WHERE backup_id = $1 AND kind = 'snapshots' ORDER BY received_at DESC LIMIT $2",
                params![backup.0, MOST_RHYTHM],
            )
            .await?;
        let received: Result<Vec<_>, _> = rows.iter().map(|row| row.int(0).map(Timestamp)).collect();
        Ok(rhythm_seconds(&received?))
    }

    /// What an account asked for in a backup within the weeks of a habit, before a request; approved or waiting.
    async fn earlier(
        &mut self,
        backup: BackupId,
        account: AccountId,
        before: RequestId,
        now: Timestamp,
    ) -> Result<Vec<Earlier>, StoreError> {
        let weeks = i64::try_from(HABIT_WEEKS).unwrap_or(0);
        let since = now.plus_seconds(-weeks * 7 * 86_400);
        let rows = self
            .rows(
                "SELECT state, created_at, summary FROM requests
                 WHERE backup_id = $1 AND initiator_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
                params![backup.0, account.0, before.0, MOST_EARLIER],
            )
            .await?;
        let mut earlier = Vec::new();
        for row in &rows {
            let (state, at) = (row.text(0)?, Timestamp(row.int(1)?));
            let approved = state == State::Approved.as_str();
            if at < since || !(approved || state == State::Pending.as_str()) {
                continue;
            }
            let summary: Option<Summary> = row
                .text_or_null(2)?
                .map(|text| serde_json::from_str(&text))
                .transpose()
                .map_err(|_| StoreError::Unreadable("a request"))?;
            let summary = summary.unwrap_or_default();
            earlier.push(Earlier {
                at,
                approved,
                snapshots: summary.of(ObjectKind::Snapshots),
                bytes: summary.bytes(),
            });
        }
        Ok(earlier)
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::manifest::{Manifest, Subject};
    use countersign_core::token::Rights;
    use countersign_core::{Actor, Name, Object, ObjectKey, Sha256, Via};
    use countersign_events::Operation;

    use super::*;
    use crate::{NewRequest, Store, Tx};

    const START: Timestamp = Timestamp(1_760_000_000_000_000);

    fn day(days: i64) -> Timestamp {
        START.plus_seconds(days * 86_400)
    }

    fn actor(account: i64) -> Actor {
        Actor {
            account: AccountId(account),
            name: format!("client {account}"),
            login_type: 0,
            via: Via::Token(Rights::Delete),
            address: "192.0.2.7".into(),
            maker: None,
            why: None,
        }
    }

    async fn snapshot(tx: &mut Tx, backup: BackupId, seed: u64, by: &str, at: Timestamp) -> ObjectKey {
        let hash = Sha256::of(&seed.to_be_bytes());
        let key = ObjectKey::parse(ObjectKind::Snapshots, &hash.to_hex()).unwrap();
        let object = Object {
            key,
            size: 100,
            hash,
            received_at: at,
            received_by: by.into(),
        };
        tx.publish_object(backup, &object, AccountId(1)).await.unwrap();
        key
    }

    /// A request of an account that holds these.
    async fn held(tx: &mut Tx, backup: BackupId, account: i64, keys: &[ObjectKey], at: Timestamp) -> RequestRecord {
        let new = NewRequest {
            operation: Operation::DeleteObject { name: "x".into() },
            backup: Some(backup),
            target: "main/laptop".into(),
            created_at: at,
        };
        let id = tx.begin_request(&new, &actor(account)).await.unwrap();
        for key in keys {
            assert!(tx.hold_object(backup, *key, id).await.unwrap());
        }
        tx.request(id).await.unwrap().unwrap()
    }

    async fn sealed(tx: &mut Tx, record: &RequestRecord, backup: BackupId) {
        let manifest = Manifest {
            expires_at: record.created_at.plus_seconds(86_400),
            initiator: record.initiator.clone(),
            nonce: "00".into(),
            operation: 105,
            request: record.id,
            sealed_at: record.created_at,
            subject: Subject::Objects {
                backup,
                name: record.target.clone(),
                objects: Vec::new(),
                whole: false,
            },
            version: Manifest::VERSION,
            why: None,
        };
        let summary = Summary {
            kinds: tx.held_totals(record.id).await.unwrap(),
            ..Summary::default()
        };
        tx.seal_request(&manifest, &record.operation, &summary).await.unwrap();
    }

    async fn within(work: impl FnOnce(&mut Tx, BackupId) -> futures_util::future::BoxFuture<'_, ()> + Send + 'static) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("test.db")).await.unwrap();
        let done = store.write(|tx| {
            Box::pin(async move {
                let storage = tx
                    .add_storage(
                        &countersign_core::StorageSpec::plain("main".parse().unwrap()),
                        None,
                        START,
                    )
                    .await?;
                let backup = tx
                    .add_backup(storage, &"laptop".parse::<Name>().unwrap(), "ann", START)
                    .await?;
                work(tx, backup).await;
                Ok::<_, StoreError>(())
            })
        });
        done.await.unwrap();
    }

    async fn looked_at(tx: &mut Tx, record: &RequestRecord, backup: BackupId, now: Timestamp) -> Preview {
        let left = tx.totals(backup).await.unwrap().visible;
        tx.preview(record, backup, false, left, now).await.unwrap()
    }

    #[tokio::test]
    async fn a_preview_tells_what_goes_and_what_stays() {
        within(|tx, backup| {
            Box::pin(async move {
                let mut keys = Vec::new();
                for (seed, by, at) in [(0, "desk", 1), (1, "laptop", 2), (2, "laptop", 3), (3, "desk", 4)] {
                    keys.push(snapshot(tx, backup, seed, by, day(at)).await);
                }
                let record = held(tx, backup, 1, &keys[1..3], day(5)).await;
                let preview = looked_at(tx, &record, backup, day(5)).await;
                assert_eq!(preview.lost, Some((day(2), day(3))));
                assert_eq!((preview.left.of(ObjectKind::Snapshots), preview.left.bytes()), (2, 200));
                assert_eq!(preview.left.newest, Some(day(4)));
                assert_eq!(
                    (preview.last_copies, preview.last_copy_count),
                    (vec!["laptop".to_owned()], 1)
                );
                assert_eq!((preview.habit, preview.rhythm_seconds), (None, Some(86_400)));
                // Another request takes the rest: what stays is as of now.
                held(tx, backup, 1, &[keys[0], keys[3]], day(5)).await;
                let left = tx.totals(backup).await.unwrap().visible;
                let later = tx
                    .preview_now(Preview::default(), record.id, backup, left)
                    .await
                    .unwrap();
                assert_eq!((later.left.of(ObjectKind::Snapshots), later.left.newest), (0, None));
                assert_eq!(later.lost, Some((day(2), day(3))));
            })
        })
        .await;
    }

    #[tokio::test]
    async fn a_habit_is_of_the_same_account_in_the_same_backup() {
        within(|tx, backup| {
            Box::pin(async move {
                let other = tx
                    .add_backup(countersign_core::StorageId(1), &"other".parse().unwrap(), "ann", START)
                    .await
                    .unwrap();
                let mut seed = 0;
                // Weekly, by account 1 here; account 2, the other backup and what was rejected count for nothing.
                for (account, place, approved, at) in [
                    (1, backup, true, 1),
                    (1, backup, true, 8),
                    (2, backup, true, 8),
                    (1, other, true, 8),
                    (1, backup, false, 9),
                    (1, backup, true, 15),
                ] {
                    let mut keys = Vec::new();
                    for _ in 0..if approved { 2 } else { 50 } {
                        seed += 1;
                        keys.push(snapshot(tx, place, seed, "laptop", day(at)).await);
                    }
                    let record = held(tx, place, account, &keys, day(at)).await;
                    sealed(tx, &record, place).await;
                    let state = if approved { "approved" } else { "rejected" };
                    let sql = "UPDATE requests SET state = $1 WHERE id = $2";
                    tx.execute(sql, params![state, record.id.0]).await.unwrap();
                }
                let record = held(tx, backup, 1, &[], day(16)).await;
                let preview = looked_at(tx, &record, backup, day(16)).await;
                let habit = preview.habit.unwrap();
                assert_eq!((habit.weeks, habit.snapshots), (3, 2));
                assert_eq!((preview.week.requests, preview.week.snapshots), (1, 2));
                // Long after, nothing of it is a habit.
                let late = looked_at(tx, &record, backup, day(200)).await;
                assert_eq!((late.habit, late.week.requests), (None, 0));
            })
        })
        .await;
    }

    #[tokio::test]
    async fn what_is_asked_for_a_preview_has_an_index() {
        within(|tx, backup| {
            Box::pin(async move {
                let plan = tx
                    .rows(
                        "EXPLAIN QUERY PLAN SELECT state, created_at, summary FROM requests
                         WHERE backup_id = $1 AND initiator_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
                        params![backup.0, 1, 9, 9],
                    )
                    .await
                    .unwrap();
                let plan: Vec<_> = plan.iter().map(|row| row.text(3).unwrap()).collect();
                assert!(
                    plan.iter()
                        .any(|step| step.contains("USING INDEX requests_by_backup_and_asker")),
                    "{plan:?}"
                );
                assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:?}");
            })
        })
        .await;
    }
}
