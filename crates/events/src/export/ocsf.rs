use super::facts::{Activity, Facts, Kind, description, domain_and_name, vendor};
use super::object::Object;
use crate::{Message, Severity};
use serde_json::Value;

/// The Open Cybersecurity Schema Framework, version 1.4: logon events are class 3002 Authentication with `status_code`
/// = Reason, the others class 3004 Entity Management with `metadata.correlation_uid` = the request's id; what the
/// catalogue does not know is class 0, Base Event. All parameters stand under `unmapped`.
#[must_use]
pub fn ocsf(message: &Message<'_>) -> Value {
    let facts = Facts::of(message);
    let (class, name, category, category_name) = match facts.kind {
        Kind::Logon => (3002, "Authentication", 3, "Identity & Access Management"),
        Kind::Other => (0, "Base Event", 0, "Uncategorized"),
        _ => (3004, "Entity Management", 3, "Identity & Access Management"),
    };
    let (activity, activity_name) = activity(&facts);
    let (status, status_name) = match facts.success {
        Some(true) => (1, "Success"),
        Some(false) => (2, "Failure"),
        None => (0, "Unknown"),
    };
    let (severity, severity_name) = match message.severity {
        Some(Severity::Info) => (1, "Informational"),
        Some(Severity::Warning) => (3, "Medium"),
        Some(Severity::Error) => (4, "High"),
        None => (0, "Unknown"),
    };
    let host = message.parameter("VbrHostName").unwrap_or(&message.hostname);
    let mut unmapped = Object::new();
    for (key, value) in &message.parameters {
        unmapped.add(key.to_string(), value.as_ref().into());
    }
    let all = Object::new()
        .with("class_uid", class)
        .with("class_name", name)
        .with("category_uid", category)
        .with("category_name", category_name)
        .with("activity_id", activity)
        .with("activity_name", activity_name)
        .with("type_uid", class * 100 + activity)
        .with("severity_id", severity)
        .with("severity", severity_name)
        .with("status_id", status)
        .with("status", status_name)
        .with("metadata", metadata(message))
        .with("device", Object::new().with("hostname", host).with("type_id", 1))
        .maybe("unmapped", unmapped.some())
        .maybe("time", message.time().map(|(at, _)| at.micros().div_euclid(1000)))
        .maybe("message", description(message))
        .maybe("status_code", message.parameter("Reason"))
        .maybe(
            "status_detail",
            description(message).filter(|_| facts.success == Some(false)),
        )
        .maybe("src_endpoint", source(&facts).some());
    let user = facts.user.as_deref().map(|full| user(full, facts.user_id));
    match facts.kind {
        Kind::Other => all.into(),
        Kind::Logon => all
            .with("user", user.unwrap_or_else(|| Object::new().with("name", "unknown")))
            .with("dst_endpoint", Object::new().with("hostname", host))
            .maybe(
                "service",
                message
                    .parameter("ResourceId")
                    .map(|name| Object::new().with("name", name)),
            )
            .into(),
        _ => all
            .maybe("actor", user.map(|user| Object::new().with("user", user)))
            .with("entity", entity(message, &facts))
            .maybe("comment", facts.supervisor.map(|name| format!("decided by {name}")))
            .into(),
    }
}

fn metadata(message: &Message<'_>) -> Object {
    let product = Object::new()
        .with("name", message.app_name.as_ref())
        .with("vendor_name", vendor(message))
        .maybe("version", message.parameter("VbrVersion"));
    Object::new()
        .with("version", "1.4.0")
        .with("profiles", vec!["host"])
        .with("product", product)
        .with("original_time", message.timestamp.as_ref())
        .with("log_name", "syslog")
        .maybe("event_code", message.id.map(|id| id.to_string()))
        .maybe("correlation_uid", message.parameter("RequestId"))
        .maybe(
            "sequence",
            message
                .parameter("EventSequence")
                .and_then(|number| number.parse::<u64>().ok()),
        )
}

fn source(facts: &Facts<'_>) -> Object {
    let ip = facts.source_ip;
    Object::new().maybe("ip", ip).maybe("port", ip.and(facts.source_port))
}

fn user(full: &str, id: Option<&str>) -> Object {
    let (domain, name) = domain_and_name(full);
    Object::new()
        .with("name", name)
        .maybe("domain", domain)
        .maybe("uid", id)
}

fn activity(facts: &Facts<'_>) -> (u32, &'static str) {
    match (facts.kind, facts.activity) {
        (Kind::Other, _) => (0, "Unknown"),
        (Kind::Logon, Activity::Logon) => (1, "Logon"),
        (Kind::Logon, Activity::Logoff) => (2, "Logoff"),
        (Kind::Logon, _) => (99, "Other"),
        (_, Activity::Create) => (1, "Create"),
        (_, Activity::Update) => (3, "Update"),
        (_, Activity::Delete) => (4, "Delete"),
        (_, Activity::Enable) => (8, "Enable"),
        (_, Activity::Disable) => (9, "Disable"),
        (_, Activity::Logon | Activity::Logoff | Activity::Other) => (99, "Other"),
    }
}

/// The managed entity: the request, the account, or what the event names.
fn entity(message: &Message<'_>, facts: &Facts<'_>) -> Object {
    let first = |keys: &[&str]| keys.iter().find_map(|key| message.parameter(key));
    let (kind, name, uid) = match facts.kind {
        Kind::Request => ("Four-eyes request", first(&["Operation"]), first(&["RequestId"])),
        Kind::Account => ("User", first(&["Name"]), first(&["ID"])),
        Kind::Infrastructure => (
            "Storage",
            first(&["RepositoryName", "Name", "ProviderName"]),
            first(&["RepositoryID", "StorageID", "ProviderID"]),
        ),
        Kind::Backup => ("Backup", first(&["VmName"]), first(&["OibID"])),
        Kind::Settings | Kind::Logon | Kind::Other => ("Settings", first(&["Operation"]), None),
    };
    Object::new()
        .with("type", kind)
        .maybe("name", name.or(facts.title))
        .maybe("uid", uid)
}
