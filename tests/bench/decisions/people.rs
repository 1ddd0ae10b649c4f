//! Who asks and who decides, by the calls that the server makes.

use countersign_core::factor::{FreshFactor, TotpSecret};
use countersign_core::manifest::Subject;
use countersign_core::request::Effect;
use countersign_core::{Account, AccountKind, Actor, Policy, RequestId, Roles, Via};
use countersign_events::{Operation, Timestamp};
use countersign_store::{NewAccount, Store, StoreError};
use countersign_vault::{VaultError, request_change, settle};

use crate::{Failure, account};

/// How many may ask, at most.
const CLIENTS: i64 = 256;

/// When all this happens.
const NOW: Timestamp = Timestamp(1_795_000_000_000_000);

/// A store with somebody who may decide.
pub struct People {
    store: Store,
    supervisor: Account,
    policy: Policy,
}

impl People {
    /// Makes the one who decides, and turns four-eyes authorization on.
    pub async fn settle(store: &Store) -> Result<Self, Failure> {
        let (supervisor, policy) = store
            .write(|tx| {
                Box::pin(async move {
                    let policy = Policy {
                        four_eyes: true,
                        open_requests: 10_000,
                        ..Policy::default()
                    };
                    tx.set_policy(&policy).await?;
                    let supervisor = tx
                        .add_account(&NewAccount {
                            name: "bob"
                                .parse()
                                .map_err(|_| StoreError::Unreadable("the name of an account"))?,
                            kind: AccountKind::Person,
                            roles: Roles::FOUNDING,
                            created_at: NOW.plus_seconds(-1),
                            eligible_at: NOW.plus_seconds(-1),
                        })
                        .await?;
                    // Whoever asks is known: account 10 is the first of them.
                    for number in 2..10 + CLIENTS {
                        let name = format!("user{number}");
                        let name = name
                            .parse()
                            .map_err(|_| StoreError::Unreadable("the name of an account"))?;
                        tx.add_account(&NewAccount {
                            name,
                            kind: AccountKind::Person,
                            roles: Roles::FOUNDING,
                            created_at: NOW,
                            eligible_at: NOW,
                        })
                        .await?;
                    }
                    Ok::<_, StoreError>((supervisor, policy))
                })
            })
            .await?;
        Ok(Self {
            store: store.clone(),
            supervisor,
            policy,
        })
    }

    /// A request, sealed, with its event.
    pub async fn ask(&self, client: u32, number: u32) -> Result<RequestId, Failure> {
        let before = self.policy.clone();
        let request = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let actor = Actor {
                        account: account(client),
                        name: format!("TECH\\user{client}"),
                        login_type: 0,
                        via: Via::Session(Roles::FOUNDING),
                        address: "198.51.100.7".to_owned(),
                        why: None,
                        maker: None,
                    };
                    let after = Policy {
                        expiry_days: number % 30 + 1,
                        held_bytes_cap: Some(u64::from(client) << 32 | u64::from(number)),
                        ..before.clone()
                    };
                    let what = (Operation::UpdateSecuritySettings, "security settings".to_owned());
                    let nonce = format!("{client:016x}{number:016x}");
                    request_change(tx, &actor, what, Subject::Policy { after, before }, NOW, nonce).await
                })
            })
            .await?;
        Ok(request)
    }

    /// A decision over it, with its event.
    pub async fn decide(&self, id: RequestId, approve: bool) -> Result<(), Failure> {
        let (supervisor, proof) = (self.supervisor.clone(), proof()?);
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let pending = settle::pending(tx, id).await?;
                    let event = if approve {
                        let seen = pending.digest;
                        let known = tx.accounts_behind(&pending.initiator).await?;
                        let approved = pending.approve(&supervisor, &proof, seen, &known, NOW)?;
                        tx.record_approval(&approved, "looked at it", Effect::Done, NOW).await?;
                        approved.event()
                    } else {
                        let rejected = pending.reject(&supervisor, &proof, NOW)?;
                        let by = Some(supervisor.id);
                        tx.record_rejection(&rejected, by, "looked at it", None, NOW).await?;
                        rejected.event()
                    };
                    tx.report(&event, NOW, Some(id), supervisor.name.as_str()).await?;
                    Ok::<_, VaultError>(())
                })
            })
            .await?;
        Ok(())
    }
}

/// A factor that was just shown: the code itself is what the server spends a person's time on, not its own.
fn proof() -> Result<FreshFactor, Failure> {
    let secret = TotpSecret::from_bytes(vec![7; 20])?;
    let code = secret.code_at(NOW).ok_or("no code")?;
    Ok(secret.verify(&code, None, NOW)?.0)
}
