//! The clients that may ask for a logon: for now a closed, built-in set.

use std::fmt;

/// Where the pages' own logon comes back to.
pub const WEB_UI_CALLBACK: &str = "/auth/callback";
/// The path on the loopback address where the command line waits.
pub const CLI_REDIRECT_PATH: &str = "/callback";

/// A client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// The pages of this server.
    WebUi,
    /// The command line: a native app without a secret (RFC 8252, section 8.5).
    Cli,
}

impl Client {
    /// Every client.
    pub const ALL: [Self; 2] = [Self::WebUi, Self::Cli];

    /// `client_id`, also the `ClientId` of the events.
    pub const fn id(self) -> &'static str {
        match self {
            Self::WebUi => "web-ui",
            Self::Cli => "cli",
        }
    }

    /// What its logons are for: the `ResourceId` of the events.
    pub const fn resource(self) -> &'static str {
        match self {
            Self::WebUi => "countersign-web",
            Self::Cli => "countersign-api",
        }
    }

    /// The client with this id.
    pub fn with_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.id() == id)
    }
}

/// A redirect URI that is registered for a client. [`Clients::redirect`] makes one from what a caller says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// One that was checked before and kept.
    pub const fn recorded(text: String) -> Self {
        Self(text)
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The origin, for a page's policy on where its form may lead; none when it is our own.
    pub fn foreign_origin(&self) -> Option<&str> {
        let after_scheme = self.0.find("://")? + 3;
        let path = self.0[after_scheme..].find('/')? + after_scheme;
        Some(&self.0[..path])
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The registered redirect URIs.
#[derive(Debug, Clone, Default)]
pub struct Clients {
    /// The address people reach this server by, without a slash at the end; none when only the same origin counts.
    pub public_origin: Option<String>,
}

impl Clients {
    /// The redirect URI if it is registered for the client: compared as text, character by character (RFC 9700,
    /// section 4.1.3), but for the port of a loopback address (RFC 8252, section 7.3).
    pub fn redirect(&self, client: Client, given: &str) -> Option<RedirectUri> {
        let registered = match client {
            Client::WebUi => {
                given == WEB_UI_CALLBACK
                    || self
                        .public_origin
                        .as_ref()
                        .is_some_and(|origin| given.strip_prefix(origin.as_str()) == Some(WEB_UI_CALLBACK))
            }
            Client::Cli => loopback(given),
        };
        registered.then(|| RedirectUri(given.to_owned()))
    }
}

/// `http://127.0.0.1:PORT/callback` or `http://[::1]:PORT/callback`: literals only, for a name could be resolved elsewhere.
fn loopback(given: &str) -> bool {
    let rest = given
        .strip_prefix("http://127.0.0.1:")
        .or_else(|| given.strip_prefix("http://[::1]:"));
    let Some(port) = rest.and_then(|rest| rest.strip_suffix(CLI_REDIRECT_PATH)) else {
        return false;
    };
    port.bytes().all(|byte| byte.is_ascii_digit())
        && !port.starts_with('0')
        && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn req_1_a_redirect_uri_is_matched_exactly() {
        let clients = Clients {
            public_origin: Some("https://backup.example".into()),
        };
        let web = |given| clients.redirect(Client::WebUi, given).is_some();
        assert!(web("/auth/callback") && web("https://backup.example/auth/callback"));
        for bad in [
            "",
            "/",
            "/auth/callback/",
            "/auth/callback?x=1",
            "/auth/callback#x",
            "//evil.example/auth/callback",
            "/auth/Callback",
            "https://backup.example.evil/auth/callback",
            "https://backup.example@evil.example/auth/callback",
            "https://backup.example/auth/callback/../x",
            "http://backup.example/auth/callback",
            "http://127.0.0.1:5000/callback",
        ] {
            assert!(!web(bad), "{bad}");
        }
    }

    #[test]
    fn req_2_any_port_on_loopback_literals_alone() {
        let cli = |given| Clients::default().redirect(Client::Cli, given).is_some();
        for good in [
            "http://127.0.0.1:1/callback",
            "http://127.0.0.1:65535/callback",
            "http://[::1]:50123/callback",
        ] {
            assert!(cli(good), "{good}");
        }
        for bad in [
            "http://localhost:5000/callback",
            "https://127.0.0.1:5000/callback",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:05000/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:+80/callback",
            "http://127.0.0.1:5000@evil.example/callback",
            "http://127.0.0.1.evil.example:5000/callback",
            "http://127.0.0.2:5000/callback",
            "http://127.0.0.1:5000/callback?x",
            "http://127.0.0.1:5000/",
            "/auth/callback",
        ] {
            assert!(!cli(bad), "{bad}");
        }
    }

    #[test]
    fn the_origin_of_a_foreign_redirect_is_told_alone() {
        let cli = Clients::default()
            .redirect(Client::Cli, "http://[::1]:50123/callback")
            .unwrap();
        assert_eq!(cli.foreign_origin(), Some("http://[::1]:50123"));
        let web = Clients::default().redirect(Client::WebUi, WEB_UI_CALLBACK).unwrap();
        assert_eq!(web.foreign_origin(), None);
    }
}
