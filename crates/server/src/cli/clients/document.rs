//! Clients as the API tells them, and as a terminal shows them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use countersign_core::logon::{Authentication, ClientId, ClientSpec, Grant, RegisteredRedirect, Resource};
use serde::Deserialize;

use crate::cli::terminal::{columns, plain};

/// A client.
#[derive(Debug, Deserialize)]
pub struct Client {
    authentication: Authentication,
    built_in: bool,
    enabled: bool,
    grants: BTreeSet<Grant>,
    has_secret: bool,
    id: ClientId,
    name: String,
    /// As they are told: those that are built in are paths of the server.
    redirect_uris: Vec<String>,
    resources: BTreeSet<Resource>,
}

impl Client {
    /// What is registered of it.
    pub fn spec(&self) -> ClientSpec {
        let uris = self.redirect_uris.iter().filter_map(|uri| uri.parse().ok());
        ClientSpec {
            authentication: self.authentication,
            enabled: self.enabled,
            grants: self.grants.clone(),
            id: self.id.clone(),
            name: self.name.clone(),
            redirect_uris: uris.collect::<Vec<RegisteredRedirect>>(),
            resources: self.resources.clone(),
        }
    }

    /// Everything, a line each.
    pub fn shown(&self) -> String {
        let mut text = String::new();
        let mut add = |name: &str, value: &str| {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{name:<16}{value}");
        };
        add("client", self.id.as_str());
        add("name", &plain(&self.name));
        add("state", self.state());
        add("authentication", self.authentication());
        for grant in &self.grants {
            add("grant", grant.id());
        }
        for resource in &self.resources {
            add("resource", resource.id());
        }
        for uri in &self.redirect_uris {
            add("redirect URI", &plain(uri));
        }
        text
    }

    const fn state(&self) -> &'static str {
        match (self.built_in, self.enabled) {
            (true, _) => "built in",
            (false, true) => "enabled",
            (false, false) => "disabled",
        }
    }

    const fn authentication(&self) -> &'static str {
        match (self.authentication, self.has_secret) {
            (Authentication::None, _) => "none",
            (Authentication::Secret, true) => "secret",
            (Authentication::Secret, false) => "secret, not made yet",
        }
    }
}

/// Clients as a table with a head.
pub fn table(clients: &[Client]) -> String {
    let head = ["CLIENT", "STATE", "AUTHENTICATION", "GRANTS", "RESOURCES", "NAME"];
    columns(head, clients.iter().map(row))
}

fn row(client: &Client) -> [String; 6] {
    let grants: Vec<_> = client.grants.iter().map(|grant| short(*grant)).collect();
    let resources: Vec<_> = client.resources.iter().map(|resource| resource.id()).collect();
    [
        client.id.to_string(),
        client.state().to_owned(),
        client.authentication().to_owned(),
        grants.join(","),
        resources.join(","),
        plain(&client.name),
    ]
}

/// As the flags say it.
const fn short(grant: Grant) -> &'static str {
    match grant {
        Grant::AuthorizationCode => "authorization-code",
        Grant::DeviceCode => "device-code",
        Grant::RefreshToken => "refresh-token",
    }
}
