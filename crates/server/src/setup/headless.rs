//! Setting up without a screen: accounts, services, repository tokens and settings from a TOML text, all or nothing.

use countersign_core::account_change::may_own;
use countersign_core::email::EmailAddress;
use countersign_core::factor::{BadSecret, TotpSecret};
use countersign_core::password::{self, Beside, HashingFailed, PasswordHash, Unfit};
use countersign_core::person::Person as Who;
use countersign_core::token::{BadScope, Rights, Scope, Secret, UnknownRights, WeakSecret};
use countersign_core::{Account, AccountKind, AccountName, Actor, Entropy, Policy, Roles, Via};
use countersign_events::Timestamp;
use countersign_store::{NewAccount, NewToken, Store, StoreError, Tx};
use serde::Deserialize;

use super::{Founder, SetupError, add_founder, complete};
use crate::flows::settings::{Change, ChangeError, change_in};
use crate::seal::SealingKey;

/// The text, as it is written. docs/operations.md shows one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    #[serde(default)]
    account: Vec<Person>,
    #[serde(default)]
    service: Vec<Service>,
    #[serde(default)]
    token: Vec<TokenOf>,
    #[serde(default)]
    settings: Settings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    name: AccountName,
    password: String,
    totp_secret: String,
    /// Whether the first logon asks for another password: the one here was seen by whoever wrote the text.
    #[serde(default)]
    must_change: bool,
    /// Where the person is told of requests.
    email: Option<EmailAddress>,
    /// Who it is, where one person has several accounts.
    person: Option<Who>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    name: AccountName,
    /// The person who answers for it.
    owner: Option<AccountName>,
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenOf {
    account: AccountName,
    label: String,
    secret: Option<String>,
    rights: String,
    backups: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Settings {
    four_eyes: Option<bool>,
    expiry_days: Option<u32>,
    quiet_seconds: Option<u32>,
    collect_seconds: Option<u32>,
    cool_off_hours: Option<u32>,
    held_bytes_cap: Option<u64>,
    event_retention_days: Option<u32>,
    logoff_minutes: Option<u32>,
    session_hours: Option<u32>,
    mfa_for_all: Option<bool>,
    open_requests: Option<u32>,
    undo_hours: Option<u32>,
}

/// Why nothing was set up.
#[derive(Debug, thiserror::Error)]
pub enum HeadlessError {
    /// The text.
    #[error("the description cannot be read: {0}")]
    Text(#[from] toml::de::Error),
    /// A password.
    #[error("account {0}: {1}")]
    Password(AccountName, Unfit),
    /// A second factor.
    #[error("account {0}: {1}")]
    SecondFactor(AccountName, BadSecret),
    /// Hashing.
    #[error(transparent)]
    Hashing(#[from] HashingFailed),
    /// A token's secret.
    #[error("token of {0}: {1}")]
    Token(AccountName, WeakSecret),
    /// A token's rights.
    #[error("token of {0}: {1}")]
    Rights(AccountName, UnknownRights),
    /// A token's backups.
    #[error("token of {0}: {1}")]
    Scope(AccountName, BadScope),
    /// A service of nobody.
    #[error("service {0}: its owner {1} is no person that is described or there")]
    NoOwner(AccountName, AccountName),
    /// A token for nobody.
    #[error("token of {0}: there is no such account")]
    NoAccount(AccountName),
    /// More people than set-up is for would be a way round the cool-off.
    #[error("set-up makes two people; {0} are described. The others are added by the two once they are logged on")]
    TooMany(usize),
    /// Settings without anybody.
    #[error("settings are changed by somebody: describe an account, too")]
    Nobody,
    /// A setting.
    #[error("settings: {0}")]
    Settings(#[from] ChangeError),
    /// Anything else of the set-up.
    #[error(transparent)]
    Setup(#[from] SetupError),
}

impl From<StoreError> for HeadlessError {
    fn from(error: StoreError) -> Self {
        Self::Setup(error.into())
    }
}

/// A token that was made up here, to be printed once.
pub struct MadeToken {
    /// Whose.
    pub account: AccountName,
    /// What it is called.
    pub label: String,
    /// Its secret.
    pub secret: Secret,
}

/// A description whose every value is right, its passwords hashed.
pub struct Plan {
    people: Vec<(Founder, bool, Option<EmailAddress>, Option<Who>)>,
    services: Vec<(AccountName, Option<AccountName>)>,
    tokens: Vec<PlannedToken>,
    settings: Settings,
    made: Vec<MadeToken>,
}

struct PlannedToken {
    account: AccountName,
    hash: countersign_core::Sha256,
    label: String,
    rights: Rights,
    scope: Scope,
}

impl Plan {
    /// Reads a description. Slow: it hashes passwords.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(text: &str, entropy: &dyn Entropy) -> Result<Self, HeadlessError> {
        let description: Description = toml::from_str(text)?;
        let mut plan = Self {
            people: Vec::new(),
            services: Vec::new(),
            tokens: Vec::new(),
            settings: description.settings,
            made: Vec::new(),
        };
        for person in description.account {
            let Person {
                name,
                password,
                totp_secret,
                must_change,
                email,
                person: who,
            } = person;
            password::check(&password, &name, Beside::SecondFactor)
                .map_err(|unfit| HeadlessError::Password(name.clone(), unfit))?;
            let totp =
                TotpSecret::from_base32(&totp_secret).map_err(|bad| HeadlessError::SecondFactor(name.clone(), bad))?;
            let founder = Founder {
                password: PasswordHash::new(&password, entropy)?,
                totp,
                last_step: 0,
                name,
            };
            plan.people.push((founder, must_change, email, who));
        }
        for service in description.service {
            let token = (service.name.clone(), "set-up".to_owned(), service.token);
            plan.token(token, Rights::Delete, Scope::All, entropy)?;
            plan.services.push((service.name, service.owner));
        }
        for token in description.token {
            let owner = || token.account.clone();
            let rights = token
                .rights
                .parse()
                .map_err(|bad| HeadlessError::Rights(owner(), bad))?;
            let scope = token
                .backups
                .parse()
                .map_err(|bad| HeadlessError::Scope(owner(), bad))?;
            plan.token((owner(), token.label, token.secret), rights, scope, entropy)?;
        }
        Ok(plan)
    }

    fn token(
        &mut self,
        (account, label, given): (AccountName, String, Option<String>),
        rights: Rights,
        scope: Scope,
        entropy: &dyn Entropy,
    ) -> Result<(), HeadlessError> {
        let secret = match &given {
            Some(given) => Secret::given(given).map_err(|weak| HeadlessError::Token(account.clone(), weak))?,
            None => Secret::new(entropy),
        };
        self.tokens.push(PlannedToken {
            account: account.clone(),
            hash: secret.hash(),
            label: label.clone(),
            rights,
            scope,
        });
        if given.is_none() {
            self.made.push(MadeToken { account, label, secret });
        }
        Ok(())
    }

    /// Does it, in one transaction; the tokens that were made up.
    ///
    /// # Errors
    /// [`SetupError::Complete`] once two people are there; nothing is changed by any error.
    pub async fn carry_out(
        self,
        store: &Store,
        sealing: std::sync::Arc<SealingKey>,
        entropy: std::sync::Arc<dyn Entropy>,
        now: Timestamp,
    ) -> Result<Vec<MadeToken>, HeadlessError> {
        let Self {
            people,
            services,
            tokens,
            settings,
            made,
        } = self;
        store
            .write(move |tx| {
                Box::pin(async move {
                    if complete(tx).await? {
                        return Err(SetupError::Complete.into());
                    }
                    let missing = super::missing(tx).await?;
                    if people.len() > missing {
                        return Err(HeadlessError::TooMany(people.len()));
                    }
                    for (founder, must_change, email, person) in people {
                        let account = add_founder(tx, &sealing, &*entropy, &founder, now).await?;
                        if must_change {
                            tx.require_password_change(account.id).await?;
                        }
                        if email.is_some() || person.is_some() {
                            let revision = account.revision.saturating_add(1);
                            let told = Account {
                                email,
                                person,
                                revision,
                                ..account.clone()
                            };
                            tx.change_account(&account, &told).await?;
                        }
                    }
                    for (name, owner) in services {
                        add_service(tx, name, owner, now).await?;
                    }
                    for token in tokens {
                        add_token(tx, token, now).await?;
                    }
                    change_settings(tx, &settings, now).await?;
                    // Somebody who holds a link must not become a third first administrator.
                    if complete(tx).await? {
                        tx.void_founding_links(now).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        Ok(made)
    }
}

async fn add_service(
    tx: &mut Tx,
    name: AccountName,
    owner: Option<AccountName>,
    now: Timestamp,
) -> Result<(), HeadlessError> {
    if tx.account_named(&name).await?.is_some() {
        return Err(SetupError::NameTaken(name).into());
    }
    let owner = match owner {
        Some(owner) => {
            let known = tx.account_named(&owner).await?;
            let fits = known.filter(|account| may_own(account).is_ok());
            Some(fits.ok_or(HeadlessError::NoOwner(name.clone(), owner))?.id)
        }
        None => None,
    };
    let new = NewAccount {
        name,
        kind: AccountKind::Service,
        roles: Roles::default(),
        created_at: now,
        eligible_at: now,
    };
    let service = tx.add_account(&new).await?;
    if owner.is_some() {
        let owned = Account {
            owner,
            ..service.clone()
        };
        tx.change_account(&service, &owned).await?;
    }
    Ok(())
}

async fn add_token(tx: &mut Tx, token: PlannedToken, now: Timestamp) -> Result<(), HeadlessError> {
    let Some(account) = tx.account_named(&token.account).await? else {
        return Err(HeadlessError::NoAccount(token.account));
    };
    tx.add_token(&NewToken {
        account: account.id,
        hash: token.hash,
        label: token.label,
        rights: token.rights,
        scope: token.scope,
        created_at: now,
        expires_at: None,
        made_by: None,
    })
    .await?;
    Ok(())
}

async fn change_settings(tx: &mut Tx, settings: &Settings, now: Timestamp) -> Result<(), HeadlessError> {
    let before = tx.policy().await?;
    let after = Policy {
        four_eyes: settings.four_eyes.unwrap_or(before.four_eyes),
        expiry_days: settings.expiry_days.unwrap_or(before.expiry_days),
        quiet_seconds: settings.quiet_seconds.unwrap_or(before.quiet_seconds),
        collect_seconds: settings.collect_seconds.unwrap_or(before.collect_seconds),
        cool_off_hours: settings.cool_off_hours.unwrap_or(before.cool_off_hours),
        held_bytes_cap: settings.held_bytes_cap.or(before.held_bytes_cap),
        event_retention_days: settings.event_retention_days.or(before.event_retention_days),
        logoff_minutes: settings.logoff_minutes.unwrap_or(before.logoff_minutes),
        mfa_for_all: settings.mfa_for_all.unwrap_or(before.mfa_for_all),
        open_requests: settings.open_requests.unwrap_or(before.open_requests),
        session_hours: settings.session_hours.unwrap_or(before.session_hours),
        undo_hours: settings.undo_hours.unwrap_or(before.undo_hours),
    };
    if after == before {
        return Ok(());
    }
    let accounts = tx.accounts().await?;
    let first = accounts
        .into_iter()
        .filter(|account| account.kind == AccountKind::Person)
        .min_by_key(|account| account.id);
    let Some(person) = first else {
        return Err(HeadlessError::Nobody);
    };
    let actor = Actor {
        account: person.id,
        name: person.name.as_str().to_owned(),
        login_type: person.user().login_type,
        via: Via::Session(person.roles),
        address: "set-up".into(),
        why: None,
        maker: None,
    };
    // While four-eyes authorization is off nothing is held, so the request's nonce is never used.
    let changed = change_in(tx, &actor, Change::Policy(after), now, String::new()).await?;
    tracing::debug!(?changed, "settings of the set-up");
    Ok(())
}
