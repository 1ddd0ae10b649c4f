//! Receivers as a part of the security settings: what a change is, and what it differs in.

use std::collections::BTreeMap;

use countersign_core::ReceiverId;
use countersign_core::manifest::Subject;
use countersign_core::receiver::{ConnectSeconds, Form, ReceiverSpec, Severities};
use countersign_events::{Changes, Operation, Timestamp};
use countersign_store::Tx;
use countersign_vault::VaultError;

use super::settings::ChangeError;
use crate::receivers::certificates;

/// One thing that differs between two descriptions of a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its name in the API: `address`, `options.tls.ca`, `filter 42402`.
    pub name: String,
    /// Empty where nothing was set.
    pub before: String,
    /// Empty where nothing will be set.
    pub after: String,
}

/// Everything that differs, in the order in which people think of a receiver.
pub fn differences(before: Option<&ReceiverSpec>, after: Option<&ReceiverSpec>) -> Vec<Difference> {
    let mut found: BTreeMap<Place, Difference> = BTreeMap::new();
    for (place, name, value) in before.map(facts).unwrap_or_default() {
        let difference = Difference {
            name,
            before: value,
            after: String::new(),
        };
        found.insert(place, difference);
    }
    for (place, name, value) in after.map(facts).unwrap_or_default() {
        let difference = found.entry(place).or_insert_with(|| Difference {
            name,
            before: String::new(),
            after: String::new(),
        });
        difference.after = value;
    }
    found.retain(|_, difference| difference.before != difference.after);
    found.into_values().collect()
}

/// Where a fact stands among the others; the second number is the event's of a filter.
type Place = (usize, u32);

/// What is set of a receiver: each thing with its place and its name.
fn facts(spec: &ReceiverSpec) -> Vec<(Place, String, String)> {
    let (options, tls) = (&spec.options, &spec.options.tls);
    let on = |set: bool| set.then(|| "on".to_owned());
    let named = [
        ("name", Some(spec.name.to_string())),
        ("transport", Some(spec.transport.as_str().to_owned())),
        ("address", Some(spec.address.to_string())),
        (
            "options.form",
            (options.form != Form::default()).then(|| options.form.as_str().to_owned()),
        ),
        ("options.app_name", options.app_name.as_ref().map(ToString::to_string)),
        (
            "options.logon_app_name",
            options.logon_app_name.as_ref().map(ToString::to_string),
        ),
        (
            "options.byte_order_mark",
            options
                .byte_order_mark
                .map(|mark| if mark { "on" } else { "off" }.to_owned()),
        ),
        ("options.sequence", on(options.sequence)),
        (
            "options.connect_seconds",
            (options.connect_seconds != ConnectSeconds::default())
                .then(|| options.connect_seconds.seconds().to_string()),
        ),
        (
            "options.tls.server_name",
            tls.server_name.as_ref().map(ToString::to_string),
        ),
        ("options.tls.ca", tls.ca.as_ref().map(certificates::told)),
        (
            "options.tls.fingerprint",
            tls.fingerprint.map(|print| print.to_string()),
        ),
        ("options.tls.client_certificate", on(tls.client_certificate)),
    ];
    let filter = spec.filter.iter().map(|(event, filtered)| {
        let name = format!("filter {event}");
        (
            (named.len(), event),
            name,
            format!("not sent: {}", severities(filtered)),
        )
    });
    let facts = named.iter().enumerate().filter_map(|(place, (name, value))| {
        let value = value.clone()?;
        Some(((place, 0), (*name).to_owned(), value))
    });
    facts.chain(filter).collect()
}

/// `info, warning`.
fn severities(filtered: Severities) -> String {
    let words = [
        (filtered.info, "info"),
        (filtered.warning, "warning"),
        (filtered.error, "error"),
    ];
    let words: Vec<_> = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    words.join(", ")
}

/// A receiver as it is now.
pub(super) async fn known(tx: &mut Tx, id: ReceiverId) -> Result<ReceiverSpec, ChangeError> {
    let receiver = tx.receiver(id).await?;
    receiver.map(|receiver| receiver.spec).ok_or(ChangeError::NoReceiver)
}

/// A new receiver, as a manifest has it.
pub(super) async fn adding(tx: &mut Tx, spec: ReceiverSpec) -> Result<(String, Subject), ChangeError> {
    check(tx, None, &spec).await?;
    let subject = Subject::Receiver {
        after: Some(Box::new(spec.clone())),
        before: None,
        receiver: None,
    };
    Ok((target(&spec), subject))
}

/// Another description of a receiver; none when nothing would change.
pub(super) async fn changing(
    tx: &mut Tx,
    id: ReceiverId,
    before: ReceiverSpec,
    after: ReceiverSpec,
) -> Result<Option<(Operation, String, Subject)>, ChangeError> {
    if before == after {
        return Ok(None);
    }
    check(tx, Some(id), &after).await?;
    let what = target(&before);
    let subject = Subject::Receiver {
        after: Some(Box::new(after)),
        before: Some(Box::new(before)),
        receiver: Some(id),
    };
    Ok(Some((Operation::UpdateSecuritySettings, what, subject)))
}

