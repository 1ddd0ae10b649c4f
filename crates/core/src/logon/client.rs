//! The clients that may ask for a logon: two that are built in, and those that were registered.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::redirect::{RedirectUri, RegisteredRedirect};
use crate::token::{Rights, hash_of};
use crate::{Roles, Sha256};

/// Where the pages' own logon comes back to.
pub const WEB_UI_CALLBACK: &str = "/auth/callback";
/// The path on the loopback address where the command line waits.
pub const CLI_REDIRECT_PATH: &str = "/callback";

/// `client_id`, also the `ClientId` of the events: 1 to 64 letters, digits, `.`, `_`, `-`, starting with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ClientId(String);

/// The text cannot be a client's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a client's id has 1 to 64 letters, digits, '.', '_' or '-', and starts with a letter or digit")]
pub struct BadClientId;

impl ClientId {
    /// The pages of this server.
    pub fn web_ui() -> Self {
        Self("web-ui".to_owned())
    }

    /// The command line: a native app without a secret (RFC 8252, section 8.5).
    pub fn cli() -> Self {
        Self("cli".to_owned())
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = BadClientId;

    fn from_str(text: &str) -> Result<Self, BadClientId> {
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let rest = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if starts && rest && text.len() <= 64 {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadClientId)
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What a logon is for: the `ResourceId` of the events, the audience of an access token. A token for one is refused by the
/// others (44006).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Resource {
    /// The pages of this server. Sessions alone reach them; no token is given out for them.
    #[serde(rename = "countersign-web")]
    Web,
    /// The API.
    #[serde(rename = "gateway-api")]
    Api,
    /// The repository protocol.
    #[serde(rename = "restic")]
    Repositories,
}

impl Resource {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Web, Self::Api, Self::Repositories];

    /// Its id.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Web => "countersign-web",
            Self::Api => "gateway-api",
            Self::Repositories => "restic",
        }
    }

    /// The resource with this id.
    pub fn with_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.id() == id)
    }

    /// The one word of `scope` that a token for it has.
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Api => "api",
            Self::Repositories => "repositories",
        }
    }

    /// Whether a person with these roles may use it: pages and API need any role, repositories one that backs up, restores or
    /// looks ([`Rights::of`]). A person who may not is known, and refused with reason 5.
    pub fn admits(self, roles: Roles) -> bool {
        match self {
            Self::Web | Self::Api => roles.iter().next().is_some(),
            Self::Repositories => Rights::of(roles).is_some(),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// How a client may ask for tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grant {
    /// The code of a logon (RFC 6749, section 4.1).
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// The code of a device that has no browser (RFC 8628).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// The refresh token of an earlier answer (RFC 6749, section 6).
    #[serde(rename = "refresh_token")]
    RefreshToken,
}

impl Grant {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::AuthorizationCode, Self::DeviceCode, Self::RefreshToken];

    /// `grant_type`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::RefreshToken => "refresh_token",
        }
    }

    /// The grant with this `grant_type`.
    pub fn with_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.id() == id)
    }
}

/// How a client shows that it is itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Authentication {
    /// It cannot: an app on somebody's machine keeps no secret. PKCE ties the code to it.
    None,
    /// By a secret that the server made.
    Secret,
}

/// A client as it is registered. Its fields stand in the order of their names: it is part of manifests, whose form is
/// canonical.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSpec {
    /// How it shows that it is itself.
    pub authentication: Authentication,
    /// Whether it may ask now.
    pub enabled: bool,
    /// How it may ask.
    pub grants: BTreeSet<Grant>,
    /// Its id, given once.
    pub id: ClientId,
    /// What people call it: 1 to 64 characters.
    pub name: String,
    /// Where answers may go.
    pub redirect_uris: Vec<RegisteredRedirect>,
    /// What it may ask tokens for.
    pub resources: BTreeSet<Resource>,
}

/// The parts of a client do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadClient {
    /// The server has it for itself.
    #[error("the ids web-ui, cli and new are not free: choose another")]
    Id,
    /// No name, a long one, or one with control characters.
    #[error("a client's name has 1 to 64 characters")]
    Name,
    /// It may ask in no way.
    #[error(
        "a client needs at least one of the grants authorization_code and urn:ietf:params:oauth:grant-type:device_code"
    )]
    NoGrant,
    /// A logon has nowhere to go back to.
    #[error("a client with the grant authorization_code needs 1 to 20 redirect URIs, another needs none")]
    Redirects,
    /// It may ask for nothing.
    #[error(
        "a client needs at least one of the resources gateway-api and restic; countersign-web is for the pages alone"
    )]
    Resources,
}

/// A client as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// What is registered.
    pub spec: ClientSpec,
    /// The hash of its secret, where it has one.
    pub secret: Option<Sha256>,
}

