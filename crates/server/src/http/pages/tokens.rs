//! `/tokens`: the reader's own repository tokens.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::AccountId;
use countersign_core::token::{Rights, Scope};
use countersign_store::{StoreError, Token, View};
use serde::Deserialize;

use super::asked::part;
use super::notice::Notice;
use super::{Asked, account_form, words};
use crate::AppState;
use crate::flows::tokens::{self, TokenError};
use crate::http::{Kind, Problem};
use crate::pages::{Choice, FreshToken, Section, TokenForm, TokenRow, TokensPage, respond};
use crate::session::PersonForm;

/// `GET /tokens`.
pub async fn show(asked: Asked) -> Result<Response, Problem> {
    page(asked, StatusCode::OK, TypedToken::default(), None, None).await
}

/// The form for a new token, as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TypedToken {
    label: String,
    scope: String,
    rights: String,
    expires: String,
}

impl TypedToken {
    /// What was chosen.
    pub fn rights(&self) -> &str {
        &self.rights
    }

    /// The form once more; the rights are to be filled in.
    pub fn form(self, problem: Option<String>) -> TokenForm {
        TokenForm {
            label: self.label,
            scope: self.scope,
            expires: self.expires,
            rights: Vec::new(),
            problem,
        }
    }
}

async fn page(
    asked: Asked,
    status: StatusCode,
    typed: TypedToken,
    problem: Option<String>,
    fresh: Option<FreshToken>,
) -> Result<Response, Problem> {
    let app = asked.app.clone();
    let page = app
        .store
        .read(move |view| Box::pin(fill(view, asked, typed, problem, fresh)))
        .await?;
    Ok(respond::page(status, &page))
}

async fn fill(
    view: &mut View,
    asked: Asked,
    typed: TypedToken,
    problem: Option<String>,
    fresh: Option<FreshToken>,
) -> Result<TokensPage, Problem> {
    let (chrome, policy) = asked.chrome(view, Some(Section::Tokens)).await?;
    let tokens = view.tokens_of(asked.person.account.id).await?;
    let rights = rights(&asked, &typed.rights, policy.four_eyes);
    let form = (!rights.is_empty()).then(|| TokenForm {
        rights,
        ..typed.form(problem)
    });
    Ok(TokensPage {
        chrome,
        rows: tokens.iter().map(|token| row(&asked, token)).collect(),
        form,
        fresh,
    })
}

/// A token without its secret.
pub fn row(asked: &Asked, token: &Token) -> TokenRow {
    TokenRow {
        id: token.id.to_string(),
        label: token.label.clone(),
        scope: token.scope.to_string().replace(',', ", "),
        rights: token.rights.as_str().to_owned(),
        created: asked.moment(token.created_at),
        last_used: token.used_at.map(|at| asked.moment(at)),
        revoked: token.revoked_at.map(|at| asked.moment(at)),
        expires: token.expires_at.map(|at| asked.moment(at)),
    }
}

/// What a token of the reader may be allowed.
pub fn rights(asked: &Asked, chosen: &str, four_eyes: bool) -> Vec<Choice> {
    Rights::ALL
        .into_iter()
        .filter(|rights| rights.within(asked.person.account.roles))
        .map(|rights| {
            let (label, hint) = match rights {
                Rights::Read => ("Read", "List and restore."),
                Rights::Append => ("Append", "Also back up. Cannot delete, so it cannot forget or prune."),
                Rights::Delete if four_eyes => ("Delete", "Also delete: held until a second person approves."),
                Rights::Delete => (
                    "Delete",
                    "Also delete: at once while four-eyes authorization is off, held when it is on.",
                ),
            };
            Choice {
                value: rights.as_str().to_owned(),
                label: label.to_owned(),
                hint: hint.to_owned(),
                chosen: rights.as_str() == chosen,
            }
        })
        .collect()
}

/// `POST /tokens`: makes one and shows it, this once. The page is the answer itself: nothing may keep the secret to show
/// it after a redirect.
pub async fn create(
    State(app): State<AppState>,
    PersonForm { person, form }: PersonForm<TypedToken>,
) -> Result<Response, Problem> {
    let asked = Asked::by(app, person);
    let own = asked.person.account.id;
    match made(&asked, own, &form).await? {
        Ok(fresh) => page(asked, StatusCode::OK, TypedToken::default(), None, Some(fresh)).await,
        Err(problem) => refuse(asked, form, problem).await,
    }
}

/// Makes a token of an account, or says what is wrong with what was typed.
pub async fn made(asked: &Asked, owner: AccountId, form: &TypedToken) -> Result<Result<FreshToken, String>, Problem> {
    let (rights, scope) = match read(form) {
        Ok(read) => read,
        Err(problem) => return Ok(Err(problem)),
    };
    let expires_at = match account_form::end(&form.expires) {
        Ok(end) => end,
        Err(problem) => return Ok(Err(problem)),
    };
    let path = match &scope {
        Scope::These(places) => places
            .iter()
            .find(|place| place.backup.is_some())
            .map(ToString::to_string),
        Scope::All => None,
    };
    let wanted = tokens::Wanted {
        label: form.label.clone(),
        rights,
        scope,
        expires_at,
    };
    let secret = match tokens::make(&asked.app, &asked.person.account, owner, wanted).await {
        Ok((_, secret)) => secret,
        Err(TokenError::Store(error)) => return Err(error.into()),
        Err(error) => return Ok(Err(words::sentence(&error.to_string()))),
    };
    let name = asked
        .app
        .store
        .ask(move |view| Box::pin(async move { view.account(owner).await }))
        .await
        .map_err(|error: StoreError| Problem::from(error))?
        .map(|account| account.name.to_string())
        .unwrap_or_default();
    Ok(Ok(FreshToken {
        label: form.label.trim().to_owned(),
        client_url: words::client_url_of(asked, &name, secret.reveal(), &path.unwrap_or_else(words::some_backup)),
        secret: secret.reveal().to_owned(),
    }))
}

async fn refuse(asked: Asked, typed: TypedToken, problem: String) -> Result<Response, Problem> {
    page(asked, StatusCode::UNPROCESSABLE_ENTITY, typed, Some(problem), None).await
}

fn read(typed: &TypedToken) -> Result<(Rights, Scope), String> {
    let scope = typed.scope.parse::<Scope>();
    let scope = scope.map_err(|_| "Name the backups like main/laptop, other/*; or * for all.".to_owned())?;
    let rights = typed.rights.parse::<Rights>().ok();
    let rights = rights.ok_or_else(|| "Choose what the token may do.".to_owned())?;
    Ok((rights, scope))
}

/// A form without fields.
#[derive(Debug, Deserialize)]
pub struct Nothing {}

/// `POST /tokens/{id}/revoke`.
pub async fn revoke(
    State(app): State<AppState>,
    Path(id): Path<String>,
    PersonForm { person, .. }: PersonForm<Nothing>,
) -> Result<Response, Problem> {
    let account = &person.account;
    if tokens::revoke(&app, account, account.id, part(&id)?).await? {
        Ok(Notice::Revoked.at("/tokens"))
    } else {
        Err(Problem::new(
            Kind::NotFound,
            "You have no such token, or it was revoked before.",
        ))
    }
}
