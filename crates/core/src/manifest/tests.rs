//! The form of manifests.

use proptest::prelude::*;

use super::*;
use crate::ObjectKind;
use crate::account_change::{AccountSpec, Reset};
use crate::configuration_backup::Schedule;
use crate::logon::ClientSpec;
use crate::receiver::ReceiverSpec;
use crate::service_provider::ServiceProviderSpec;
use crate::storage::StorageSpec;
use crate::{ConfigurationBackupId, Policy, ServiceProviderId, StorageId};

fn object(kind: ObjectKind, seed: u8) -> ManifestObject {
    let hash = Sha256([seed; 32]);
    ManifestObject {
        hash,
        kind,
        name: hash.to_string(),
        size: u64::from(seed),
    }
}

fn manifest(objects: Vec<ManifestObject>) -> Manifest {
    Manifest {
        expires_at: Timestamp(2),
        initiator: Initiator {
            account: AccountId(1),
            address: "::1".into(),
            behind: vec![Party {
                account: AccountId(2),
                part: crate::behind::Part::Owner,
            }],
            login_type: 0,
            name: "a\u{7}\"é".into(),
        },
        nonce: "00".into(),
        operation: 104,
        request: RequestId(1),
        sealed_at: Timestamp(1),
        subject: Subject::Objects {
            backup: BackupId(1),
            name: "main/laptop".into(),
            objects,
            whole: false,
        },
        version: Manifest::VERSION,
        why: Why::typed("the \u{e9}\"quota\"\nis full").unwrap(),
    }
}

/// serde_json's own map is ordered by key, so a round trip through it is the canonical order.
fn sorted(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json).unwrap().to_string()
}

/// A receiver for which everything is set that can be.
fn whole_receiver() -> ReceiverSpec {
    let json = serde_json::json!({
        "name": "siem", "transport": "tls", "address": "siem.example:6514",
        "options": {
            "form": "strict", "app_name": "a", "logon_app_name": "b", "byte_order_mark": true, "sequence": true,
            "connect_seconds": 9,
            "tls": {
                "server_name": "siem", "fingerprint": "ab".repeat(32), "client_certificate": true,
                "ca": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            },
        },
        "filter": [{"event_id": 40700, "info": true, "warning": true, "error": true}],
    });
    serde_json::from_value(json).unwrap()
}

#[test]
fn the_form_is_canonical() {
    let settings = Manifest {
        subject: Subject::Policy {
            after: Policy::default(),
            before: Policy::default(),
        },
        ..manifest(Vec::new())
    };
    let receiver = Manifest {
        subject: Subject::Receiver {
            after: Some(Box::new(whole_receiver())),
            before: None,
            receiver: None,
        },
        ..manifest(Vec::new())
    };
    let spec = ClientSpec {
        authentication: crate::logon::Authentication::Secret,
        enabled: true,
        grants: crate::logon::Grant::ALL.into(),
        id: "portal".parse().unwrap(),
        name: "Portal \u{7}\"é".into(),
        redirect_uris: vec!["https://portal.example/back".parse().unwrap()],
        resources: crate::logon::Resource::ALL.into(),
    };
    let client = Manifest {
        subject: Subject::Client {
            after: Some(Box::new(spec)),
            before: None,
        },
        ..manifest(Vec::new())
    };
    let secret = Manifest {
        subject: Subject::ClientSecret {
            client: "portal".parse().unwrap(),
            secret: Sha256([7; 32]),
        },
        ..manifest(Vec::new())
    };
    let objects = manifest(vec![object(ObjectKind::Data, 1)]);
    let account = AccountSpec {
        email: Some("ann@example.org".parse().unwrap()),
        expires_at: Some(Timestamp(7)),
        kind: crate::AccountKind::Person,
        mfa: true,
        name: "TECH\\ann".parse().unwrap(),
        owner: None,
        person: Some("E-17".parse().unwrap()),
        roles: crate::Roles::FOUNDING,
        state: crate::AccountState::Active,
    };
    let account = Manifest {
        subject: Subject::Account {
            account: Some(AccountId(3)),
            after: Box::new(account.clone()),
            before: Some(Box::new(account)),
            reset: Some(Reset::SecondFactor),
        },
        ..manifest(Vec::new())
    };
    let storage = Manifest {
        subject: Subject::Storage {
            backups: vec![ManifestBackup {
                backup: BackupId(1),
                bytes: 7,
                list: Sha256([1; 32]),
                name: "laptop".parse().unwrap(),
                objects: 2,
            }],
            name: "main".parse().unwrap(),
            path: Some("/srv/a\"é".parse().unwrap()),
            purge: true,
            storage: StorageId(1),
        },
        ..manifest(Vec::new())
    };
    let spec = StorageSpec {
        immutable_days: Some(7),
        name: "main".parse().unwrap(),
        path: Some("/srv/backups".parse().unwrap()),
        quota_bytes: Some(1 << 40),
    };
    let update = Manifest {
        subject: Subject::StorageChange {
            after: spec.clone(),
            before: spec,
            storage: StorageId(1),
        },
        ..manifest(Vec::new())
    };
    let channel = |way: serde_json::Value| Manifest {
        subject: Subject::NoticeChannel {
            after: Some(Box::new(
                serde_json::from_value(serde_json::json!({
                    "name": "mail", "notices": ["created", "decided", "failed", "reminder"], "way": way,
                }))
                .unwrap(),
            )),
            before: None,
            channel: None,
        },
        ..manifest(Vec::new())
    };
    let ca = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
    let mail = channel(serde_json::json!({"mail": {
        "ca": ca, "from": "a@b", "host": "mail.example", "password": "07".repeat(32), "port": 587, "security": "starttls",
        "user": "u",
    }}));
    let webhook = channel(serde_json::json!({"webhook": {
        "ca": ca, "format": "json", "secret": "07".repeat(32), "url": "https://hooks.example/x",
    }}));
    let about = |subject| Manifest {
        subject,
        ..manifest(Vec::new())
    };
    let configuration_backup = about(Subject::ConfigurationBackup {
        backup: ConfigurationBackupId(3),
        hash: Sha256([7; 32]),
        made_at: Timestamp(9),
        name: "countersign.backup".into(),
        size: 5,
    });
    let passphrase = about(Subject::ConfigurationPassphrase {
        before: None,
        passphrase: 2,
        sealed: Sha256([7; 32]),
    });
    let schedule = about(Subject::ConfigurationSchedule {
        after: Schedule { at: None, keep: 3 },
        before: Schedule::default(),
    });
    let provider: ServiceProviderSpec = serde_json::from_value(serde_json::json!({
        "name": "cellar", "url": "https://cellar.example/", "user": "office", "unencrypted": true, "server_name": "cellar",
        "fingerprint": "ab".repeat(32), "ca": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "copies": [{"backup": 1, "every_hours": 24, "name": "main/laptop", "to": "laptop"}],
    }))
    .unwrap();
    let provider = Manifest {
        subject: Subject::ServiceProvider {
            after: Some(Box::new(provider.clone())),
            before: Box::new(provider),
            provider: ServiceProviderId(7),
        },
        ..manifest(Vec::new())
    };
    for manifest in [
        provider,
        objects,
        settings,
        receiver,
        client,
        secret,
        account,
        storage,
        update,
        mail,
        webhook,
        configuration_backup,
        passphrase,
        schedule,
    ] {
        let json = manifest.canonical().unwrap();
        assert_eq!(json, sorted(&json));
    }
}

