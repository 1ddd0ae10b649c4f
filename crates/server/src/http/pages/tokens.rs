//! `/tokens`: the reader's own repository tokens.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::token::{Rights, Scope};
use countersign_store::{Token, View};
use serde::Deserialize;

use super::asked::part;
use super::notice::Notice;
use super::{Asked, words};
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
    let form = (!rights.is_empty()).then_some(TokenForm {
        label: typed.label,
        scope: typed.scope,
        rights,
        problem,
    });
    Ok(TokensPage {
        chrome,
        rows: tokens.iter().map(|token| row(&asked, token)).collect(),
        form,
        fresh,
    })
}

fn row(asked: &Asked, token: &Token) -> TokenRow {
    TokenRow {
        id: token.id.to_string(),
        label: token.label.clone(),
        scope: token.scope.to_string().replace(',', ", "),
        rights: token.rights.as_str().to_owned(),
        created: asked.moment(token.created_at),
        last_used: token.used_at.map(|at| asked.moment(at)),
        revoked: token.revoked_at.map(|at| asked.moment(at)),
    }
}

/// What a token of the reader may be allowed.
fn rights(asked: &Asked, chosen: &str, four_eyes: bool) -> Vec<Choice> {
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
    let asked = Asked::by(app.clone(), person);
    let (rights, scope) = match read(&form) {
        Ok(read) => read,
        Err(problem) => return refuse(asked, form, problem).await,
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
        expires_at: None,
    };
    let account = &asked.person.account;
    let secret = match tokens::make(&app, account, account.id, wanted).await {
        Ok((_, secret)) => secret,
        Err(TokenError::Store(error)) => return Err(error.into()),
        Err(error) => return refuse(asked, form, words::sentence(&error.to_string())).await,
    };
    let fresh = FreshToken {
        label: form.label.trim().to_owned(),
        client_url: words::client_url(&asked, secret.reveal(), &path.unwrap_or_else(words::some_backup)),
        secret: secret.reveal().to_owned(),
    };
    page(asked, StatusCode::OK, TypedToken::default(), None, Some(fresh)).await
}

async fn refuse(asked: Asked, typed: TypedToken, problem: String) -> Result<Response, Problem> {
    page(asked, StatusCode::UNPROCESSABLE_ENTITY, typed, Some(problem), None).await
}

fn read(typed: &TypedToken) -> Result<(Rights, Scope), String> {
    let scope = typed.scope.parse::<Scope>();
    let scope = scope.map_err(|_| "Name the backups like main/laptop, main/server; or * for all.".to_owned())?;
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
