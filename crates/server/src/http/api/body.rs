//! The body of a call: JSON or XML, and what is said when it is none.

use std::borrow::Cow;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::{Number, Value};

use super::super::problem::{Kind, Problem};

/// The body of a call, read as JSON.
pub(super) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_of_type(request.headers(), &["application/json"]) {
            return Err(Problem::new(
                Kind::UnsupportedMediaType,
                "Send the body as JSON, with Content-Type: application/json.",
            ));
        }
        let bytes = read(request, state).await?;
        parse(&with_whole_numbers(&bytes)).map(Self)
    }
}

/// The body of a call that is XML.
pub(super) struct Xml(pub String);

impl<S: Send + Sync> FromRequest<S> for Xml {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_of_type(request.headers(), &["application/xml", "text/xml"]) {
            return Err(Problem::new(
                Kind::UnsupportedMediaType,
                "Send the body as XML, with Content-Type: application/xml.",
            ));
        }
        let text = String::from_utf8(read(request, state).await?.into());
        text.map(Self)
            .map_err(|_| Problem::new(Kind::Invalid, "The body is no UTF-8."))
    }
}

/// The bytes of a call, up to what is allowed.
pub(super) async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        let kind = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
            _ => Kind::Malformed,
        };
        Problem::new(kind, rejection.body_text())
    })
}

fn is_of_type(headers: &HeaderMap, types: &[&str]) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    types.iter().any(|one| kind.trim().eq_ignore_ascii_case(one))
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

/// Reads JSON; what does not fit is told with its place in the document.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let does_not_fit = |what: &dyn std::fmt::Display| format!("The body does not fit: {what}.");
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let body = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let detail = does_not_fit(&error);
        match error.inner().classify() {
            Category::Data => {
                let problem = Problem::new(Kind::Invalid, detail);
                match error.path().iter().next() {
                    Some(_) => problem.with("field", error.path().to_string()),
                    None => problem,
                }
            }
            Category::Io | Category::Syntax | Category::Eof => Problem::new(Kind::Malformed, detail),
        }
    })?;
    let ended = reader.end();
    ended.map_err(|error| Problem::new(Kind::Malformed, does_not_fit(&error)))?;
    Ok(body)
}
