//! One-time links for people: asked for by a change of an account, made for whoever asked, used once.

use countersign_core::account_change::LinkKind;
use countersign_core::password::PasswordHash;
use countersign_core::{AccountId, Sha256};
use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Row, StoreError, Tx, View};

/// A link that was asked for and is neither used nor voided.
#[derive(Debug, Clone)]
pub struct AccountLink {
    /// Which one.
    pub id: i64,
    /// For whose account.
    pub account: AccountId,
    /// What for.
    pub kind: LinkKind,
    /// Who asked, and may have it made.
    pub asked_by: AccountId,
    /// Until when it can be made.
    pub open_until: Timestamp,
    /// When it was last made, and until when it works; none before.
    pub made: Option<(Timestamp, Timestamp)>,
    /// What was done on its page.
    pub progress: LinkProgress,
}

/// How far a person is on a link's page.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LinkProgress {
    /// The chosen password, or none.
    pub password: Option<PasswordHash>,
    /// The sealed secret of the second factor that waits to be confirmed.
    pub sealed_totp: Option<Vec<u8>>,
    /// The hash of what the page holds that came after the password was shown.
    pub proof: Option<Sha256>,
}

// Nothing of it goes into a log.
impl std::fmt::Debug for LinkProgress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkProgress").finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Kept {
    password: Option<String>,
    totp: Option<Vec<u8>>,
    proof: Option<Sha256>,
}

impl LinkProgress {
    fn kept(&self) -> Result<String, StoreError> {
        let kept = Kept {
            password: self.password.as_ref().map(|password| password.as_str().to_owned()),
            totp: self.sealed_totp.clone(),
            proof: self.proof,
        };
        serde_json::to_string(&kept).map_err(|error| StoreError::Engine(error.to_string()))
    }

    fn read(text: &str) -> Option<Self> {
        let kept: Kept = serde_json::from_str(text).ok()?;
        Some(Self {
            password: kept.password.map(|hash| PasswordHash::parse(&hash)).transpose().ok()?,
            sealed_totp: kept.totp,
            proof: kept.proof,
        })
    }
}

impl View {
    /// The link of an account that can be made or used now; at most one.
    pub async fn open_link_of(&mut self, account: AccountId) -> Result<Option<AccountLink>, StoreError> {
        let sql = "SELECT id, account_id, kind, asked_by, open_until, made_at, expires_at, progress FROM account_links
                   WHERE account_id = $1 AND used_at IS NULL AND voided_at IS NULL ORDER BY id DESC LIMIT 1";
        self.row(sql, params![account.0]).await?.as_ref().map(link).transpose()
    }

    /// The link with this secret's hash, unless used or voided. Whether it still works is for the caller to say.
    pub async fn account_link(&mut self, hash: Sha256) -> Result<Option<AccountLink>, StoreError> {
        let sql = "SELECT id, account_id, kind, asked_by, open_until, made_at, expires_at, progress FROM account_links
                   WHERE hash = $1 AND used_at IS NULL AND voided_at IS NULL";
        let row = self.row(sql, params![hash.0.as_slice()]).await?;
        row.as_ref().map(link).transpose()
    }
}

impl Tx {
    /// Notes that a link may be made for this account, and voids an earlier one.
    pub async fn open_link(
        &mut self,
        account: AccountId,
        kind: LinkKind,
        asked_by: AccountId,
        open_until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.void_links_of(account, now).await?;
        let sql = "INSERT INTO account_links (account_id, kind, asked_by, open_until) VALUES ($1, $2, $3, $4)";
        self.execute(sql, params![account.0, kind.as_str(), asked_by.0, open_until.0])
            .await
            .map(drop)
    }

    /// Voids whatever link of an account is neither used nor voided.
    pub async fn void_links_of(&mut self, account: AccountId, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE account_links SET voided_at = $1, progress = NULL
                   WHERE account_id = $2 AND used_at IS NULL AND voided_at IS NULL";
        self.execute(sql, params![now.0, account.0]).await.map(drop)
    }

    /// Makes the link, anew if it was made before: then the earlier one ends. False when it was used or voided meanwhile.
    pub async fn make_link(
        &mut self,
        id: i64,
        hash: Sha256,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE account_links SET hash = $1, made_at = $2, expires_at = $3, progress = NULL
                   WHERE id = $4 AND used_at IS NULL AND voided_at IS NULL";
        let params = params![hash.0.as_slice(), now.0, expires_at.0, id];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Keeps what was done on the page of the link with this hash; false when it ended meanwhile.
    pub async fn keep_link_progress(&mut self, hash: Sha256, progress: &LinkProgress) -> Result<bool, StoreError> {
        let sql = "UPDATE account_links SET progress = $1 WHERE hash = $2 AND used_at IS NULL AND voided_at IS NULL";
        let params = params![progress.kept()?, hash.0.as_slice()];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Uses the link with this hash up; false when it was used, made anew or voided meanwhile.
    pub async fn use_link(&mut self, hash: Sha256, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE account_links SET used_at = $1, progress = NULL
                   WHERE hash = $2 AND used_at IS NULL AND voided_at IS NULL";
        Ok(self.execute(sql, params![now.0, hash.0.as_slice()]).await? == 1)
    }
}

impl View {
    /// Whether an account has a password and a second factor.
    pub async fn has_credentials(&mut self, account: AccountId) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM passwords WHERE account_id = $1
                   AND (EXISTS (SELECT 1 FROM totp_secrets WHERE account_id = $1)
                        OR EXISTS (SELECT 1 FROM passkeys WHERE account_id = $1))";
        let row = self.row(sql, params![account.0]).await?;
        Ok(row.map(|row| row.int(0)).transpose()?.unwrap_or_default() > 0)
    }
}

impl Tx {
    /// Takes the password of an account away.
    pub async fn remove_password(&mut self, account: AccountId) -> Result<(), StoreError> {
        let sql = "DELETE FROM passwords WHERE account_id = $1";
        self.execute(sql, params![account.0]).await.map(drop)
    }
}

fn link(row: &Row) -> Result<AccountLink, StoreError> {
    let unreadable = || StoreError::Unreadable("a one-time link");
    let kind = row.text(2)?;
    let made = match (row.int_or_null(5)?, row.int_or_null(6)?) {
        (Some(made), Some(ends)) => Some((Timestamp(made), Timestamp(ends))),
        _ => None,
    };
    Ok(AccountLink {
        id: row.int(0)?,
        account: AccountId(row.int(1)?),
        kind: LinkKind::ALL
            .into_iter()
            .find(|known| known.as_str() == kind)
            .ok_or_else(unreadable)?,
        asked_by: AccountId(row.int(3)?),
        open_until: Timestamp(row.int(4)?),
        made,
        progress: match row.text_or_null(7)? {
            Some(text) => LinkProgress::read(&text).ok_or_else(unreadable)?,
            None => LinkProgress::default(),
        },
    })
}
