//! The form of a client: as it was typed, and what it says.

use countersign_core::logon::{Authentication, ClientId, ClientSpec, Grant, Resource};
use serde::Deserialize;

use super::words;
use crate::pages::{Choice, ClientForm};

/// The form of a client, as typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TypedClient {
    id: String,
    name: String,
    authentication: String,
    by_code: String,
    by_device: String,
    refreshes: String,
    for_api: String,
    for_repositories: String,
    redirect_uris: String,
    enabled: String,
}

const ON: &str = "on";
const SECRET: &str = "secret";
const NONE: &str = "none";

/// As browsers send a checkbox.
fn ticked(on: bool) -> String {
    if on { ON.to_owned() } else { String::new() }
}

impl TypedClient {
    /// A new one: what most are.
    pub fn fresh() -> Self {
        Self {
            authentication: SECRET.to_owned(),
            by_code: ticked(true),
            refreshes: ticked(true),
            for_api: ticked(true),
            enabled: ticked(true),
            ..Self::default()
        }
    }

    /// As a client is.
    pub fn of(spec: &ClientSpec) -> Self {
        let uris: Vec<_> = spec.redirect_uris.iter().map(|uri| uri.as_str()).collect();
        Self {
            id: spec.id.to_string(),
            name: spec.name.clone(),
            authentication: match spec.authentication {
                Authentication::None => NONE,
                Authentication::Secret => SECRET,
            }
            .to_owned(),
            by_code: ticked(spec.grants.contains(&Grant::AuthorizationCode)),
            by_device: ticked(spec.grants.contains(&Grant::DeviceCode)),
            refreshes: ticked(spec.grants.contains(&Grant::RefreshToken)),
            for_api: ticked(spec.resources.contains(&Resource::Api)),
            for_repositories: ticked(spec.resources.contains(&Resource::Repositories)),
            redirect_uris: uris.join("\n"),
            enabled: ticked(spec.enabled),
        }
    }

    /// Of a client that is there: it keeps its id.
    pub fn of_known(self, id: &ClientId) -> Self {
        Self {
            id: id.to_string(),
            ..self
        }
    }

    /// What it says; whether its parts go together is asked of core.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub fn read(&self) -> Result<ClientSpec, String> {
        let said = |error: &dyn std::fmt::Display| words::sentence(&error.to_string());
        let mut redirect_uris = Vec::new();
        for line in self.redirect_uris.lines().map(str::trim) {
            if !line.is_empty() {
                redirect_uris.push(line.parse().map_err(|error| said(&error))?);
            }
        }
        let chosen = |ticks: &[(&String, Grant)]| {
            let on = ticks.iter().filter(|(tick, _)| *tick == ON);
            on.map(|(_, grant)| *grant).collect()
        };
        let wanted = [
            (&self.for_api, Resource::Api),
            (&self.for_repositories, Resource::Repositories),
        ];
        Ok(ClientSpec {
            authentication: match self.authentication.as_str() {
                NONE => Authentication::None,
                SECRET => Authentication::Secret,
                _ => return Err("Choose how the client shows that it is itself.".to_owned()),
            },
            enabled: self.enabled == ON,
            grants: chosen(&[
                (&self.by_code, Grant::AuthorizationCode),
                (&self.by_device, Grant::DeviceCode),
                (&self.refreshes, Grant::RefreshToken),
            ]),
            id: self.id.trim().parse().map_err(|error| said(&error))?,
            name: self.name.clone(),
            redirect_uris,
            resources: wanted
                .into_iter()
                .filter(|(tick, _)| *tick == ON)
                .map(|(_, resource)| resource)
                .collect(),
        })
    }

    /// For the page.
    pub fn form(self, problem: Option<String>) -> ClientForm {
        let choice = |value: &str, label: &str, hint: &str, chosen: bool| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            hint: hint.to_owned(),
            chosen,
        };
        ClientForm {
            authentications: vec![
                choice(
                    SECRET,
                    "By a secret",
                    "A program on a server. The server makes the secret and shows it once.",
                    self.authentication == SECRET,
                ),
                choice(
                    NONE,
                    "Not at all",
                    "An app on somebody’s machine, which keeps no secret. PKCE ties its logons to it.",
                    self.authentication == NONE,
                ),
            ],
            grants: vec![
                choice(
                    "by_code",
                    "With a browser",
                    "People log on here and are sent back to it (authorization_code).",
                    self.by_code == ON,
                ),
                choice(
                    "by_device",
                    "From a device without a browser",
                    "People type a code here (device_code).",
                    self.by_device == ON,
                ),
                choice(
                    "refreshes",
                    "And stay logged on",
                    "It gets refresh tokens, so that people need not log on again all the time.",
                    self.refreshes == ON,
                ),
            ],
            resources: vec![
                choice(
                    "for_api",
                    "API",
                    "What people do on these pages, with their roles (gateway-api).",
                    self.for_api == ON,
                ),
                choice(
                    "for_repositories",
                    "Repositories",
                    "Backups themselves, as far as people’s roles reach (restic).",
                    self.for_repositories == ON,
                ),
            ],
            enabled: self.enabled == ON,
            id: self.id,
            name: self.name,
            redirect_uris: self.redirect_uris,
            problem,
        }
    }
}

/// How it may ask, in a few words.
pub fn grants_said(spec: &ClientSpec) -> String {
    let word = |grant: &Grant| match grant {
        Grant::AuthorizationCode => "browser",
        Grant::DeviceCode => "device",
        Grant::RefreshToken => "stays logged on",
    };
    spec.grants.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// What it may ask for, in a few words.
pub fn resources_said(spec: &ClientSpec) -> String {
    let word = |resource: &Resource| match resource {
        Resource::Web => "pages",
        Resource::Api => "API",
        Resource::Repositories => "repositories",
    };
    spec.resources.iter().map(word).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_comes_back_from_its_form_as_it_was() {
        let spec = ClientSpec {
            authentication: Authentication::None,
            enabled: false,
            grants: [Grant::AuthorizationCode, Grant::DeviceCode].into(),
            id: "portal".parse().unwrap(),
            name: "Portal".into(),
            redirect_uris: vec![
                "https://portal.example/a".parse().unwrap(),
                "http://127.0.0.1/b".parse().unwrap(),
            ],
            resources: [Resource::Api, Resource::Repositories].into(),
        };
        assert_eq!(TypedClient::of(&spec).read(), Ok(spec.clone()));
        let crlf = TypedClient {
            redirect_uris: "\r\n https://portal.example/a\r\nhttp://127.0.0.1/b \r\n".into(),
            ..TypedClient::of(&spec)
        };
        assert_eq!(crlf.read(), Ok(spec.clone()));
        for bad in [
            TypedClient {
                redirect_uris: "ftp://a".into(),
                ..TypedClient::of(&spec)
            },
            TypedClient {
                id: "a b".into(),
                ..TypedClient::of(&spec)
            },
            TypedClient {
                authentication: String::new(),
                ..TypedClient::of(&spec)
            },
        ] {
            assert!(bad.read().is_err(), "{bad:?}");
        }
    }
}
