//! A data folder with people in it.

use std::path::PathBuf;

use clap::Args;
use countersign_core::password::PasswordHash;
use countersign_core::{AccountKind, Entropy, Policy, Role};
use countersign_events::Timestamp;
use countersign_store::{NewAccount, Store, StoreError};

use crate::Failure;

/// The password of them all: long enough to be asked for alone.
pub const PASSWORD: &str = "plum quartz violin 7";

#[derive(Args)]
pub struct Fill {
    #[arg(long)]
    data: PathBuf,
    #[arg(long)]
    people: u32,
}

/// What nobody guards needs no chance.
pub struct Salt;

impl Entropy for Salt {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// The name of a person by number.
pub fn name(number: u32) -> String {
    format!("person-{number}")
}

impl Fill {
    pub fn run(self) -> Result<(), Failure> {
        let hash = PasswordHash::new(PASSWORD, &Salt)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let store = Store::open(&self.data.join("countersign.db")).await?;
            let people: Result<Vec<_>, _> = (0..self.people).map(|number| name(number).parse()).collect();
            let people = people?;
            store
                .write(move |tx| {
                    Box::pin(async move {
                        // A one-time code is good once: with it, nobody could log on twice in half a minute.
                        let policy = Policy {
                            mfa_for_all: false,
                            ..tx.policy().await?
                        };
                        tx.set_policy(&policy).await?;
                        for name in people {
                            let new = NewAccount {
                                name,
                                kind: AccountKind::Person,
                                roles: [Role::BackupViewer].into_iter().collect(),
                                created_at: Timestamp(0),
                                eligible_at: Timestamp(0),
                            };
                            let account = tx.add_account(&new).await?;
                            tx.set_password(account.id, &hash, Timestamp(0)).await?;
                        }
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .map_err(|error| error.to_string())?;
            Ok(())
        })
    }
}
