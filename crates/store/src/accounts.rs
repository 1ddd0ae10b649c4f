//! Accounts and their repository tokens.

use countersign_core::account_change::AccountSpec;
use countersign_core::email::EmailAddress;
use countersign_core::person::Person;
use countersign_core::token::{Rights, Scope};
use countersign_core::{Account, AccountId, AccountKind, AccountName, AccountState, Roles, Sha256, TokenId};
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

/// A repository token as the store has it: everything but the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Which one.
    pub id: TokenId,
    /// Whose.
    pub account: AccountId,
    /// What its owner calls it.
    pub label: String,
    /// What it may do.
    pub rights: Rights,
    /// To which backups.
    pub scope: Scope,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// From when on it does not hold any more; none for never.
    pub expires_at: Option<Timestamp>,
    /// Who made it; none for those of the set-up.
    pub made_by: Option<AccountId>,
}

impl Token {
    /// Whether it holds now, if its account does.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// How it is called.
    pub name: AccountName,
    /// Person or service.
    pub kind: AccountKind,
    /// What it may do.
    pub roles: Roles,
    /// When it is made.
    pub created_at: Timestamp,
    /// From when on it may approve.
    pub eligible_at: Timestamp,
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whose.
    pub account: AccountId,
    /// The hash of its secret.
    pub hash: Sha256,
    /// What its owner calls it.
    pub label: String,
    /// What it may do.
    pub rights: Rights,
    /// To which backups.
    pub scope: Scope,
    /// When it is made.
    pub created_at: Timestamp,
    /// From when on it does not hold any more; none for never.
    pub expires_at: Option<Timestamp>,
    /// Who makes it; none at the set-up.
    pub made_by: Option<AccountId>,
}

impl View {
    /// The account with this id.
    pub async fn account(&mut self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.row(
            "SELECT id, name, kind, roles, state, created_at, eligible_at, revision, expires_at, mfa, email, owner_id, person FROM accounts WHERE id = $1",
            params![id.0],
        )
        .await?
        .as_ref()
        .map(account)
        .transpose()
    }

    /// The account with this name, in whatever case.
    pub async fn account_named(&mut self, name: &AccountName) -> Result<Option<Account>, StoreError> {
        self.row(
            "SELECT id, name, kind, roles, state, created_at, eligible_at, revision, expires_at, mfa, email, owner_id, person FROM accounts WHERE name_key = $1",
            params![name.key()],
        )
        .await?
        .as_ref()
        .map(account)
        .transpose()
    }

    /// Every account, by name.
    pub async fn accounts(&mut self) -> Result<Vec<Account>, StoreError> {
        let rows = self
            .rows(
                "SELECT id, name, kind, roles, state, created_at, eligible_at, revision, expires_at, mfa, email, owner_id, person FROM accounts ORDER BY name_key",
                params![],
            )
            .await?;
        rows.iter().map(account).collect()
    }

    /// Every account that has a second factor by which it can decide, by name. Recovery codes decide nothing.
    pub async fn accounts_with_factor(&mut self) -> Result<Vec<Account>, StoreError> {
        let sql =
            "SELECT id, name, kind, roles, state, created_at, eligible_at, revision, expires_at, mfa, email, owner_id, person FROM accounts
                   WHERE id IN (SELECT account_id FROM totp_secrets UNION SELECT account_id FROM passkeys)
                   ORDER BY name_key";
        self.rows(sql, params![]).await?.iter().map(account).collect()
    }

    /// The token with this hash and its account, unless revoked.
    pub async fn token_by_hash(&mut self, hash: Sha256) -> Result<Option<(Token, Account)>, StoreError> {
        let sql = "SELECT id, account_id, label, rights, backups, created_at, used_at, revoked_at, expires_at, made_by FROM tokens
                   WHERE hash = $1 AND revoked_at IS NULL";
        let Some(row) = self.row(sql, params![hash.0.as_slice()]).await? else {
            return Ok(None);
        };
        let token = token(&row)?;
        Ok(self.account(token.account).await?.map(|account| (token, account)))
    }

    /// An account's tokens, newest first.
    pub async fn tokens_of(&mut self, account: AccountId) -> Result<Vec<Token>, StoreError> {
        let rows = self
            .rows(
                "SELECT id, account_id, label, rights, backups, created_at, used_at, revoked_at, expires_at, made_by FROM tokens
                 WHERE account_id = $1 ORDER BY id DESC",
                params![account.0],
            )
            .await?;
        rows.iter().map(token).collect()
    }
}

impl Tx {
    /// Makes an account that is active. [`StoreError::Exists`] when the name is taken.
    pub async fn add_account(&mut self, new: &NewAccount) -> Result<Account, StoreError> {
        let spec = AccountSpec {
            email: None,
            expires_at: None,
            kind: new.kind,
            mfa: false,
            name: new.name.clone(),
            owner: None,
            person: None,
            roles: new.roles,
            state: AccountState::Active,
        };
        self.insert_account(&spec, new.eligible_at, new.created_at).await
    }

