//! Everything that goes wrong in an answer, in one type, with its status in one place.
//!
//! RFC 9457 for programs, plain text for repository clients, a page for people.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use askama::Template;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use super::request::RequestId;
use crate::pages::{Link, Public, PublicProblemPage};

/// What kind of thing went wrong. Each has one status and one short name that programs can rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be understood.
    Malformed,
    /// Who asks is not known, or no longer.
    Unauthenticated,
    /// Who asks may not do this.
    Forbidden,
    /// There is no such thing, or none for this caller.
    NotFound,
    /// The address does not take this method.
    MethodNotAllowed,
    /// The state of things does not allow it now; nothing was changed.
    Conflict,
    /// What it was about is over: decided, expired, used.
    Gone,
    /// The body is larger than allowed.
    TooLarge,
    /// The body is of a type that is not taken here.
    UnsupportedMediaType,
    /// The range lies outside of the object.
    RangeNotSatisfiable,
    /// The request is understood, and its content does not hold.
    Invalid,
    /// Too many requests; try later.
    TooMany,
    /// A fault of ours. Details are in the log, never in the answer.
    Internal,
    /// Not possible for the moment; try again.
    Unavailable,
    /// The storage has no room left.
    Full,
}

impl Kind {
    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Gone => StatusCode::GONE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Full => StatusCode::INSUFFICIENT_STORAGE,
        }
    }

    /// The short name, the last part of the problem's `type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Conflict => "conflict",
            Self::Gone => "gone",
            Self::TooLarge => "too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::RangeNotSatisfiable => "range-not-satisfiable",
            Self::Invalid => "invalid",
            Self::TooMany => "too-many-requests",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::Full => "full",
        }
    }

    /// The title, the same for every occurrence.
    pub fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request cannot be understood",
            Self::Unauthenticated => "Sign in first",
            Self::Forbidden => "Not allowed",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::Conflict => "Not possible in this state",
            Self::Gone => "Already over",
            Self::TooLarge => "Too large",
            Self::UnsupportedMediaType => "Unsupported media type",
            Self::RangeNotSatisfiable => "Range not satisfiable",
            Self::Invalid => "The content does not hold",
            Self::TooMany => "Too many requests",
            Self::Internal => "Something went wrong here",
            Self::Unavailable => "Not possible right now",
            Self::Full => "No room left",
        }
    }

    /// The kind of an answer that the framework made, from its status.
    fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthenticated,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::UNPROCESSABLE_ENTITY => Self::Invalid,
            status if status.is_client_error() => Self::Malformed,
            _ => Self::Internal,
        }
    }
}

/// Something went wrong: the answer that says so.
///
/// Return it as the error of a handler; the form (problem document, plain text, page) is chosen by [`present`].
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    detail: Cow<'static, str>,
    members: Map<String, Value>,
    headers: HeaderMap,
}

impl Problem {
    /// A problem with a sentence for a person: what is wrong and what to do. Never a secret, SQL or a path.
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            detail: detail.into(),
            members: Map::new(),
            headers: HeaderMap::new(),
        }))
    }

    /// A fault of ours: the cause goes to the log, the caller learns only that it happened.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        Self::new(
            Kind::Internal,
            "The server could not finish this. Its log says why, under this request's id.",
        )
    }

    /// Adds a member for programs (RFC 9457 section 3.2).
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header, such as `WWW-Authenticate`.
    #[must_use]
    pub fn with_header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.0.headers.append(name, value);
        self
    }

    /// Says when to try again, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What it says in the answer's head.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The sentence for a person.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    fn document(&self, instance: Option<&RequestId>) -> Value {
        let Inner {
            kind, detail, members, ..
        } = &*self.0;
        let mut document = json!({
            "type": format!("urn:countersign:problem:{}", kind.name()),
            "title": kind.title(),
            "status": kind.status().as_u16(),
            "detail": detail,
        });
        if let (Value::Object(object), Some(id)) = (&mut document, instance) {
            object.insert("request_id".into(), Value::from(id.as_str()));
        }
        if let Value::Object(object) = &mut document {
            object.extend(members.clone());
        }
        document
    }

    fn respond(self, audience: Audience, id: Option<&RequestId>) -> Response {
        let status = self.0.kind.status();
        let headers = self.0.headers.clone();
        let (media_type, body) = match audience {
            Audience::Program => ("application/problem+json", self.document(id).to_string()),
            Audience::Repository => ("text/plain; charset=utf-8", format!("{}\n", self.0.detail)),
            // If the page fails, its sentence is enough.
            Audience::Person => (
                "text/html; charset=utf-8",
                page(&self.0, id).render().unwrap_or_else(|_| self.0.detail.to_string()),
            ),
        };
        (
            status,
            headers,
            [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-store")],
            body,
        )
            .into_response()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.kind.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// The page for a person: outside of any sign-in, because a problem can meet everyone.
fn page(inner: &Inner, id: Option<&RequestId>) -> PublicProblemPage {
    PublicProblemPage {
        public: Public {
            csrf: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        status: inner.kind.status().as_u16(),
        title: inner.kind.title().to_owned(),
        text: inner.detail.clone().into_owned(),
        advice: id.map(|id| format!("Request {}", id.as_str())).unwrap_or_default(),
        link: Some(Link {
            href: "/".to_owned(),
            label: "Back to the start".to_owned(),
        }),
    }
}

/// Who reads the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    Program,
    Repository,
    Person,
}

impl Audience {
    fn of(request: &Request) -> Self {
        let path = request.uri().path();
        let accepts = |kind: &str| {
            let lines = request.headers().get_all(header::ACCEPT).iter();
            lines
                .filter_map(|line| line.to_str().ok())
                .any(|line| line.contains(kind))
        };
        if path.starts_with("/restic/") {
            Self::Repository
        } else if !path.starts_with("/api/") && accepts("text/html") {
            Self::Person
        } else {
            Self::Program
        }
    }
}

/// Gives every problem the form that its reader wants; also the framework's own refusals (a body that is no JSON, say).
pub async fn present(request: Request, next: Next) -> Response {
    let audience = Audience::of(&request);
    let id = request.extensions().get::<RequestId>().cloned();
    // The panic itself is on standard error; the connection and the other requests on it go on.
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| Problem::internal(&"a handler panicked").into_response());
    if let Some(problem) = response.extensions_mut().remove::<Arc<Problem>>() {
        let mut presented = Arc::unwrap_or_clone(problem).respond(audience, id.as_ref());
        // What inner layers said beside the problem (`Allow`, cookies to be cleared) stays.
        for (name, value) in response.headers() {
            if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
                presented.headers_mut().append(name, value.clone());
            }
        }
        return presented;
    }
    if is_refusal_of_the_framework(&response) {
        return from_framework(response).await.respond(audience, id.as_ref());
    }
    response
}

/// axum's extractors refuse in plain text.
fn is_refusal_of_the_framework(response: &Response) -> bool {
    let plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "text/plain; charset=utf-8");
    response.status().is_client_error() && plain
}

async fn from_framework(response: Response) -> Problem {
    let kind = Kind::of(response.status());
    let body = axum::body::to_bytes(response.into_body(), 4096)
        .await
        .unwrap_or_default();
    match std::str::from_utf8(&body) {
        Ok(text) if !text.is_empty() => Problem::new(kind, text.to_owned()),
        _ => Problem::new(kind, kind.title()),
    }
}
