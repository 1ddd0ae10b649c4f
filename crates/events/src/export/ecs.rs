use super::facts::{Activity, Facts, description, domain_and_name, full_name, login_type, utc, vendor};
use super::object::Object;
use crate::{Message, Timestamp};
use serde_json::Value;

/// The Elastic Common Schema, version 8.17, with the fields that Elastic's own integration for the family fills: logon
/// events are `authentication` with `source.ip`, requests and accounts `iam` with `user` and `related.user`; the parameters
/// stand under `veeam.event` in snake case. `event.type` says `info`, as there, and beside it what was done.
#[must_use]
pub fn ecs(message: &Message<'_>) -> Value {
    let facts = Facts::of(message);
    let category = category(message.id);
    let line = message.raw.as_deref().map(String::from_utf8_lossy);
    let event = Object::new()
        .with("kind", "event")
        .with("provider", message.app_name.as_ref())
        .maybe("code", message.id.map(|id| id.to_string()))
        .maybe(
            "action",
            facts.title.map(|title| title.to_lowercase().replace(' ', "-")),
        )
        .maybe("category", category.map(|category| vec![category]))
        .maybe("type", category.map(|category| types(category, facts.activity)))
        .maybe(
            "outcome",
            facts.success.map(|success| if success { "success" } else { "failure" }),
        )
        .maybe("reason", message.parameter("Reason"))
        .maybe("original", line.map(|line| line.into_owned()));
    let code = |code: u8| Object::new().with("code", code);
    let syslog = Object::new()
        .with("hostname", message.hostname.as_ref())
        .with("appname", message.app_name.as_ref())
        .maybe("priority", message.pri)
        .maybe("facility", message.pri.map(|pri| code(pri / 8)))
        .maybe("severity", message.pri.map(|pri| code(pri % 8)));
    let level = message.severity.map(|severity| severity.name().to_lowercase());
    let observer = Object::new()
        .with("vendor", vendor(message))
        .with("product", message.app_name.as_ref())
        .with("hostname", message.hostname.as_ref())
        .maybe("version", message.parameter("VbrVersion"));
    let host = message.parameter("VbrHostName").unwrap_or(&message.hostname);
    let source = Object::new()
        .maybe("ip", facts.source_ip)
        .maybe("port", facts.source_ip.and(facts.source_port));
    Object::new()
        .maybe("@timestamp", utc(message))
        .with("ecs", Object::new().with("version", "8.17.0"))
        .with("event", event)
        .with("host", Object::new().with("name", host))
        .with("log", Object::new().with("syslog", syslog).maybe("level", level))
        .with("observer", observer)
        .maybe("message", description(message))
        .maybe("source", source.some())
        .maybe("user", facts.user.as_deref().map(|full| user(full, facts.user_id)))
        .with("related", related(message, &facts, host))
        .maybe(
            "veeam",
            parameters(message).map(|event| Object::new().with("event", event)),
        )
        .into()
}

/// The category that Elastic's integration gives the id; backups have none there.
const fn category(id: Option<u32>) -> Option<&'static str> {
    match id {
        Some(40_205..=40_207 | 44_000..=44_003 | 44_006) => Some("authentication"),
        Some(31_200 | 31_210 | 31_400 | 40_200..=40_204 | 41_810 | 42_400..=42_405 | 42_800 | 44_004 | 44_005) => {
            Some("iam")
        }
        Some(27_600 | 31_000 | 40_700 | 40_800) => Some("configuration"),
        Some(28_000 | 28_200 | 41_400 | 41_402) => Some("host"),
        _ => None,
    }
}

/// `info`, and what the schema allows beside it in that category.
fn types(category: &str, activity: Activity) -> Vec<&'static str> {
    let done = match (category, activity) {
        ("host", _) | (_, Activity::Other) => None,
        ("authentication", Activity::Logon) => Some("start"),
        ("authentication", _) => None,
        (_, Activity::Create) => Some("creation"),
        (_, Activity::Delete) => Some("deletion"),
        _ => Some("change"),
    };
    ["info"].into_iter().chain(done).collect()
}

