//! Who a backup client is: account and repository token, by basic authentication, with every request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use countersign_core::account::LOGIN_TYPE_LOCAL;
use countersign_core::token::{self, Scope};
use countersign_core::{Actor, Name, Sha256, TokenId, Via};
use countersign_events::Timestamp;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};

use super::problem::{Kind, Problem};
use crate::AppState;
use crate::app::App;
use crate::listen::ClientAddress;

/// A backup client whose token holds.
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
        let (name, secret) = basic(&parts.headers).ok_or_else(unauthenticated)?;
        let address = ClientAddress::from_request_parts(parts, app)
            .await
            .map_or_else(|never| match never {}, |address| address.to_string());
        let known = app.tokens.find(app, &secret).await?.ok_or_else(unauthenticated)?;
        if known.name_key != name.to_lowercase() {
            return Err(unauthenticated());
        }
        let Known { actor, scope, .. } = known;
        Ok(Self {
            actor: Actor { address, ..actor },
            scope,
        })
    }
}

/// Tokens that were looked up within the last second, so that a client with four connections does not ask the store each time.
/// A revoked token or a disabled account ends within that second.
#[derive(Default)]
pub struct Tokens {
    recent: Mutex<HashMap<Sha256, Known>>,
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
    async fn find(&self, app: &App, secret: &str) -> Result<Option<Known>, Problem> {
        let (hash, now) = (token::hash_of(secret), app.clock.now());
        let recent = self
            .recent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&hash)
            .cloned();
        match recent {
            Some(known) if (0..RECENT_MICROS).contains(&(now.0 - known.checked_at.0)) => Ok(Some(known)),
            other => self.look_up(app, hash, other.map(|known| known.noted_at), now).await,
        }
    }

    async fn look_up(
        &self,
        app: &App,
        hash: Sha256,
        noted_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<Known>, Problem> {
        let found = app
            .store
            .ask(move |view| Box::pin(async move { view.token_by_hash(hash).await }))
            .await?;
        let Some((token, account)) = found.filter(|(token, account)| token.holds(now) && account.lives(now)) else {
            self.recent.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash);
            return Ok(None);
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
            },
            scope: Arc::new(token.scope),
        };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= MOST_RECENT {
            recent.clear();
        }
        recent.insert(hash, known.clone());
        Ok(Some(known))
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
