//! In what two sets of security settings differ.

use countersign_core::Policy;
use countersign_events::Changes;

/// Each setting that differs, by its name in manifests and the API: name, before, after.
pub fn policy_differences(before: &Policy, after: &Policy) -> Vec<(&'static str, String, String)> {
    let cap = |policy: &Policy| {
        policy
            .held_bytes_cap
            .map_or_else(|| "none".to_owned(), |bytes| bytes.to_string())
    };
    let retention = |policy: &Policy| {
        policy
            .event_retention_days
            .map_or_else(|| "none".to_owned(), |days| days.to_string())
    };
    [
        ("four_eyes", before.four_eyes.to_string(), after.four_eyes.to_string()),
        (
            "expiry_days",
            before.expiry_days.to_string(),
            after.expiry_days.to_string(),
        ),
        (
            "quiet_seconds",
            before.quiet_seconds.to_string(),
            after.quiet_seconds.to_string(),
        ),
        (
            "collect_seconds",
            before.collect_seconds.to_string(),
            after.collect_seconds.to_string(),
        ),
        (
            "cool_off_hours",
            before.cool_off_hours.to_string(),
            after.cool_off_hours.to_string(),
        ),
        ("held_bytes_cap", cap(before), cap(after)),
        ("event_retention_days", retention(before), retention(after)),
        (
            "logoff_minutes",
            before.logoff_minutes.to_string(),
            after.logoff_minutes.to_string(),
        ),
        (
            "session_hours",
            before.session_hours.to_string(),
            after.session_hours.to_string(),
        ),
        (
            "open_requests",
            before.open_requests.to_string(),
            after.open_requests.to_string(),
        ),
        (
            "undo_hours",
            before.undo_hours.to_string(),
            after.undo_hours.to_string(),
        ),
        (
            "mfa_for_all",
            before.mfa_for_all.to_string(),
            after.mfa_for_all.to_string(),
        ),
    ]
    .into_iter()
    .filter(|(_, before, after)| before != after)
    .collect()
}

pub(super) fn policy_changes(before: &Policy, after: &Policy) -> Changes {
    policy_differences(before, after).into_iter().fold(
        Changes::object("policy", "security settings"),
        |changes, (name, before, after)| changes.property(name, "String", before, after),
    )
}
