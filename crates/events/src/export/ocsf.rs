use super::facts::{Activity, Facts, Kind, description, vendor};
use crate::{Message, Severity};
use serde_json::{Map, Value, json};

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
    let mut metadata = object(json!({
        "version": "1.4.0",
        "product": { "name": message.app_name, "vendor_name": vendor(message), "version": message.parameter("VbrVersion") },
        "original_time": message.timestamp,
        "log_name": "syslog",
    }));
    put(&mut metadata, "event_code", message.id.map(|id| id.to_string()));
    put(&mut metadata, "correlation_uid", message.parameter("RequestId"));
    let unmapped: Map<String, Value> = message
        .parameters
        .iter()
        .map(|(key, value)| (key.to_string(), json!(value)))
        .collect();
    let mut all = object(json!({
        "class_uid": class,
        "class_name": name,
        "category_uid": category,
        "category_name": category_name,
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": class * 100 + activity,
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "metadata": metadata,
        "device": { "hostname": message.hostname, "type_id": 1 },
        "unmapped": unmapped,
    }));
    put(
        &mut all,
        "time",
        message.time().map(|(at, _)| at.micros().div_euclid(1000)),
    );
    put(&mut all, "message", description(message));
    put(&mut all, "status_code", message.parameter("Reason"));
    put(
        &mut all,
        "status_detail",
        description(message).filter(|_| facts.success == Some(false)),
    );
    let endpoint = facts.source_ip.map(|ip| json!({ "ip": ip, "port": facts.source_port }));
    put(&mut all, "src_endpoint", endpoint.map(without_nulls));
    let user = facts
        .user
        .as_ref()
        .map(|name| without_nulls(json!({ "name": name, "uid": facts.user_id })));
    match facts.kind {
        Kind::Logon => {
            put(
                &mut all,
                "user",
                Some(user.unwrap_or_else(|| json!({ "name": "unknown" }))),
            );
            put(
                &mut all,
                "service",
                message.parameter("ResourceId").map(|name| json!({ "name": name })),
            );
        }
        Kind::Other => {}
        _ => {
            put(&mut all, "actor", user.map(|user| json!({ "user": user })));
            put(&mut all, "entity", Some(entity(message, &facts)));
            put(
                &mut all,
                "comment",
                facts.supervisor.map(|name| format!("decided by {name}")),
            );
        }
    }
    without_nulls(Value::Object(all))
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
fn entity(message: &Message<'_>, facts: &Facts<'_>) -> Value {
    let first = |keys: &[&str]| keys.iter().find_map(|key| message.parameter(key)).map(str::to_owned);
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
    let name = name.or_else(|| facts.title.map(str::to_owned));
    without_nulls(json!({ "type": kind, "name": name, "uid": uid }))
}

fn put(object: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), value.into());
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(map) = &mut value {
        map.retain(|_, value| !value.is_null());
        for value in map.values_mut() {
            *value = without_nulls(value.take());
        }
    }
    value
}
