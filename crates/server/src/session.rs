//! Who is logged on: the extractors for pages and for the API, and the session's cookie.

use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Redirect, Response};
use countersign_core::logon::{ClientId, Resource};
use countersign_core::token::hash_of;
use countersign_core::{Account, Actor, Sha256, Via, Why};
use countersign_events::Timestamp;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq as _;

use crate::AppState;
use crate::access::{Access, Shown, missing};
use crate::http::{Kind, Problem};
use crate::listen::ClientAddress;

/// The session's cookie, before the prefix that TLS gives it.
pub const SESSION_COOKIE: &str = "countersign";

/// What the pages' own script says with each refresh of a live list.
const LIVE_HEADER: &str = "x-live";

/// Who is logged on in this browser. The account is as it is now, not as it was at the logon.
///
/// As an extractor of a page: whoever is not logged on is led to the logon and back.
#[derive(Debug, Clone)]
pub struct Person {
    /// Who.
    pub account: Account,
    /// The token that the session's forms carry.
    pub csrf: String,
    /// From where.
    pub address: ClientAddress,
    /// By which the store finds the session.
    pub session: Sha256,
    /// The token chain that it belongs to.
    pub chain: String,
    /// When a factor was last shown in it: at the logon, or since.
    pub factor_at: Option<Timestamp>,
    /// What the browser calls itself, cleaned and shortened.
    pub agent: String,
    /// Why they ask for what they ask for, where the form says so (`why`).
    pub why: Option<Why>,
}

impl Person {
    /// Whether a factor was shown within these minutes (OWASP ASVS 5.0, 7.5.1).
    pub fn fresh(&self, minutes: i64, now: Timestamp) -> bool {
        self.factor_at.is_some_and(|at| now < at.plus_seconds(minutes * 60))
    }

    /// As a decision sees them.
    pub fn actor(&self) -> Actor {
        actor(&self.account, &self.address, self.why.as_ref())
    }
}

/// Nobody is logged on, or the session could not be read.
#[derive(Debug)]
pub enum NotLoggedOn {
    /// Led to the logon, and back to this path.
    LogOn {
        /// Path and query of the page.
        back_to: String,
    },
    /// Our fault.
    Failed(Problem),
}

impl IntoResponse for NotLoggedOn {
    fn into_response(self) -> Response {
        match self {
            Self::LogOn { back_to } => {
                let back_to = utf8_percent_encode(&back_to, QUERY_VALUE);
                Redirect::to(&format!("/auth/login?to={back_to}")).into_response()
            }
            Self::Failed(problem) => problem.into_response(),
        }
    }
}

/// A path of this server, else the start: a redirect must not lead away.
pub fn local_path(to: &str) -> &str {
    let plain = to.bytes().all(|byte| (0x21..=0x7e).contains(&byte) && byte != b'\\');
    if to.starts_with('/') && !to.starts_with("//") && plain && to.len() <= 1024 {
        to
    } else {
        "/"
    }
}

/// What stands in a query as it is.
pub const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

impl<S> FromRequestParts<S> for Person
where
    AppState: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = NotLoggedOn;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, NotLoggedOn> {
        let app = AppState::from_ref(state);
        // What a form wanted cannot be repeated by a redirect, so it leads to the start.
        let back_to = match parts.method {
            Method::GET | Method::HEAD => parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            _ => "/".to_owned(),
        };
        let Ok(address) = ClientAddress::from_request_parts(parts, state).await;
        match of_browser(&app, &parts.headers, address).await {
            Ok(Some(person)) => Ok(person),
            Ok(None) => Err(NotLoggedOn::LogOn { back_to }),
            Err(error) => Err(NotLoggedOn::Failed(Problem::internal(&error))),
        }
    }
}

/// What a browser or program calls itself, cleaned and shortened.
fn agent_of(headers: &http::HeaderMap) -> String {
    let said = headers.get(header::USER_AGENT).and_then(|said| said.to_str().ok());
    countersign_core::request::agent(said.unwrap_or_default())
}

/// Who is logged on by the request's cookie, if anybody.
pub async fn of_browser(
    app: &AppState,
    headers: &http::HeaderMap,
    address: ClientAddress,
) -> Result<Option<Person>, countersign_store::StoreError> {
    let Some(cookie) = app.cookies().read(headers, SESSION_COOKIE) else {
        return Ok(None);
    };
    let hash = hash_of(cookie);
    let (found, policy) = app
        .store
        .read(|view| {
            Box::pin(async move {
                let found = view.session(hash).await?;
                Ok::<_, countersign_store::StoreError>((found, view.policy().await?))
            })
        })
        .await?;
    let Some((session, account)) = found else {
        return Ok(None);
    };
    let now = app.clock.now();
    if session.standing(&account, &policy, now).is_err() {
        return Ok(None);
    }
    // An open tab that refreshes its list is nobody at work.
    let asked_by_person = !headers.contains_key(LIVE_HEADER);
    if asked_by_person && session.worth_noting(&policy, now) {
        let noted: Result<_, countersign_store::StoreError> = app
            .store
            .write(move |tx| Box::pin(async move { tx.touch_session(hash, now).await }))
            .await;
        // Where nothing can be written, people must still see why: their session ends earlier, no more.
        if let Err(error) = noted {
            tracing::warn!(
                detail = error.detail(),
                "the use of a session could not be noted: {error}"
            );
        }
    }
    Ok(Some(Person {
        account,
        csrf: session.csrf,
        address,
        session: hash,
        chain: session.chain,
        factor_at: session.factor_at,
        agent: agent_of(headers),
        why: None,
    }))
}

