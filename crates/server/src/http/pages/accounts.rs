//! `/accounts`: who there is and what they may do; each with its form, its link, its tokens and its sessions.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::account_change::{AccountChange, AccountSpec, LinkKind, Reset, may_own};
use countersign_core::{Account, AccountId, AccountKind, AccountState, Deed, Policy, Role, Verdict, decide};
use countersign_store::View;
use serde::Deserialize;

use super::account_form::TypedAccount;
use super::asked::part;
use super::filter::address;
use super::notice::Notice;
use super::tokens::{self, Nothing, TypedToken};
use super::{Asked, changed, sessions};
use crate::AppState;
use crate::flows::account_links::{self, LinkError};
use crate::flows::settings::Changed;
use crate::flows::{accounts, may_administer};
use crate::http::{Kind, Problem};
use crate::pages::{
    AccountPage, AccountRow, AccountStanding, AccountsPage, Approves, Choice, FreshLink, FreshToken, LinkNote,
    NewAccountPage, Section, TokenForm, respond,
};
use crate::session::{Person, PersonForm};

/// `GET /accounts`.
pub async fn list(asked: Asked) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app.store.read(move |view| Box::pin(fill_list(view, asked))).await?;
    Ok(respond::page(StatusCode::OK, &page))
}

async fn fill_list(view: &mut View, asked: Asked) -> Result<AccountsPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Accounts)).await?;
    let mut all = view.accounts().await?;
    all.sort_by_key(|account| account.state == AccountState::Deleted);
    Ok(AccountsPage {
        chrome,
        rows: all.iter().map(|account| row(&asked, account, &all)).collect(),
        can_change: may_change(&asked, &policy),
    })
}

fn may_change(asked: &Asked, policy: &Policy) -> bool {
    let verdict = decide(&asked.person.actor(), Deed::ChangeAccounts, policy, asked.now);
    !matches!(verdict, Verdict::Deny(_))
}

fn row(asked: &Asked, account: &Account, all: &[Account]) -> AccountRow {
    let titles: Vec<_> = account.roles.iter().map(Role::title).collect();
    AccountRow {
        id: account.id.to_string(),
        name: account.name.to_string(),
        is_service: account.kind == AccountKind::Service,
        yours: asked.is_reader(account.id),
        roles: titles.join(", "),
        state: match account.state {
            AccountState::Invited => AccountStanding::Invited,
            AccountState::Active if account.is_past(asked.now) => AccountStanding::Expired,
            AccountState::Active => AccountStanding::Active,
            AccountState::Disabled => AccountStanding::Disabled,
            AccountState::Deleted => AccountStanding::Deleted,
        },
        approves: match account.eligible(asked.ageing) {
            Ok(()) => Approves::Now,
            Err(countersign_core::account::Ineligible::CoolingOff { until }) => Approves::From(asked.moment(until)),
            Err(_) => Approves::No,
        },
        expires: account.expires_at.map(|at| asked.moment(at)),
        email: account.email.as_ref().map(ToString::to_string),
        // One who left answers for nothing any more.
        owner: all
            .iter()
            .find(|other| Some(other.id) == account.owner && may_own(other).is_ok())
            .map(|owner| owner.name.to_string()),
        person: account.person.as_ref().map(ToString::to_string),
    }
}

/// `GET /accounts/new`.
pub async fn new(asked: Asked) -> Result<Response, Problem> {
    new_page(asked, TypedAccount::default(), None).await
}

async fn new_page(asked: Asked, typed: TypedAccount, problem: Option<String>) -> Result<Response, Problem> {
    let status = status(problem.is_some());
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| {
            Box::pin(async move {
                let (chrome, policy) = asked.chrome(view, Some(Section::Accounts)).await?;
                Ok::<_, Problem>(NewAccountPage {
                    chrome,
                    name: typed.name.clone(),
                    kinds: typed.kinds(),
                    form: typed.form(&view.accounts().await?, problem),
                    is_held: policy.four_eyes,
                    can_change: may_change(&asked, &policy),
                })
            })
        })
        .await?;
    Ok(respond::page(status, &page))
}

const fn status(wrong: bool) -> StatusCode {
    if wrong {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    }
}

/// `POST /accounts`.
pub async fn add(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedAccount>,
) -> Result<Response, Problem> {
    let change = match form.addition() {
        Ok(change) => change,
        Err(problem) => return new_page(Asked::by(app, person), form, Some(problem)).await,
    };
    match accounts::change(&app, &person.actor(), &person.address, change).await {
        Ok(Changed::AddedAccount(id)) => Ok(Notice::Saved.at(&format!("/accounts/{id}"))),
        Ok(done) => Ok(changed::lead(done, Notice::Saved, "/accounts")),
        Err(error) => {
            let complaint = changed::complaint(error)?;
            new_page(Asked::by(app, person), form, Some(complaint)).await
        }
    }
}

/// `GET /accounts/{id}`.
pub async fn show(Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    page(asked, part(&id)?, Shown::default()).await
}

