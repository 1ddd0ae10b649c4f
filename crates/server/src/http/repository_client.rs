//! Who a backup client is: account and repository token by basic authentication, or the access token of a person's logon, with
//! every request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use countersign_core::account::LOGIN_TYPE_LOCAL;
use countersign_core::logon::Resource;
use countersign_core::token::{self, Rights, Scope};
use countersign_core::{Account, Actor, Name, Sha256, TokenId, Via};
use countersign_events::{Reason, Timestamp};
use countersign_store::StoreError;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};

use super::logon::Known as LogonKnown;
use super::problem::{Kind, Problem};
use crate::AppState;
use crate::access::{Access, Denied, Shown, examine, looks_like_one};
use crate::app::App;
use crate::listen::ClientAddress;

/// A backup client, or a person, whose token holds.
#[derive(Clone)]
pub struct Client {
    /// Who asks, with what right, from where.
    pub actor: Actor,
    scope: Arc<Scope>,
}

impl Client {
    /// The names in a path, if this client may use that backup.
    pub fn names(&self, storage: &str, backup: &str) -> Result<(Name, Name), Problem> {
        let parse = |text: &str| {
            text.parse::<Name>()
                .map_err(|error| Problem::new(Kind::Malformed, error.to_string()))
        };
        let (storage, backup) = (parse(storage)?, parse(backup)?);
        if self.scope.covers(&storage, &backup) {
            Ok((storage, backup))
        } else {
            Err(Problem::new(Kind::Forbidden, "This token is not for this backup."))
        }
    }
}

impl FromRequestParts<AppState> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        let Ok(address) = ClientAddress::from_request_parts(parts, app).await;
        if let Some(shown) = Shown::read(&parts.headers) {
            let access = shown.at(app, parts, Resource::Repositories, address.ip).await?;
            return Self::of_person(&access.account, &address);
        }
        let (name, secret) = basic(&parts.headers).ok_or_else(unauthenticated)?;
        if looks_like_one(&secret) {
            return Self::with_access_token(app, &address, &name, &secret).await;
        }
        match app.tokens.find(app, &secret).await? {
            Found::Known(Known {
                name_key, actor, scope, ..
            }) if name_key == name.to_lowercase() => Ok(Self {
                actor: Actor {
                    address: address.to_string(),
                    ..actor
                },
                scope,
            }),
            Found::Known(_) | Found::Nothing => Err(denied(app, &address, &name, None).await?),
            Found::OfNobody(account) => Err(denied(app, &address, &name, Some(account)).await?),
        }
    }
}

impl Client {
    /// A person with an access token: as far as their roles reach, in every backup.
    fn of_person(account: &Account, address: &ClientAddress) -> Result<Self, Problem> {
        let rights = Rights::of(account.roles)
            .ok_or_else(|| Problem::new(Kind::Forbidden, "None of your roles reaches the repositories."))?;
        Ok(Self {
            actor: Actor {
                account: account.id,
                name: account.name.to_string(),
                login_type: LOGIN_TYPE_LOCAL,
                via: Via::Token(rights),
                address: address.to_string(),
                why: None,
                maker: None,
            },
            scope: Arc::new(Scope::All),
        })
    }

    /// An access token as the password of basic authentication, because backup clients send nothing else.
    async fn with_access_token(app: &App, address: &ClientAddress, name: &str, token: &str) -> Result<Self, Problem> {
        let now = app.clock.now();
        let access = examine(app, token, now)
            .await
            .map_err(|error| Problem::internal(&error))?;
        let access = access.filter(|access| access.account.name.key() == name.to_lowercase());
        match access {
            // One that is bound to a key cannot be shown in this way.
            Some(Access { account, claims }) if claims.cnf.is_none() => match claims.resource() {
                Some(Resource::Repositories) => Self::of_person(&account, address),
                of => {
                    let denied = Denied {
                        client: Some(claims.client_id),
                        account,
                        of,
                        at: Resource::Repositories,
                    };
                    Err(denied.reported(app, address.ip, now).await?)
                }
            },
            _ => Err(denied(app, address, name, None).await?),
        }
    }
}

