//! Cookies: read strictly, set with every attribute that keeps them where they belong (RFC 6265bis).

use http::{HeaderMap, HeaderValue, header};

/// How cookies are set on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookies {
    /// Over TLS: `Secure`, and the `__Host-` prefix, which no other host and no plain connection can set.
    pub secure: bool,
}

impl Cookies {
    /// The cookie's name on the wire.
    pub fn name(self, name: &str) -> String {
        if self.secure {
            format!("__Host-{name}")
        } else {
            name.to_owned()
        }
    }

    /// The cookie's value; none when it is absent, empty, or there twice (then one of them was planted).
    pub fn read<'h>(self, headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
        let wanted = self.name(name);
        let mut values = pairs(headers)
            .filter(|(name, _)| *name == wanted)
            .map(|(_, value)| value);
        match (values.next(), values.next()) {
            (Some(value), None) if !value.is_empty() => Some(value),
            _ => None,
        }
    }

    /// The names, without the `__Host-` prefix, of the cookies that begin like this.
    pub fn names_with_prefix(self, headers: &HeaderMap, prefix: &str) -> Vec<String> {
        let wanted = self.name(prefix);
        pairs(headers)
            .filter_map(|(name, _)| name.strip_prefix(wanted.as_str()))
            .map(|rest| format!("{prefix}{rest}"))
            .collect()
    }

    /// A `Set-Cookie` that lives for so many seconds, or as long as the browser is open. The value is base64url.
    pub fn set(self, name: &str, value: &str, seconds: Option<i64>) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let age = seconds
            .map(|seconds| format!("; Max-Age={seconds}"))
            .unwrap_or_default();
        let name = self.name(name);
        HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}")).ok()
    }

    /// A `Set-Cookie` that takes it away.
    pub fn clear(self, name: &str) -> Option<HeaderValue> {
        self.set(name, "", Some(0))
    }
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn a_cookie_is_read_by_its_whole_name_and_never_when_it_is_there_twice() {
        let tls = Cookies { secure: true };
        assert_eq!(
            tls.read(&headers(&["a=1; __Host-session=x; b=2"]), "session"),
            Some("x")
        );
        assert_eq!(tls.read(&headers(&["a=1", "__Host-session=x"]), "session"), Some("x"));
        for absent in [
            "session=x",
            "__Host-session=",
            "__Host-session=x; __Host-session=y",
            "__Host-session",
        ] {
            assert_eq!(tls.read(&headers(&[absent]), "session"), None, "{absent}");
        }
    }

    #[test]
    fn a_cookie_is_set_for_this_host_alone() {
        let set = |secure| Cookies { secure }.set("session", "x", None).unwrap();
        assert_eq!(set(true), "__Host-session=x; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(set(false), "session=x; Path=/; HttpOnly; SameSite=Lax");
        assert_eq!(
            Cookies { secure: true }.clear("session").unwrap(),
            "__Host-session=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0"
        );
    }
}
