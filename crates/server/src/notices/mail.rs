//! One message by a mail server.

use std::time::{Duration, SystemTime};

use countersign_core::AccountId;
use countersign_core::email::EmailAddress;
use countersign_core::notice::{MailSpec, Security};
use countersign_events::Timestamp;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::Trouble;
use super::content::{Content, plain};
use crate::app::App;

/// How long a server may take to answer a command.
const ANSWER: Duration = Duration::from_secs(20);

/// The longest subject, in characters.
const LONGEST_SUBJECT: usize = 250;

/// Sends a notice to one person.
pub(super) async fn send(
    app: &App,
    spec: &MailSpec,
    password: Option<&[u8]>,
    content: &Content,
    (id, to): (AccountId, &EmailAddress),
) -> Result<(), Trouble> {
    let message = message(&spec.from, content, id, to)?;
    let server = server(app, spec, password)?;
    server
        .send(message)
        .await
        .map(drop)
        .map_err(|error| trouble(spec, &error))
}

/// The message, the same whenever it is made again.
pub(super) fn message(
    from: &EmailAddress,
    content: &Content,
    id: AccountId,
    to: &EmailAddress,
) -> Result<Message, Trouble> {
    let bad = |error: &dyn std::fmt::Display| Trouble::Refused(format!("the message cannot be written: {error}"));
    let mailbox = |email: &EmailAddress| {
        let address: Result<Address, _> = email.as_str().parse();
        address
            .map(|address| Mailbox::new(None, address))
            .map_err(|error| bad(&error))
    };
    let domain = from.as_str().rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    Message::builder()
        .from(mailbox(from)?)
        .to(mailbox(to)?)
        .subject(plain(&content.subject, LONGEST_SUBJECT))
        .date(date(content.at))
        .message_id(Some(format!("<{}.{id}@{domain}>", content.id)))
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN)
        .body(content.text.clone())
        .map_err(|error| bad(&error))
}

fn date(at: Timestamp) -> SystemTime {
    let micros = u64::try_from(at.0).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

fn server(app: &App, spec: &MailSpec, password: Option<&[u8]>) -> Result<AsyncSmtpTransport<Tokio1Executor>, Trouble> {
    let tls = match spec.security {
        Security::None => Tls::None,
        Security::Starttls => Tls::Required(tls(spec)?),
        Security::Implicit => Tls::Wrapper(tls(spec)?),
    };
    let hello = app.config.origin.hostname.clone();
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(spec.host.as_str())
        .port(spec.port)
        .tls(tls)
        .timeout(Some(ANSWER))
        .hello_name(ClientId::Domain(hello));
    if let (Some(user), Some(password)) = (&spec.user, password) {
        let password = String::from_utf8_lossy(password).into_owned();
        builder = builder.credentials(Credentials::new(user.to_string(), password));
    }
    Ok(builder.build())
}

fn tls(spec: &MailSpec) -> Result<TlsParameters, Trouble> {
    let bad = |error: lettre::transport::smtp::Error| Trouble::Later(format!("TLS cannot be set up: {error}"));
    let mut parameters = TlsParameters::builder(spec.host.to_string());
    if let Some(ca) = &spec.ca {
        let ca = Certificate::from_pem(ca.as_str().as_bytes()).map_err(bad)?;
        parameters = parameters
            .certificate_store(CertificateStore::None)
            .add_root_certificate(ca);
    }
    parameters.build_rustls().map_err(bad)
}

/// What went wrong. A mailbox that is not there, or takes nothing of this, is refused for good (RFC 5321, section 4.2.3: 550 to
/// 553), and one that is busy or full may take it later (450 to 452); a wrong password may be put right.
fn trouble(spec: &MailSpec, error: &lettre::transport::smtp::Error) -> Trouble {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        let text = source.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = source.source();
    }
    let text = format!("{}:{} did not take it: {words}", spec.host, spec.port);
    match error.status().map(|code| code.to_string().parse::<u16>().unwrap_or(0)) {
        Some(550..=553) => Trouble::Refused(text),
        Some(450..=452) => Trouble::Mailbox(text),
        _ => Trouble::Later(text),
    }
}

/// RFC 3834, section 5: nothing answers it by itself.
#[derive(Debug, Clone, Copy)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
