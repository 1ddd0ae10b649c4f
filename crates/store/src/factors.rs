//! Factors: how an account stands in a logon, and its recovery codes.

use countersign_core::factor::Factors;
use countersign_core::logon::{PasswordStanding, Standing};
use countersign_core::recovery::RecoveryCode;
use countersign_core::{AccountId, Sha256};
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

/// How many codes of an account's set were not used, and were.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecoveryHashes {
    /// Those that can still be shown.
    pub unused: Vec<Sha256>,
    /// Those that were shown.
    pub used: Vec<Sha256>,
}

impl View {
    /// An account as a logon must know it; none when there is none with this id.
    pub async fn standing(&mut self, account: AccountId) -> Result<Option<Standing>, StoreError> {
        let Some(account) = self.account(account).await? else {
            return Ok(None);
        };
        let sql = "SELECT changed_at, must_change FROM passwords WHERE account_id = $1";
        let password = match self.row(sql, params![account.id.0]).await? {
            Some(row) => Some(PasswordStanding {
                changed_at: Timestamp(row.int(0)?),
                must_change: row.int(1)? != 0,
            }),
            None => None,
        };
        let factors = self.factors_of(account.id).await?;
        Ok(Some(Standing {
            account,
            password,
            factors,
        }))
    }

    /// What an account can show beside its password.
    pub async fn factors_of(&mut self, account: AccountId) -> Result<Factors, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM totp_secrets WHERE account_id = $1),
                          (SELECT count(*) FROM passkeys WHERE account_id = $1),
                          (SELECT count(*) FROM recovery_codes WHERE account_id = $1 AND used_at IS NULL)";
        let row = self.row(sql, params![account.0]).await?;
        let row = row.ok_or(StoreError::Unreadable("the factors of an account"))?;
        Ok(Factors {
            totp: row.int(0)? > 0,
            passkeys: count(&row, 1)?,
            recovery_codes: count(&row, 2)?,
        })
    }

    /// When the account's authenticator app was enrolled; none when it has none.
    pub async fn totp_enrolled_at(&mut self, account: AccountId) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT enrolled_at FROM totp_secrets WHERE account_id = $1";
        let row = self.row(sql, params![account.0]).await?;
        row.map(|row| row.int(0).map(Timestamp)).transpose()
    }

    /// The sealed secret that its owner has not confirmed yet, unless that took too long.
    pub async fn pending_totp(&mut self, account: AccountId, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT sealed FROM pending_totp WHERE account_id = $1 AND expires_at > $2";
        let row = self.row(sql, params![account.0, now.0]).await?;
        row.map(|row| row.blob(0)).transpose()
    }

    /// The recovery codes of an account, by their hashes.
    pub async fn recovery_codes_of(&mut self, account: AccountId) -> Result<RecoveryHashes, StoreError> {
        let sql = "SELECT hash, used_at FROM recovery_codes WHERE account_id = $1 ORDER BY hash";
        let mut hashes = RecoveryHashes::default();
        for row in self.rows(sql, params![account.0]).await? {
            let hash = row.blob(0)?.try_into().map(Sha256);
            let hash = hash.map_err(|_| StoreError::Unreadable("a recovery code"))?;
            match row.int_or_null(1)? {
                None => hashes.unused.push(hash),
                Some(_) => hashes.used.push(hash),
            }
        }
        Ok(hashes)
    }
}

fn count(row: &Row, column: usize) -> Result<u32, StoreError> {
    u32::try_from(row.int(column)?).map_err(|_| StoreError::Unreadable("the factors of an account"))
}

impl Tx {
    /// Says that an account's password must be changed at its next logon; false when it has none.
    pub async fn require_password_change(&mut self, account: AccountId) -> Result<bool, StoreError> {
        let sql = "UPDATE passwords SET must_change = 1 WHERE account_id = $1";
        Ok(self.execute(sql, params![account.0]).await? == 1)
    }

    /// Gives an account a new set of recovery codes; the old set is forgotten.
    pub async fn set_recovery_codes(&mut self, account: AccountId, codes: &[RecoveryCode]) -> Result<(), StoreError> {
        self.execute("DELETE FROM recovery_codes WHERE account_id = $1", params![account.0])
            .await?;
        for code in codes {
            let sql = "INSERT INTO recovery_codes (account_id, hash) VALUES ($1, $2)";
            self.execute(sql, params![account.0, code.hash().0.as_slice()]).await?;
        }
        Ok(())
    }

    /// Uses a recovery code up; false when it was used before, or is not the account's.
    pub async fn use_recovery_code(
        &mut self,
        account: AccountId,
        hash: Sha256,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE recovery_codes SET used_at = $1 WHERE account_id = $2 AND hash = $3 AND used_at IS NULL";
        let params = params![now.0, account.0, hash.0.as_slice()];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Keeps a secret that its owner has not confirmed yet, in the place of an earlier one.
    pub async fn set_pending_totp(
        &mut self,
        account: AccountId,
        sealed: &[u8],
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO pending_totp (account_id, sealed, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (account_id) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at",
            params![account.0, sealed, expires_at.0],
        )
        .await
        .map(drop)
    }

    /// Forgets it.
    pub async fn forget_pending_totp(&mut self, account: AccountId) -> Result<(), StoreError> {
        self.execute("DELETE FROM pending_totp WHERE account_id = $1", params![account.0])
            .await
            .map(drop)
    }

    /// Takes an account's authenticator app away; false when it has none.
    pub async fn remove_totp(&mut self, account: AccountId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM totp_secrets WHERE account_id = $1";
        Ok(self.execute(sql, params![account.0]).await? == 1)
    }

    /// Keeps an account from approving until then, unless it is kept longer already. Its sessions go on: it stays the same
    /// account, with the same rights.
    pub async fn start_cool_off(&mut self, account: AccountId, until: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE accounts SET eligible_at = $1 WHERE id = $2 AND eligible_at < $1";
        self.execute(sql, params![until.0, account.0]).await.map(drop)
    }

    /// Gives a session another cookie, in which a factor has just been shown; false when it has ended.
    pub async fn renew_session(&mut self, old: Sha256, new: Sha256, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE sessions SET cookie_hash = $1, factor_at = $2, seen_at = $2
                   WHERE cookie_hash = $3 AND ended_at IS NULL";
        let params = params![new.0.as_slice(), now.0, old.0.as_slice()];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Takes every second factor of an account away, recovery codes too; how many factors there were.
    pub async fn remove_factors(&mut self, account: AccountId) -> Result<u32, StoreError> {
        let before = self.factors_of(account).await?;
        for sql in [
            "DELETE FROM totp_secrets WHERE account_id = $1",
            "DELETE FROM pending_totp WHERE account_id = $1",
            "DELETE FROM passkeys WHERE account_id = $1",
            "DELETE FROM recovery_codes WHERE account_id = $1",
        ] {
            self.execute(sql, params![account.0]).await?;
        }
        Ok(before.count())
    }

    /// Ends every session of an account but one; how many ended.
    pub async fn end_sessions_of(
        &mut self,
        account: AccountId,
        except: Option<Sha256>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let kept = except.map(|hash| hash.0.to_vec()).unwrap_or_default();
        let sql = "UPDATE sessions SET ended_at = $1 WHERE account_id = $2 AND ended_at IS NULL AND cookie_hash <> $3";
        self.execute(sql, params![now.0, account.0, kept.as_slice()]).await
    }
}