/// What the page shows beside the account as it is.
#[derive(Default)]
struct Shown {
    /// What was typed, and what is wrong with it.
    refused: Option<(TypedAccount, String)>,
    problem: Option<String>,
    fresh_link: Option<FreshLink>,
    fresh_token: Option<FreshToken>,
    /// What was typed for a new token, and what is wrong with it.
    token: (TypedToken, Option<String>),
}

async fn page(asked: Asked, id: AccountId, shown: Shown) -> Result<Response, Problem> {
    let status = status(shown.refused.is_some() || shown.problem.is_some() || shown.token.1.is_some());
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| Box::pin(fill(view, asked, id, shown)))
        .await?;
    Ok(respond::page(status, &page))
}

async fn fill(view: &mut View, asked: Asked, id: AccountId, shown: Shown) -> Result<AccountPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Accounts)).await?;
    let account = found(view, id).await?;
    let (may, own) = (may_change(&asked, &policy), asked.is_reader(id));
    let can_change = may && !own && account.state != AccountState::Deleted;
    let people = view.accounts().await?;
    let form = match shown.refused {
        Some((typed, problem)) => typed.form(&people, Some(problem)),
        None => TypedAccount::of(&AccountSpec::of(&account)).form(&people, None),
    };
    let link = match account_links::open(view, &account, asked.now).await? {
        Some(link) => {
            let asked_by = view.account(link.asked_by).await?;
            Some(LinkNote {
                what: link_words(link.kind).to_owned(),
                asked_by: asked_by.map(|account| account.name.to_string()).unwrap_or_default(),
                open_until: asked.moment(link.open_until),
                works_until: link.made.map(|(_, ends)| asked.moment(ends)),
                can_make: account_links::may_make(&asked.person.actor(), &link, &policy, asked.now),
            })
        }
        None => None,
    };
    let looks_at_tokens = own || may_administer(&asked.person.account).is_ok();
    let tokens = if looks_at_tokens {
        let all = view.tokens_of(id).await?;
        Some(all.iter().map(|token| tokens::row(&asked, token)).collect())
    } else {
        None
    };
    let makes_tokens = account.kind == AccountKind::Service
        && account.lives(asked.now)
        && asked.person.account.roles.has(Role::BackupAdministrator);
    let (typed, problem) = shown.token;
    let token_form = makes_tokens.then(|| TokenForm {
        rights: tokens::rights(&asked, typed.rights(), policy.four_eyes),
        ..typed.form(problem)
    });
    Ok(AccountPage {
        row: row(&asked, &account, &people),
        created: asked.moment(account.created_at),
        events_href: address("/events", &[("user", account.name.as_str())]),
        fresh_link: shown.fresh_link,
        link,
        form,
        resets: resets(&account, can_change, asked.now),
        problem: shown.problem,
        tokens,
        token_form,
        fresh_token: shown.fresh_token,
        sessions: sessions::rows(view, &asked, &account).await?,
        is_held: policy.four_eyes,
        can_change,
        chrome,
    })
}

async fn found(view: &mut View, id: AccountId) -> Result<Account, Problem> {
    let found = view.account(id).await?;
    found.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such account."))
}

const fn link_words(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Invitation => "an invitation, to choose a password and enrol a second factor",
        LinkKind::Password => "for another password",
        LinkKind::SecondFactor => "for another second factor",
    }
}

/// What can be set anew as the account is.
fn resets(account: &Account, can_change: bool, now: countersign_events::Timestamp) -> Vec<Choice> {
    let spec = AccountSpec::of(account);
    let choice = |reset: Reset| {
        let (label, hint) = match reset {
            Reset::Password => (
                "The password",
                "A link on which the second factor is shown. The old password works until then.",
            ),
            Reset::SecondFactor => (
                "The second factor",
                "A link on which the password is shown. The old one ends at once, and the cool-off starts.",
            ),
            Reset::Both => (
                "Both",
                "A new invitation. The old ones end at once, and the cool-off starts.",
            ),
            Reset::PasswordAtNextLogon => (
                "Nothing: change the password at the next sign-in",
                "No link. Its owner is asked for another one.",
            ),
        };
        Choice {
            value: reset.as_str().to_owned(),
            label: label.to_owned(),
            hint: hint.to_owned(),
            chosen: false,
        }
    };
    let possible = Reset::ALL
        .into_iter()
        .filter(|reset| can_change && spec.reset(*reset, now).is_ok());
    possible.map(choice).collect()
}

/// `POST /accounts/{id}`.
pub async fn change(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<TypedAccount>,
) -> Result<Response, Problem> {
    let id: AccountId = part(&id)?;
    let settings = match form.settings() {
        Ok(settings) => settings,
        Err(problem) => return refuse(app, person, id, form, problem).await,
    };
    let change = AccountChange::Set(id, settings);
    match accounts::change(&app, &person.actor(), &person.address, change).await {
        Ok(done) => Ok(changed::lead(done, Notice::Saved, &format!("/accounts/{id}"))),
        Err(error) => refuse(app, person, id, form, changed::complaint(error)?).await,
    }
}