/// A form that somebody who is logged on has sent, its token (`csrf`) checked. The extractor for the POSTs of pages.
#[derive(Debug)]
pub struct PersonForm<T> {
    /// Who sent it.
    pub person: Person,
    /// What it says.
    pub form: T,
}

impl<S, T> FromRequest<S> for PersonForm<T>
where
    AppState: FromRef<S>,
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let mut person = Person::from_request_parts(&mut parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let body = axum::body::Bytes::from_request(Request::from_parts(parts, body), state)
            .await
            .map_err(IntoResponse::into_response)?;
        let [shown, why] = form_fields(&body, ["csrf", "why"]);
        if !same_text(&shown, &person.csrf) {
            let problem = Problem::new(
                Kind::Forbidden,
                "This form is out of date. Open the page again and send it once more.",
            );
            return Err(problem.into_response());
        }
        person.why = Why::typed(&why).map_err(|bad| Problem::new(Kind::Invalid, bad.to_string()).into_response())?;
        let form = axum::Form::<T>::from_request(form_request(body), state)
            .await
            .map_err(IntoResponse::into_response)?;
        Ok(Self { person, form: form.0 })
    }
}

fn form_request(body: axum::body::Bytes) -> Request {
    let mut request = Request::new(axum::body::Body::from(body));
    *request.method_mut() = Method::POST;
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    request
}

/// The pairs of a form or a query, in order, repeated ones too.
pub fn form_pairs(body: &[u8]) -> Vec<(String, String)> {
    let decoded = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced)
            .decode_utf8_lossy()
            .into_owned()
    };
    let Ok(text) = std::str::from_utf8(body) else {
        return Vec::new();
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => (decoded(name), decoded(value)),
            None => (decoded(pair), String::new()),
        })
        .collect()
}

/// These fields of a form, each as it stands there first; empty where it is missing.
pub fn form_fields<const N: usize>(body: &[u8], names: [&str; N]) -> [String; N] {
    let pairs = form_pairs(body);
    names.map(|name| {
        let found = pairs.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    })
}

/// Compares two secrets in a time that tells nothing about where they differ.
pub fn same_text(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Who calls the API with an access token.
#[derive(Debug, Clone)]
pub struct ApiCaller {
    /// Who logged on.
    pub account: Account,
    /// With what.
    pub client: ClientId,
    /// The token chain of the logon.
    pub chain: String,
    /// From where.
    pub address: ClientAddress,
    /// What the program calls itself, cleaned and shortened.
    pub agent: String,
    /// Why they ask for what they ask for, where the call says so ([`WHY_HEADER`]).
    pub why: Option<Why>,
}

impl ApiCaller {
    /// As a decision sees them.
    pub fn actor(&self) -> Actor {
        actor(&self.account, &self.address, self.why.as_ref())
    }
}

/// Says why a call that may be held is made: UTF-8, percent-encoded. A header, since a DELETE has no body.
pub const WHY_HEADER: HeaderName = HeaderName::from_static("countersign-why");

fn told_why(headers: &http::HeaderMap) -> Result<Option<Why>, Problem> {
    let Some(value) = headers.get(WHY_HEADER) else {
        return Ok(None);
    };
    let text = percent_encoding::percent_decode(value.as_bytes()).decode_utf8();
    let text = text.map_err(|_| Problem::new(Kind::Malformed, "Countersign-Why is UTF-8, percent-encoded."))?;
    Why::typed(&text).map_err(|bad| Problem::new(Kind::Malformed, bad.to_string()))
}

impl<S> FromRequestParts<S> for ApiCaller
where
    AppState: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // Who calls with an Idempotency-Key was asked before.
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let app = AppState::from_ref(state);
        let Ok(address) = ClientAddress::from_request_parts(parts, state).await;
        let shown = Shown::read(&parts.headers).ok_or_else(missing)?;
        let Access { account, claims } = shown.at(&app, parts, Resource::Api, address.ip).await?;
        let why = told_why(&parts.headers)?;
        Ok(Self {
            account,
            client: claims.client_id,
            chain: claims.sid,
            address,
            agent: agent_of(&parts.headers),
            why,
        })
    }
}

fn actor(account: &Account, address: &ClientAddress, why: Option<&Why>) -> Actor {
    Actor {
        account: account.id,
        name: account.name.as_str().to_owned(),
        login_type: account.user().login_type,
        via: Via::Session(account.roles),
        address: address.to_string(),
        why: why.cloned(),
        maker: None,
    }
}
