//! Copies of backups at service providers: asked for, being made, over.

use countersign_core::{BackupId, CopyId, Name, ServiceProviderId};
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

/// Where a copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyState {
    /// It waits for its time.
    Due,
    /// It is being made.
    Running,
    /// Everything is there.
    Done,
    /// It was given up.
    Failed,
}

impl CopyState {
    /// The word in the database, the API and the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        let all = [Self::Due, Self::Running, Self::Done, Self::Failed];
        let found = all.into_iter().find(|state| state.as_str() == text);
        found.ok_or(StoreError::Unreadable("the state of a copy"))
    }
}

/// How much a copy came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many objects the backup had.
    pub objects: u64,
    /// How many of them were sent; the others were there already.
    pub sent: u64,
    /// Of what was sent.
    pub sent_bytes: u64,
}

/// One copy of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRecord {
    /// Never given twice.
    pub id: CopyId,
    /// Where to.
    pub provider: ServiceProviderId,
    /// Of which backup.
    pub backup: BackupId,
    /// What it was called then: `main/laptop`.
    pub backup_name: String,
    /// The folder below the provider's address.
    pub to: Name,
    /// Whether the schedule asked for it.
    pub scheduled: bool,
    /// Where it stands.
    pub state: CopyState,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// By whom; empty when the schedule did.
    pub asked_by: String,
    /// Not before.
    pub due_at: Timestamp,
    /// How often it was begun.
    pub attempts: u32,
    /// When the last attempt began.
    pub begun_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How far it came.
    pub tally: Tally,
    /// Why it failed, or what came between last.
    pub detail: Option<String>,
}

/// A copy that somebody, or the schedule, asks for.
#[derive(Debug, Clone)]
pub struct NewCopy {
    /// Where to.
    pub provider: ServiceProviderId,
    /// Of which backup.
    pub backup: BackupId,
    /// What it is called.
    pub backup_name: String,
    /// The folder below the provider's address.
    pub to: Name,
    /// Who asks; none when the schedule does.
    pub asked_by: Option<String>,
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub enum CopyCourse {
    /// Everything is there.
    Done,
    /// Something came between; it is tried again.
    Again {
        /// When.
        at: Timestamp,
        /// What came between.
        detail: String,
    },
    /// It is of no use to try again.
    Failed {
        /// Why.
        detail: String,
    },
}

macro_rules! copies {
    ($rest:literal) => {
        concat!(
            "SELECT id, provider_id, backup_id, backup, target, scheduled, state, asked_at, asked_by, due_at, attempts,
                    begun_at, ended_at, objects, sent, sent_bytes, detail FROM copies ",
            $rest
        )
    };
}

impl View {
    /// A copy.
    pub async fn copy(&mut self, id: CopyId) -> Result<Option<CopyRecord>, StoreError> {
        let row = self.row(copies!("WHERE id = $1"), params![id.0]).await?;
        row.as_ref().map(copy).transpose()
    }

    /// The copies at a provider before this one (or the newest), newest first.
    pub async fn copies(
        &mut self,
        provider: ServiceProviderId,
        before: Option<CopyId>,
        most: u32,
    ) -> Result<Vec<CopyRecord>, StoreError> {
        let rows = self
            .rows(
                copies!("WHERE provider_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"),
                params![provider.0, before.map_or(i64::MAX, |id| id.0), i64::from(most)],
            )
            .await?;
        rows.iter().map(copy).collect()
    }

    /// The newest copy of a backup at a provider that the schedule asked for.
    pub async fn last_scheduled_copy(
        &mut self,
        provider: ServiceProviderId,
        backup: BackupId,
    ) -> Result<Option<CopyRecord>, StoreError> {
        let row = self
            .row(
                copies!("WHERE provider_id = $1 AND backup_id = $2 AND scheduled = 1 ORDER BY id DESC LIMIT 1"),
                params![provider.0, backup.0],
            )
            .await?;
        row.as_ref().map(copy).transpose()
    }

    /// The newest copy of a backup at a provider that is over, however it was asked for.
    pub async fn last_ended_copy(
        &mut self,
        provider: ServiceProviderId,
        backup: BackupId,
    ) -> Result<Option<CopyRecord>, StoreError> {
        let row = self
            .row(
                copies!(
                    "WHERE provider_id = $1 AND backup_id = $2 AND state IN ('done', 'failed') ORDER BY id DESC LIMIT 1"
                ),
                params![provider.0, backup.0],
            )
            .await?;
        row.as_ref().map(copy).transpose()
    }