/// Reports that a token did not hold (44002): of an account that lives no more, or whatever it was. The answer is the same.
async fn denied(app: &App, address: &ClientAddress, name: &str, account: Option<Account>) -> Result<Problem, Problem> {
    let now = app.clock.now();
    if app.denials.lets(address.ip, now) {
        let reason = match account {
            Some(_) => Reason::AccountRevalidationFailed,
            None => Reason::Unauthenticated,
        };
        let known = LogonKnown {
            address: Some(address.ip),
            resource: Some(Resource::Repositories),
            typed: Some(name.to_owned()),
            account,
            ..LogonKnown::default()
        };
        app.store
            .write(move |tx| Box::pin(async move { known.denied(tx, reason, now).await }))
            .await
            .map_err(|error: StoreError| Problem::internal(&error))?;
    }
    Ok(unauthenticated())
}

/// Tokens that were looked up within the last second, so that a client with four connections does not ask the store each time.
/// A revoked token or a disabled account ends within that second.
#[derive(Default)]
pub struct Tokens {
    recent: Mutex<HashMap<Sha256, Known>>,
}

/// What is found by a token.
enum Found {
    /// It holds.
    Known(Known),
    /// It would, if its account lived.
    OfNobody(Account),
    /// There is none, or it was revoked, or has expired.
    Nothing,
}

#[derive(Clone)]
struct Known {
    checked_at: Timestamp,
    noted_at: Timestamp,
    id: TokenId,
    name_key: String,
    actor: Actor,
    scope: Arc<Scope>,
}

const RECENT_MICROS: i64 = 1_000_000;
const NOTE_USE_SECONDS: i64 = 60;
const MOST_RECENT: usize = 4096;

impl Tokens {
    async fn find(&self, app: &App, secret: &str) -> Result<Found, Problem> {
        let (hash, now) = (token::hash_of(secret), app.clock.now());
        let recent = self
            .recent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&hash)
            .cloned();
        match recent {
            Some(known) if (0..RECENT_MICROS).contains(&(now.0 - known.checked_at.0)) => Ok(Found::Known(known)),
            other => self.look_up(app, hash, other.map(|known| known.noted_at), now).await,
        }
    }

    async fn look_up(
        &self,
        app: &App,
        hash: Sha256,
        noted_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Found, Problem> {
        let found = app
            .store
            .ask(move |view| Box::pin(async move { view.token_by_hash(hash).await }))
            .await?;
        let (token, account) = match found {
            Some((token, account)) if token.holds(now) && account.lives(now) => (token, account),
            other => {
                self.recent.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash);
                return Ok(match other {
                    Some((token, account)) if token.holds(now) => Found::OfNobody(account),
                    _ => Found::Nothing,
                });
            }
        };
        let noted_at = match noted_at {
            Some(noted_at) if now < noted_at.plus_seconds(NOTE_USE_SECONDS) => noted_at,
            _ => {
                let id = token.id;
                app.store
                    .write(move |tx| Box::pin(async move { tx.note_token_use(id, now).await }))
                    .await?;
                now
            }
        };
        let known = Known {
            checked_at: now,
            noted_at,
            id: token.id,
            name_key: account.name.key(),
            actor: Actor {
                account: account.id,
                name: account.name.to_string(),
                login_type: LOGIN_TYPE_LOCAL,
                via: Via::Token(token.rights),
                address: String::new(),
                why: None,
                maker: token.made_by.filter(|maker| *maker != account.id),
            },
            scope: Arc::new(token.scope),
        };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= MOST_RECENT {
            recent.clear();
        }
        recent.insert(hash, known.clone());
        Ok(Found::Known(known))
    }

    /// Looks the token up anew at its next use: it was revoked.
    pub fn forget(&self, id: TokenId) {
        self.recent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, known| known.id != id);
    }
}

/// Name and password of basic authentication (RFC 7617).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = data_encoding::BASE64.decode(encoded.trim().as_bytes()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':')
        .map(|(name, secret)| (name.to_owned(), secret.to_owned()))
}

fn unauthenticated() -> Problem {
    Problem::new(
        Kind::Unauthenticated,
        "Give the account's name and a repository token: rest:http://ACCOUNT:TOKEN@HOST/restic/STORAGE/BACKUP/",
    )
    .with_header(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"countersign\", charset=\"UTF-8\""),
    )
}
