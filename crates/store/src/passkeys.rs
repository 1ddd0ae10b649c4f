//! Passkeys, and the challenges that are under way.

use countersign_core::AccountId;
use countersign_core::passkey::{NewPasskey, Passkey, PasskeyChallenge, PublicKey};
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

/// A passkey as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPasskey {
    /// What it is checked with.
    pub passkey: Passkey,
    /// What its owner calls it.
    pub label: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last shown.
    pub used_at: Option<Timestamp>,
}

impl View {
    /// The passkeys of an account, oldest first.
    pub async fn passkeys_of(&mut self, account: AccountId) -> Result<Vec<KeptPasskey>, StoreError> {
        let sql = "SELECT id, account_id, credential_id, public_key, sign_count, label, created_at, used_at
                   FROM passkeys WHERE account_id = $1 ORDER BY id";
        self.rows(sql, params![account.0]).await?.iter().map(kept).collect()
    }

    /// The passkey that its authenticator calls so, whosever it is.
    pub async fn passkey_called(&mut self, credential_id: &[u8]) -> Result<Option<Passkey>, StoreError> {
        let sql = "SELECT id, account_id, credential_id, public_key, sign_count, label, created_at, used_at
                   FROM passkeys WHERE credential_id = $1";
        let row = self.row(sql, params![credential_id]).await?;
        Ok(row.as_ref().map(kept).transpose()?.map(|kept| kept.passkey))
    }
}

fn kept(row: &Row) -> Result<KeptPasskey, StoreError> {
    Ok(KeptPasskey {
        passkey: Passkey {
            id: row.int(0)?,
            account: AccountId(row.int(1)?),
            credential_id: row.blob(2)?,
            public_key: PublicKey::parse(&row.blob(3)?).map_err(|_| StoreError::Unreadable("the key of a passkey"))?,
            sign_count: u32::try_from(row.int(4)?).map_err(|_| StoreError::Unreadable("the count of a passkey"))?,
        },
        label: row.text(5)?,
        created_at: Timestamp(row.int(6)?),
        used_at: row.int_or_null(7)?.map(Timestamp),
    })
}

impl Tx {
    /// Keeps a new passkey. [`StoreError::Exists`] when an account has one of its id.
    pub async fn add_passkey(
        &mut self,
        account: AccountId,
        new: &NewPasskey,
        label: &str,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        self.insert(
            "INSERT INTO passkeys (account_id, credential_id, public_key, sign_count, label, created_at)
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
            params![
                account.0,
                new.credential_id(),
                new.public_key().as_bytes(),
                i64::from(new.sign_count()),
                label,
                now.0
            ],
        )
        .await
    }

    /// Notes that a passkey was shown: compare-and-set on its count, so that of two at once one is refused where it counts.
    pub async fn use_passkey(&mut self, id: i64, seen: u32, count: u32, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE passkeys SET sign_count = $1, used_at = $2 WHERE id = $3 AND sign_count = $4";
        let params = params![i64::from(count), now.0, id, i64::from(seen)];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Calls a passkey of this account otherwise; false when it has none of this number.
    pub async fn rename_passkey(&mut self, account: AccountId, id: i64, label: &str) -> Result<bool, StoreError> {
        let sql = "UPDATE passkeys SET label = $1 WHERE id = $2 AND account_id = $3";
        Ok(self.execute(sql, params![label, id, account.0]).await? == 1)
    }

    /// Forgets a passkey of this account; false when it has none of this number.
    pub async fn remove_passkey(&mut self, account: AccountId, id: i64) -> Result<bool, StoreError> {
        let sql = "DELETE FROM passkeys WHERE id = $1 AND account_id = $2";
        Ok(self.execute(sql, params![id, account.0]).await? == 1)
    }

    /// Keeps what somebody was asked to sign, in the place of an earlier one, and forgets those that nobody answered.
    pub async fn set_passkey_challenge(
        &mut self,
        bound_to: &str,
        challenge: &PasskeyChallenge,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute("DELETE FROM passkey_challenges WHERE expires_at <= $1", params![now.0])
            .await?;
        self.execute(
            "INSERT INTO passkey_challenges (bound_to, challenge, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (bound_to) DO UPDATE SET challenge = excluded.challenge, expires_at = excluded.expires_at",
            params![bound_to, challenge.bytes().as_slice(), expires_at.0],
        )
        .await
        .map(drop)
    }

    /// Takes out what somebody was asked to sign; none when nobody was, or too long ago. It comes once, whatever the answer is.
    pub async fn take_passkey_challenge(
        &mut self,
        bound_to: &str,
        now: Timestamp,
    ) -> Result<Option<PasskeyChallenge>, StoreError> {
        let sql = "SELECT challenge FROM passkey_challenges WHERE bound_to = $1 AND expires_at > $2";
        let found = match self.row(sql, params![bound_to, now.0]).await? {
            Some(row) => PasskeyChallenge::from_slice(&row.blob(0)?),
            None => None,
        };
        self.execute("DELETE FROM passkey_challenges WHERE bound_to = $1", params![bound_to])
            .await?;
        Ok(found)
    }
}
