//! Clients that turn their refresh tokens over, each as fast as it is answered. Tokens and endpoint may be a peer's.

use std::time::Duration;

use clap::Args;

use crate::Failure;
use crate::figures::measure;
use crate::http::{Connection, between};
use crate::logons::log_on;

#[derive(Args)]
pub struct Rotations {
    /// `HOST:PORT`
    #[arg(long)]
    at: String,
    /// The path of the token endpoint
    #[arg(long, default_value = "/oauth2/token")]
    endpoint: String,
    #[arg(long, default_value = "cli")]
    client_id: String,
    #[arg(long, default_value_t = 64)]
    clients: u32,
    #[arg(long)]
    seconds: u64,
    /// A file with a refresh token a line, instead of logons
    #[arg(long)]
    tokens: Option<std::path::PathBuf>,
}

impl Rotations {
    pub fn run(self) -> Result<(), Failure> {
        let given = self.tokens.as_ref().map(std::fs::read_to_string).transpose()?;
        let mut given = given.as_deref().map(str::lines);
        let mut workers = Vec::new();
        for person in 0..self.clients {
            let mut connection = Connection::open(&self.at)?;
            let mut token = match &mut given {
                Some(lines) => lines.next().ok_or("too few tokens")?.to_owned(),
                None => log_on(&mut connection, person)?,
            };
            let (endpoint, client) = (self.endpoint.clone(), self.client_id.clone());
            workers.push(move || {
                let form = format!("grant_type=refresh_token&client_id={client}&refresh_token={token}");
                let answer = connection.post(&endpoint, "", &form)?;
                let next = between(&answer.body, "\"refresh_token\":\"", "\"")?;
                if answer.status != 200 || next == token {
                    return Err(format!("the refresh was answered {}: {}", answer.status, answer.body).into());
                }
                next.clone_into(&mut token);
                Ok(())
            });
        }
        measure(workers, Duration::from_secs(self.seconds))
    }
}
