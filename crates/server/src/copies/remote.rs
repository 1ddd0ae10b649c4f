//! A repository at a provider, in restic's REST protocol. Nothing here deletes, and nothing writes over what is there.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use countersign_core::{Name, ObjectKey, ObjectKind, Sha256};
use countersign_vault::files::ObjectFile;
use http::{Method, StatusCode};
use serde::Deserialize;

use super::line::Line;
use super::trouble::Trouble;
use super::upload::{Outgoing, Upload};

/// The longest list that is read, in bytes: some two million objects of a kind.
const LONGEST_LIST: usize = 256 * 1024 * 1024;

/// The longest config, in bytes; restic's has 155.
const LONGEST_CONFIG: usize = 64 * 1024;

/// The longest answer whose words do not matter.
const LONGEST_WORDS: usize = 64 * 1024;

/// A repository at a provider, over one connection.
pub struct Remote {
    line: Line,
    to: Name,
}

/// What a list says of an object: protocol version 2 has sizes, version 1 only names.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Sized { name: String, size: u64 },
    Named(String),
}

impl Remote {
    /// The repository of this name.
    pub const fn new(line: Line, to: Name) -> Self {
        Self { line, to }
    }

    /// The same over another connection.
    pub fn another(&self) -> Self {
        Self::new(self.line.another(), self.to.clone())
    }

    /// Whether the provider lets us in, and whether this repository is there.
    pub async fn knock(&mut self) -> Result<bool, Trouble> {
        let path = format!("{}/config", self.to);
        let answer = self.line.ask(Method::HEAD, &path, Outgoing::Empty, 0).await?;
        match answer.status {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            status => Err(self.refused(status)),
        }
    }

    /// The hash of its config; none when there is no repository yet.
    pub async fn config(&mut self) -> Result<Option<Sha256>, Trouble> {
        let path = format!("{}/config", self.to);
        let answer = self
            .line
            .ask(Method::GET, &path, Outgoing::Empty, LONGEST_CONFIG)
            .await?;
        match answer.status {
            StatusCode::OK => Ok(Some(Sha256::of(&answer.body))),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(self.refused(status)),
        }
    }

    /// Makes its folders; there already, they stay as they are.
    pub async fn create(&mut self) -> Result<(), Trouble> {
        let path = format!("{}/?create=true", self.to);
        let answer = self
            .line
            .ask(Method::POST, &path, Outgoing::Empty, LONGEST_WORDS)
            .await?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(self.refused(answer.status))
        }
    }

    /// Every object of a kind, with its size where the provider tells it.
    pub async fn list(&mut self, kind: ObjectKind) -> Result<HashMap<Sha256, Option<u64>>, Trouble> {
        let path = format!("{}/{kind}/", self.to);
        let answer = self.line.ask(Method::GET, &path, Outgoing::Empty, LONGEST_LIST).await?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(HashMap::new()),
            status => return Err(self.refused(status)),
        }
        let listed: Vec<Listed> = serde_json::from_slice(&answer.body).map_err(|_| {
            Trouble::Lasting(format!(
                "{} answers, but not as a restic REST server: is the address right?",
                self.line.address()
            ))
        })?;
        let named = listed.into_iter().filter_map(|listed| match listed {
            Listed::Sized { name, size } => Some((name.parse().ok()?, Some(size))),
            Listed::Named(name) => Some((name.parse().ok()?, None)),
        });
        Ok(named.collect())
    }

    /// Sends an object that is not there. Whole and with the hash it should have, or not at all; counts its bytes in `sent`.
    pub async fn send(
        &mut self,
        key: ObjectKey,
        hash: Sha256,
        object: ObjectFile,
        sent: &Arc<AtomicU64>,
    ) -> Result<(), Trouble> {
        let (size, damaged) = (object.size(), Arc::new(AtomicBool::new(false)));
        let so_far = Arc::new(AtomicU64::new(0));
        let upload = Upload::new(object.stream(), hash, Arc::clone(&so_far), Arc::clone(&damaged));
        let path = match key.kind {
            ObjectKind::Config => format!("{}/config", self.to),
            kind => format!("{}/{kind}/{}", self.to, key.name),
        };
        let asked = self
            .line
            .ask(Method::POST, &path, Outgoing::Object(upload), LONGEST_WORDS)
            .await;
        if damaged.load(Ordering::Relaxed) {
            return Err(Trouble::Lasting(format!(
                "{} {} does not have its hash any more, so it was not sent: see countersign doctor --deep",
                key.kind, key.name
            )));
        }
        let trouble = match asked {
            Ok(answer) if answer.status.is_success() => {
                sent.fetch_add(so_far.load(Ordering::Relaxed), Ordering::Relaxed);
                return Ok(());
            }
            Ok(answer) => self.refused(answer.status),
            Err(trouble) => trouble,
        };
        // It may be there all the same: the answer was lost, or somebody else was faster.
        match self.size(&path).await {
            Ok(Some(there)) if there == size => Ok(()),
            _ => Err(trouble),
        }
    }

    async fn size(&mut self, path: &str) -> Result<Option<u64>, Trouble> {
        let answer = self.line.ask(Method::HEAD, path, Outgoing::Empty, 0).await?;
        Ok(answer.length.filter(|_| answer.status == StatusCode::OK))
    }

    /// What an answer means that is none of those expected.
    fn refused(&self, status: StatusCode) -> Trouble {
        let (address, to) = (self.line.address(), &self.to);
        let number = status.as_u16();
        match status {
            StatusCode::UNAUTHORIZED => Trouble::Lasting(format!(
                "{address} does not accept the user and password for {to} (401)"
            )),
            StatusCode::FORBIDDEN => Trouble::Lasting(format!(
                "{address} does not let this user do that in {to} (403): it needs to read and to add"
            )),
            StatusCode::INSUFFICIENT_STORAGE | StatusCode::PAYLOAD_TOO_LARGE => {
                Trouble::Lasting(format!("{address} has no room left for it ({number})"))
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                Trouble::Passing(format!("{address} asks to wait ({number})"))
            }
            status if status.is_server_error() => {
                Trouble::Passing(format!("{address} has trouble of its own ({number})"))
            }
            status if status.is_redirection() => Trouble::Lasting(format!(
                "{address} sends us elsewhere ({number}), which is not followed: give the address it leads to"
            )),
            _ => Trouble::Lasting(format!(
                "{address} refuses ({number}): is the address that of a restic REST server?"
            )),
        }
    }
}