    /// Makes an account as a change describes it. [`StoreError::Exists`] when the name is or was taken.
    pub async fn insert_account(
        &mut self,
        spec: &AccountSpec,
        eligible_at: Timestamp,
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        let id = self
            .insert(
                "INSERT INTO accounts (name, name_key, kind, roles, state, created_at, eligible_at, revision, expires_at, mfa,
                                       email, owner_id, person, person_key)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $11, $12, $13) RETURNING id",
                params![
                    spec.name.as_str(),
                    spec.name.key(),
                    spec.kind.as_str(),
                    spec.roles.to_string(),
                    spec.state.as_str(),
                    now.0,
                    eligible_at.0,
                    spec.expires_at.map(|end| end.0),
                    i64::from(spec.mfa),
                    spec.email.as_ref().map(EmailAddress::as_str),
                    spec.owner.map(|owner| owner.0),
                    spec.person.as_ref().map(Person::as_str),
                    spec.person.as_ref().map(Person::key)
                ],
            )
            .await?;
        Ok(Account {
            id: AccountId(id),
            name: spec.name.clone(),
            kind: spec.kind,
            roles: spec.roles,
            state: spec.state,
            created_at: now,
            eligible_at,
            expires_at: spec.expires_at,
            mfa: spec.mfa,
            email: spec.email.clone(),
            owner: spec.owner,
            person: spec.person.clone(),
            revision: 1,
        })
    }

    /// Puts another state of an account in the place of the one that was seen; false when it has changed since.
    pub async fn change_account(&mut self, seen: &Account, after: &Account) -> Result<bool, StoreError> {
        let sql =
            "UPDATE accounts SET roles = $1, state = $2, eligible_at = $3, expires_at = $4, mfa = $5, revision = $6,
                                       email = $7, owner_id = $8, person = $9, person_key = $12
                   WHERE id = $10 AND revision = $11";
        let params = params![
            after.roles.to_string(),
            after.state.as_str(),
            after.eligible_at.0,
            after.expires_at.map(|end| end.0),
            i64::from(after.mfa),
            after.revision,
            after.email.as_ref().map(EmailAddress::as_str),
            after.owner.map(|owner| owner.0),
            after.person.as_ref().map(Person::as_str),
            seen.id.0,
            seen.revision,
            after.person.as_ref().map(Person::key)
        ];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Makes a token.
    pub async fn add_token(&mut self, new: &NewToken) -> Result<TokenId, StoreError> {
        self.insert(
            "INSERT INTO tokens (account_id, hash, label, rights, backups, created_at, expires_at, made_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
            params![
                new.account.0,
                new.hash.0.as_slice(),
                new.label.as_str(),
                new.rights.as_str(),
                new.scope.to_string(),
                new.created_at.0,
                new.expires_at.map(|end| end.0),
                new.made_by.map(|account| account.0)
            ],
        )
        .await
        .map(TokenId)
    }

    /// Ends a token of this account; false when there is none or it has ended.
    pub async fn revoke_token(&mut self, account: AccountId, id: TokenId, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE tokens SET revoked_at = $1 WHERE id = $2 AND account_id = $3 AND revoked_at IS NULL";
        Ok(self.execute(sql, params![now.0, id.0, account.0]).await? == 1)
    }

    /// Notes that a token was used.
    pub async fn note_token_use(&mut self, id: TokenId, now: Timestamp) -> Result<(), StoreError> {
        self.execute("UPDATE tokens SET used_at = $1 WHERE id = $2", params![now.0, id.0])
            .await
            .map(drop)
    }
}

fn account(row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        id: AccountId(row.int(0)?),
        name: row
            .text(1)?
            .parse()
            .map_err(|_| StoreError::Unreadable("the name of an account"))?,
        kind: match row.text(2)?.as_str() {
            "person" => AccountKind::Person,
            "service" => AccountKind::Service,
            _ => return Err(StoreError::Unreadable("the kind of an account")),
        },
        roles: row
            .text(3)?
            .parse::<Roles>()
            .map_err(|_| StoreError::Unreadable("the roles of an account"))?,
        state: state(&row.text(4)?)?,
        created_at: Timestamp(row.int(5)?),
        eligible_at: Timestamp(row.int(6)?),
        revision: row.int(7)?,
        expires_at: row.int_or_null(8)?.map(Timestamp),
        mfa: row.int(9)? != 0,
        email: parsed(row.text_or_null(10)?, "an e-mail address")?,
        owner: row.int_or_null(11)?.map(AccountId),
        person: parsed(row.text_or_null(12)?, "who an account is")?,
    })
}

fn parsed<T: std::str::FromStr>(text: Option<String>, what: &'static str) -> Result<Option<T>, StoreError> {
    text.map(|text| text.parse().map_err(|_| StoreError::Unreadable(what)))
        .transpose()
}

fn state(word: &str) -> Result<AccountState, StoreError> {
    let found = AccountState::ALL.into_iter().find(|state| state.as_str() == word);
    found.ok_or(StoreError::Unreadable("the state of an account"))
}

fn token(row: &Row) -> Result<Token, StoreError> {
    Ok(Token {
        id: TokenId(row.int(0)?),
        account: AccountId(row.int(1)?),
        label: row.text(2)?,
        rights: row
            .text(3)?
            .parse()
            .map_err(|_| StoreError::Unreadable("the rights of a token"))?,
        scope: row
            .text(4)?
            .parse()
            .map_err(|_| StoreError::Unreadable("the backups of a token"))?,
        created_at: Timestamp(row.int(5)?),
        used_at: row.int_or_null(6)?.map(Timestamp),
        revoked_at: row.int_or_null(7)?.map(Timestamp),
        expires_at: row.int_or_null(8)?.map(Timestamp),
        made_by: row.int_or_null(9)?.map(AccountId),
    })
}
