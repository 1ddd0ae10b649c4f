//! Logon: factors, flows, codes, sessions, tries. Every step is taken from the state that was seen, or not at all.

use countersign_core::factor::Factors;
use countersign_core::logon::{
    AuthorizationCode, AuthorizationRequest, Challenge, ClientId, Flow, Passed, RecordedCode, Redeemed, RedirectUri,
    Resource, Session,
};
use countersign_core::password::PasswordHash;
use countersign_core::{Account, AccountId, Policy, Sha256};
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

/// No session lives longer, whatever the settings are or were.
const LONGEST_SESSION_SECONDS: i64 = Policy::LONGEST_SESSION_HOURS as i64 * 3600;

/// A second factor as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedTotp {
    /// The secret, sealed with the data folder's key.
    pub sealed: Vec<u8>,
    /// The last accepted step: this one and all before are used.
    pub last_step: i64,
}

/// A logon that is going on, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogonFlow {
    /// In the address of its pages.
    pub id: String,
    /// The token against forged forms.
    pub csrf: String,
    /// The name that was typed.
    pub name: String,
    /// What it waits for.
    pub flow: Flow,
    /// What the account can show besides, once its password was right; nothing before.
    pub factors: Factors,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// Grows with each step.
    pub revision: i64,
}

impl View {
    /// The password of an account.
    pub async fn password_of(&mut self, account: AccountId) -> Result<Option<PasswordHash>, StoreError> {
        let sql = "SELECT hash FROM passwords WHERE account_id = $1";
        match self.row(sql, params![account.0]).await? {
            Some(row) => PasswordHash::parse(&row.text(0)?)
                .map(Some)
                .map_err(|_| StoreError::Unreadable("a password hash")),
            None => Ok(None),
        }
    }

    /// The second factor of an account.
    pub async fn totp_of(&mut self, account: AccountId) -> Result<Option<SealedTotp>, StoreError> {
        let sql = "SELECT sealed, last_step FROM totp_secrets WHERE account_id = $1";
        match self.row(sql, params![account.0]).await? {
            Some(row) => Ok(Some(SealedTotp {
                sealed: row.blob(0)?,
                last_step: row.int(1)?,
            })),
            None => Ok(None),
        }
    }

    /// The logon with this id that belongs to this cookie, unless it has ended.
    pub async fn logon_flow(
        &mut self,
        id: &str,
        cookie: Sha256,
        now: Timestamp,
    ) -> Result<Option<LogonFlow>, StoreError> {
        let sql = "SELECT id, csrf, name, client, redirect, challenge, state, account_id, account_revision, expires_at, revision, resource,
                          step, password_changed_at, factor_at
                   FROM logon_flows WHERE id = $1 AND cookie_hash = $2 AND expires_at > $3";
        let Some(row) = self.row(sql, params![id, cookie.0.as_slice(), now.0]).await? else {
            return Ok(None);
        };
        let mut found = logon_flow(&row)?;
        if let Some(passed) = found.flow.passed() {
            found.factors = self.factors_of(passed.account).await?;
        }
        Ok(Some(found))
    }

    /// The session with this cookie and its account, as both are now; nothing once it was ended.
    pub async fn session(&mut self, cookie: Sha256) -> Result<Option<(Session, Account)>, StoreError> {
        let sql = "SELECT account_id, account_revision, chain, csrf, created_at, seen_at, factor_at FROM sessions
                   WHERE cookie_hash = $1 AND ended_at IS NULL";
        let Some(row) = self.row(sql, params![cookie.0.as_slice()]).await? else {
            return Ok(None);
        };
        let session = session(&row)?;
        Ok(self.account(session.account).await?.map(|account| (session, account)))
    }

    /// The sessions of an account that were not ended; whether they still hold is for the caller to say.
    pub async fn sessions_of(&mut self, account: AccountId) -> Result<Vec<Session>, StoreError> {
        let sql = "SELECT account_id, account_revision, chain, csrf, created_at, seen_at, factor_at FROM sessions
                   WHERE account_id = $1 AND ended_at IS NULL";
        let rows = self.rows(sql, params![account.0]).await?;
        rows.iter().map(session).collect()
    }
}

