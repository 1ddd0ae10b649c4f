//! What became of a change that a command asked for: done, or held.

use serde_json::Value;

use super::Remote;
use super::failure::Failure;

/// As a sentence: `done`, or which request waits.
///
/// # Errors
/// The answer is of another form.
pub fn became(remote: &Remote, answer: Option<&Value>, done: &str) -> Result<String, Failure> {
    match answer.map(|answer| &answer["request"]) {
        None | Some(Value::Null) => Ok(format!("{done}\n")),
        Some(Value::Number(request)) => Ok(format!("Held: a second person must approve request {request}.\n")),
        Some(_) => Err(Failure::strange(remote)),
    }
}

/// The same as JSON, where that was asked for.
///
/// # Errors
/// The answer is of another form.
pub fn said(remote: &Remote, answer: Option<Value>, json: bool, done: &str) -> Result<String, Failure> {
    if json {
        return Ok(format!("{}\n", answer.unwrap_or_default()));
    }
    became(remote, answer.as_ref(), done)
}