    /// When the last good copy of a backup at a provider began; where there is none, when the first was asked for. None when
    /// there was none at all.
    pub async fn copied_since(
        &mut self,
        provider: ServiceProviderId,
        backup: BackupId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let row = self
            .row(
                "SELECT coalesce(max(CASE WHEN state = 'done' THEN begun_at END), min(asked_at)) FROM copies
                 WHERE provider_id = $1 AND backup_id = $2",
                params![provider.0, backup.0],
            )
            .await?;
        Ok(match row {
            Some(row) => row.int_or_null(0)?.map(Timestamp),
            None => None,
        })
    }

    /// The copies whose time has come, oldest first.
    pub async fn due_copies(&mut self, now: Timestamp, most: u32) -> Result<Vec<CopyRecord>, StoreError> {
        let rows = self
            .rows(
                copies!("WHERE state = 'due' AND due_at <= $1 ORDER BY due_at, id LIMIT $2"),
                params![now.0, i64::from(most)],
            )
            .await?;
        rows.iter().map(copy).collect()
    }
}

impl Tx {
    /// Asks for a copy, to begin at once; one that is open already stands for it, and is begun at once, too.
    pub async fn ask_copy(&mut self, new: &NewCopy, now: Timestamp) -> Result<CopyId, StoreError> {
        let open = self
            .row(
                "SELECT id FROM copies WHERE provider_id = $1 AND backup_id = $2 AND state IN ('due', 'running')",
                params![new.provider.0, new.backup.0],
            )
            .await?;
        if let Some(open) = open {
            let id = open.int(0)?;
            let sql = "UPDATE copies SET due_at = $1 WHERE id = $2 AND state = 'due' AND due_at > $1";
            self.execute(sql, params![now.0, id]).await?;
            return Ok(CopyId(id));
        }
        let scheduled = i64::from(new.asked_by.is_none());
        self.insert(
            "INSERT INTO copies (provider_id, backup_id, backup, target, scheduled, state, asked_at, asked_by, due_at)
             VALUES ($1, $2, $3, $4, $5, 'due', $6, $7, $6) RETURNING id",
            params![
                new.provider.0,
                new.backup.0,
                new.backup_name.as_str(),
                new.to.as_str(),
                scheduled,
                now.0,
                new.asked_by.clone().unwrap_or_default()
            ],
        )
        .await
        .map(CopyId)
    }

    /// Begins a copy that is due; which attempt it is, or none when it is not due any more.
    pub async fn begin_copy(&mut self, id: CopyId, now: Timestamp) -> Result<Option<u32>, StoreError> {
        let sql = "UPDATE copies SET state = 'running', attempts = attempts + 1, begun_at = $1 WHERE id = $2 AND state = 'due'";
        if self.execute(sql, params![now.0, id.0]).await? == 0 {
            return Ok(None);
        }
        Ok(self.copy(id).await?.map(|copy| copy.attempts))
    }