impl Tx {
    /// Gives an account this password, in the place of an earlier one. It need not be changed at the next logon.
    pub async fn set_password(
        &mut self,
        account: AccountId,
        hash: &PasswordHash,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO passwords (account_id, hash, changed_at, must_change) VALUES ($1, $2, $3, 0)
             ON CONFLICT (account_id) DO UPDATE SET
                 hash = excluded.hash, changed_at = excluded.changed_at, must_change = 0",
            params![account.0, hash.as_str(), now.0],
        )
        .await
        .map(drop)
    }

    /// Keeps the same password under new parameters; false when the password was changed meanwhile.
    pub async fn rehash_password(
        &mut self,
        account: AccountId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE passwords SET hash = $1 WHERE account_id = $2 AND hash = $3";
        Ok(self
            .execute(sql, params![new.as_str(), account.0, old.as_str()])
            .await?
            == 1)
    }

    /// Gives an account this second factor, in the place of an earlier one. Steps up to `last_step` are used.
    pub async fn set_totp(
        &mut self,
        account: AccountId,
        sealed: &[u8],
        last_step: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO totp_secrets (account_id, sealed, last_step, enrolled_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (account_id) DO UPDATE SET
                 sealed = excluded.sealed, last_step = excluded.last_step, enrolled_at = excluded.enrolled_at",
            params![account.0, sealed, last_step, now.0],
        )
        .await
        .map(drop)
    }

    /// Uses a step up: compare-and-set on the last one, so that of two at once one is refused.
    pub async fn use_totp_step(&mut self, account: AccountId, last: i64, step: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE totp_secrets SET last_step = $1 WHERE account_id = $2 AND last_step = $3 AND last_step < $1";
        Ok(self.execute(sql, params![step, account.0, last]).await? == 1)
    }

    /// Keeps a logon that begins, and forgets those that ended by themselves.
    pub async fn add_logon_flow(&mut self, new: &LogonFlow, cookie: Sha256, now: Timestamp) -> Result<(), StoreError> {
        self.execute("DELETE FROM logon_flows WHERE expires_at <= $1", params![now.0])
            .await?;
        let request = new.flow.request();
        // It begins without anything shown: `move_logon_flow` keeps what is.
        self.execute(
            "INSERT INTO logon_flows (id, cookie_hash, csrf, client, redirect, challenge, state, name, expires_at, revision, resource)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            params![
                new.id.as_str(),
                cookie.0.as_slice(),
                new.csrf.as_str(),
                request.client.as_str(),
                request.redirect.as_str(),
                request.challenge.0.as_slice(),
                request.state.as_deref(),
                new.name.as_str(),
                new.expires_at.0,
                new.revision,
                request.resource.id()
            ],
        )
        .await
        .map(drop)
    }

    /// Moves a logon on from the state that was seen; false when another answer came first, or it has ended.
    pub async fn move_logon_flow(&mut self, seen: &LogonFlow, next: &Flow, name: &str) -> Result<bool, StoreError> {
        let passed = next.passed();
        let sql = "UPDATE logon_flows SET name = $1, account_id = $2, account_revision = $3, step = $6,
                          password_changed_at = $7, factor_at = $8, revision = revision + 1
                   WHERE id = $4 AND revision = $5";
        let params = params![
            name,
            passed.map(|passed| passed.account.0),
            passed.map(|passed| passed.revision),
            seen.id.as_str(),
            seen.revision,
            step(next),
            passed.and_then(|passed| passed.password_changed_at).map(|at| at.0),
            passed.and_then(|passed| passed.factor_at).map(|at| at.0)
        ];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Ends a logon in the state that was seen; false when another answer came first.
    pub async fn end_logon_flow(&mut self, seen: &LogonFlow) -> Result<bool, StoreError> {
        let sql = "DELETE FROM logon_flows WHERE id = $1 AND revision = $2";
        Ok(self.execute(sql, params![seen.id.as_str(), seen.revision]).await? == 1)
    }

    /// Keeps a code that was just issued, and forgets those whose chains are over.
    pub async fn add_code(&mut self, code: &AuthorizationCode, now: Timestamp) -> Result<(), StoreError> {
        // Kept as long as what it gave may live, so that its reuse is seen.
        let over = now.plus_seconds(-countersign_core::logon::CHAIN_SECONDS);
        self.execute(
            "DELETE FROM authorization_codes WHERE expires_at <= $1",
            params![over.0],
        )
        .await?;
        let recorded = code.recorded();
        self.execute(
            "INSERT INTO authorization_codes (hash, chain, client, redirect, challenge, account_id, account_revision, expires_at, resource, factor_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            params![
                code.hash().0.as_slice(),
                recorded.chain.as_str(),
                recorded.client.as_str(),
                recorded.redirect.as_str(),
                recorded.challenge.0.as_slice(),
                recorded.account.0,
                recorded.account_revision,
                recorded.expires_at.0,
                recorded.resource.id(),
                recorded.factor_at.map(|at| at.0)
            ],
        )
        .await
        .map(drop)
    }

    /// Takes a code out: marks it used, and tells whether it was so before.
    pub async fn take_code(&mut self, hash: Sha256, now: Timestamp) -> Result<Option<RecordedCode>, StoreError> {
        let sql =
            "SELECT chain, client, redirect, challenge, account_id, account_revision, expires_at, used_at, resource, factor_at
                   FROM authorization_codes WHERE hash = $1";
        let Some(row) = self.row(sql, params![hash.0.as_slice()]).await? else {
            return Ok(None);
        };
        let mut code = RecordedCode {
            chain: row.text(0)?,
            client: client(&row.text(1)?)?,
            resource: resource(&row.text(8)?)?,
            redirect: row.text(2)?,
            challenge: challenge(row.blob(3)?)?,
            account: AccountId(row.int(4)?),
            account_revision: row.int(5)?,
            factor_at: row.int_or_null(9)?.map(Timestamp),
            expires_at: Timestamp(row.int(6)?),
            used: row.int_or_null(7)?.is_some(),
        };
        let sql = "UPDATE authorization_codes SET used_at = $1 WHERE hash = $2 AND used_at IS NULL";
        code.used |= self.execute(sql, params![now.0, hash.0.as_slice()]).await? == 0;
        Ok(Some(code))
    }

    /// Begins a session for whoever's code was taken, as a part of a chain that was added.
    pub async fn add_session(
        &mut self,
        redeemed: &Redeemed,
        cookie: Sha256,
        csrf: &str,
        address: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let over = now.plus_seconds(-2 * LONGEST_SESSION_SECONDS);
        self.execute("DELETE FROM sessions WHERE created_at <= $1", params![over.0])
            .await?;
        let account = redeemed.account();
        self.execute(
            "INSERT INTO sessions (cookie_hash, chain, account_id, account_revision, csrf, address, created_at, seen_at, factor_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)",
            params![
                cookie.0.as_slice(),
                redeemed.chain(),
                account.id.0,
                account.revision,
                csrf,
                address,
                now.0,
                redeemed.factor_at().map(|at| at.0)
            ],
        )
        .await
        .map(drop)
    }

    /// Notes that a session is in use.
    pub async fn touch_session(&mut self, cookie: Sha256, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE sessions SET seen_at = $1 WHERE cookie_hash = $2 AND ended_at IS NULL AND seen_at < $1";
        self.execute(sql, params![now.0, cookie.0.as_slice()]).await.map(drop)
    }
}

