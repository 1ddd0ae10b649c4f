//! Runners: the service accounts that get the commands that are addressed to them.

use countersign_core::{Account, AccountId, Sha256};
use countersign_events::Timestamp;

use crate::{StoreError, Tx, View};

/// A runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// Its account.
    pub account: Account,
    /// Since when it is one.
    pub added_at: Timestamp,
    /// When its token was made; none while it has none.
    pub token_at: Option<Timestamp>,
    /// When it last asked for a command.
    pub seen_at: Option<Timestamp>,
    /// From which address.
    pub seen_from: Option<String>,
}

impl View {
    /// Every runner, in the order in which they were added.
    pub async fn runners(&mut self) -> Result<Vec<Runner>, StoreError> {
        let sql =
            "SELECT account_id, added_at, token_at, seen_at, seen_from FROM runners ORDER BY added_at, account_id";
        let mut runners = Vec::new();
        for row in self.rows(sql, params![]).await? {
            let account = self.account(AccountId(row.int(0)?)).await?;
            runners.push(Runner {
                account: account.ok_or(StoreError::Unreadable("the account of a runner"))?,
                added_at: Timestamp(row.int(1)?),
                token_at: row.int_or_null(2)?.map(Timestamp),
                seen_at: row.int_or_null(3)?.map(Timestamp),
                seen_from: row.text_or_null(4)?,
            });
        }
        Ok(runners)
    }

    /// A runner.
    pub async fn runner(&mut self, account: AccountId) -> Result<Option<Runner>, StoreError> {
        let all = self.runners().await?;
        Ok(all.into_iter().find(|runner| runner.account.id == account))
    }

    /// The account whose runner's token this is the hash of.
    pub async fn runner_by_token(&mut self, hash: Sha256) -> Result<Option<Account>, StoreError> {
        let sql = "SELECT account_id FROM runners WHERE token_hash = $1";
        match self.row(sql, params![hash.0.as_slice()]).await? {
            Some(row) => self.account(AccountId(row.int(0)?)).await,
            None => Ok(None),
        }
    }
}

impl Tx {
    /// Lets an account be a runner. [`StoreError::Exists`] when it is one.
    pub async fn add_runner(&mut self, account: AccountId, now: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO runners (account_id, added_at) VALUES ($1, $2)";
        self.execute(sql, params![account.0, now.0]).await.map(drop)
    }

    /// Gives a runner its token; false when it is none, or has one.
    pub async fn give_runner_token(
        &mut self,
        account: AccountId,
        hash: Sha256,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE runners SET token_hash = $1, token_at = $2 WHERE account_id = $3 AND token_hash IS NULL";
        Ok(self.execute(sql, params![hash.0.as_slice(), now.0, account.0]).await? == 1)
    }

    /// Lets an account be no runner any more; false when it is none.
    pub async fn remove_runner(&mut self, account: AccountId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM runners WHERE account_id = $1";
        Ok(self.execute(sql, params![account.0]).await? == 1)
    }

    /// Notes that a runner asked.
    pub async fn note_runner(&mut self, account: AccountId, from: &str, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE runners SET seen_at = $1, seen_from = $2 WHERE account_id = $3";
        self.execute(sql, params![now.0, from, account.0]).await.map(drop)
    }
}