/// Why a client may not go on (4, client is unauthorized).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientRefusal {
    /// It was disabled.
    #[error("this client is disabled")]
    Disabled,
    /// It did not show that it is itself.
    #[error("the client's secret is missing or wrong")]
    Unauthenticated,
    /// It may not ask in this way.
    #[error("this grant is not allowed to the client")]
    Grant,
    /// It may not ask for this.
    #[error("this resource is not allowed to the client")]
    Resource,
}

impl ClientSpec {
    /// The ids that are built in.
    pub const BUILT_IN: [&str; 2] = ["web-ui", "cli"];
    /// An address of the pages (`/clients/new`).
    const RESERVED: &str = "new";

    /// The same if its parts go together.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn checked(self) -> Result<Self, BadClient> {
        let id = self.id.as_str();
        // Names that differ from these in case alone would be taken for them.
        if Self::BUILT_IN
            .iter()
            .chain([&Self::RESERVED])
            .any(|taken| id.eq_ignore_ascii_case(taken))
        {
            return Err(BadClient::Id);
        }
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            return Err(BadClient::Name);
        }
        let by_code = self.grants.contains(&Grant::AuthorizationCode);
        if !by_code && !self.grants.contains(&Grant::DeviceCode) {
            return Err(BadClient::NoGrant);
        }
        if by_code != (1..=20).contains(&self.redirect_uris.len()) {
            return Err(BadClient::Redirects);
        }
        if self.resources.is_empty() || self.resources.contains(&Resource::Web) {
            return Err(BadClient::Resources);
        }
        Ok(Self {
            name: name.to_owned(),
            ..self
        })
    }

    /// Whether what it gave out so far may stay when it becomes `after`. Not when it may ask no more, or for less, or must show
    /// that it is itself in another way.
    pub fn keeps_chains(&self, after: &Self) -> bool {
        after.enabled
            && self.authentication == after.authentication
            && self.grants.is_subset(&after.grants)
            && self.resources.is_subset(&after.resources)
    }

    /// The redirect URI if it is registered, for this server that people reach by `origin`.
    pub fn redirect(&self, given: &str, origin: Option<&str>) -> Option<RedirectUri> {
        self.redirect_uris
            .iter()
            .find_map(|registered| registered.matched(given, origin))
    }

    /// What a logon of this client is for: what it asks for, or what it has alone. None when it asks for what it may not have.
    pub fn resource(&self, asked: Option<Resource>) -> Option<Resource> {
        match asked {
            Some(asked) => self.resources.contains(&asked).then_some(asked),
            None => self.resources.first().copied(),
        }
    }
}

impl Client {
    /// The pages of this server.
    pub fn web_ui() -> Self {
        Self {
            spec: ClientSpec {
                authentication: Authentication::None,
                enabled: true,
                grants: [Grant::AuthorizationCode].into(),
                id: ClientId::web_ui(),
                name: "Countersign's pages".to_owned(),
                redirect_uris: vec![RegisteredRedirect::own(WEB_UI_CALLBACK)],
                resources: [Resource::Web].into(),
            },
            secret: None,
        }
    }

    /// The command line.
    pub fn cli() -> Self {
        Self {
            spec: ClientSpec {
                authentication: Authentication::None,
                enabled: true,
                grants: Grant::ALL.into(),
                id: ClientId::cli(),
                name: "Countersign's command line".to_owned(),
                redirect_uris: RegisteredRedirect::loopback(CLI_REDIRECT_PATH).into(),
                resources: [Resource::Api, Resource::Repositories].into(),
            },
            secret: None,
        }
    }

    /// The client with this id that is built in.
    pub fn built_in(id: &ClientId) -> Option<Self> {
        match id.as_str() {
            "web-ui" => Some(Self::web_ui()),
            "cli" => Some(Self::cli()),
            _ => None,
        }
    }

    /// Whether it may ask at all.
    ///
    /// # Errors
    /// It was disabled.
    pub fn enabled(&self) -> Result<(), ClientRefusal> {
        if self.spec.enabled {
            Ok(())
        } else {
            Err(ClientRefusal::Disabled)
        }
    }

    /// Whether what was shown is its secret. One without a secret must show none.
    ///
    /// # Errors
    /// It is not.
    pub fn authenticated_by(&self, shown: Option<&str>) -> Result<(), ClientRefusal> {
        let good = match (self.spec.authentication, &self.secret, shown) {
            (Authentication::None, _, None) => true,
            (Authentication::Secret, Some(secret), Some(shown)) => hash_of(shown).0.ct_eq(&secret.0).into(),
            (Authentication::None, _, Some(_)) | (Authentication::Secret, ..) => false,
        };
        if good {
            Ok(())
        } else {
            Err(ClientRefusal::Unauthenticated)
        }
    }