const fn step(flow: &Flow) -> &'static str {
    match flow {
        Flow::FirstFactor(_) => "first_factor",
        Flow::SecondFactor { .. } => "second_factor",
        Flow::PasswordChange { .. } => "password_change",
    }
}

fn logon_flow(row: &Row) -> Result<LogonFlow, StoreError> {
    let request = AuthorizationRequest {
        client: client(&row.text(3)?)?,
        resource: resource(&row.text(11)?)?,
        redirect: RedirectUri::recorded(row.text(4)?),
        challenge: challenge(row.blob(5)?)?,
        state: row.text_or_null(6)?,
    };
    let passed = match (row.int_or_null(7)?, row.int_or_null(8)?) {
        (Some(account), Some(revision)) => Some(Passed {
            account: AccountId(account),
            revision,
            password_changed_at: row.int_or_null(13)?.map(Timestamp),
            factor_at: row.int_or_null(14)?.map(Timestamp),
        }),
        _ => None,
    };
    let flow = match (row.text(12)?.as_str(), passed) {
        ("first_factor", None) => Flow::FirstFactor(request),
        ("second_factor", Some(passed)) => Flow::SecondFactor { request, passed },
        ("password_change", Some(passed)) => Flow::PasswordChange { request, passed },
        _ => return Err(StoreError::Unreadable("the step of a logon")),
    };
    Ok(LogonFlow {
        id: row.text(0)?,
        csrf: row.text(1)?,
        name: row.text(2)?,
        flow,
        factors: Factors::default(),
        expires_at: Timestamp(row.int(9)?),
        revision: row.int(10)?,
    })
}

fn client(id: &str) -> Result<ClientId, StoreError> {
    id.parse().map_err(|_| StoreError::Unreadable("the client of a logon"))
}

fn resource(id: &str) -> Result<Resource, StoreError> {
    Resource::with_id(id).ok_or(StoreError::Unreadable("the resource of a logon"))
}

fn challenge(bytes: Vec<u8>) -> Result<Challenge, StoreError> {
    bytes
        .try_into()
        .map(Challenge)
        .map_err(|_| StoreError::Unreadable("the challenge of a logon"))
}

fn session(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        account: AccountId(row.int(0)?),
        account_revision: row.int(1)?,
        chain: row.text(2)?,
        csrf: row.text(3)?,
        created_at: Timestamp(row.int(4)?),
        seen_at: Timestamp(row.int(5)?),
        factor_at: row.int_or_null(6)?.map(Timestamp),
    })
}
