use super::facts::{Facts, description, vendor};
use crate::{Message, Severity};

/// The Common Event Format, version 0, one line without its end:
/// `CEF:0|Vendor|Product|Version|ID|Title|Severity|key=value …`. Parameters without a key of CEF's keep their own.
#[must_use]
pub fn cef(message: &Message<'_>) -> String {
    let facts = Facts::of(message);
    let severity = match message.severity {
        Some(Severity::Error) => "8",
        Some(Severity::Warning) => "6",
        Some(Severity::Info) => "3",
        None => "Unknown",
    };
    let id = message.id.map_or_else(|| "0".to_owned(), |id| id.to_string());
    let mut out = "CEF:0".to_owned();
    let version = message.parameter("VbrVersion").unwrap_or_default();
    let title = facts.title.or_else(|| description(message)).unwrap_or("Event");
    for field in [
        &vendor(message),
        message.app_name.as_ref(),
        version,
        &id,
        title,
        severity,
    ] {
        out.push('|');
        escape(field, &['\\', '|'], &mut out);
    }
    out.push('|');
    let mut first = true;
    let mut pair = |key: &str, value: &str| {
        if !std::mem::take(&mut first) {
            out.push(' ');
        }
        // The strict form takes keys that CEF does not.
        out.extend(key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
        out.push('=');
        escape(value, &['\\', '='], &mut out);
    };
    if let Some((at, _)) = message.time() {
        pair("rt", &at.micros().div_euclid(1000).to_string());
    }
    pair("dvchost", &message.hostname);
    if let Some(success) = facts.success {
        pair("outcome", if success { "success" } else { "failure" });
    }
    if let Some(user) = &facts.user {
        pair("suser", user);
    }
    if let Some(supervisor) = &facts.supervisor {
        pair("duser", supervisor);
    }
    if let Some(ip) = facts.source_ip {
        pair(if ip.contains(':') { "c6a2" } else { "src" }, ip);
        if ip.contains(':') {
            pair("c6a2Label", "Source IPv6 Address");
        }
        if let Some(port) = facts.source_port {
            pair("spt", &port.to_string());
        }
    }
    for (key, value) in &message.parameters {
        match key.as_ref() {
            "SourceIpAddress" | "FriendlyName" | "VbrVersion" | "Version" | "Description" => {}
            "Subject" | "SID" => pair("suid", value),
            "Operation" => pair("act", value),
            "Reason" => pair("reason", value),
            "RequestId" => pair("externalId", value),
            "RedirectUri" => pair("request", value),
            own => pair(own, value),
        }
    }
    if let Some(text) = description(message) {
        pair("msg", text);
    }
    out
}

/// Escapes with a backslash; a line break is `\n` or `\r`.
fn escape(text: &str, special: &[char], out: &mut String) {
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => {
                if special.contains(&c) {
                    out.push('\\');
                }
                out.push(c);
            }
        }
    }
}
