//! The server in this process: the real one on a real port of the loopback, but with a clock that can be moved, work that
//! is done when it is told to, and people who decide without signing in, but with their codes.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use countersign::{
    App, AppState,
    adapters::{SystemClock, SystemEntropy},
    config::{Config, Key, Sources},
    flows::decide::{self, DecideError, Decider},
    flows::effects,
    http,
    listen::{ClientAddress, Listener, Stop},
    seal::SealingKey,
    setup::headless::Plan,
};
use countersign_core::{
    Account, BackupId, Clock, Policy, Reading, RequestId,
    factor::{STEP_SECONDS, TotpSecret},
    policy::LOCK_LIFE_SECONDS,
};
use countersign_events::Timestamp;
use countersign_store::{RequestFilter, RequestRecord, StoreError};
use countersign_vault::{Gate, VaultError};
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::JoinHandle};

use super::{raw::Raw, trees::Tree};

/// The one backup of a house.
pub const BACKUP: &str = "/restic/main/laptop/";

pub struct House {
    runtime: Runtime,
    app: AppState,
    clock: Arc<ShiftedClock>,
    address: SocketAddr,
    stop: Stop,
    serving: Option<JoinHandle<()>>,
    folder: TempDir,
    /// Two people who may decide.
    pub ann: Approver,
    pub bob: Approver,
}

/// Someone who may decide, and the phone that shows their codes.
pub struct Approver {
    account: Account,
    totp: TotpSecret,
    last_step: AtomicI64,
}

/// Real time, moved forward by as much as a test likes.
#[derive(Default)]
struct ShiftedClock(AtomicI64);

impl Clock for ShiftedClock {
    fn reading(&self) -> Reading {
        let (machine, moved) = (SystemClock.reading(), self.0.load(Ordering::SeqCst));
        Reading {
            wall: Timestamp(machine.wall.0 + moved),
            running: machine.running + moved,
            ..machine
        }
    }
}

impl House {
    /// A house in which four-eyes authorization is on.
    pub fn four_eyes() -> Self {
        Self::with(true)
    }

    /// A house in which everyone deletes alone.
    pub fn two_eyes() -> Self {
        Self::with(false)
    }

