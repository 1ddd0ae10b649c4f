use crate::Sha256;

/// This server as authenticators know it (sections 5.1.2 and 13.4.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    origin: String,
}

impl RelyingParty {
    /// The server at this public address. None where browsers make no passkeys: at an IP address, and over plain `http` but at
    /// `localhost`.
    ///
    /// `host` is a name without a port; `port` is the one in the address, if it has one.
    pub fn at(https: bool, host: &str, port: Option<u16>) -> Option<Self> {
        let id = host.to_ascii_lowercase();
        let is_address = id.contains(':') || id.rsplit('.').next().is_some_and(all_digits);
        let is_local = id == "localhost" || id.ends_with(".localhost");
        if id.is_empty() || is_address || !(https || is_local) {
            return None;
        }
        let (scheme, usual) = if https { ("https", 443) } else { ("http", 80) };
        let origin = match port.filter(|port| *port != usual) {
            Some(port) => format!("{scheme}://{id}:{port}"),
            None => format!("{scheme}://{id}"),
        };
        Some(Self { id, origin })
    }

    /// The domain that passkeys are bound to.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The origin whose pages may ask for them.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn hash(&self) -> Sha256 {
        Sha256::of(self.id.as_bytes())
    }
}

fn all_digits(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_made_at_names_over_tls_and_at_localhost() {
        let origin = |https, host, port| RelyingParty::at(https, host, port).map(|party| party.origin);
        let here = |text: &str| Some(text.to_owned());
        assert_eq!(
            origin(true, "Backup.Example", Some(443)),
            here("https://backup.example")
        );
        assert_eq!(
            origin(true, "backup.example", Some(8765)),
            here("https://backup.example:8765")
        );
        assert_eq!(origin(false, "localhost", Some(8765)), here("http://localhost:8765"));
        for (https, host) in [
            (false, "backup.example"),
            (false, "127.0.0.1"),
            (true, "127.0.0.1"),
            (true, "2001:db8::1"),
            (true, ""),
        ] {
            assert_eq!(origin(https, host, None), None, "{host}");
        }
    }
}
