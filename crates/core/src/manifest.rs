//! The manifest: the exact thing that a supervisor decides on, and that the vault checks again before it purges (rule 5).

use aws_lc_rs::digest;
use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};

use crate::account_change::{AccountSpec, Reset};
use crate::behind::Party;
use crate::command::CommandSpec;
use crate::configuration_backup::Schedule;
use crate::logon::{ClientId, ClientSpec};
use crate::notice::ChannelSpec;
use crate::receiver::ReceiverSpec;
use crate::service_provider::ServiceProviderSpec;
use crate::storage::{FolderPath, StorageSpec};
use crate::{
    AccountId, BackupId, ConfigurationBackupId, NoticeChannelId, Object, Policy, ReceiverId, RequestId,
    ServiceProviderId, Sha256, StorageId, Why,
};

/// What a request is about. Its canonical JSON (RFC 8785) is hashed; the hash is what is approved.
///
/// Fields stand in the order of their names, which is the canonical order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// When it expires, in microseconds since the Unix epoch.
    pub expires_at: Timestamp,
    /// Who asked.
    pub initiator: Initiator,
    /// 32 random hexadecimal digits: no two requests have the same digest.
    pub nonce: String,
    /// The operation's number (seed 42402).
    pub operation: u32,
    /// The request's number.
    pub request: RequestId,
    /// When it was sealed, in microseconds since the Unix epoch.
    pub sealed_at: Timestamp,
    /// What it would change.
    pub subject: Subject,
    /// The version of this form.
    pub version: u32,
    /// Why, in the initiator's words; left out where nothing was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
}

/// Who asked, from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Initiator {
    /// The account.
    pub account: AccountId,
    /// The address it asked from.
    pub address: String,
    /// Who else stands behind it, and cannot approve it either, ordered.
    ///
    /// None are left out, so that manifests from before they were there keep their form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<Party>,
    /// Its `loginType` in events.
    pub login_type: u32,
    /// Its name when it asked.
    pub name: String,
}

/// The thing a request would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// An account: who there is, what they may do, with what they log on.
    Account {
        /// Its immutable id; none when it is new.
        account: Option<AccountId>,
        /// After.
        after: Box<AccountSpec>,
        /// Before; none when it is new.
        before: Option<Box<AccountSpec>>,
        /// What of its credentials is set anew.
        reset: Option<Reset>,
    },
    /// A client that may ask for logons.
    Client {
        /// After; none when it is removed.
        after: Option<Box<ClientSpec>>,
        /// Before; none when it is new.
        before: Option<Box<ClientSpec>>,
    },
    /// The secret of a client, which will hold no more. Another one is made when it is asked for.
    ClientSecret {
        /// Whose.
        client: ClientId,
        /// The SHA-256 of what is kept of it: another secret at the time of the effect is drift.
        secret: Sha256,
    },
    /// The machine's clock jumped, and is right as it is now: time goes on for what waits.
    Clock {
        /// What it showed after the jump.
        after: Timestamp,
        /// What it should have shown.
        before: Timestamp,
        /// Which jump: another one at the time of the effect is drift.
        jump: i64,
    },
    /// A command to run, or to let a script run.
    Command(Box<CommandSpec>),
    /// A channel by which people are told of requests.
    NoticeChannel {
        /// After; none when it is removed.
        after: Option<Box<ChannelSpec>>,
        /// Before; none when it is new.
        before: Option<Box<ChannelSpec>>,
        /// Its immutable id; none when it is new.
        channel: Option<NoticeChannelId>,
    },
    /// A backup of the server's own configuration, which is deleted.
    ConfigurationBackup {
        /// Its immutable id.
        backup: ConfigurationBackupId,
        /// Of the file.
        hash: Sha256,
        /// When it was made, in microseconds since the Unix epoch.
        made_at: Timestamp,
        /// The file's name.
        name: String,
        /// In bytes.
        size: u64,
    },
    /// What configuration backups are encrypted with from now on. Neither passphrase can be told from it.
    ConfigurationPassphrase {
        /// The SHA-256 of the sealed passphrase that held before; none when there was none.
        before: Option<Sha256>,
        /// The number under which the new one lies sealed.
        passphrase: i64,
        /// The SHA-256 of what lies there.
        sealed: Sha256,
    },
    /// When configuration backups are made, and how many stay.
    ConfigurationSchedule {
        /// After.
        after: Schedule,
        /// Before; any other at the time of the effect is drift.
        before: Schedule,
    },
    /// Objects of a backup.
    Objects {
        /// The backup's immutable id.
        backup: BackupId,
        /// Its name, as people know it: `main/laptop`.
        name: String,
        /// Each object, ordered by kind and name.
        objects: Vec<ManifestObject>,
        /// Whether the backup itself goes, too.
        whole: bool,
    },
    /// The security settings.
    Policy {
        /// After.
        after: Policy,
        /// Before; any other state at the time of the effect is drift.
        before: Policy,
    },
    /// A receiver of events.
    Receiver {
        /// After; none when it is removed.
        after: Option<Box<ReceiverSpec>>,
        /// Before; none when it is new.
        before: Option<Box<ReceiverSpec>>,
        /// Its immutable id; none when it is new.
        receiver: Option<ReceiverId>,
    },
    /// A remote server to which backups are copied. One more needs no second person, so it is never new.
    ServiceProvider {
        /// After; none when it is forgotten.
        after: Option<Box<ServiceProviderSpec>>,
        /// Before; any other description at the time of the effect is drift.
        before: Box<ServiceProviderSpec>,
        /// Its immutable id.
        provider: ServiceProviderId,
    },
    /// A service account that is to be a runner: it gets the commands that are addressed to it.
    Runner {
        /// The account's immutable id.
        account: AccountId,
        /// Its name.
        name: String,
    },
    /// A storage that goes out of service.
    Storage {
        /// Each of its backups, in the order of their ids.
        backups: Vec<ManifestBackup>,
        /// Its name, as people know it.
        name: crate::Name,
        /// Its folder; none below the data folder.
        path: Option<FolderPath>,
        /// Whether the bytes go, too. Without, the folder is left as it is, and the server forgets it.
        purge: bool,
        /// Its immutable id.
        storage: StorageId,
    },
    /// What a storage keeps, and for how long.
    StorageChange {
        /// After.
        after: StorageSpec,
        /// Before; any other state at the time of the effect is drift.
        before: StorageSpec,
        /// Its immutable id.
        storage: StorageId,
    },
}

