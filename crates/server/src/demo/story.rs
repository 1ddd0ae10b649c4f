//! A week in which two clients back up every night, and deletes are approved, rejected, waiting for a decision and for the end of the undo window, and going on.

use countersign_core::clock::random;
use countersign_core::{AccountName, Entropy, ObjectKey, ObjectKind, RequestId};
use countersign_store::StoreError;
use countersign_vault::Deleted;

use super::client::Client;
use super::clock::SetBack;
use super::{DemoError, Person};
use crate::AppState;
use crate::adapters::SystemEntropy;
use crate::flows::decide::{self, Decider};
use crate::flows::effects;
use crate::listen::ClientAddress;
use crate::step_up::Shown;

/// The clients; each backs up to a backup of its name.
pub(super) const CLIENTS: [&str; 2] = ["laptop", "fileserver"];

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// How long ago it begins, in seconds.
pub(super) const BEGINS: i64 = 7 * DAY;

/// Tells it; which request waits in the end, when the clock is the machine's.
pub(super) async fn tell(app: &AppState, clock: &SetBack, people: &[Person; 2]) -> Result<RequestId, DemoError> {
    let [ann, bob] = people;
    let mut laptop = Backup::begin(app, CLIENTS[0], "192.0.2.17").await?;
    let mut fileserver = Backup::begin(app, CLIENTS[1], "192.0.2.30").await?;
    for days in (0..7).rev() {
        let ago = |hours: i64| days * DAY + hours * HOUR;
        clock.go_on(ago(9));
        laptop.back_up().await?;
        clock.go_on(ago(8));
        fileserver.back_up().await?;
        match days {
            3 => {
                clock.go_on(ago(5));
                let request = fileserver.forget(2).await?;
                app.vault.seal_now(request).await?;
                clock.go_on(ago(3));
                let comment = "Not before the audit on Friday.";
                decide::reject(app, decider(app, bob, comment).await?, request).await?;
                fileserver.bring_back();
            }
            2 => {
                clock.go_on(ago(5));
                let request = laptop.forget(1).await?;
                app.vault.seal_now(request).await?;
                clock.go_on(ago(4));
                let digest = digest(app, request).await?;
                decide::approve(app, decider(app, ann, "").await?, vec![(request, digest)]).await?;
            }
            _ => {}
        }
        effects::carry_out_ripe(app).await?;
        app.vault.purge_due().await?;
    }
    clock.go_on(5 * HOUR);
    let request = fileserver.forget(1).await?;
    app.vault.seal_now(request).await?;
    clock.go_on(4 * HOUR);
    let digest = digest(app, request).await?;
    let comment = "The week before is on tape.";
    decide::approve(app, decider(app, ann, comment).await?, vec![(request, digest)]).await?;
    clock.go_on(2 * HOUR);
    let waits = laptop.forget(3).await?;
    app.vault.seal_now(waits).await?;
    // Its lock lies there, so it is still at work, and its deletes are still collected.
    clock.go_on(60);
    fileserver.lock().await?;
    fileserver.forget(2).await?;
    clock.go_on(0);
    Ok(waits)
}

/// Decides as somebody does in the browser, with the code of now.
async fn decider(app: &AppState, person: &Person, comment: &str) -> Result<Decider, DemoError> {
    let name: AccountName = person.name.parse().map_err(|_| DemoError::Story("a name"))?;
    let account = app
        .store
        .ask(move |view| Box::pin(async move { view.account_named(&name).await }))
        .await?
        .ok_or(DemoError::Story("somebody is missing"))?;
    let code = person.totp.code_at(app.clock.now());
    Ok(Decider {
        account: account.id,
        shown: Shown::Code(code.ok_or(DemoError::Story("no code"))?),
        comment: comment.to_owned(),
        from: ClientAddress {
            ip: [192, 0, 2, 100].into(),
            port: None,
            relayed: false,
        },
        agent: "demo".to_owned(),
        client: None,
    })
}

async fn digest(app: &AppState, request: RequestId) -> Result<countersign_core::Sha256, DemoError> {
    let record = app
        .store
        .ask(move |view| Box::pin(async move { view.request(request).await }))
        .await
        .map_err(|error: StoreError| error)?;
    record
        .and_then(|record| record.digest)
        .ok_or(DemoError::Story("nothing was sealed"))
}

/// A client's backup, night by night.
struct Backup {
    client: Client,
    /// What each night brought: the snapshot, then what only it needs.
    nights: Vec<Vec<ObjectKey>>,
    /// What was forgotten last.
    forgotten: Vec<Vec<ObjectKey>>,
}

impl Backup {
    async fn begin(app: &AppState, name: &str, address: &str) -> Result<Self, DemoError> {
        let account = name.parse().map_err(|_| DemoError::Story("a name"))?;
        let client = Client::begin(app, account, address).await?;
        client.put(ObjectKind::Config, bytes(155)).await?;
        client.put(ObjectKind::Keys, bytes(446)).await?;
        Ok(Self {
            client,
            nights: Vec::new(),
            forgotten: Vec::new(),
        })
    }

    async fn lock(&self) -> Result<ObjectKey, DemoError> {
        Ok(self.client.put(ObjectKind::Locks, bytes(160)).await?)
    }

    async fn back_up(&mut self) -> Result<(), DemoError> {
        let lock = self.lock().await?;
        let mut night = Vec::new();
        let packs = 1 + usize::from(random::<1>(&SystemEntropy)[0] % 3);
        for _ in 0..packs {
            let size = 40_000 + usize::from(u16::from_le_bytes(random(&SystemEntropy)));
            night.push(self.client.put(ObjectKind::Data, bytes(size)).await?);
        }
        night.push(self.client.put(ObjectKind::Index, bytes(1_200)).await?);
        night.insert(0, self.client.put(ObjectKind::Snapshots, bytes(330)).await?);
        self.client.delete(lock).await?;
        self.nights.push(night);
        Ok(())
    }

    /// Deletes the oldest nights, as `restic forget --prune` does.
    async fn forget(&mut self, nights: usize) -> Result<RequestId, DemoError> {
        self.forgotten = self.nights.drain(..nights.min(self.nights.len())).collect();
        let mut request = None;
        for key in self.forgotten.iter().flatten() {
            if let Deleted::Held(held) = self.client.delete(*key).await? {
                request = Some(held);
            }
        }
        request.ok_or(DemoError::Story("nothing was held"))
    }

    /// The request was rejected: they are there again.
    fn bring_back(&mut self) {
        self.nights.splice(..0, self.forgotten.drain(..));
    }
}

fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SystemEntropy.fill(&mut bytes);
    bytes
}
