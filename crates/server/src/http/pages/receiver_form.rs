//! The form of a receiver: as it was typed, and what it says.

use std::fmt::Display;
use std::str::FromStr;

use countersign_core::receiver::{ConnectSeconds, Filter, Form, ReceiverOptions, ReceiverSpec, TlsOptions, Transport};
use countersign_events::Origin;
use serde::Deserialize;

use super::words;
use crate::pages::{Choice, ReceiverForm};

/// The form of a receiver, as typed.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct TypedReceiver {
    name: String,
    transport: String,
    address: String,
    server_name: String,
    ca: String,
    fingerprint: String,
    client_certificate: String,
    form: String,
    app_name: String,
    logon_app_name: String,
    byte_order_mark: String,
    sequence: String,
    connect_seconds: String,
}

impl Default for TypedReceiver {
    /// A new one: what is recommended.
    fn default() -> Self {
        Self {
            name: String::new(),
            transport: Transport::Relp.as_str().to_owned(),
            address: String::new(),
            server_name: String::new(),
            ca: String::new(),
            fingerprint: String::new(),
            client_certificate: String::new(),
            form: Form::default().as_str().to_owned(),
            app_name: String::new(),
            logon_app_name: String::new(),
            byte_order_mark: String::new(),
            sequence: String::new(),
            connect_seconds: ConnectSeconds::default().seconds().to_string(),
        }
    }
}

const ON: &str = "on";
const OFF: &str = "off";

/// As browsers send a checkbox.
fn ticked(on: bool) -> String {
    if on { ON.to_owned() } else { String::new() }
}

impl TypedReceiver {
    /// As a receiver is.
    pub fn of(spec: &ReceiverSpec) -> Self {
        fn text<T: Display>(value: Option<&T>) -> String {
            value.map(ToString::to_string).unwrap_or_default()
        }
        let (options, tls) = (&spec.options, &spec.options.tls);
        Self {
            name: spec.name.to_string(),
            transport: spec.transport.as_str().to_owned(),
            address: spec.address.to_string(),
            server_name: text(tls.server_name.as_ref()),
            ca: text(tls.ca.as_ref()),
            fingerprint: text(tls.fingerprint.as_ref()),
            client_certificate: ticked(tls.client_certificate),
            form: options.form.as_str().to_owned(),
            app_name: text(options.app_name.as_ref()),
            logon_app_name: text(options.logon_app_name.as_ref()),
            byte_order_mark: match options.byte_order_mark {
                None => String::new(),
                Some(true) => ON.to_owned(),
                Some(false) => OFF.to_owned(),
            },
            sequence: ticked(options.sequence),
            connect_seconds: options.connect_seconds.seconds().to_string(),
        }
    }

    /// What it says; its filter is empty.
    ///
    /// # Errors
    /// What is wrong, in a sentence.
    pub fn read(&self) -> Result<ReceiverSpec, String> {
        let options = ReceiverOptions {
            app_name: optional(&self.app_name)?,
            byte_order_mark: match self.byte_order_mark.as_str() {
                ON => Some(true),
                OFF => Some(false),
                _ => None,
            },
            connect_seconds: optional(&self.connect_seconds)?.unwrap_or_default(),
            form: optional(&self.form)?.unwrap_or_default(),
            logon_app_name: optional(&self.logon_app_name)?,
            sequence: self.sequence == ON,
            tls: TlsOptions {
                ca: optional(&self.ca)?,
                client_certificate: self.client_certificate == ON,
                fingerprint: optional(&self.fingerprint)?,
                server_name: optional(&self.server_name)?,
            },
        };
        Ok(ReceiverSpec {
            address: parsed(&self.address)?,
            filter: Filter::default(),
            name: parsed(&self.name)?,
            options,
            transport: parsed(&self.transport)?,
        })
    }

    /// For the page. `origin` says what holds where nothing is set.
    pub fn form(self, origin: &Origin, problem: Option<String>) -> ReceiverForm {
        let choice = |value: &str, label: &str, hint: &str, chosen: &str| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            hint: hint.to_owned(),
            chosen: value == chosen,
        };
        let transport = |one: Transport| choice(one.as_str(), words::transport(one), meaning(one), &self.transport);
        let form = |one: Form| {
            let (label, hint) = dialect(one);
            choice(one.as_str(), label, hint, &self.form)
        };
        let server = if origin.byte_order_mark { "on" } else { "off" };
        let mark = |value, label: &str| choice(value, label, "", &self.byte_order_mark);
        ReceiverForm {
            transports: BY_MERIT.map(transport).into(),
            forms: Form::ALL.map(form).into(),
            marks: vec![
                mark("", &format!("as the server does ({server})")),
                mark(ON, "always"),
                mark(OFF, "never"),
            ],
            client_certificate: self.client_certificate == ON,
            sequence: self.sequence == ON,
            server_app_name: origin.app_name.clone(),
            server_logon_app_name: origin.logon_app_name.clone(),
            name: self.name,
            address: self.address,
            server_name: self.server_name,
            ca: self.ca,
            fingerprint: self.fingerprint,
            app_name: self.app_name,
            logon_app_name: self.logon_app_name,
            connect_seconds: self.connect_seconds,
            problem,
        }
    }
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.trim()
        .parse()
        .map_err(|error: T::Err| words::sentence(&error.to_string()))
}

/// Nothing where nothing was typed.
fn optional<T: FromStr<Err: Display>>(text: &str) -> Result<Option<T>, String> {
    if text.trim().is_empty() {
        Ok(None)
    } else {
        parsed(text).map(Some)
    }
}

/// What loses least stands first.
const BY_MERIT: [Transport; 6] = [
    Transport::Relp,
    Transport::RelpTls,
    Transport::Tls,
    Transport::TcpOctets,
    Transport::TcpLf,
    Transport::Udp,
];

const fn meaning(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "One message a datagram (RFC 5426). What is lost on the way is lost.",
        Transport::TcpLf => "One message a line (RFC 6587, 3.4.2).",
        Transport::TcpOctets => "Each message after its length (RFC 6587, 3.4.1).",
        Transport::Tls => "Encrypted; each message after its length (RFC 5425).",
        Transport::Relp => "Recommended. The receiver acknowledges each message: nothing is lost.",
        Transport::RelpTls => "Recommended across networks. Acknowledged and encrypted.",
    }
}

const fn dialect(form: Form) -> (&'static str, &'static str) {
    match form {
        Form::Compatible => (
            "As the family does",
            "What existing parsers and rules know: a bracket in the message part.",
        ),
        Form::Strict => (
            "Strict",
            "Structured data proper (RFC 5424, 6.3), with an SD-ID and escapes.",
        ),
    }
}
