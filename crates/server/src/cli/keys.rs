//! `countersign keys`: what access tokens are signed with, over the API of a running server.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::Value;

use super::exit::EXIT_CODES;
use super::remote::failure::{Failure, ended, read};
use super::remote::{Remote, ServerFlags};
use super::terminal::plain;

/// Look at the keys that sign access tokens, and change them. For security administrators.
#[derive(Debug, Subcommand)]
#[command(after_help = EXIT_CODES)]
pub enum Keys {
    /// List the keys: the one that signs, and those before it while anything they signed may live
    List(Asked),
    /// Sign with a new key from now on; the server does so by itself every 30 days
    Rotate(Asked),
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Asked {
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Debug, Deserialize)]
struct List {
    signing_keys: Vec<Key>,
}

#[derive(Debug, Deserialize)]
struct Key {
    id: String,
    algorithm: String,
    created_at: String,
    retired_at: Option<String>,
}

impl Keys {
    /// Does it and prints what there is then.
    pub fn run(self) -> ExitCode {
        ended(|| {
            let (Self::List(asked) | Self::Rotate(asked)) = &self;
            let remote = Remote::logged_on(&asked.server)?;
            self.done(&remote)
        })
    }

    fn done(&self, remote: &Remote) -> Result<String, Failure> {
        let (answer, json) = match self {
            Self::List(asked) => (remote.get("/api/v1/signing-keys")?, asked.json),
            Self::Rotate(asked) => {
                let rotated = remote.post("/api/v1/signing-keys/rotate", &Value::Object(serde_json::Map::new()))?;
                (rotated, asked.json)
            }
        };
        if json {
            return Ok(format!("{answer:#}\n"));
        }
        let list: List = read(remote, answer)?;
        Ok(list.signing_keys.iter().map(line).collect())
    }
}

fn line(key: &Key) -> String {
    let state = match &key.retired_at {
        Some(at) => format!("retired {}", plain(at)),
        None => "signs".to_owned(),
    };
    format!(
        "{}  {}  made {}  {state}\n",
        plain(&key.id),
        plain(&key.algorithm),
        plain(&key.created_at)
    )
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::cli::remote::agent;
    use crate::testing::office::Office;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_key_signs_and_the_one_before_is_still_listed() {
        let socket = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let office = Office::reached_as(&url).await;
        let now = office.server.app.clock.now();
        let operator = office
            .server
            .colleague("olga", &[countersign_core::Role::BackupOperator], now);
        let operator = operator.await;
        let tokens = [office.token(&office.ann).await, office.token(&operator).await];
        let router = crate::http::router(office.server.app.clone());
        let serving = tokio::spawn(async move { axum::serve(socket, router).await });
        let url: crate::config::PublicUrl = url.parse().unwrap();
        let [ann, olga] = tokens.map(|token| Remote {
            url: url.clone(),
            agent: agent(&ServerFlags::default()).unwrap(),
            held: Default::default(),
            token: Some(token.into()),
        });
        let asked = |json| Asked {
            json,
            server: ServerFlags::default(),
        };
        tokio::task::spawn_blocking(move || {
            let one = Keys::List(asked(false)).done(&ann).unwrap();
            assert_eq!(one.lines().count(), 1);
            assert!(
                one.contains("  ES256  made 2026-11-18T11:06:40") && one.ends_with("  signs\n"),
                "{one}"
            );
            let two = Keys::Rotate(asked(false)).done(&ann).unwrap();
            let lines: Vec<_> = two.lines().collect();
            assert_eq!(lines.len(), 2, "{two}");
            assert!(
                lines[0].ends_with("signs") && lines[1].contains("retired 2026-11-18"),
                "{two}"
            );
            assert_eq!(lines[1].split(' ').next(), one.split(' ').next());
            let json: Value = serde_json::from_str(&Keys::List(asked(true)).done(&ann).unwrap()).unwrap();
            assert_eq!(json["signing_keys"][1]["algorithm"], "ES256");
            for refused in [Keys::List(asked(false)), Keys::Rotate(asked(false))] {
                assert_eq!(refused.done(&olga).unwrap_err().code(), 3);
            }
        })
        .await
        .unwrap();
        serving.abort();
    }
}