async fn refuse(
    app: AppState,
    person: Person,
    id: AccountId,
    typed: TypedAccount,
    problem: String,
) -> Result<Response, Problem> {
    let shown = Shown {
        refused: Some((typed, problem)),
        ..Shown::default()
    };
    page(Asked::by(app, person), id, shown).await
}

/// Asks for a change that has no form of its own, and leads to where it is seen.
async fn asked_for(
    app: AppState,
    person: Person,
    id: AccountId,
    change: AccountChange,
    done: Notice,
) -> Result<Response, Problem> {
    match accounts::change(&app, &person.actor(), &person.address, change).await {
        Ok(became) => Ok(changed::lead(became, done, &format!("/accounts/{id}"))),
        Err(error) => {
            let shown = Shown {
                problem: Some(changed::complaint(error)?),
                ..Shown::default()
            };
            page(Asked::by(app, person), id, shown).await
        }
    }
}

/// `POST /accounts/{id}/enable`.
pub async fn enable(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id = part(&id)?;
    asked_for(app, person, id, AccountChange::Enable(id, true), Notice::Saved).await
}

/// `POST /accounts/{id}/disable`.
pub async fn disable(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id = part(&id)?;
    asked_for(app, person, id, AccountChange::Enable(id, false), Notice::Saved).await
}

/// `POST /accounts/{id}/delete`.
pub async fn delete(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id = part(&id)?;
    asked_for(app, person, id, AccountChange::Delete(id), Notice::AccountDeleted).await
}

/// What is to be set anew.
#[derive(Debug, Deserialize)]
pub struct TypedReset {
    #[serde(default)]
    what: String,
}

/// `POST /accounts/{id}/reset`.
pub async fn reset(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<TypedReset>,
) -> Result<Response, Problem> {
    let id = part(&id)?;
    match form.what.parse() {
        Ok(what) => asked_for(app, person, id, AccountChange::Reset(id, what), Notice::Saved).await,
        Err(_) => {
            let shown = Shown {
                problem: Some("Choose what is to be set anew.".to_owned()),
                ..Shown::default()
            };
            page(Asked::by(app, person), id, shown).await
        }
    }
}

/// `POST /accounts/{id}/link`: makes the link that waits and shows it, this once. The page is the answer itself: nothing may keep the
/// secret to show it after a redirect.
pub async fn link(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id: AccountId = part(&id)?;
    let made = account_links::make(&app, &person.actor(), id).await;
    let asked = Asked::by(app.clone(), person);
    let shown = match made {
        Ok(made) => Shown {
            fresh_link: Some(FreshLink {
                what: link_words(made.kind).to_owned(),
                url: app.config.public_url.join(&made.path()),
                expires: asked.moment(made.expires_at),
            }),
            ..Shown::default()
        },
        Err(error @ (LinkError::None | LinkError::AskedByOther(_))) => Shown {
            problem: Some(super::words::sentence(&error.to_string())),
            ..Shown::default()
        },
        Err(error) => return Err(error.into()),
    };
    page(asked, id, shown).await
}

/// `POST /accounts/{id}/tokens`: makes a token for a service and shows it, this once.
pub async fn make_token(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<TypedToken>,
) -> Result<Response, Problem> {
    let id: AccountId = part(&id)?;
    let asked = Asked::by(app, person);
    let shown = match tokens::made(&asked, id, &form).await? {
        Ok(fresh) => Shown {
            fresh_token: Some(fresh),
            ..Shown::default()
        },
        Err(problem) => Shown {
            token: (form, Some(problem)),
            ..Shown::default()
        },
    };
    page(asked, id, shown).await
}

/// `POST /accounts/{id}/tokens/{token}/revoke`.
pub async fn revoke_token(
    State(app): State<AppState>,
    Path((id, token)): Path<(String, String)>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let id: AccountId = part(&id)?;
    if crate::flows::tokens::revoke(&app, &person.account, id, part(&token)?).await? {
        Ok(Notice::Revoked.at(&format!("/accounts/{id}")))
    } else {
        Err(Problem::new(
            Kind::NotFound,
            "This account has no such token, or it was revoked before.",
        ))
    }
}

/// `POST /accounts/{id}/sessions/end`.
pub async fn end_sessions(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, form }: PersonForm<sessions::TypedEnd>,
) -> Result<Response, Problem> {
    let id: AccountId = part(&id)?;
    if sessions::end(&app, &person, id, &form).await? {
        // One's own: the next page asks for a logon.
        return Ok(Redirect::to("/").into_response());
    }
    Ok(Notice::Ended.at(&format!("/accounts/{id}")))
}

/// Where whoever looks at a request finds the account that it is about, and whether its link waits for them.
pub async fn of_request(
    view: &mut View,
    asked: &Asked,
    policy: &Policy,
    name: &countersign_core::AccountName,
) -> Result<Option<(String, bool)>, Problem> {
    let Some(account) = view.account_named(name).await? else {
        return Ok(None);
    };
    let link = account_links::open(view, &account, asked.now).await?;
    let may = link.is_some_and(|link| account_links::may_make(&asked.person.actor(), &link, policy, asked.now));
    Ok(Some((format!("/accounts/{}", account.id), may)))
}