/// A receiver less.
pub(super) fn removing(id: ReceiverId, before: ReceiverSpec) -> (String, Subject) {
    let what = target(&before);
    let subject = Subject::Receiver {
        after: None,
        before: Some(Box::new(before)),
        receiver: Some(id),
    };
    (what, subject)
}

fn target(spec: &ReceiverSpec) -> String {
    format!("receiver {}", spec.name)
}

async fn check(tx: &mut Tx, id: Option<ReceiverId>, spec: &ReceiverSpec) -> Result<(), ChangeError> {
    spec.check()?;
    if let Some(ca) = &spec.options.tls.ca {
        certificates::check(ca)?;
    }
    let all = tx.receivers().await?;
    let taken = all
        .iter()
        .any(|other| other.spec.name == spec.name && Some(other.id) != id);
    if taken { Err(ChangeError::NameTaken) } else { Ok(()) }
}

/// Makes a change hold if what it was computed from still holds; the receiver's number and what is reported.
pub(super) async fn apply(
    tx: &mut Tx,
    after: Option<&ReceiverSpec>,
    before: Option<&ReceiverSpec>,
    id: Option<ReceiverId>,
    now: Timestamp,
) -> Result<(ReceiverId, Changes), ChangeError> {
    let known = match id {
        Some(id) => tx.receiver(id).await?.map(|receiver| receiver.spec),
        None => None,
    };
    if known.as_ref() != before {
        return Err(VaultError::Drift.into());
    }
    let id = match (id, after) {
        (None, Some(after)) => tx.add_receiver(after, now).await?,
        (Some(id), Some(after)) => {
            tx.change_receiver(id, after).await?;
            id
        }
        (Some(id), None) => {
            tx.remove_receiver(id).await?;
            id
        }
        (None, None) => return Err(VaultError::Drift.into()),
    };
    Ok((id, reported(id, before, after)))
}

fn reported(id: ReceiverId, before: Option<&ReceiverSpec>, after: Option<&ReceiverSpec>) -> Changes {
    let name = after.or(before).map(|spec| spec.name.to_string()).unwrap_or_default();
    let object = Changes::object(id.to_string(), name).attribute("type", "Receiver");
    differences(before, after)
        .into_iter()
        .fold(object, |changes, Difference { name, before, after }| {
            changes.property(name, "String", before, after)
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(more: serde_json::Value) -> ReceiverSpec {
        let mut json = json!({"name": "siem", "transport": "tls", "address": "siem.example:6514"});
        json.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(json).unwrap()
    }

    fn told(before: Option<&ReceiverSpec>, after: Option<&ReceiverSpec>) -> Vec<String> {
        let line =
            |difference: Difference| format!("{}: {} → {}", difference.name, difference.before, difference.after);
        differences(before, after).into_iter().map(line).collect()
    }

    #[test]
    fn every_difference_is_told_and_nothing_else() {
        let plain = spec(json!({}));
        let ca = rcgen::generate_simple_self_signed(["siem.example".to_owned()])
            .unwrap()
            .cert;
        let whole = spec(json!({
            "name": "lab",
            "options": {
                "form": "strict", "app_name": "Backup", "logon_app_name": "Logon", "byte_order_mark": false,
                "sequence": true, "connect_seconds": 9,
                "tls": {"server_name": "other", "ca": ca.pem(), "client_certificate": true},
            },
            "filter": [{"event_id": 42402, "info": true, "warning": true}, {"event_id": 40700, "error": true}],
        }));
        assert_eq!(told(Some(&plain), Some(&plain)), Vec::<String>::new());
        let digest = countersign_core::Sha256::of(ca.der()).to_hex();
        assert_eq!(
            told(Some(&plain), Some(&whole)),
            [
                "name: siem → lab".to_owned(),
                "options.form:  → strict".into(),
                "options.app_name:  → Backup".into(),
                "options.logon_app_name:  → Logon".into(),
                "options.byte_order_mark:  → off".into(),
                "options.sequence:  → on".into(),
                "options.connect_seconds:  → 9".into(),
                "options.tls.server_name:  → other".into(),
                format!("options.tls.ca:  → SHA-256 {digest}"),
                "options.tls.client_certificate:  → on".into(),
                "filter 40700:  → not sent: error".into(),
                "filter 42402:  → not sent: info, warning".into(),
            ]
        );
        assert_eq!(
            told(Some(&plain), None),
            ["name: siem → ", "transport: tls → ", "address: siem.example:6514 → "]
        );
        assert_eq!(told(None, Some(&whole)).len(), 14);
    }
}
