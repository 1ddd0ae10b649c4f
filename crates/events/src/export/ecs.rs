use super::facts::{Activity, Facts, Kind, description, domain_and_name, utc, vendor};
use crate::Message;
use serde_json::{Map, Value, json};

/// The Elastic Common Schema, version 8.17: logon events are `authentication` with `source.ip`, requests and accounts
/// `iam` with `user` and `related.user`. All parameters stand under `veeam.parameters`.
#[must_use]
pub fn ecs(message: &Message<'_>) -> Value {
    let facts = Facts::of(message);
    let (category, kinds) = category_and_types(&facts);
    let mut event = json!({ "kind": "event", "provider": message.app_name, "outcome": outcome(&facts) });
    set(&mut event, "code", message.id.map(|id| id.to_string()));
    set(
        &mut event,
        "action",
        facts.title.map(|title| title.to_lowercase().replace(' ', "-")),
    );
    set(&mut event, "category", category.map(|category| vec![category]));
    set(&mut event, "type", (!kinds.is_empty()).then_some(kinds));
    set(&mut event, "reason", message.parameter("Reason"));
    set(
        &mut event,
        "original",
        message
            .raw
            .as_ref()
            .map(|raw| String::from_utf8_lossy(raw).into_owned()),
    );

    let mut syslog = json!({ "hostname": message.hostname, "appname": message.app_name });
    if let Some(pri) = message.pri {
        set(&mut syslog, "priority", Some(pri));
        set(&mut syslog, "facility", Some(json!({ "code": pri / 8 })));
        set(&mut syslog, "severity", Some(json!({ "code": pri % 8 })));
    }
    let mut log = json!({ "syslog": syslog });
    set(
        &mut log,
        "level",
        message.severity.map(|severity| severity.name().to_lowercase()),
    );

    let mut observer = json!({ "vendor": vendor(message), "product": message.app_name });
    set(&mut observer, "version", message.parameter("VbrVersion"));
    set(&mut observer, "hostname", message.parameter("VbrHostName"));

    let parameters: Map<String, Value> = message
        .parameters
        .iter()
        .map(|(key, value)| (key.to_string(), json!(value)))
        .collect();
    let mut all = json!({
        "ecs": { "version": "8.17.0" },
        "event": event,
        "host": { "name": message.hostname },
        "log": log,
        "observer": observer,
        "veeam": { "parameters": parameters },
    });
    set(&mut all, "@timestamp", utc(message));
    set(&mut all, "message", description(message));
    if let Some(ip) = facts.source_ip {
        let mut source = json!({ "ip": ip });
        set(&mut source, "port", facts.source_port);
        set(&mut all, "source", Some(source));
    }
    let mut related = Map::new();
    if let Some(full) = &facts.user {
        let (domain, name) = domain_and_name(full);
        let mut user = json!({ "name": name });
        set(&mut user, "domain", domain);
        set(&mut user, "id", facts.user_id);
        set(&mut all, "user", Some(user));
    }
    let users: Vec<&str> = [&facts.user, &facts.supervisor]
        .into_iter()
        .flatten()
        .map(|full| domain_and_name(full).1)
        .collect();
    if !users.is_empty() {
        related.insert("user".to_owned(), json!(users));
    }
    if let Some(ip) = facts.source_ip {
        related.insert("ip".to_owned(), json!([ip]));
    }
    set(&mut all, "related", (!related.is_empty()).then_some(related));
    all
}

fn outcome(facts: &Facts<'_>) -> &'static str {
    match facts.success {
        Some(true) => "success",
        Some(false) => "failure",
        None => "unknown",
    }
}

fn category_and_types(facts: &Facts<'_>) -> (Option<&'static str>, Vec<&'static str>) {
    let change = match facts.activity {
        Activity::Create => "creation",
        Activity::Delete => "deletion",
        Activity::Update | Activity::Enable | Activity::Disable => "change",
        Activity::Logon => "start",
        Activity::Logoff => "end",
        Activity::Other => "info",
    };
    match facts.kind {
        Kind::Logon => (Some("authentication"), vec![change]),
        Kind::Request => (Some("iam"), vec!["admin", change]),
        Kind::Account => (Some("iam"), vec!["user", change]),
        // Turning four-eyes on or off is the family's 4240x too.
        Kind::Settings if facts.activity != Activity::Update => (Some("iam"), vec!["admin", change]),
        Kind::Settings | Kind::Infrastructure => (Some("configuration"), vec![change]),
        Kind::Backup => (Some("file"), vec![change]),
        Kind::Other => (None, Vec::new()),
    }
}

/// Sets a field that is known.
fn set(object: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(key.to_owned(), value.into());
    }
}
