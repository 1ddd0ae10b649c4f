//! Texts with a meaning: the address to listen on, what events may say about their sender.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// HOSTNAME of a message (RFC 5424 section 6.2.4): 1 to 255 printable ASCII characters without a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(pub String);

/// APP-NAME of a message (RFC 5424 section 6.2.5): 1 to 48 printable ASCII characters without a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppName(pub String);

/// A value that stands between quotes: 1 to 255 characters, no quote, no control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneLine(pub String);

/// An address to listen on, with its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAddress(pub SocketAddr);

impl FromStr for ListenAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address = text.parse().map(Self);
        address.map_err(|_| "an IP address and a port are expected, as in 127.0.0.1:8765, 0.0.0.0:8765 or [::]:8765")
    }
}

impl FromStr for HostName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = printable(text, 255).then(|| Self(text.to_owned()));
        fits.ok_or("a host name has 1 to 255 printable ASCII characters and no space")
    }
}

impl FromStr for AppName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = printable(text, 48).then(|| Self(text.to_owned()));
        fits.ok_or("an application name has 1 to 48 printable ASCII characters and no space")
    }
}

impl FromStr for OneLine {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let length = (1..=255).contains(&text.chars().count());
        let fits = length && !text.chars().any(|letter| letter == '"' || letter.is_control());
        fits.then(|| Self(text.to_owned()))
            .ok_or("1 to 255 characters are expected, without quotes or line breaks")
    }
}

fn printable(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The machine's name as a message's header can say it: `-` (RFC 5424's "not known") where it cannot.
pub fn header_name(host: &str) -> String {
    host.parse().map_or_else(|_| "-".to_owned(), |HostName(name)| name)
}

macro_rules! display {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

display! { ListenAddress HostName AppName OneLine }