    fn with(four_eyes: bool) -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ShiftedClock::default());
        let (app, listener, [ann, bob]) = runtime.block_on(async {
            let config = configuration(folder.path());
            let listener = Listener::bind(config.listen.address(), None, config.limits.clone())
                .await
                .unwrap();
            let app = App::open(config, Arc::clone(&clock) as _, Arc::new(SystemEntropy))
                .await
                .unwrap();
            let people = set_up(&app, four_eyes).await;
            (app, listener, people)
        });
        let address = listener.address().unwrap();
        let stop = Stop::new();
        let serving = runtime.spawn(listener.serve(http::router(Arc::clone(&app)), stop.clone()));
        Self {
            runtime,
            app,
            clock,
            address,
            stop,
            serving: Some(serving),
            folder,
            ann,
            bob,
        }
    }

    /// Where clients connect.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The repository of the laptop, as its restic writes it.
    pub fn url(&self) -> String {
        self.url_through(self.address)
    }

    /// The same through something in between.
    pub fn url_through(&self, address: SocketAddr) -> String {
        format!("rest:http://laptop:{}@{address}{BACKUP}", token("laptop"))
    }

    /// The repository protocol by hand, as the laptop or the desktop.
    pub fn raw(&self, account: &str) -> Raw {
        Raw::new(&format!("http://{}{BACKUP}", self.address), account, &token(account))
    }

    /// Moves the server's clock forward.
    pub fn pass_seconds(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// Lets the time pass after which a lock that nobody refreshes is dead.
    pub fn pass_a_locks_life(&self) {
        self.pass_seconds(LOCK_LIFE_SECONDS);
    }

    /// Lets the quiet time pass and makes requests of what was collected.
    pub fn quiet(&self) -> usize {
        self.pass_seconds(i64::from(self.policy().quiet_seconds));
        self.runtime.block_on(self.app.vault.seal_finished()).unwrap()
    }

    /// The quiet time passes; the one request that comes of it.
    #[track_caller]
    pub fn sealed(&self) -> RequestRecord {
        assert_eq!(self.quiet(), 1, "one request was expected");
        self.waiting().pop().expect("it waits")
    }

    /// What waits for a decision, oldest first.
    pub fn waiting(&self) -> Vec<RequestRecord> {
        let mut waiting = self.requests();
        waiting.retain(|request| request.pending().is_some());
        waiting
    }

    /// Every request, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        let asked = self
            .app
            .store
            .ask(|view| Box::pin(async move { view.requests(&RequestFilter::default(), None, 1000).await }));
        let mut requests = self.runtime.block_on(asked).unwrap();
        requests.sort_by_key(|request| request.id);
        requests
    }

    pub fn request(&self, id: RequestId) -> RequestRecord {
        let asked = self
            .app
            .store
            .ask(move |view| Box::pin(async move { view.request(id).await }));
        self.runtime.block_on(asked).unwrap().expect("there is such a request")
    }

    /// The ids of the events about requests, in order.
    pub fn events(&self) -> Vec<u32> {
        self.recorded(true)
    }

    /// The others.
    pub fn events_without_request(&self) -> Vec<u32> {
        self.recorded(false)
    }

    fn recorded(&self, about_requests: bool) -> Vec<u32> {
        let asked = self
            .app
            .store
            .ask(|view| Box::pin(async move { view.events_after(0, 10_000).await }));
        let events = self.runtime.block_on(asked).unwrap();
        let events = events.iter().filter(|event| event.request.is_some() == about_requests);
        events.map(|event| event.event.id()).collect()
    }

    /// Approves these at once, and carries it out.
    pub fn approve(&self, by: &Approver, ids: &[RequestId]) -> Result<(), VaultError> {
        self.approve_only(by, ids)?;
        self.purge();
        Ok(())
    }

    /// Approves these at once; their purge is still to come.
    pub fn approve_only(&self, by: &Approver, ids: &[RequestId]) -> Result<(), VaultError> {
        let asked: Vec<_> = ids
            .iter()
            .map(|id| (*id, self.request(*id).digest.expect("it is sealed")))
            .collect();
        self.decide(by, |decider| decide::approve(&self.app, decider, asked))?;
        Ok(())
    }

    /// Carries out what was approved.
    pub fn purge(&self) {
        self.runtime.block_on(self.app.vault.purge_due()).unwrap();
    }

    /// Rejects it and every later one; which.
    pub fn reject(&self, by: &Approver, id: RequestId) -> Result<Vec<RequestId>, VaultError> {
        self.decide(by, |decider| decide::reject(&self.app, decider, id))
    }

    /// With a code that was not used before; it is used up only by a decision.
    fn decide<F: Future<Output = Result<Vec<RequestId>, DecideError>>>(
        &self,
        by: &Approver,
        decide: impl FnOnce(Decider) -> F,
    ) -> Result<Vec<RequestId>, VaultError> {
        let present = self.clock.now().0 / (STEP_SECONDS * 1_000_000);
        let step = present.max(by.last_step.load(Ordering::SeqCst) + 1);
        if step > present + 1 {
            self.pass_seconds((step - present) * STEP_SECONDS);
        }
        let decider = Decider {
            account: by.account.id,
            shown: countersign::step_up::Shown::Code(
                by.totp
                    .code_at(Timestamp(step * STEP_SECONDS * 1_000_000))
                    .expect("a code"),
            ),
            comment: String::new(),
            from: ClientAddress {
                ip: self.address.ip(),
                port: None,
                relayed: false,
            },
            agent: String::new(),
            client: None,
        };
        match self.runtime.block_on(decide(decider)) {
            Ok(ids) => {
                by.last_step.store(step, Ordering::SeqCst);
                Ok(ids)
            }
            Err(DecideError::Vault(error)) => Err(error),
            Err(error) => panic!("{error}"),
        }
    }

    /// From now on what is approved can be vetoed for so long.
    pub fn undo_hours(&self, undo_hours: u32) {
        let policy = Policy {
            undo_hours,
            ..self.policy()
        };
        let set = self
            .app
            .store
            .write(move |tx| Box::pin(async move { tx.set_policy(&policy).await }));
        self.runtime.block_on(set).map_err(|error: StoreError| error).unwrap();
    }

    /// What has waited long enough takes effect, and is purged.
    pub fn carry_out_ripe(&self) {
        self.runtime.block_on(effects::carry_out_ripe(&self.app)).unwrap();
        self.purge();
    }

    /// The folder of the one storage.
    pub fn storage(&self) -> PathBuf {
        self.folder.path().join("storages/1")
    }

    /// Lets what nobody decided in time expire; how many.
    pub fn expire_overdue(&self) -> usize {
        self.runtime.block_on(self.app.vault.expire_overdue()).unwrap()
    }

    /// Keeps everyone out, as a decision does for its instant.
    pub fn close_gate(&self) -> Gate {
        self.app.vault.close_gate(self.backup()).unwrap()
    }

    pub fn policy(&self) -> Policy {
        let asked = self.app.store.ask(|view| Box::pin(async move { view.policy().await }));
        self.runtime.block_on(asked).unwrap()
    }

    /// Bytes of all objects on the disk, hidden ones too.
    pub fn bytes_on_disk(&self) -> usize {
        Tree::read(&self.folder.path().join("storages")).bytes()
    }

    fn backup(&self) -> BackupId {
        let asked = self.app.store.ask(|view| Box::pin(async move { view.backups().await }));
        self.runtime
            .block_on(asked)
            .unwrap()
            .first()
            .expect("there is a backup")
            .id
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }
}

