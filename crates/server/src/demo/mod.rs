//! A server to look around in: a throwaway folder, two people, a week of backups, requests in every state.
//!
//! Everything comes about as it would in earnest, through the vault and the flows; only the clock is set back while the week
//! goes by.

pub mod client;
mod clock;
mod folder;
mod people;
mod story;
pub mod terminal;

use std::net::SocketAddr;
use std::sync::Arc;

use countersign_core::configuration_backup::Schedule;
use countersign_core::receiver::{BadAddress, ReceiverSpec, Transport};
use countersign_core::{Clock as _, RequestId};
use countersign_store::StoreError;
use countersign_vault::VaultError;

use crate::adapters::SystemEntropy;
use crate::app::OpenError;
use crate::config::Config;
use crate::flows::decide::DecideError;
use crate::setup::headless::{HeadlessError, MadeToken, Plan};
use crate::{App, AppState};
use clock::SetBack;
pub use folder::Throwaway;
pub use people::Person;

/// The server, its people, and what clients need.
pub struct Demo {
    /// What the parts share.
    pub app: AppState,
    /// The two who can approve.
    pub people: [Person; 2],
    /// The request that waits for a decision.
    pub waits: RequestId,
    /// The clients' tokens.
    pub tokens: Vec<MadeToken>,
}

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The folder.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The people.
    #[error(transparent)]
    SetUp(#[from] HeadlessError),
    /// A client.
    #[error(transparent)]
    Client(#[from] client::ClientError),
    /// A decision.
    #[error(transparent)]
    Decide(#[from] DecideError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The receiver on the terminal.
    #[error(transparent)]
    Receiver(#[from] BadAddress),
    /// A name.
    #[error(transparent)]
    Name(#[from] countersign_core::id::BadName),
    /// The request was not made, or its code not: the story does not hold.
    #[error("the demo's story does not hold: {0}")]
    Story(&'static str),
}

impl Demo {
    /// Fills an empty data folder. Every event goes to `terminal`, over TCP with LF.
    pub async fn prepare(config: Config, terminal: SocketAddr) -> Result<Self, DemoError> {
        let entropy = Arc::new(SystemEntropy);
        let clock = Arc::new(SetBack::by(story::BEGINS));
        let app = App::open(config, clock.clone(), entropy.clone()).await?;
        let receiver = ReceiverSpec::plain("terminal".parse()?, Transport::TcpLf, terminal.to_string().parse()?);
        let now = clock.now();
        app.store
            .write(move |tx| {
                Box::pin(async move {
                    tx.add_receiver(&receiver, now).await?;
                    // All of it is gone at the end: nobody should be told that it is not backed up.
                    let never = Schedule {
                        at: None,
                        ..Schedule::default()
                    };
                    tx.set_configuration_schedule(&never).await
                })
            })
            .await?;
        let people = ["ann", "bob"].map(|name| Person::make(name, &*entropy));
        let plan = Plan::read(&people::description(&people, &story::CLIENTS), &*entropy)?;
        let sealing = Arc::new(crate::seal::SealingKey::open(&app.config.data, &*entropy).map_err(OpenError::from)?);
        let tokens = plan.carry_out(&app.store, sealing, entropy, now).await?;
        let waits = story::tell(&app, &clock, &people).await?;
        Ok(Self {
            app,
            people,
            waits,
            tokens,
        })
    }
}

#[cfg(test)]
mod tests;