    /// Whether it may ask in this way.
    ///
    /// # Errors
    /// It may not.
    pub fn allows(&self, grant: Grant) -> Result<(), ClientRefusal> {
        if self.spec.grants.contains(&grant) {
            Ok(())
        } else {
            Err(ClientRefusal::Grant)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use crate::token::Secret;

    fn spec() -> ClientSpec {
        ClientSpec {
            authentication: Authentication::Secret,
            enabled: true,
            grants: [Grant::AuthorizationCode, Grant::RefreshToken].into(),
            id: "portal".parse().unwrap(),
            name: " Portal ".into(),
            redirect_uris: vec!["https://portal.example/back".parse().unwrap()],
            resources: [Resource::Api].into(),
        }
    }

    #[test]
    fn every_role_reaches_the_pages_and_the_api_and_those_that_read_backups_the_repositories() {
        let reached = |role: Option<Role>| Resource::ALL.map(|resource| resource.admits(role.into_iter().collect()));
        assert_eq!(reached(None), [false; 3]);
        assert_eq!(reached(Some(Role::BackupAdministrator)), [true; 3]);
        assert_eq!(reached(Some(Role::BackupOperator)), [true; 3]);
        assert_eq!(reached(Some(Role::SecurityAdministrator)), [true, true, false]);
        assert_eq!(reached(Some(Role::BackupViewer)), [true; 3]);
    }

    #[test]
    fn what_is_registered_goes_together() {
        assert_eq!(spec().checked().unwrap().name, "Portal");
        let bad = |change: fn(&mut ClientSpec)| {
            let mut spec = spec();
            change(&mut spec);
            spec.checked().unwrap_err()
        };
        for taken in ["web-ui", "CLI", "new"] {
            let spec = ClientSpec {
                id: taken.parse().unwrap(),
                ..spec()
            };
            assert_eq!(spec.checked(), Err(BadClient::Id), "{taken}");
        }
        assert_eq!(bad(|spec| spec.name = " ".into()), BadClient::Name);
        assert_eq!(bad(|spec| spec.name = "a\nb".into()), BadClient::Name);
        assert_eq!(
            bad(|spec| spec.grants = [Grant::RefreshToken].into()),
            BadClient::NoGrant
        );
        assert_eq!(bad(|spec| spec.redirect_uris.clear()), BadClient::Redirects);
        assert_eq!(
            bad(|spec| spec.grants = [Grant::DeviceCode].into()),
            BadClient::Redirects
        );
        assert_eq!(bad(|spec| spec.resources.clear()), BadClient::Resources);
        assert_eq!(
            bad(|spec| spec.resources = [Resource::Web].into()),
            BadClient::Resources
        );
    }

    #[test]
    fn what_a_client_gave_out_ends_when_it_may_do_less() {
        let kept = |change: fn(&mut ClientSpec)| {
            let mut after = spec();
            change(&mut after);
            spec().keeps_chains(&after)
        };
        assert!(kept(|after| after.name = "Gate".into()));
        assert!(kept(|after| {
            after.grants.insert(Grant::DeviceCode);
            after.resources.insert(Resource::Repositories);
            after.redirect_uris.push("https://gate.example/".parse().unwrap());
        }));
        assert!(!kept(|after| after.enabled = false));
        assert!(!kept(|after| after.authentication = Authentication::None));
        assert!(!kept(|after| {
            after.grants.remove(&Grant::RefreshToken);
        }));
        assert!(!kept(|after| after.resources = [Resource::Repositories].into()));
    }

    #[test]
    fn req_14_a_client_with_a_secret_shows_it_and_one_without_shows_none() {
        let secret = Secret::given(&"s".repeat(43)).unwrap();
        let client = Client {
            spec: spec(),
            secret: Some(secret.hash()),
        };
        assert_eq!(client.authenticated_by(Some(secret.reveal())), Ok(()));
        for shown in [None, Some(""), Some("s")] {
            assert_eq!(client.authenticated_by(shown), Err(ClientRefusal::Unauthenticated));
        }
        assert_eq!(Client::cli().authenticated_by(None), Ok(()));
        assert_eq!(
            Client::cli().authenticated_by(Some("x")),
            Err(ClientRefusal::Unauthenticated)
        );
    }

    #[test]
    fn ids_come_back_from_their_texts() {
        for resource in Resource::ALL {
            assert_eq!(Resource::with_id(resource.id()), Some(resource));
            assert_eq!(serde_json::to_value(resource).unwrap(), resource.id());
        }
        for grant in Grant::ALL {
            assert_eq!(Grant::with_id(grant.id()), Some(grant));
            assert_eq!(serde_json::to_value(grant).unwrap(), grant.id());
        }
        for id in ClientSpec::BUILT_IN {
            let client = Client::built_in(&id.parse().unwrap()).unwrap();
            assert_eq!(client.spec.id.as_str(), id);
        }
        for bad in ["", "-a", "a b", "a\"b", "ä", &"a".repeat(65)] {
            assert_eq!(bad.parse::<ClientId>(), Err(BadClientId), "{bad}");
        }
    }
}
