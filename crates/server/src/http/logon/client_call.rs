//! What clients send to the OAuth endpoints, and that they are who they say (RFC 6749, section 2.3).

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use countersign_core::logon::{Client, ClientId, ClientRefusal};
use countersign_events::Reason;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::authorize::known_client;
use crate::AppState;
use crate::http::Problem;
use crate::session::form_pairs;

/// An error of RFC 6749, section 5.2.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Its code.
    pub error: &'static str,
    /// What is wrong.
    pub description: &'static str,
    /// The reason for the event.
    pub reason: Reason,
    /// The client, where there is one that calls itself so.
    pub client: Option<Box<Client>>,
}

impl Refused {
    /// The request is missing something, or says it twice.
    pub const fn malformed(description: &'static str) -> Self {
        Self {
            error: "invalid_request",
            description,
            reason: Reason::MalformedRequest,
            client: None,
        }
    }

    /// The client may not.
    pub fn client(error: &'static str, description: &'static str, client: Option<Client>) -> Self {
        Self {
            error,
            description,
            reason: Reason::UnauthorizedClient,
            client: client.map(Box::new),
        }
    }

    /// The answer.
    pub fn answer(&self) -> Response {
        error(self.error, self.description)
    }
}

/// An answer that says no.
pub fn error(error: &'static str, description: &'static str) -> Response {
    let body = json!({ "error": error, "error_description": description });
    match error {
        "invalid_client" => {
            let mut response = answer(StatusCode::UNAUTHORIZED, body);
            let challenge = HeaderValue::from_static("Basic realm=\"countersign\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            response
        }
        _ => answer(StatusCode::BAD_REQUEST, body),
    }
}

/// An answer that nobody may keep.
pub fn answer(status: StatusCode, body: Value) -> Response {
    let never_kept = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    (status, never_kept, Json(body)).into_response()
}

/// The parameters of a form, none of them twice.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a form. What is repeated makes it malformed, what is empty counts as absent (RFC 6749, section 3.2).
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refused> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
            return Err(Refused::malformed("Send application/x-www-form-urlencoded."));
        }
        if std::str::from_utf8(body).is_err() {
            return Err(Refused::malformed("The form is no UTF-8."));
        }
        let mut pairs = form_pairs(body);
        pairs.retain(|(_, value)| !value.is_empty());
        let mut names: Vec<_> = pairs.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        if names.windows(2).any(|two| two[0] == two[1]) {
            return Err(Refused::malformed("Each parameter may be given once."));
        }
        Ok(Self(pairs))
    }

    /// The value of a parameter.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Who a client says it is, and its secret: in exactly one way.
fn shown(headers: &HeaderMap, parameters: &Parameters) -> Result<(String, Option<String>), Refused> {
    let (id, secret) = (parameters.one("client_id"), parameters.one("client_secret"));
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let (line, more) = (lines.next(), lines.next());
    let Some(line) = line else {
        let id = id.ok_or(Refused::malformed("client_id must be given once."))?;
        return Ok((id.to_owned(), secret.map(str::to_owned)));
    };
    let basic = line.to_str().ok().and_then(basic);
    let (Some((named, shown)), None) = (basic, more) else {
        return Err(Refused::client(
            "invalid_client",
            "Authorization must be Basic, with the client's id and secret, each form-encoded.",
            None,
        ));
    };
    if secret.is_some() || id.is_some_and(|id| id != named) {
        return Err(Refused::malformed("A client shows itself in one way alone."));
    }
    Ok((named, Some(shown)))
}

/// Both are form-encoded inside of basic authentication (RFC 6749, section 2.3.1).
fn basic(line: &str) -> Option<(String, String)> {
    let (scheme, encoded) = line.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = data_encoding::BASE64.decode(encoded.trim().as_bytes()).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |part: &str| {
        let spaced = part.replace('+', " ");
        let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8().ok()?;
        Some(decoded.into_owned())
    };
    Some((decoded(id)?, decoded(secret)?))
}

/// The client that asks, if it is registered, enabled, and shows its secret where it has one.
pub async fn client(
    app: &AppState,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Result<Client, Refused>, Problem> {
    let (id, secret) = match shown(headers, parameters) {
        Ok(shown) => shown,
        Err(refused) => return Ok(Err(refused)),
    };
    // The pages redeem their codes inside the server.
    let known = known_client(app, &id).await?;
    let Some(client) = known.filter(|client| client.spec.id != ClientId::web_ui()) else {
        let unknown = "No such client may ask here.";
        return Ok(Err(Refused::client("invalid_client", unknown, None)));
    };
    let refusal = match client
        .enabled()
        .and_then(|()| client.authenticated_by(secret.as_deref()))
    {
        Ok(()) => return Ok(Ok(client)),
        Err(refusal) => refusal,
    };
    let description = match refusal {
        ClientRefusal::Disabled => "This client is disabled.",
        ClientRefusal::Unauthenticated | ClientRefusal::Grant | ClientRefusal::Resource => {
            "The client's secret is missing or wrong."
        }
    };
    Ok(Err(Refused::client("invalid_client", description, Some(client))))
}
