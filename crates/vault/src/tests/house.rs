//! A vault with a client and two people, on a clock that stands until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use countersign_core::account::{Account, AccountKind};
use countersign_core::factor::{FreshFactor, TotpSecret};

use countersign_core::purge::PurgeOrder;
use countersign_core::token::Rights;
use countersign_core::{
    Actor, Clock, Deed, Entropy, ManualClock, Moment, Name, ObjectKey, ObjectKind, Policy, RequestId, Roles, Sha256,
    StorageId, StorageSpec, Verdict, Via, decide,
};
use countersign_events::{Timestamp, User};
use countersign_store::{NewAccount, RequestRecord, Store, StoreError};

use crate::settle::{self, Supervisor};
use crate::{Accepted, Deleted, Vault, VaultError, undo};

pub(super) struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
    }
}

pub(super) struct House {
    pub(super) vault: Vault,
    pub(super) clock: Arc<ManualClock>,
    pub(super) folder: tempfile::TempDir,
    pub(super) laptop: Actor,
    pub(super) ann: Account,
    pub(super) bob: Account,
}

pub(super) const START: Timestamp = Timestamp(1_700_000_000_000_000);

pub(super) async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("test.db")).await.unwrap();
    let (laptop, ann, bob) = store
        .write(|tx| {
            Box::pin(async move {
                tx.add_storage(&StorageSpec::plain("main".parse().unwrap()), None, START)
                    .await?;
                tx.set_policy(&Policy {
                    four_eyes: true,
                    // The tests of the undo window set their own.
                    undo_hours: 0,
                    ..Policy::default()
                })
                .await?;
                let mut made = Vec::new();
                for (name, kind) in [
                    ("laptop", AccountKind::Service),
                    ("ann", AccountKind::Person),
                    ("bob", AccountKind::Person),
                ] {
                    let new = NewAccount {
                        name: name.parse().unwrap(),
                        kind,
                        roles: Roles::FOUNDING,
                        created_at: START,
                        eligible_at: START,
                    };
                    made.push(tx.add_account(&new).await?);
                }
                Ok::<_, StoreError>((made[0].clone(), made[1].clone(), made[2].clone()))
            })
        })
        .await
        .unwrap();
    let clock = Arc::new(ManualClock::at(START));
    let vault = open(store, &folder, &clock).await;
    House {
        vault,
        clock,
        folder,
        laptop: client(&laptop),
        ann,
        bob,
    }
}

pub(super) async fn open(store: Store, folder: &tempfile::TempDir, clock: &Arc<ManualClock>) -> Vault {
    let entropy = Arc::new(Counting(AtomicU8::new(0)));
    Vault::open(store, &folder.path().join("vault"), Arc::clone(clock) as _, entropy)
        .await
        .unwrap()
}

pub(super) fn client(account: &Account) -> Actor {
    Actor {
        account: account.id,
        name: account.name.to_string(),
        login_type: 0,
        via: Via::Token(Rights::Delete),
        address: "198.51.100.7".into(),
        why: None,
        maker: None,
    }
}

pub(super) fn proof(clock: &ManualClock) -> FreshFactor {
    let secret = TotpSecret::from_bytes(vec![7; 20]).unwrap();
    secret
        .verify(&secret.code_at(clock.now()).unwrap(), None, clock.now())
        .unwrap()
        .0
}

pub(super) fn key(kind: ObjectKind, bytes: &[u8]) -> ObjectKey {
    ObjectKey::parse(kind, &Sha256::of(bytes).to_hex()).unwrap()
}

impl House {
    pub(super) fn names() -> (Name, Name) {
        ("main".parse().unwrap(), "laptop".parse().unwrap())
    }

    pub(super) async fn make(&self) {
        let (storage, name) = Self::names();
        self.vault.create(&storage, &name, &self.laptop).await.unwrap();
        self.put_named(ObjectKey::CONFIG, b"config").await.unwrap();
    }

    pub(super) async fn enter(&self) -> crate::OpenBackup {
        let (storage, name) = Self::names();
        self.vault.enter(&storage, &name).await.unwrap()
    }

    pub(super) async fn put(&self, kind: ObjectKind, bytes: &'static [u8]) -> Result<Accepted, VaultError> {
        self.put_named(key(kind, bytes), bytes).await
    }

    pub(super) async fn put_named(&self, key: ObjectKey, bytes: &'static [u8]) -> Result<Accepted, VaultError> {
        let mut incoming = self.vault.accept(self.enter().await, key, &self.laptop)?;
        incoming.write(Bytes::from_static(bytes)).await?;
        self.vault.publish(incoming, &self.laptop).await
    }

    pub(super) async fn delete(&self, kind: ObjectKind, bytes: &[u8]) -> Result<Deleted, VaultError> {
        self.vault
            .delete(&self.enter().await, key(kind, bytes), &self.laptop)
            .await
    }

    pub(super) async fn sees(&self, kind: ObjectKind, bytes: &[u8]) -> bool {
        let opened = self
            .vault
            .open_object(&self.enter().await, key(kind, bytes))
            .await
            .unwrap();
        let listed = self.vault.list(&self.enter().await, kind).await.unwrap();
        let name = key(kind, bytes).name.to_string();
        assert_eq!(opened.is_some(), listed.iter().any(|(listed, _)| *listed == name));
        opened.is_some()
    }

    /// Lets the quiet time pass and seals; the newest request.
    pub(super) async fn seal(&self) -> RequestRecord {
        self.clock.advance_seconds(15);
        assert_eq!(self.vault.seal_finished().await.unwrap(), 1);
        self.requests().await.remove(0)
    }

