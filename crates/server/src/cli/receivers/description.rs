//! What is said of a receiver on the command line, beside its name and address.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use countersign_core::receiver::{
    AppName, Certificates, ConnectSeconds, Fingerprint, Form, ReceiverSpec, ServerName, Transport,
};

use super::super::remote::failure::Failure;

/// What is not given stays as it is; an empty text unsets what was set.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Receiver")]
pub struct Description {
    /// How: relp, relp-tls, tls, tcp-octets, tcp-lf or udp [default when adding: relp, which loses nothing]
    #[arg(long, value_name = "TRANSPORT")]
    transport: Option<Transport>,
    /// How events are written: compatible (as the family does) or strict (structured data of RFC 5424)
    #[arg(long, value_name = "FORM")]
    form: Option<Form>,
    /// APP-NAME of all events but 440xx; '' for the server's
    #[arg(long, value_name = "NAME", value_parser = set_or_unset::<AppName>)]
    app_name: Option<Wish<AppName>>,
    /// APP-NAME of 440xx; '' for the server's
    #[arg(long, value_name = "NAME", value_parser = set_or_unset::<AppName>)]
    logon_app_name: Option<Wish<AppName>>,
    /// A byte order mark before the message part
    #[arg(long, value_name = "WHEN")]
    byte_order_mark: Option<Mark>,
    /// Number the events, so that one that comes twice can be told
    #[arg(long, value_name = "ON")]
    sequence: Option<Switch>,
    /// How long connecting may take, 1 to 60
    #[arg(long, value_name = "SECONDS")]
    connect_seconds: Option<ConnectSeconds>,
    /// The name in its certificate, if it is not the host; '' for the host
    #[arg(long, value_name = "NAME", value_parser = set_or_unset::<ServerName>)]
    tls_server_name: Option<Wish<ServerName>>,
    /// Trust the authorities in this file (PEM) instead of the system's; '' for the system's
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<String>,
    /// Trust the one certificate with this SHA-256; '' for an authority's
    #[arg(long, value_name = "SHA-256", value_parser = set_or_unset::<Fingerprint>)]
    tls_fingerprint: Option<Wish<Fingerprint>>,
    /// Show it our own certificate (events.tls_cert)
    #[arg(long, value_name = "ON")]
    tls_client_certificate: Option<Switch>,
}

/// Something to set, or to unset.
#[derive(Debug, Clone)]
enum Wish<T> {
    Set(T),
    Unset,
}

impl<T: Clone> Wish<T> {
    fn value(&self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value.clone()),
            Self::Unset => None,
        }
    }
}

fn set_or_unset<T: FromStr>(text: &str) -> Result<Wish<T>, T::Err> {
    if text.is_empty() {
        Ok(Wish::Unset)
    } else {
        text.parse().map(Wish::Set)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mark {
    /// As the server does
    Server,
    On,
    Off,
}

impl Description {
    /// Changes what was given.
    ///
    /// # Errors
    /// The file of authorities cannot be read or holds none.
    pub fn apply(&self, spec: &mut ReceiverSpec) -> Result<(), Failure> {
        fn set<T: Clone>(place: &mut T, wish: Option<&T>) {
            if let Some(wish) = wish {
                place.clone_from(wish);
            }
        }
        fn wish<T: Clone>(place: &mut Option<T>, wish: Option<&Wish<T>>) {
            if let Some(wish) = wish {
                *place = wish.value();
            }
        }
        set(&mut spec.transport, self.transport.as_ref());
        let options = &mut spec.options;
        set(&mut options.form, self.form.as_ref());
        wish(&mut options.app_name, self.app_name.as_ref());
        wish(&mut options.logon_app_name, self.logon_app_name.as_ref());
        match self.byte_order_mark {
            None => {}
            Some(Mark::Server) => options.byte_order_mark = None,
            Some(Mark::On) => options.byte_order_mark = Some(true),
            Some(Mark::Off) => options.byte_order_mark = Some(false),
        }
        set(&mut options.sequence, self.sequence.map(|on| on == Switch::On).as_ref());
        set(&mut options.connect_seconds, self.connect_seconds.as_ref());
        let tls = &mut options.tls;
        wish(&mut tls.server_name, self.tls_server_name.as_ref());
        wish(&mut tls.fingerprint, self.tls_fingerprint.as_ref());
        set(
            &mut tls.client_certificate,
            self.tls_client_certificate.map(|on| on == Switch::On).as_ref(),
        );
        if let Some(path) = &self.tls_ca {
            tls.ca = if path.is_empty() {
                None
            } else {
                let text = std::fs::read_to_string(path).map_err(|error| Failure::File(path.clone(), error))?;
                let read: Result<Certificates, _> = text.parse();
                Some(read.map_err(|error| Failure::Refused(format!("{path}: {error}")))?)
            };
        }
        Ok(())
    }
}