/// A backup in the manifest of a storage. Locks of clients are no part of it: restores go on while the request waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestBackup {
    /// Its immutable id.
    pub backup: BackupId,
    /// Its bytes.
    pub bytes: u64,
    /// Over the list of its objects: see [`ListDigest`].
    pub list: Sha256,
    /// Its name, as people know it.
    pub name: crate::Name,
    /// How many objects it has.
    pub objects: u64,
}

/// The hash of a list of objects in canonical order: of the canonical JSON of each, and a line feed.
pub struct ListDigest(digest::Context);

impl Default for ListDigest {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}

impl ListDigest {
    /// Takes the next object, by kind, then name.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn add(&mut self, object: &ManifestObject) -> Result<(), serde_json::Error> {
        self.0.update(serde_json::to_string(object)?.as_bytes());
        self.0.update(b"\n");
        Ok(())
    }

    /// The hash of all.
    pub fn finish(self) -> Sha256 {
        let mut hash = [0; 32];
        hash.copy_from_slice(self.0.finish().as_ref());
        Sha256(hash)
    }
}

impl Subject {
    /// Whether carrying it out destroys bytes that nothing brings back: such an approval waits for the undo window.
    pub const fn destroys_bytes(&self) -> bool {
        match self {
            Self::Objects { .. } | Self::ConfigurationBackup { .. } => true,
            // Without its bytes the folder stays as it is.
            Self::Storage { purge, .. } => *purge,
            Self::Account { .. }
            | Self::Command(_)
            | Self::Runner { .. }
            | Self::Client { .. }
            | Self::ClientSecret { .. }
            | Self::Clock { .. }
            | Self::NoticeChannel { .. }
            | Self::ConfigurationPassphrase { .. }
            | Self::ConfigurationSchedule { .. }
            | Self::Policy { .. }
            | Self::ServiceProvider { .. }
            | Self::Receiver { .. }
            | Self::StorageChange { .. } => false,
        }
    }
}

/// One object in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ManifestObject {
    /// Of its bytes.
    pub hash: Sha256,
    /// Of which kind.
    pub kind: crate::ObjectKind,
    /// Called what.
    pub name: String,
    /// In bytes.
    pub size: u64,
}

impl Subject {
    /// Of this operation and what it would change, alone: the same thing asked for again has the same, whoever asks, and when.
    ///
    /// A whole backup is the same thing whatever lies in it, so that one more upload does not make it another.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn likeness(&self, operation: u32) -> Result<Sha256, serde_json::Error> {
        let mut alike = self.clone();
        if let Self::Objects {
            objects, whole: true, ..
        } = &mut alike
        {
            objects.clear();
        }
        Ok(Sha256::of(serde_json::to_string(&(operation, &alike))?.as_bytes()))
    }
}

impl From<&Object> for ManifestObject {
    fn from(object: &Object) -> Self {
        Self {
            hash: object.hash,
            kind: object.key.kind,
            name: object.key.name.to_string(),
            size: object.size,
        }
    }
}

impl Manifest {
    /// The version of the form this code writes.
    pub const VERSION: u32 = 1;

    /// Puts the objects in their canonical order: by kind, then name.
    pub fn ordered(mut self) -> Self {
        if let Subject::Objects { objects, .. } = &mut self.subject {
            objects.sort_by(|a, b| (a.kind.as_str(), &a.name).cmp(&(b.kind.as_str(), &b.name)));
        }
        self
    }

    /// The canonical JSON.
    pub fn canonical(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The SHA-256 of the canonical JSON: what is shown, approved and checked.
    pub fn digest(&self) -> Result<Sha256, serde_json::Error> {
        Ok(Sha256::of(self.canonical()?.as_bytes()))
    }

    /// The same without its list of objects: what the store keeps beside the rows that hold the list.
    pub fn head(&self) -> Self {
        let mut head = self.clone();
        if let Subject::Objects { objects, .. } = &mut head.subject {
            objects.clear();
        }
        head
    }

    /// A head with its objects again.
    pub fn with_objects(mut self, list: Vec<ManifestObject>) -> Self {
        if let Subject::Objects { objects, .. } = &mut self.subject {
            *objects = list;
        }
        self.ordered()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ObjectKind;

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
}
