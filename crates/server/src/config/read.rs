//! Gives what was said its meaning, setting by setting.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use countersign_events::Origin;

use super::names::{AppName, HostName, OneLine, header_name};
use super::{AlertLimits, Complaint, Effective, Key, Limits, PublicUrl, Raw, Settings, Source};
use crate::delivery::OwnCertificate;
use crate::listen::{Listen, TlsSource, TrustedProxies};

/// Takes settings one after the other; remembers what is wrong and what holds.
pub struct Reader {
    settings: Settings,
    effective: Vec<Effective>,
}

impl Reader {
    /// Starts on everything that was said.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            effective: Vec::new(),
        }
    }

    /// What holds and what is odd, or everything that is wrong.
    pub fn finish(mut self) -> Result<(Vec<Effective>, Vec<Complaint>), Vec<Complaint>> {
        self.effective.sort_by_key(|effective| effective.key);
        if self.settings.complaints.is_empty() {
            Ok((self.effective, self.settings.remarks))
        } else {
            self.settings.complaints.append(&mut self.settings.remarks);
            self.settings.complaints.sort_by(|a, b| a.source.cmp(&b.source));
            Err(self.settings.complaints)
        }
    }

    /// What was said, noted as what holds.
    fn said(&mut self, key: Key, default: Option<Raw>) -> Option<(Raw, Source)> {
        let said = self.settings.of(key).cloned();
        let (value, source) = said
            .clone()
            .map_or((default, Source::Default), |(raw, source)| (Some(raw), source));
        self.effective.push(Effective { key, value, source });
        said
    }

    fn complain(&mut self, key: Key, source: Source, message: &impl Display) {
        self.settings.complain(source, format!("{}: {message}", key.name()));
    }

    /// A text with a meaning.
    pub fn parsed<T>(&mut self, key: Key, default: T) -> T
    where
        T: FromStr<Err: Display> + Display,
    {
        self.optional(key, Some(Raw::Text(default.to_string())))
            .unwrap_or(default)
    }

    /// A text with a meaning that need not be there.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, key: Key, default: Option<Raw>) -> Option<T> {
        let (Raw::Text(text), source) = self.said(key, default)? else {
            return None;
        };
        text.parse().map_err(|error| self.complain(key, source, &error)).ok()
    }

    /// Texts with a meaning.
    pub fn list<T: FromStr<Err: Display>>(&mut self, key: Key) -> Vec<T> {
        let Some((Raw::List(texts), source)) = self.said(key, Some(Raw::List(Vec::new()))) else {
            return Vec::new();
        };
        let mut values = Vec::new();
        for text in texts {
            match text.parse() {
                Ok(value) => values.push(value),
                Err(error) => self.complain(key, source.clone(), &format_args!("{text:?}: {error}")),
            }
        }
        values
    }

    /// Yes or no.
    pub fn switch(&mut self, key: Key, default: bool) -> bool {
        match self.said(key, Some(Raw::Switch(default))) {
            Some((Raw::Switch(switch), _)) => switch,
            _ => default,
        }
    }

    /// A whole number within bounds.
    pub fn number(&mut self, key: Key, default: u32, bounds: std::ops::RangeInclusive<u32>) -> u32 {
        let Some((Raw::Number(number), source)) = self.said(key, Some(Raw::Number(default.into()))) else {
            return default;
        };
        match u32::try_from(number) {
            Ok(number) if bounds.contains(&number) => number,
            _ => {
                let message = format!("{number} is not between {} and {}", bounds.start(), bounds.end());
                self.complain(key, source, &message);
                default
            }
        }
    }

    /// A path. In the file, a relative one starts from the file's folder.
    pub fn path(&mut self, key: Key, default: Option<&str>) -> Option<PathBuf> {
        match self.said(key, default.map(|path| Raw::Text(path.to_owned()))) {
            Some((Raw::Text(text), source)) if !text.is_empty() => match source {
                Source::File { path, .. } => Some(path.parent().unwrap_or(Path::new("")).join(text)),
                _ => Some(text.into()),
            },
            Some((_, source)) => {
                self.complain(key, source, &"a path is expected");
                None
            }
            None => default.map(PathBuf::from),
        }
    }

    /// The three TLS settings as one.
    pub fn tls(&mut self) -> Option<TlsSource> {
        let certificate = self.path(Key::TlsCert, None);
        let key = self.path(Key::TlsKey, None);
        let self_signed = self.switch(Key::TlsSelfSigned, false);
        match (certificate, key, self_signed) {
            (None, None, false) => None,
            (None, None, true) => Some(TlsSource::SelfSigned),
            (Some(certificate), Some(key), false) => Some(TlsSource::Files { certificate, key }),
            (Some(_), None, _) => self.lacks(Key::TlsCert, Key::TlsKey),
            (None, Some(_), _) => self.lacks(Key::TlsKey, Key::TlsCert),
            (Some(_), Some(_), true) => {
                let at = self.source_of(Key::TlsSelfSigned);
                self.complain(
                    Key::TlsSelfSigned,
                    at,
                    &"there is a certificate already (tls.cert): set one or the other",
                );
                None
            }
        }
    }

    /// What we show to receivers of events, as one.
    pub fn own_certificate(&mut self) -> Option<OwnCertificate> {
        let certificate = self.path(Key::EventsTlsCert, None);
        let key = self.path(Key::EventsTlsKey, None);
        match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(OwnCertificate { certificate, key }),
            (Some(_), None) => self.lacks(Key::EventsTlsCert, Key::EventsTlsKey),
            (None, Some(_)) => self.lacks(Key::EventsTlsKey, Key::EventsTlsCert),
        }
    }

    /// Complains that a certificate or its key was set without the other.
    fn lacks<T>(&mut self, set: Key, missing: Key) -> Option<T> {
        let at = self.source_of(set);
        let what = match set {
            Key::TlsCert | Key::EventsTlsCert => "the certificate's private key is missing",
            _ => "the key's certificate is missing",
        };
        self.complain(set, at, &format_args!("{what}: set {} too", missing.name()));
        None
    }

    fn source_of(&self, key: Key) -> Source {
        let said = self.settings.of(key);
        said.map_or(Source::Default, |(_, source)| source.clone())
    }

    /// The address, if it may be opened. `protected` tells whether TLS or a proxy was asked for at all, so that one
    /// mistake there is not complained about twice.
    pub fn listen(&mut self, address: SocketAddr, tls: Option<TlsSource>, proxies: TrustedProxies) -> Option<Listen> {
        let asked = [Key::TlsCert, Key::TlsKey, Key::BehindProxy]
            .iter()
            .any(|key| self.settings.of(*key).is_some());
        match Listen::new(address, tls, proxies) {
            Ok(listen) => Some(listen),
            Err(_) if asked && !self.settings.complaints.is_empty() => None,
            Err(refused) => {
                let at = self
                    .settings
                    .of(Key::Listen)
                    .map_or(Source::Default, |(_, source)| source.clone());
                self.complain(Key::Listen, at, &refused);
                None
            }
        }
    }

    /// The public address; without one, what the address to listen on lets us guess.
    pub fn public_url(&mut self, listen: Option<&Listen>, host: &str) -> Option<PublicUrl> {
        let guess = listen.map(|listen| guess(listen, host));
        let default = guess.as_ref().map(|url| Raw::Text(url.clone()));
        match self.optional(Key::PublicUrl, default) {
            Some(url) => Some(url),
            None if self.settings.of(Key::PublicUrl).is_some() => None,
            None => guess?
                .parse()
                .map_err(|error| self.complain(Key::PublicUrl, Source::Default, &error))
                .ok(),
        }
    }

    /// What events say about their sender.
    pub fn origin(&mut self, host: &str) -> Origin {
        let default = Origin::new(header_name(host));
        let HostName(hostname) = self.parsed(Key::EventsHostname, HostName(default.hostname));
        Origin {
            vbr_host_name: self.parsed(Key::EventsVbrHostName, OneLine(hostname.clone())).0,
            vbr_version: self.parsed(Key::EventsVbrVersion, OneLine(default.vbr_version)).0,
            app_name: self.parsed(Key::EventsAppName, AppName(default.app_name)).0,
            logon_app_name: self.parsed(Key::EventsLogonAppName, AppName(default.logon_app_name)).0,
            enterprise_id: self.number(Key::EventsEnterpriseId, default.enterprise_id, 0..=u32::MAX),
            product: self.parsed(Key::EventsProduct, OneLine(default.product)).0,
            severity_token: self.switch(Key::EventsSeverityToken, default.severity_token),
            request_id: self.switch(Key::EventsRequestId, default.request_id),
            result: self.switch(Key::EventsResult, default.result),
            reason: self.switch(Key::EventsReason, default.reason),
            byte_order_mark: self.switch(Key::EventsByteOrderMark, default.byte_order_mark),
            hostname,
        }
    }

    /// From when on an administrator is alerted.
    pub fn alerts(&mut self) -> AlertLimits {
        let default = AlertLimits::default();
        let whole = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let (backlog, lag) = (whole(default.backlog_events), whole(default.lag_seconds));
        AlertLimits {
            backlog_events: self.number(Key::AlertsBacklogEvents, backlog, 1..=u32::MAX).into(),
            lag_seconds: self.number(Key::AlertsLagSeconds, lag, 1..=u32::MAX).into(),
            disk_free_percent: self.number(Key::AlertsDiskFreePercent, default.disk_free_percent, 0..=99),
            disk_free_mib: self.number(Key::AlertsDiskFreeMib, default.disk_free_mib, 0..=u32::MAX),
        }
    }

    /// The bounds.
    pub fn limits(&mut self) -> Limits {
        let default = Limits::default();
        let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
        let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let mut number = |key, default, bounds| self.number(key, default, bounds);
        Limits {
            connections: number(Key::LimitConnections, size(default.connections), 1..=1_000_000) as usize,
            header: Duration::from_secs(number(Key::LimitHeaderSeconds, seconds(default.header), 1..=3600).into()),
            header_bytes: number(Key::LimitHeaderBytes, size(default.header_bytes), 8192..=1_048_576) as usize,
            stop: Duration::from_secs(number(Key::LimitStopSeconds, seconds(default.stop), 0..=3600).into()),
        }
    }
}

/// The public address that follows from where we listen.
fn guess(listen: &Listen, host: &str) -> String {
    let address = listen.address();
    let (ip, port) = (address.ip().to_canonical(), address.port());
    let name = match ip {
        ip if ip.is_unspecified() => host.to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    match (listen.tls(), listen.proxies().networks.is_empty()) {
        (Some(_), _) => format!("https://{name}:{port}"),
        (None, true) => format!("http://{name}:{port}"),
        // A proxy has its own name and port; the machine's name is the best we know.
        (None, false) => format!("https://{host}"),
    }
}
