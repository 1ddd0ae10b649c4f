//! A JSON body, and what is said when it is none.

use std::borrow::Cow;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Number, Value};

use super::super::problem::{Kind, Problem};

/// The body of a call, read as JSON.
pub(super) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                Kind::UnsupportedMediaType,
                "Send the body as JSON, with Content-Type: application/json.",
            ));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let kind = match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
                _ => Kind::Malformed,
            };
            Problem::new(kind, rejection.body_text())
        })?;
        let Json(body) = Json::from_bytes(&with_whole_numbers(&bytes)).map_err(refusal)?;
        Ok(Self(body))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// To JSON, 20.0 is a whole number like 20; to our types it is not.
fn with_whole_numbers(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else {
        return bytes.into();
    };
    if make_whole(&mut value) {
        value.to_string().into_bytes().into()
    } else {
        bytes.into()
    }
}

/// Whether a number was written in another way.
fn make_whole(value: &mut Value) -> bool {
    /// Up to here every whole number has a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.trunc() == float && float.abs() < EXACT => {
                *number = Number::from(float as i64);
                true
            }
            _ => false,
        },
        // No short cut: each of them may hold one.
        Value::Array(values) => values
            .iter_mut()
            .fold(false, |changed, value| make_whole(value) | changed),
        Value::Object(members) => members
            .iter_mut()
            .fold(false, |changed, (_, value)| make_whole(value) | changed),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

fn refusal(rejection: JsonRejection) -> Problem {
    let kind = match rejection {
        JsonRejection::JsonDataError(_) => Kind::Invalid,
        _ => Kind::Malformed,
    };
    let text = rejection.body_text();
    // What is wrong, without the framework's words before it.
    let text = text.split_once(": ").map_or(text.as_str(), |(_, what)| what);
    Problem::new(kind, format!("The body does not fit: {text}."))
}