#[test]
fn the_same_thing_is_known_again_and_nothing_else() {
    let objects = |list: Vec<ManifestObject>, whole| Subject::Objects {
        backup: BackupId(1),
        name: "main/laptop".into(),
        objects: list,
        whole,
    };
    let (one, two) = (object(ObjectKind::Data, 1), object(ObjectKind::Data, 2));
    let alike = |subject: &Subject, operation| subject.likeness(operation).unwrap();
    let part = objects(vec![one.clone()], false);
    assert_eq!(alike(&part, 105), alike(&part.clone(), 105));
    assert_ne!(alike(&part, 105), alike(&part, 104));
    assert_ne!(
        alike(&part, 105),
        alike(&objects(vec![one.clone(), two.clone()], false), 105)
    );
    assert_ne!(alike(&part, 100), alike(&objects(vec![one.clone()], true), 100));
    assert_eq!(
        alike(&objects(vec![one], true), 100),
        alike(&objects(vec![two], true), 100)
    );
}

proptest! {
    /// Rule 5: whatever differs in the list, the digest differs; the order in which rows come does not matter.
    #[test]
    fn the_digest_tells_every_difference(mut seeds in proptest::collection::btree_set(0_u8..200, 1..20), other in 200_u8..=255) {
        let list = |seeds: &mut dyn Iterator<Item = u8>| seeds.map(|seed| object(ObjectKind::Data, seed)).collect::<Vec<_>>();
        let forward = manifest(Vec::new()).with_objects(list(&mut seeds.iter().copied()));
        let backward = manifest(Vec::new()).with_objects(list(&mut seeds.iter().rev().copied()));
        let digest = forward.digest().unwrap();
        prop_assert_eq!(digest, backward.digest().unwrap());
        prop_assert_eq!(digest, forward.head().with_objects(list(&mut seeds.iter().copied())).digest().unwrap());
        seeds.insert(other);
        prop_assert_ne!(digest, manifest(Vec::new()).with_objects(list(&mut seeds.iter().copied())).digest().unwrap());
    }

    /// Rule 5, for a backup within a storage: another object, another size, another hash, another place in the list is another hash.
    #[test]
    fn the_hash_of_a_list_tells_every_difference(seeds in proptest::collection::vec(0_u8..200, 1..9), at in 0_usize..9, what in 0_u8..4) {
        let of = |objects: &[ManifestObject]| {
            let mut hash = ListDigest::default();
            objects.iter().for_each(|object| hash.add(object).unwrap());
            hash.finish()
        };
        let objects: Vec<_> = seeds.iter().map(|seed| object(ObjectKind::Data, *seed)).collect();
        let mut other = objects.clone();
        let at = at % other.len();
        match what {
            0 => other[at].size += 1,
            1 => other[at].hash = Sha256([255; 32]),
            2 => { other.remove(at); }
            _ => other[at].kind = ObjectKind::Index,
        }
        prop_assert_eq!(of(&objects), of(&objects.clone()));
        prop_assert_ne!(of(&objects), of(&other));
    }
}
