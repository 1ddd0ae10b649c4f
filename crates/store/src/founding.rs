//! The one-time links of the two first administrators.

use countersign_core::password::PasswordHash;
use countersign_core::{AccountId, AccountName, Sha256};
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

/// A one-time link, with how far its person is.
#[derive(Clone)]
pub struct FoundingLink {
    /// Which one.
    pub id: i64,
    /// When it dies unused.
    pub expires_at: Timestamp,
    /// What was entered.
    pub progress: Founding,
}

/// How far a first administrator is.
#[derive(Clone)]
pub enum Founding {
    /// Nothing yet.
    Unused,
    /// Name and password are chosen; the second factor waits to be confirmed.
    Enrolling {
        /// The chosen name.
        name: AccountName,
        /// The chosen password.
        password: PasswordHash,
        /// The sealed secret of the second factor.
        sealed_totp: Vec<u8>,
    },
    /// The account is made.
    Done(AccountId),
}

impl View {
    /// The two links that hold now: oldest first; none when none were ever made.
    pub async fn founding_links(&mut self) -> Result<Vec<FoundingLink>, StoreError> {
        let sql = "SELECT id, expires_at, name, password_hash, sealed_totp, account_id FROM founding_links
                   WHERE voided_at IS NULL ORDER BY id";
        let rows = self.rows(sql, params![]).await?;
        rows.iter().map(founding_link).collect()
    }

    /// The link with this secret's hash, unless voided.
    pub async fn founding_link(&mut self, hash: Sha256) -> Result<Option<FoundingLink>, StoreError> {
        let sql = "SELECT id, expires_at, name, password_hash, sealed_totp, account_id FROM founding_links
                   WHERE hash = $1 AND voided_at IS NULL";
        self.row(sql, params![hash.0.as_slice()])
            .await?
            .as_ref()
            .map(founding_link)
            .transpose()
    }
}

impl Tx {
    /// Makes a link.
    pub async fn add_founding_link(&mut self, hash: Sha256, expires_at: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO founding_links (hash, expires_at) VALUES ($1, $2)";
        self.execute(sql, params![hash.0.as_slice(), expires_at.0])
            .await
            .map(drop)
    }

    /// Voids every link that has not made an account yet.
    pub async fn void_founding_links(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE founding_links SET voided_at = $1, name = NULL, password_hash = NULL, sealed_totp = NULL
                   WHERE account_id IS NULL AND voided_at IS NULL";
        self.execute(sql, params![now.0]).await.map(drop)
    }

    /// Keeps what was entered until the second factor is confirmed; false when the link has ended meanwhile.
    pub async fn enrol_founder(
        &mut self,
        id: i64,
        name: &AccountName,
        password: &PasswordHash,
        sealed_totp: &[u8],
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE founding_links SET name = $1, password_hash = $2, sealed_totp = $3
                   WHERE id = $4 AND account_id IS NULL AND voided_at IS NULL";
        let params = params![name.as_str(), password.as_str(), sealed_totp, id];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Notes the account that a link made; false when it made one before, or was voided.
    pub async fn use_founding_link(&mut self, id: i64, account: AccountId) -> Result<bool, StoreError> {
        let sql = "UPDATE founding_links SET account_id = $1, name = NULL, password_hash = NULL, sealed_totp = NULL
                   WHERE id = $2 AND account_id IS NULL AND voided_at IS NULL";
        Ok(self.execute(sql, params![account.0, id]).await? == 1)
    }
}

fn founding_link(row: &Row) -> Result<FoundingLink, StoreError> {
    let unreadable = || StoreError::Unreadable("a one-time link");
    let progress = match (
        row.int_or_null(5)?,
        row.text_or_null(2)?,
        row.text_or_null(3)?,
        row.blob_or_null(4)?,
    ) {
        (Some(account), ..) => Founding::Done(AccountId(account)),
        (None, Some(name), Some(password), Some(sealed_totp)) => Founding::Enrolling {
            name: name.parse().map_err(|_| unreadable())?,
            password: PasswordHash::parse(&password).map_err(|_| unreadable())?,
            sealed_totp,
        },
        _ => Founding::Unused,
    };
    Ok(FoundingLink {
        id: row.int(0)?,
        expires_at: Timestamp(row.int(1)?),
        progress,
    })
}