    /// Notes how far an attempt has come; false when it is over, for instance because its provider was forgotten.
    pub async fn note_copy(&mut self, id: CopyId, attempt: u32, tally: Tally) -> Result<bool, StoreError> {
        let sql = "UPDATE copies SET objects = $1, sent = $2, sent_bytes = $3 WHERE id = $4 AND attempts = $5 AND state = 'running'";
        let params = params![
            signed(tally.objects),
            signed(tally.sent),
            signed(tally.sent_bytes),
            id.0,
            i64::from(attempt)
        ];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Ends an attempt; false when it was over already.
    pub async fn end_copy(
        &mut self,
        id: CopyId,
        attempt: u32,
        course: &CopyCourse,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (state, due_at, ended_at, detail) = match course {
            CopyCourse::Done => (CopyState::Done, now, Some(now.0), None),
            CopyCourse::Again { at, detail } => (CopyState::Due, *at, None, Some(detail.as_str())),
            CopyCourse::Failed { detail } => (CopyState::Failed, now, Some(now.0), Some(detail.as_str())),
        };
        let sql = "UPDATE copies SET state = $1, due_at = $2, ended_at = $3, detail = $4
                   WHERE id = $5 AND attempts = $6 AND state = 'running'";
        let params = params![state.as_str(), due_at.0, ended_at, detail, id.0, i64::from(attempt)];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Lets every copy that was being made wait again: after a restart nobody makes it.
    pub async fn resume_copies(&mut self) -> Result<u64, StoreError> {
        let sql = "UPDATE copies SET state = 'due' WHERE state = 'running'";
        self.execute(sql, params![]).await
    }

    /// Lets what is being copied to a provider begin again, since it is another by now.
    pub async fn restart_copies(&mut self, provider: ServiceProviderId) -> Result<(), StoreError> {
        let sql = "UPDATE copies SET state = 'due' WHERE provider_id = $1 AND state = 'running'";
        self.execute(sql, params![provider.0]).await.map(drop)
    }
}

fn copy(row: &Row) -> Result<CopyRecord, StoreError> {
    let unsigned = |column| row.int(column).map(|number| u64::try_from(number).unwrap_or(0));
    Ok(CopyRecord {
        id: CopyId(row.int(0)?),
        provider: ServiceProviderId(row.int(1)?),
        backup: BackupId(row.int(2)?),
        backup_name: row.text(3)?,
        to: row
            .text(4)?
            .parse()
            .map_err(|_| StoreError::Unreadable("where a copy goes"))?,
        scheduled: row.int(5)? != 0,
        state: CopyState::parse(&row.text(6)?)?,
        asked_at: Timestamp(row.int(7)?),
        asked_by: row.text(8)?,
        due_at: Timestamp(row.int(9)?),
        attempts: u32::try_from(row.int(10)?).unwrap_or(u32::MAX),
        begun_at: row.int_or_null(11)?.map(Timestamp),
        ended_at: row.int_or_null(12)?.map(Timestamp),
        tally: Tally {
            objects: unsigned(13)?,
            sent: unsigned(14)?,
            sent_bytes: unsigned(15)?,
        },
        detail: row.text_or_null(16)?,
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use countersign_core::service_provider::ServiceProviderSpec;

    use super::*;
    use crate::Store;

    fn spec() -> ServiceProviderSpec {
        let json = r#"{"name":"cellar","url":"https://cellar.example/","user":"office"}"#;
        serde_json::from_str(json).unwrap()
    }

    async fn in_store<T: Send + 'static>(
        store: &Store,
        work: impl for<'t> FnOnce(&'t mut Tx) -> futures_util::future::BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    ) -> T {
        store.write(work).await.unwrap()
    }

    async fn provider(store: &Store) -> ServiceProviderId {
        in_store(store, |tx| {
            Box::pin(async { tx.add_service_provider(&spec(), Timestamp(1)).await })
        })
        .await
    }

    fn new(provider: ServiceProviderId) -> NewCopy {
        NewCopy {
            provider,
            backup: BackupId(1),
            backup_name: "main/laptop".into(),
            to: "laptop".parse().unwrap(),
            asked_by: None,
        }
    }

    async fn asked(store: &Store, provider: ServiceProviderId, at: i64) -> CopyId {
        let new = new(provider);
        in_store(store, move |tx| {
            Box::pin(async move { tx.ask_copy(&new, Timestamp(at)).await })
        })
        .await
    }

    async fn copy(store: &Store, id: CopyId) -> Option<CopyRecord> {
        store
            .ask(move |view| Box::pin(async move { view.copy(id).await }))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn who_asks_twice_gets_the_same_and_only_the_last_attempt_counts() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("db")).await.unwrap();
        let provider = provider(&store).await;
        let id = asked(&store, provider, 2).await;
        assert_eq!(asked(&store, provider, 3).await, id);
        let begin = |at| {
            in_store(&store, move |tx| {
                Box::pin(async move { tx.begin_copy(id, Timestamp(at)).await })
            })
        };
        assert_eq!(begin(4).await, Some(1));
        assert_eq!(begin(5).await, None, "it runs already");
        assert_eq!(in_store(&store, |tx| Box::pin(tx.resume_copies())).await, 1);
        assert_eq!(begin(6).await, Some(2));
        let end = |attempt| {
            in_store(&store, move |tx| {
                Box::pin(async move { tx.end_copy(id, attempt, &CopyCourse::Done, Timestamp(7)).await })
            })
        };
        assert!(!end(1).await, "an attempt from before says nothing any more");
        assert!(end(2).await);
        let ended = copy(&store, id).await.unwrap();
        assert_eq!((ended.state, ended.ended_at), (CopyState::Done, Some(Timestamp(7))));
        assert_ne!(asked(&store, provider, 8).await, id);
    }

    #[tokio::test]
    async fn a_provider_that_was_forgotten_takes_its_copies_along_if_it_is_as_described() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("db")).await.unwrap();
        let provider = provider(&store).await;
        let id = asked(&store, provider, 2).await;
        in_store(&store, move |tx| {
            Box::pin(async move { tx.begin_copy(id, Timestamp(3)).await })
        })
        .await;
        let removed = in_store(&store, move |tx| {
            Box::pin(async move { tx.remove_service_provider(provider, &spec()).await })
        });
        assert!(removed.await);
        let noted = in_store(&store, move |tx| {
            Box::pin(async move { tx.note_copy(id, 1, Tally::default()).await })
        });
        assert!(!noted.await, "whoever makes it learns that it is over");
        assert_eq!(copy(&store, id).await, None);
    }
}
