//! A data folder with events that wait for a receiver.

use std::path::PathBuf;

use clap::Args;
use countersign_core::receiver::{ReceiverSpec, Transport};
use countersign_store::{Store, StoreError};

use crate::{Failure, marked, say};

#[derive(Args)]
pub struct Fill {
    #[arg(long)]
    data: PathBuf,
    #[arg(long)]
    count: u32,
    /// Add this receiver first
    #[arg(long, requires = "transport")]
    receiver: Option<String>,
    #[arg(long)]
    transport: Option<String>,
}

/// How many events share a commit: as many as the server's writer puts into one at most.
const COMMIT: u32 = 256;

impl Fill {
    pub fn run(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let store = Store::open(&self.data.join("countersign.db")).await?;
            if let (Some(address), Some(transport)) = (&self.receiver, &self.transport) {
                let spec = ReceiverSpec::plain("bench".parse()?, transport.parse::<Transport>()?, address.parse()?);
                store
                    .write(move |tx| Box::pin(async move { tx.add_receiver(&spec, marked::AT).await }))
                    .await
                    .map_err(|error: StoreError| error.to_string())?;
            }
            say("begins")?;
            for start in (0..self.count).step_by(COMMIT as usize) {
                let end = (start + COMMIT).min(self.count);
                store
                    .write(move |tx| {
                        Box::pin(async move {
                            for number in start..end {
                                tx.report(&marked::event(number), marked::AT, None, "mark").await?;
                            }
                            Ok::<_, StoreError>(())
                        })
                    })
                    .await
                    .map_err(|error| error.to_string())?;
            }
            say("ends")
        })
    }
}
