use crate::xml::resolved;
use crate::{Message, Outcome, Severity, entry};

/// What an event is about, in the coarse words that all consumers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Someone logs on, or a token is asked for.
    Logon,
    /// A four-eyes request and what became of it.
    Request,
    /// Accounts, roles and second factors.
    Account,
    /// Settings.
    Settings,
    /// Repositories, storages, service providers.
    Infrastructure,
    /// Backups and their parts.
    Backup,
    /// Not in the catalogue.
    Other,
}

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    Create,
    Update,
    Delete,
    Enable,
    Disable,
    Logon,
    Logoff,
    Other,
}

/// The facts of a message that every format asks for.
pub(super) struct Facts<'a> {
    pub(super) kind: Kind,
    pub(super) activity: Activity,
    /// `None` when it is not decided yet, or not known.
    pub(super) success: Option<bool>,
    pub(super) title: Option<&'static str>,
    /// Who did it.
    pub(super) user: Option<String>,
    /// Who decided.
    pub(super) supervisor: Option<String>,
    pub(super) user_id: Option<&'a str>,
    pub(super) source_ip: Option<&'a str>,
    pub(super) source_port: Option<u16>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(message: &'a Message<'_>) -> Self {
        let (kind, activity, success) = meaning(message);
        let full_name = |key| message.parameter(key).and_then(full_name);
        let user = ["InitiatorFullInfo", "UserFullInfo"]
            .into_iter()
            .find_map(full_name)
            .or_else(|| {
                ["FriendlyName", "UserName"]
                    .into_iter()
                    .find_map(|key| message.parameter(key))
                    .map(str::to_owned)
            });
        let endpoint = message.parameter("Endpoint").and_then(|text| text.rsplit_once(':'));
        let endpoint_ip = endpoint.map(|(ip, _)| ip.trim_start_matches('[').trim_end_matches(']'));
        let source_ip = message.parameter("SourceIpAddress").or(endpoint_ip);
        Self {
            kind,
            activity,
            success,
            title: message.id.and_then(entry).map(|entry| entry.title),
            user,
            supervisor: full_name("SupervisorFullInfo"),
            user_id: message.parameter("Subject").or_else(|| message.parameter("SID")),
            source_ip: source_ip.filter(|text| text.parse::<std::net::IpAddr>().is_ok()),
            source_port: endpoint.and_then(|(_, port)| port.parse().ok()),
        }
    }
}

fn meaning(message: &Message<'_>) -> (Kind, Activity, Option<bool>) {
    use {Activity as A, Kind as K};
    let result = |name: &str| message.parameter("Result").is_none_or(|result| result == name);
    let done = Some(result(Outcome::Success.name()));
    let by_severity = message.severity.map(|severity| severity != Severity::Error);
    match message.id.unwrap_or_default() {
        10_050 => (K::Backup, A::Delete, done),
        41_800 => (K::Backup, A::Delete, Some(false)),
        40_700 => (K::Backup, A::Create, by_severity),
        40_800 => (K::Settings, A::Update, by_severity),
        27_600 | 28_200 | 41_402 => (K::Infrastructure, A::Delete, done),
        28_000 | 41_400 => (K::Infrastructure, A::Create, done),
        31_000 | 42_800 => (K::Settings, A::Update, Some(true)),
        41_810 => (K::Settings, A::Update, Some(false)),
        31_200 => (K::Account, A::Create, Some(true)),
        31_210 => (K::Account, A::Create, Some(false)),
        31_400 => (K::Account, A::Delete, Some(true)),
        40_200 | 40_203 => (K::Account, A::Enable, Some(true)),
        40_201 | 40_204 => (K::Account, A::Disable, Some(true)),
        40_202 => (K::Account, A::Update, Some(true)),
        40_205..=40_207 => (K::Logon, A::Logon, Some(false)),
        42_400 => (K::Settings, A::Enable, Some(true)),
        42_401 => (K::Settings, A::Disable, done),
        42_402 => (K::Request, A::Create, None),
        42_403 => (K::Request, A::Update, Some(true)),
        42_404 | 42_405 => (K::Request, A::Update, Some(false)),
        44_000 | 44_003 => (K::Logon, A::Logon, Some(true)),
        44_001 | 44_002 | 44_004 => (K::Logon, A::Logon, Some(false)),
        44_005 => (K::Logon, A::Logoff, Some(true)),
        44_006 => (K::Logon, A::Other, Some(false)),
        _ => (K::Other, A::Other, None),
    }
}

/// The name in `<ModifiedUserInfo fullName="NAME" loginType="N" />`, its entities resolved.
pub(super) fn full_name(xml: &str) -> Option<String> {
    let (_, after) = xml.split_once("fullName=\"")?;
    // A bare quote in another sender's name does not end it: the next attribute does.
    let end = after.find("\" loginType=").or_else(|| after.find('"'))?;
    let name = after.get(..end)?;
    Some(resolved(name).into_owned())
}

/// The number in the same element.
pub(super) fn login_type(xml: &str) -> Option<&str> {
    let (_, after) = xml.rsplit_once("loginType=\"")?;
    after.split_once('"').map(|(number, _)| number)
}

/// `DOMAIN\name` in two.
pub(super) fn domain_and_name(full: &str) -> (Option<&str>, &str) {
    full.split_once('\\')
        .map_or((None, full), |(domain, name)| (Some(domain), name))
}

/// RFC 3339 in UTC, when the message's time can be read.
pub(super) fn utc(message: &Message<'_>) -> Option<String> {
    message.time().map(|(at, _)| at.rfc3339(0).replace("+00:00", "Z"))
}

/// A part of APP-NAME before `_`, as the vendor: `Veeam_MP`.
pub(super) fn vendor(message: &Message<'_>) -> String {
    message.app_name.split('_').next().unwrap_or_default().to_owned()
}

pub(super) fn description<'a>(message: &'a Message<'_>) -> Option<&'a str> {
    message.parameter("Description").or(message.text.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, Occurrence, Origin, Timestamp, decode, encode};

    #[test]
    fn the_whole_catalogue_has_a_meaning() {
        for event in Event::examples() {
            let mut line = Vec::new();
            encode(&event, Occurrence::new(Timestamp(0), 0), &Origin::new("h"), &mut line);
            let message = decode(&line).unwrap();
            assert_ne!(
                Facts::of(&message).kind,
                Kind::Other,
                "{} says nothing to other consumers",
                event.id()
            );
        }
    }

    #[test]
    fn names_are_taken_out_of_their_element() {
        assert_eq!(
            full_name(r#"<ModifiedUserInfo fullName="R&amp;D\a&quot;b" loginType="0" />"#).as_deref(),
            Some(r#"R&D\a"b"#)
        );
        assert_eq!(
            full_name(r#"<ModifiedUserInfo fullName="a"b" loginType="0" />"#).as_deref(),
            Some(r#"a"b"#)
        );
        assert_eq!(full_name("x"), None);
    }
}
