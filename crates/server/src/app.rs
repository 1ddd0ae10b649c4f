//! What the parts of the server share.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use countersign_core::logon::RefreshKey;
use countersign_core::{Clock, Entropy, Name, StorageSpec};
use countersign_store::{Store, StoreError};
use countersign_vault::{OpenVaultError, Vault};
use tokio::sync::Notify;

use crate::alerts::Alerts;
use crate::config::Config;
use crate::configuration_backup::ConfigurationBackups;
use crate::delivery::Delivery;
use crate::hashing::Hashing;
use crate::http::api::Calls;
use crate::http::cookie::Cookies;
use crate::http::repository_client::Tokens;
use crate::listen::Stop;
use crate::metrics::Metrics;
use crate::notices::Counted;
use crate::openings::Openings;
use crate::receivers::Tests;
use crate::report_limit::ReportLimit;
use crate::seal::{NoKey, SealingKey, Unopened};
use crate::signing::Signing;
use crate::unrecorded::Unrecorded;
use crate::waiters::Waiters;

/// What the parts of the server share. Routers take it as `State<AppState>`.
pub struct App {
    /// What holds on this server.
    pub config: Config,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes unguessable bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Counts what happens.
    pub metrics: Metrics,
    /// What is remembered.
    pub store: Store,
    /// The bytes.
    pub vault: Vault,
    /// Repository tokens that were just looked up.
    pub tokens: Tokens,
    /// Asks the server to stop: whoever waits for something that may never come ends, too.
    pub stop: Stop,
    /// Rung when receivers were changed.
    pub delivery_changed: Arc<Notify>,
    /// Rung when a command can be taken.
    pub command_waits: Notify,
    /// What delivers events, once it was started.
    pub delivery: OnceLock<Delivery>,
    /// The last test messages to receivers.
    pub receiver_tests: Tests,
    /// What is counted of notices.
    pub notices: Counted,
    /// What needs an administrator now.
    pub alerts: Arc<Alerts>,
    /// Held as long as this server runs.
    _lock: std::fs::File,
    /// Seals the secrets of second factors.
    pub sealing: SealingKey,
    /// Where passwords are hashed.
    pub hashing: Hashing,
    /// What access tokens are signed and checked with.
    pub signing: Signing,
    /// What refresh tokens are made with.
    pub refresh: RefreshKey,
    /// What calls with an `Idempotency-Key` have in common.
    pub calls: Calls,
    /// Callers who wait for a request to be decided.
    pub waiters: Waiters,
    /// How many denials of unknown callers are reported one by one.
    pub denials: ReportLimit,
    /// What repository passwords opened, for a look.
    pub openings: Openings,
    /// Denied logons that wait for the store.
    pub unrecorded: Unrecorded,
    /// Where backups of the configuration lie, and whose turn it is to make one.
    pub configuration_backups: ConfigurationBackups,
}

/// The shared state as routers hold it.
pub type AppState = Arc<App>;

