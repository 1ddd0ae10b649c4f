//! A logon from a host that no browser can come back to (RFC 8628).

use std::time::Duration;

use countersign_core::logon::{ClientId, Grant};
use serde_json::Value;

use super::{LoginError, issuer, tokens};
use crate::cli::remote::credentials::Kept;
use crate::cli::remote::{Remote, RemoteError};

/// How often is asked when the server does not say, in seconds (section 3.2).
const INTERVAL_SECONDS: u64 = 5;

/// How much longer is waited after each request to slow down, in seconds (section 3.5).
const SLOWER_SECONDS: u64 = 5;

/// Asks for a code, shows what to do with it, and waits until somebody has logged on with it.
pub fn log_on(remote: &Remote, show: impl FnOnce(&str)) -> Result<Kept, LoginError> {
    issuer(remote)?;
    let client = ClientId::cli();
    let asked = remote.post_form("/oauth2/device_authorization", &[("client_id", client.as_str())])?;
    let strange = || RemoteError::Strange(remote.url.to_string(), "it gave no device code");
    let text = |name: &str| asked[name].as_str().ok_or_else(strange);
    let (device_code, address, code) = (text("device_code")?, text("verification_uri")?, text("user_code")?);
    show(&format!(
        "Open this address in any browser:\n  {address}\nand give this code there:\n  {code}"
    ));
    let mut wait = asked["interval"].as_u64().unwrap_or(INTERVAL_SECONDS).max(1);
    let form = [
        ("grant_type", Grant::DeviceCode.id()),
        ("client_id", client.as_str()),
        ("device_code", device_code),
    ];
    loop {
        std::thread::sleep(Duration::from_secs(wait));
        let (status, answer) = remote.ask_form("/oauth2/token", &form)?;
        match next(status, &answer) {
            Next::Given => return tokens(remote, &answer),
            Next::Wait => (),
            Next::WaitLonger => wait += SLOWER_SECONDS,
            Next::Over(error) => return Err(error),
        }
    }
}

#[derive(Debug)]
enum Next {
    Given,
    Wait,
    WaitLonger,
    Over(LoginError),
}

fn next(status: u16, answer: &Value) -> Next {
    match (status, answer["error"].as_str()) {
        (200, _) => Next::Given,
        (_, Some("authorization_pending")) => Next::Wait,
        (_, Some("slow_down")) => Next::WaitLonger,
        (_, Some("expired_token")) => Next::Over(LoginError::TooLate),
        _ => {
            let why = answer["error_description"].as_str().unwrap_or("it gave no reason");
            Next::Over(LoginError::Refused(why.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_server_says_while_nobody_has_logged_on() {
        assert!(matches!(next(200, &json!({"access_token": "x"})), Next::Given));
        let says = |error: &str| next(400, &json!({"error": error, "error_description": "No."}));
        assert!(matches!(says("authorization_pending"), Next::Wait));
        assert!(matches!(says("slow_down"), Next::WaitLonger));
        assert!(matches!(says("expired_token"), Next::Over(LoginError::TooLate)));
        assert!(matches!(says("access_denied"), Next::Over(LoginError::Refused(why)) if why == "No."));
        assert!(matches!(next(500, &Value::Null), Next::Over(LoginError::Refused(_))));
    }
}