fn user(full: &str, id: Option<&str>) -> Object {
    let (domain, name) = domain_and_name(full);
    Object::new().with("name", name).maybe("domain", domain).maybe("id", id)
}

/// Everyone and everything that the event names, to search by.
fn related(message: &Message<'_>, facts: &Facts<'_>, host: &str) -> Object {
    let mut users: Vec<&str> = Vec::new();
    for full in [&facts.user, &facts.supervisor].into_iter().flatten() {
        let (_, name) = domain_and_name(full);
        if !users.contains(&name) {
            users.push(name);
        }
    }
    let mut hosts = vec![host];
    let named = ["VmName", "ServerName"]
        .into_iter()
        .filter_map(|key| message.parameter(key));
    for name in [message.hostname.as_ref()].into_iter().chain(named) {
        if name != "-" && !hosts.contains(&name) {
            hosts.push(name);
        }
    }
    Object::new()
        .with("hosts", hosts)
        .maybe("user", (!users.is_empty()).then_some(users))
        .maybe("ip", facts.source_ip.map(|ip| vec![ip]))
}

/// The parameters that have no field of their own.
fn parameters(message: &Message<'_>) -> Option<Value> {
    let mut event = Object::new();
    for (key, value) in &message.parameters {
        let value = match key.as_ref() {
            "Description" | "VbrHostName" | "VbrVersion" | "SourceIpAddress" | "UserName" | "SID" => continue,
            "UserFullInfo" | "InitiatorFullInfo" | "SupervisorFullInfo" => Object::new()
                .with("original", value.as_ref())
                .maybe("full_name", full_name(value))
                .maybe("login_type", login_type(value))
                .into(),
            "StorageSize" => value.parse::<u64>().map_or_else(|_| value.as_ref().into(), Value::from),
            "IsCorrupted" | "IsFull" => match value.as_ref() {
                "True" => true.into(),
                "False" => false.into(),
                other => other.into(),
            },
            "ExpirationTimeUtc" | "DateTime" => Timestamp::parse_utc_text(value).map_or_else(
                || value.as_ref().into(),
                |at| at.rfc3339(0).replace("+00:00", "Z").into(),
            ),
            _ => value.as_ref().into(),
        };
        event.add(snake_case(key), value);
    }
    event.some()
}

/// `OriginalOibID` as `original_oib_id`.
fn snake_case(key: &str) -> String {
    let mut snake = String::with_capacity(key.len() + 4);
    let mut letters = key.chars().peekable();
    let mut before = None;
    while let Some(c) = letters.next() {
        let begins = match before {
            // A word begins after a small letter or a digit, and at the last of many capitals.
            Some(before) if c.is_ascii_uppercase() => {
                char::is_ascii_lowercase(&before)
                    || before.is_ascii_digit()
                    || (before.is_ascii_uppercase() && letters.peek().is_some_and(char::is_ascii_lowercase))
            }
            _ => false,
        };
        if begins {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        before = Some(c);
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CATALOGUE;

    #[test]
    fn keys_are_told_in_snake_case() {
        for (key, snake) in [
            ("ID", "id"),
            ("OibID", "oib_id"),
            ("ChangesXML", "changes_xml"),
            ("IsFull", "is_full"),
            ("XmlChange", "xml_change"),
            ("SIDOfUser", "sid_of_user"),
            ("Item2Name", "item2_name"),
            ("Tenant_2", "tenant_2"),
        ] {
            assert_eq!(snake_case(key), snake);
        }
    }

    #[test]
    fn only_backups_are_without_a_category() {
        let without = CATALOGUE
            .iter()
            .map(|entry| entry.id)
            .filter(|id| category(Some(*id)).is_none());
        assert_eq!(without.collect::<Vec<_>>(), [10_050, 41_800]);
    }
}
