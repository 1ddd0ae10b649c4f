//! Waiting until a request is decided, or has taken effect. Goes on over a restart of the server.

use std::time::Duration;

use countersign_core::RequestId;
use countersign_core::request::{Effect, State};
use serde::Deserialize;
use serde_json::Value;

use super::failure::{Failure, read};
use super::{Remote, RemoteError};
use crate::adapters::Stopwatch;
use crate::cli::requests::Request;

/// How long the server is asked to wait, in seconds.
const AT_ONCE: f64 = 30.0;

/// How long to wait before a server is asked again that did not answer.
const PAUSE: Duration = Duration::from_secs(2);

/// For how long a server may not answer, in seconds: a restart, an update.
const PATIENCE: f64 = 900.0;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Somebody decides, or nobody does in time.
    Decided,
    /// Nothing follows any more.
    Effect,
}

impl Until {
    const fn word(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Effect => "effect",
        }
    }

    const fn is_reached(self, standing: Standing) -> bool {
        match self {
            Self::Decided => standing.state.is_over(),
            Self::Effect => standing.state.is_over() && standing.effect.is_over(),
        }
    }
}

/// How far a request is.
#[derive(Clone, Copy, Deserialize)]
struct Standing {
    state: State,
    effect: Effect,
}

/// Waits, for so many seconds at most; the request as it is then.
///
/// # Errors
/// The time ran out, there is no such request, or the server does not answer for long.
pub fn wait_for(remote: &Remote, id: RequestId, until: Until, most: Option<u64>) -> Result<Value, Failure> {
    let (since, mut silent) = (Stopwatch::start(), None);
    loop {
        let left = most
            .map_or(AT_ONCE, |most| seconds_of(most) - since.seconds())
            .clamp(0.0, AT_ONCE);
        let path = format!("/api/v1/requests/{id}?wait={left:.0}&until={}", until.word());
        match remote.get(&path) {
            Ok(document) => {
                silent = None;
                let standing: Standing = read(remote, document.clone())?;
                if until.is_reached(standing) {
                    return Ok(document);
                }
            }
            Err(error) if passes(&error) => {
                let silence = *silent.get_or_insert_with(Stopwatch::start);
                if silence.seconds() > PATIENCE {
                    return Err(error.into());
                }
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(error.into()),
        }
        if most.is_some_and(|most| since.seconds() >= seconds_of(most)) {
            return Err(Failure::StillWaits(id));
        }
    }
}

/// Whether it is worth to ask again.
const fn passes(error: &RemoteError) -> bool {
    match error {
        RemoteError::Unreachable(..) => true,
        RemoteError::Refused { status, .. } => matches!(status, 429 | 502 | 503 | 504),
        RemoteError::Certificate(..)
        | RemoteError::Credentials(_)
        | RemoteError::NotLoggedOn(_)
        | RemoteError::Strange(..) => false,
    }
}

#[expect(clippy::cast_precision_loss, reason = "years are exact enough")]
const fn seconds_of(seconds: u64) -> f64 {
    seconds as f64
}

/// What is said of a request that was waited for. As a document it is printed also where the answer was no.
///
/// # Errors
/// It was rejected, vetoed, expired, or nothing came of it.
pub fn outcome(remote: &Remote, document: Value, json: bool) -> Result<String, Failure> {
    let standing: Standing = read(remote, document.clone())?;
    let request: Request = read(remote, document.clone())?;
    let said = format!("request {} is {}", request.id, request.standing());
    let failure = match (standing.state, standing.effect) {
        (State::Approved, Effect::Vetoed) | (State::Rejected, _) => Failure::Rejected(said),
        (State::Approved, Effect::Failed) | (State::Closed, _) => Failure::Void(said),
        (State::Expired, _) => Failure::Expired(said),
        (State::Collecting | State::Pending, _) => Failure::StillWaits(request.id),
        (State::Approved, Effect::None | Effect::Waiting | Effect::Postponed | Effect::Due | Effect::Done) => {
            return Ok(if json {
                format!("{document}\n")
            } else {
                format!("R{}.\n", &said[1..])
            });
        }
    };
    if json {
        println!("{document}");
    }
    Err(failure)
}

/// Seconds from `90s`, `15m`, `8h`, `2d`.
///
/// # Errors
/// It is something else.
pub fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || "a duration is a number and s, m, h or d, like 90s or 8h".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    // No sign: `u32` would take a plus.
    let digits = number.bytes().all(|digit| digit.is_ascii_digit());
    let number: u32 = number.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
    Ok(u64::from(number) * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        assert_eq!(
            ["0s", "90s", "15m", "8h", "2d"].map(seconds),
            [Ok(0), Ok(90), Ok(900), Ok(28_800), Ok(172_800)]
        );
        for bad in ["", "s", "90", "-1s", "+1s", "1w", "1.5h", "1ä", "99999999999d"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