/// As people set a server up without a screen.
async fn set_up(app: &AppState, four_eyes: bool) -> [Approver; 2] {
    let secrets = ["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"];
    let mut text = format!("[settings]\nundo_hours = 0\nfour_eyes = {four_eyes}\n");
    for (name, secret) in ["ann", "bob"].iter().zip(secrets) {
        let password = "plum quartz violin 7";
        text += &format!("[[account]]\nname = '{name}'\npassword = '{password}'\ntotp_secret = '{secret}'\n");
    }
    for name in ["laptop", "desktop"] {
        text += &format!("[[service]]\nname = '{name}'\ntoken = '{}'\n", token(name));
    }
    let sealing = Arc::new(SealingKey::open(&app.config.data, &SystemEntropy).unwrap());
    let plan = Plan::read(&text, &SystemEntropy).unwrap();
    let now = app.clock.now();
    plan.carry_out(&app.store, sealing, Arc::new(SystemEntropy), now)
        .await
        .unwrap();
    let asked = app.store.ask(|view| Box::pin(async move { view.accounts().await }));
    let accounts = asked.await.unwrap();
    ["ann", "bob"].map(|name| {
        let account = accounts
            .iter()
            .find(|account| account.name.as_str() == name)
            .expect("an account");
        Approver {
            account: account.clone(),
            totp: TotpSecret::from_base32(secrets[usize::from(name == "bob")]).unwrap(),
            last_step: AtomicI64::new(0),
        }
    })
}

fn configuration(data: &Path) -> Config {
    let sources = Sources {
        flags: vec![
            (Key::Data, data.display().to_string()),
            (Key::Listen, "127.0.0.1:0".to_owned()),
        ],
        host: "localhost".to_owned(),
        ..Sources::default()
    };
    Config::load(&sources).expect("a configuration")
}

fn token(account: &str) -> String {
    format!("{account}-0123456789-0123456789-0123456789")
}
