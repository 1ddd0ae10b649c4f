//! A grant: the server's signed word that a command was allowed, for one runner or one script.
//!
//! What it says is checked by whoever carries the command out; that it is used once is kept by the server alone.

use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};

use crate::command::{CommandSpec, Mode};
use crate::id::CommandId;
use crate::logon::{ACCESS_TOKEN_SECONDS, BadKey, BadToken, PublicKey, Signer, read_signed};
use crate::manifest::{Manifest, Subject};
use crate::{RequestId, Sha256};

/// The type of grants, so that no other token of ours is taken for one.
const TYPE: &str = "countersign-grant+jwt";
/// How far another host's clock may be off, in seconds.
const LEEWAY_SECONDS: i64 = 60;

/// What a grant says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandGrant {
    /// Who issued it.
    pub iss: String,
    /// Which command: `command-7`.
    pub sub: String,
    /// Whom it is for: a runner's account (`UID-7`), or the audience that was asked for.
    pub aud: String,
    /// When it was signed, in seconds.
    pub iat: i64,
    /// From when on it is not to be taken, in seconds.
    pub exp: i64,
    /// The same for every grant of a command: it counts once.
    pub jti: String,
    /// Of the command's canonical JSON.
    pub digest: Sha256,
    /// Of the manifest that was approved; none when four-eyes authorization was off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Sha256>,
    /// The request that was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
}

/// Why a command is not carried out on a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadGrant {
    /// It is none of this server's, or its time is over.
    #[error("the grant does not hold: {0}")]
    Token(#[from] BadToken),
    /// It is for somebody else.
    #[error("the grant is for somebody else")]
    Audience,
    /// The command is another one.
    #[error("the command is not the one that the grant is for")]
    Command,
    /// The manifest is another one, or is about something else.
    #[error("the manifest is not the one that was approved, or not about this command")]
    Manifest,
}

/// Whom a command's grant is for.
pub fn audience(mode: &Mode) -> String {
    match mode {
        Mode::Grant { audience } => audience.clone(),
        Mode::Runner { account, .. } => account.subject(),
    }
}

impl CommandGrant {
    /// For a command that was allowed and can be begun until then. It lives no longer than an access token; another can be had.
    pub fn of(
        id: CommandId,
        (mode, digest): (&Mode, Sha256),
        approved: Option<(RequestId, Sha256)>,
        issuer: &str,
        (now, until): (Timestamp, Timestamp),
    ) -> Self {
        let name = format!("command-{id}");
        Self {
            iss: issuer.to_owned(),
            sub: name.clone(),
            aud: audience(mode),
            iat: now.seconds(),
            exp: until.seconds().min(now.seconds() + ACCESS_TOKEN_SECONDS),
            jti: name,
            digest,
            manifest: approved.map(|(_, manifest)| manifest),
            request: approved.map(|(request, _)| request),
        }
    }

    /// Signs it.
    ///
    /// # Errors
    /// The key is none.
    pub fn signed(&self, signer: &Signer) -> Result<String, BadKey> {
        signer.sign_as(TYPE, self)
    }

    /// Reads one: signed by one of these keys, of this issuer, for this audience, within its time.
    ///
    /// # Errors
    /// Why it does not hold.
    pub fn read(
        token: &str,
        keys: &[PublicKey],
        issuer: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<Self, BadGrant> {
        let grant: Self = read_signed(token, TYPE, keys)?;
        if grant.iss != issuer {
            return Err(BadToken::Issuer.into());
        }
        if now.seconds() >= grant.exp || grant.iat > now.seconds().saturating_add(LEEWAY_SECONDS) {
            return Err(BadToken::Time.into());
        }
        if grant.aud != audience {
            return Err(BadGrant::Audience);
        }
        Ok(grant)
    }

    /// Which command it is for.
    pub fn command(&self) -> Option<CommandId> {
        self.sub.strip_prefix("command-")?.parse().ok()
    }

    /// The command, when these are the bytes that the grant is for, and the manifest that was approved is about exactly it.
    ///
    /// # Errors
    /// They are others.
    pub fn opens(&self, command: &str, manifest: Option<&str>) -> Result<CommandSpec, BadGrant> {
        if Sha256::of(command.as_bytes()) != self.digest {
            return Err(BadGrant::Command);
        }
        let spec: CommandSpec = serde_json::from_str(command).map_err(|_| BadGrant::Command)?;
        if audience(&spec.mode) != self.aud {
            return Err(BadGrant::Audience);
        }
        match (self.manifest, manifest) {
            (None, None) => Ok(spec),
            (Some(approved), Some(text)) if Sha256::of(text.as_bytes()) == approved => {
                let manifest: Manifest = serde_json::from_str(text).map_err(|_| BadGrant::Manifest)?;
                let about = matches!(&manifest.subject, Subject::Command(asked) if **asked == spec);
                if about && Some(manifest.request) == self.request {
                    Ok(spec)
                } else {
                    Err(BadGrant::Manifest)
                }
            }
            _ => Err(BadGrant::Manifest),
        }
    }
}

#[cfg(test)]
mod tests;
