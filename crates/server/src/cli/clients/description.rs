//! What is said of a client on the command line, beside its id.

use clap::{Args, ValueEnum};
use countersign_core::logon::{Authentication, ClientSpec, Grant, RegisteredRedirect, Resource};

/// What is not given stays as it is; what may be repeated takes the place of all that was there.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Client")]
pub struct Description {
    /// What people call it [default when adding: its id]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How it shows that it is itself [default when adding: secret]
    #[arg(long, value_name = "HOW")]
    authentication: Option<How>,
    /// How it may ask (may be repeated) [default when adding: authorization-code and refresh-token]
    #[arg(long = "grant", value_name = "GRANT")]
    grants: Vec<Asks>,
    /// What it may ask for: gateway-api or restic (may be repeated) [default when adding: gateway-api]
    #[arg(long = "resource", value_name = "RESOURCE", value_parser = resource)]
    resources: Vec<Resource>,
    /// Where answers may go, exactly as the program sends it (may be repeated)
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<RegisteredRedirect>,
    /// It has no redirect URI any more
    #[arg(long, conflicts_with = "redirect_uris")]
    no_redirect_uri: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum How {
    /// It keeps a secret that the server makes
    Secret,
    /// An app on somebody's machine: PKCE ties its logons to it
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Asks {
    /// People log on with a browser and are sent back to it
    AuthorizationCode,
    /// People type a code of a device that has no browser
    DeviceCode,
    /// It gets refresh tokens
    RefreshToken,
}

impl Asks {
    const fn grant(self) -> Grant {
        match self {
            Self::AuthorizationCode => Grant::AuthorizationCode,
            Self::DeviceCode => Grant::DeviceCode,
            Self::RefreshToken => Grant::RefreshToken,
        }
    }
}

fn resource(text: &str) -> Result<Resource, &'static str> {
    Resource::with_id(text)
        .filter(|resource| *resource != Resource::Web)
        .ok_or("a resource is gateway-api or restic")
}

impl Description {
    /// Changes what was given.
    pub fn apply(&self, spec: &mut ClientSpec) {
        if let Some(name) = &self.name {
            spec.name.clone_from(name);
        }
        match self.authentication {
            Some(How::Secret) => spec.authentication = Authentication::Secret,
            Some(How::None) => spec.authentication = Authentication::None,
            None => {}
        }
        if !self.grants.is_empty() {
            spec.grants = self.grants.iter().map(|asks| asks.grant()).collect();
        }
        if !self.resources.is_empty() {
            spec.resources = self.resources.iter().copied().collect();
        }
        if !self.redirect_uris.is_empty() || self.no_redirect_uri {
            spec.redirect_uris.clone_from(&self.redirect_uris);
        }
    }
}