impl App {
    /// Opens what the data folder holds, making what is missing, and puts the parts together.
    ///
    /// # Errors
    /// The database or a storage's folder cannot be opened.
    pub async fn open(config: Config, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<AppState, OpenError> {
        let lock = lock_data_folder(&config.data)?;
        if config.data.join(RESTORING).exists() {
            return Err(OpenError::HalfRestored);
        }
        let store = Store::open(&config.data.join(DATABASE)).await?;
        ensure_default_storage(&store, clock.now()).await?;
        let sealing = SealingKey::open(&config.data, &*entropy)?;
        let refresh = RefreshKey::new(&*sealing.derived("refresh tokens")?);
        let root = config.data.join(STORAGES);
        let calls = Calls::new(&sealing)?;
        let vault = Vault::open(store.clone(), &root, Arc::clone(&clock), Arc::clone(&entropy)).await?;
        let (metrics, alerts) = (Metrics::new(), Arc::<Alerts>::default());
        metrics.register(|registry| registry.register_collector(Box::new(Arc::clone(&alerts))));
        let denials = ReportLimit::default();
        let left_out = denials.unreported.clone();
        metrics.register(|registry| {
            let help = "Denials that have no event of their own, since there were too many";
            registry.register("denials_unreported", help, left_out);
        });
        let notices = Counted::default();
        metrics.register(|registry| notices.register(registry));
        let hashing = Hashing::default();
        let hashed = hashing.done.clone();
        metrics.register(|registry| {
            registry.register("passwords_hashed", "Passwords hashed, to compare or to keep", hashed)
        });
        let configuration_backups = ConfigurationBackups::new(config.configuration_backups.clone());
        Ok(Arc::new(Self {
            config,
            clock,
            entropy,
            metrics,
            store,
            vault,
            tokens: Tokens::default(),
            stop: Stop::new(),
            delivery_changed: Arc::default(),
            command_waits: Notify::new(),
            delivery: OnceLock::new(),
            receiver_tests: Tests::default(),
            notices,
            alerts,
            _lock: lock,
            sealing,
            hashing,
            signing: Signing::default(),
            refresh,
            calls,
            waiters: Waiters::default(),
            denials,
            openings: Openings::default(),
            unrecorded: Unrecorded::default(),
            configuration_backups,
        }))
    }

    /// How cookies are set here.
    pub fn cookies(&self) -> Cookies {
        Cookies {
            secure: self.config.public_url.is_https(),
        }
    }

    /// The product's short name, as operation 108 says it.
    pub fn product(&self) -> &str {
        &self.config.origin.product
    }
}

/// The database's file in the data folder.
pub const DATABASE: &str = "countersign.db";

/// A file that is in the data folder while a configuration is restored into it.
pub const RESTORING: &str = "restoring";

/// The folder of the storages in the data folder.
pub const STORAGES: &str = "storages";

/// The storage that is there from the start.
pub const DEFAULT_STORAGE: &str = "main";

/// Why the parts cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server has the data folder.
    #[error("another server runs on this data folder: stop it, or give this one a folder of its own")]
    InUse,
    /// A restoration of the configuration was cut off.
    #[error(
        "a restoration into this data folder did not end: take everything but the folder storages out of it, and restore again"
    )]
    HalfRestored,
    /// The lock's file.
    #[error("the data folder cannot be locked: {0}")]
    Lock(std::io::ErrorKind),
    /// The database.
    #[error("the database cannot be opened: {0}")]
    Store(#[from] StoreError),
    /// A storage's folder.
    #[error(transparent)]
    Vault(#[from] OpenVaultError),
    /// The sealing key.
    #[error(transparent)]
    Key(#[from] NoKey),
    /// What is derived from it.
    #[error(transparent)]
    Derived(#[from] Unopened),
}

/// Taken before the database is opened, so that a second server of a newer version changes nothing under the first.
pub(crate) fn lock_data_folder(data: &Path) -> Result<std::fs::File, OpenError> {
    let file = std::fs::File::create(data.join("lock")).map_err(|error| OpenError::Lock(error.kind()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse),
        Err(std::fs::TryLockError::Error(error)) => Err(OpenError::Lock(error.kind())),
    }
}

async fn ensure_default_storage(store: &Store, now: countersign_events::Timestamp) -> Result<(), StoreError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                // The constant is a name: a test reads it.
                let Ok(name) = DEFAULT_STORAGE.parse::<Name>() else {
                    return Ok(());
                };
                if tx.storages().await?.is_empty() {
                    tx.add_storage(&StorageSpec::plain(name), None, now).await?;
                }
                Ok(())
            })
        })
        .await
}

/// Why the server cannot do its work now.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    /// Nothing can be written to the data folder.
    #[error("the data folder cannot be written to: {0}")]
    DataFolder(std::io::ErrorKind),
    /// The database does not answer.
    #[error("the database does not answer: {0}")]
    Store(#[from] StoreError),
}

impl App {
    /// Whether the server can do its work: what it needs can be written.
    ///
    /// # Errors
    /// The first thing that is in the way.
    pub async fn readiness(&self) -> Result<(), Unready> {
        let probe = self.config.data.join(".ready");
        tokio::fs::write(&probe, b"")
            .await
            .map_err(|error| Unready::DataFolder(error.kind()))?;
        if self.store.is_full() {
            return Err(StoreError::Full.into());
        }
        // A write of nothing: it waits for the writer and a commit like every decision does.
        self.store
            .write(|_| Box::pin(async { Ok::<_, StoreError>(()) }))
            .await?;
        Ok(())
    }
}

/// The data folder could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the data folder {0} cannot be made: {1}")]
pub struct NoDataFolder(PathBuf, std::io::Error);

/// Makes the data folder, for this account alone, unless it is there.
///
/// # Errors
/// It cannot be made.
pub fn prepare_data_folder(data: &Path) -> Result<PathBuf, NoDataFolder> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data);
    made.map_err(|error| NoDataFolder(data.into(), error))?;
    Ok(data.to_owned())
}