    pub(super) async fn requests(&self) -> Vec<RequestRecord> {
        self.vault
            .store
            .ask(|view| Box::pin(async move { view.requests(&Default::default(), None, 100).await }))
            .await
            .unwrap()
    }

    pub(super) async fn request(&self, id: RequestId) -> RequestRecord {
        self.vault
            .store
            .ask(move |view| Box::pin(async move { view.request(id).await }))
            .await
            .unwrap()
            .unwrap()
    }

    pub(super) async fn event_ids(&self) -> Vec<u32> {
        let events = self
            .vault
            .store
            .ask(|view| Box::pin(async move { view.events_after(0, 1000).await }))
            .await
            .unwrap();
        events.iter().map(|event| event.event.id()).collect()
    }

    pub(super) async fn approve(&self, by: &Account, asked: &[&RequestRecord]) -> Result<(), VaultError> {
        let asked: Vec<_> = asked.iter().map(|record| (record.id, record.digest.unwrap())).collect();
        let (by, backup, now, proof) = (by.clone(), self.enter_id().await, self.clock.now(), proof(&self.clock));
        let gate = self.vault.close_gate(backup)?;
        let activity = gate.activity();
        self.vault
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let supervisor = Supervisor {
                        account: &by,
                        proof: &proof,
                        comment: "",
                    };
                    settle::approve(tx, backup, &asked, &supervisor, &activity, Moment::sure(now)).await
                })
            })
            .await
    }

    pub(super) async fn reject(&self, by: &Account, id: RequestId) -> Result<Vec<RequestId>, VaultError> {
        let (by, backup, now, proof) = (by.clone(), self.enter_id().await, self.clock.now(), proof(&self.clock));
        let nonce = self.vault.nonce();
        let gate = self.vault.close_gate(backup)?;
        let activity = gate.activity();
        let ids = self
            .vault
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let supervisor = Supervisor {
                        account: &by,
                        proof: &proof,
                        comment: "",
                    };
                    settle::reject(tx, backup, id, &supervisor, &activity, (Moment::sure(now), nonce)).await
                })
            })
            .await;
        self.vault.decided();
        ids
    }

    pub(super) async fn off(&self) {
        let written = self
            .vault
            .store
            .write(|tx| Box::pin(async move { tx.set_policy(&Policy::default()).await }));
        written.await.map_err(|error: StoreError| error.to_string()).unwrap();
    }

    /// Takes the first storage out of service, beside a second one.
    pub(super) async fn take_out(&self, end: crate::End) {
        let (laptop, now) = (self.laptop.clone(), self.clock.now());
        let actor = Actor {
            via: Via::Session(Roles::FOUNDING),
            ..laptop
        };
        let taken = self.vault.store.write(move |tx| {
            Box::pin(async move {
                tx.add_storage(&StorageSpec::plain("other".parse().unwrap()), None, now)
                    .await?;
                let Verdict::Allow(warrant) = decide(&actor, Deed::DeleteStorage, &tx.policy().await?, now) else {
                    panic!("four-eyes authorization is off");
                };
                let order = PurgeOrder::storage(warrant, StorageId(1));
                let by = User::local("ann");
                crate::take_out(tx, StorageId(1), end, &by, crate::Grounds::AtOnce(&order), now).await
            })
        });
        taken.await.unwrap();
    }

    /// Gives the first storage a retention lock.
    pub(super) async fn lock_for(&self, days: u32) {
        let now = self.clock.now();
        let changed = self.vault.store.write(move |tx| {
            Box::pin(async move {
                let spec = StorageSpec {
                    immutable_days: Some(days),
                    ..StorageSpec::plain("main".parse().unwrap())
                };
                tx.change_storage(StorageId(1), &spec, now).await
            })
        });
        assert!(changed.await.map_err(|error: StoreError| error.to_string()).unwrap());
    }

    /// What the first storage says that it holds, in bytes.
    pub(super) async fn used(&self) -> u64 {
        let storage = self
            .vault
            .store
            .ask(|view| Box::pin(async move { view.storage(StorageId(1)).await }));
        storage
            .await
            .map_err(|error: StoreError| error.to_string())
            .unwrap()
            .unwrap()
            .used_bytes
    }

    pub(super) async fn veto(&self, by: &Account, id: RequestId) -> Result<Vec<RequestId>, VaultError> {
        let (by, backup, now, proof) = (by.clone(), self.enter_id().await, self.clock.now(), proof(&self.clock));
        let nonce = self.vault.nonce();
        let gate = self.vault.close_gate(backup)?;
        let activity = gate.activity();
        let ids = self
            .vault
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let supervisor = Supervisor {
                        account: &by,
                        proof: &proof,
                        comment: "not this",
                    };
                    undo::veto(tx, backup, id, &supervisor, &activity, (Moment::sure(now), nonce)).await
                })
            })
            .await;
        self.vault.decided();
        ids
    }

    /// Sets how long what is approved from now on can be vetoed.
    pub(super) async fn undo_hours(&self, undo_hours: u32) {
        self.vault
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let policy = Policy {
                        undo_hours,
                        ..tx.policy().await?
                    };
                    tx.set_policy(&policy).await
                })
            })
            .await
            .unwrap();
    }

    pub(super) async fn enter_id(&self) -> countersign_core::BackupId {
        let backups = self
            .vault
            .store
            .ask(|view| Box::pin(async move { view.backups().await }))
            .await
            .unwrap();
        backups[0].id
    }

    pub(super) fn files_on_disk(&self) -> usize {
        fn count(folder: &std::path::Path) -> usize {
            std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .map(|path| if path.is_dir() { count(&path) } else { 1 })
                .sum()
        }
        count(&self.folder.path().join("vault/1/objects"))
    }
}
