//! People who log on by the forms, as a browser without scripts does, until an application has its tokens.

use std::time::Duration;

use clap::Args;

use crate::Failure;
use crate::figures::measure;
use crate::fill::{PASSWORD, name};
use crate::http::{Connection, between};

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http%3A%2F%2F127.0.0.1%3A50123%2Fcallback";

#[derive(Args)]
pub struct Logons {
    /// `HOST:PORT`
    #[arg(long)]
    at: String,
    /// How many log on at once. Fewer than may try at once from one source
    #[arg(long, default_value_t = 8)]
    clients: u32,
    #[arg(long)]
    seconds: u64,
}

impl Logons {
    pub fn run(self) -> Result<(), Failure> {
        let workers: Result<Vec<_>, Failure> = (0..self.clients)
            .map(|person| {
                let mut connection = Connection::open(&self.at)?;
                Ok(move || log_on(&mut connection, person).map(drop))
            })
            .collect();
        measure(workers?, Duration::from_secs(self.seconds))
    }
}

/// The refresh token of a logon.
pub fn log_on(connection: &mut Connection, person: u32) -> Result<String, Failure> {
    let begun = connection.get(
        &format!(
            "/oauth2/authorize?response_type=code&client_id=cli&redirect_uri={REDIRECT}\
             &code_challenge={CHALLENGE}&code_challenge_method=S256&state=x"
        ),
        "",
    )?;
    let cookie = begun.cookies.first().ok_or("no cookie of the logon")?;
    let page = connection.get(&begun.location, cookie)?;
    let csrf = between(&page.body, "name=\"csrf\" value=\"", "\"")?;
    let form = format!(
        "csrf={csrf}&name={}&password={}",
        name(person),
        PASSWORD.replace(' ', "+")
    );
    let granted = connection.post(&begun.location, cookie, &form)?;
    let code = between(&format!("{}&", granted.location), "code=", "&")
        .map_err(|_| format!("the logon was answered {}: {}", granted.status, granted.location))?
        .to_owned();
    let form = format!(
        "grant_type=authorization_code&client_id=cli&redirect_uri={REDIRECT}&code_verifier={VERIFIER}&code={code}"
    );
    let tokens = connection.post("/oauth2/token", "", &form)?;
    between(&tokens.body, "\"refresh_token\":\"", "\"").map(str::to_owned)
}
