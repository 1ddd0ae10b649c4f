//! Commands under four eyes (operation 10000): asked for, allowed, taken once by a runner or a script, and what became of them.

use std::collections::BTreeMap;

use countersign_core::command::{BadCommand, CommandSpec, CommandState, Mode, PATH};
use countersign_core::grant::{BadGrant, CommandGrant};
use countersign_core::logon::BadToken;
use countersign_core::manifest::Subject;
use countersign_core::{Account, AccountId, Actor, CommandId, Deed, RequestId, Role, Sha256, Verdict, decide};
use countersign_events::{Operation, Timestamp, User};
use countersign_store::{CommandRecord, NewCommand, Report, StoreError, Tx};
use countersign_vault::{VaultError, request_change};

use crate::app::App;
use crate::signing::NoSigningKey;

/// What somebody wants to have run.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// Where.
    pub folder: String,
    /// Who carries it out.
    pub by: By,
    /// What people call it.
    pub name: String,
    /// After how long it is ended, in seconds.
    pub seconds: u32,
    /// How long after it was allowed it can be begun, in minutes.
    pub valid_minutes: u32,
}

/// Who is to carry a command out.
#[derive(Debug, Clone)]
pub enum By {
    /// The runner of this name.
    Runner(String),
    /// Whoever shows the grant and says that it is this.
    Grant(String),
}

/// What became of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A second person must approve it.
    Held(RequestId),
    /// Four-eyes authorization is off: it can be taken now.
    Allowed(CommandId),
}

/// Why a command is not asked for, shown, taken or reported.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It cannot be one.
    #[error(transparent)]
    Bad(#[from] BadCommand),
    /// There is none of this name.
    #[error("there is no runner {0:?}: `countersign runners list` names those that there are")]
    NoRunner(String),
    /// Its account is disabled, or its time is over.
    #[error("the account of this runner is not active")]
    RunnerInactive,
    /// There is none of this number.
    #[error("there is no such command")]
    NoCommand,
    /// Output is for who asked and for administrators, a grant for who asked alone.
    #[error("this is for whoever asked for the command{0}")]
    NotYours(&'static str),
    /// It is for a runner.
    #[error("this command is run by a runner: there is no grant to hand out")]
    ForRunner,
    /// Somebody was faster, or its time is over.
    #[error("the command cannot be taken any more: it is {}", .0.as_str())]
    Over(CommandState),
    /// What is shown is no grant for this.
    #[error(transparent)]
    BadGrant(#[from] BadGrant),
    /// What would be run is not what was approved.
    #[error(
        "this is not what was approved: words, environment and folder must be exactly the same. Nothing was redeemed"
    )]
    Other,
    /// It has been reported, or was never taken by this runner.
    #[error("this runner has no such command to report about")]
    NotTaken,
    /// Below.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Below.
    #[error(transparent)]
    Keys(#[from] NoSigningKey),
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::Vault(error.into())
    }
}

/// Asks for a command: held while four-eyes authorization is on, and allowed at once while it is off.
///
/// # Errors
/// The role is missing, it cannot be a command, or there is no such runner.
pub async fn ask(app: &App, actor: &Actor, wanted: Wanted) -> Result<Asked, CommandError> {
    let (actor, now, nonce) = (actor.clone(), app.clock.now(), app.vault.nonce());
    let asked = app
        .store
        .write(move |tx| Box::pin(async move { ask_in(tx, &actor, wanted, now, nonce).await }))
        .await?;
    app.delivery_changed.notify_one();
    if let Asked::Allowed(command) = asked {
        tracing::warn!(%command, "a command was allowed at once, since four-eyes authorization is off");
        app.command_waits.notify_waiters();
    }
    Ok(asked)
}

async fn ask_in(
    tx: &mut Tx,
    actor: &Actor,
    wanted: Wanted,
    now: Timestamp,
    nonce: String,
) -> Result<Asked, CommandError> {
    let verdict = decide(actor, Deed::RunCommand, &tx.policy().await?, now);
    // Asked first, so that who may not do this learns that and nothing else.
    if let Verdict::Deny(refusal) = verdict {
        return Err(VaultError::from(refusal).into());
    }
    let (mode, target) = match wanted.by {
        By::Runner(name) => {
            let account = runner_named(tx, &name, now).await?;
            let name = account.name.to_string();
            let target = format!("command on {name}");
            (
                Mode::Runner {
                    account: account.id,
                    name,
                },
                target,
            )
        }
        By::Grant(audience) => {
            let target = format!("grant for {audience}");
            (Mode::Grant { audience }, target)
        }
    };
    let spec = CommandSpec {
        argv: wanted.argv,
        environment: wanted.environment,
        folder: wanted.folder,
        mode,
        name: wanted.name,
        output_bytes: CommandSpec::MOST_OUTPUT,
        seconds: wanted.seconds,
        valid_minutes: wanted.valid_minutes,
    }
    .checked()?;
    match verdict {
        Verdict::Hold => {
            let operation = Operation::Other {
                name: spec.name.clone(),
            };
            let subject = Subject::Command(Box::new(spec));
            let request = request_change(tx, actor, (operation, target), subject, now, nonce).await?;
            Ok(Asked::Held(request))
        }
        Verdict::Allow(_) => {
            let new = NewCommand {
                request: None,
                spec: &spec,
                runner: runner_of(&spec),
                initiator: (actor.account, &actor.name),
            };
            Ok(Asked::Allowed(tx.add_command(&new, now).await?))
        }
        Verdict::Deny(refusal) => Err(VaultError::from(refusal).into()),
    }
}

async fn runner_named(tx: &mut Tx, name: &str, now: Timestamp) -> Result<Account, CommandError> {
    let all = tx.runners().await?;
    let key = name.to_lowercase();
    let found = all.into_iter().find(|runner| runner.account.name.key() == key);
    let runner = found.ok_or_else(|| CommandError::NoRunner(name.to_owned()))?;
    if runner.account.lives(now) {
        Ok(runner.account)
    } else {
        Err(CommandError::RunnerInactive)
    }
}

const fn runner_of(spec: &CommandSpec) -> Option<AccountId> {
    match &spec.mode {
        Mode::Runner { account, .. } => Some(*account),
        Mode::Grant { .. } => None,
    }
}

/// Lets an approved command be taken, once. A runner that is none any more is drift.
pub(super) async fn apply(
    tx: &mut Tx,
    spec: &CommandSpec,
    by: &User,
    request: Option<RequestId>,
    now: Timestamp,
) -> Result<(), VaultError> {
    let runner = runner_of(spec);
    if let Some(account) = runner {
        let runner = tx.runner(account).await?;
        if runner.is_none_or(|runner| !runner.account.lives(now)) {
            return Err(VaultError::Drift);
        }
    }
    let record = match request {
        Some(request) => tx.request(request).await?.ok_or(VaultError::NoRequest(request))?,
        // A command that is allowed at once does not come this way.
        None => return Err(VaultError::Drift),
    };
    let new = NewCommand {
        request,
        spec,
        runner,
        initiator: (record.initiator.account, &by.full_name),
    };
    tx.add_command(&new, now).await?;
    Ok(())
}

/// A command handed out: its bytes, the manifest's, and the server's signed word that they were allowed.
#[derive(Debug, Clone)]
pub struct Handed {
    /// As it is now.
    pub record: CommandRecord,
    /// The manifest that was approved, byte for byte.
    pub manifest: Option<String>,
    /// The grant.
    pub grant: String,
}

/// The oldest command that waits for a runner, which has it from now on; nobody else gets it.
///
/// # Errors
/// The store or the keys.
pub async fn take(app: &App, runner: AccountId, from: &str) -> Result<Option<Handed>, CommandError> {
    let (now, address) = (app.clock.now(), from.to_owned());
    // So that a command is not taken which cannot be signed.
    app.signing.keys(app).await?;
    let taken = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.note_runner(runner, &address, now).await?;
                let Some(id) = tx.next_command(runner, now).await? else {
                    return Ok::<_, CommandError>(None);
                };
                let waiting = tx.command(id).await?.ok_or(CommandError::NoCommand)?;
                if !tx
                    .take_command(id, (runner, &address), waiting.spec.seconds, now)
                    .await?
                {
                    return Ok(None);
                }
                let record = tx.command(id).await?.ok_or(CommandError::NoCommand)?;
                Ok(Some((record, waiting.until)))
            })
        })
        .await?;
    match taken {
        Some((record, until)) => Ok(Some(handed(app, record, until, now).await?)),
        None => Ok(None),
    }
}

/// The grant of a command that a script is to show. Another can be had as long as it was not redeemed: they count once together.
///
/// # Errors
/// Somebody else asked for it, it is for a runner, or it is over.
pub async fn grant(app: &App, reader: &Account, request: RequestId) -> Result<Handed, CommandError> {
    let now = app.clock.now();
    let record = app
        .store
        .ask(move |view| {
            Box::pin(async move {
                match view.command_of(request).await? {
                    Some(id) => view.command(id).await,
                    None => Ok(None),
                }
            })
        })
        .await
        .map_err(|error: StoreError| error)?;
    let record = record.ok_or(CommandError::NoCommand)?;
    grant_of(app, reader, record, now).await
}

/// The same for a command that was allowed at once.
///
/// # Errors
/// As [`grant`].
pub async fn grant_of_command(app: &App, reader: &Account, id: CommandId) -> Result<Handed, CommandError> {
    let record = app
        .store
        .ask(move |view| Box::pin(async move { view.command(id).await }))
        .await
        .map_err(|error: StoreError| error)?;
    grant_of(app, reader, record.ok_or(CommandError::NoCommand)?, app.clock.now()).await
}

async fn grant_of(app: &App, reader: &Account, record: CommandRecord, now: Timestamp) -> Result<Handed, CommandError> {
    if record.initiator != reader.id {
        return Err(CommandError::NotYours(" alone"));
    }
    if runner_of(&record.spec).is_some() {
        return Err(CommandError::ForRunner);
    }
    if record.state != CommandState::Waiting {
        return Err(CommandError::Over(record.state));
    }
    if record.until <= now {
        return Err(CommandError::Over(CommandState::Lapsed));
    }
    let until = record.until;
    handed(app, record, until, now).await
}

async fn handed(app: &App, record: CommandRecord, until: Timestamp, now: Timestamp) -> Result<Handed, CommandError> {
    let manifest = match record.request {
        Some(request) => {
            let ask = app
                .store
                .ask(move |view| Box::pin(async move { view.manifest(request).await }));
            let manifest = ask.await.map_err(|error: StoreError| error)?;
            let manifest = manifest.ok_or(StoreError::Unreadable("a manifest"))?;
            let text = manifest.canonical();
            Some(text.map_err(|error| StoreError::Engine(error.to_string()))?)
        }
        None => None,
    };
    let approved = record
        .request
        .zip(manifest.as_deref().map(|text| Sha256::of(text.as_bytes())));
    let grant = CommandGrant::of(
        record.id,
        (&record.spec.mode, record.digest),
        approved,
        &app.issuer(),
        (now, until),
    );
    let keys = app.signing.keys(app).await?;
    let grant = grant.signed(&keys.signer).map_err(NoSigningKey::from)?;
    Ok(Handed {
        record,
        manifest,
        grant,
    })
}

/// What a script is about to run.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The grant that it shows.
    pub grant: String,
    /// What it says it is.
    pub audience: String,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The environment that counts.
    pub environment: BTreeMap<String, String>,
    /// Where.
    pub folder: String,
}

/// Redeems a grant for exactly the command that it is for, once.
///
/// # Errors
/// The grant does not hold, was redeemed before, or is for something else.
pub async fn redeem(app: &App, attempt: Attempt, from: &str) -> Result<CommandRecord, CommandError> {
    let now = app.clock.now();
    let issuer = app.issuer();
    let read = |keys: &[countersign_core::logon::PublicKey]| {
        CommandGrant::read(&attempt.grant, keys, &issuer, &attempt.audience, now)
    };
    let mut grant = read(&app.signing.keys(app).await?.public);
    if grant == Err(BadGrant::Token(BadToken::Signature)) {
        // Another node may have made a key since.
        grant = read(&app.signing.read(app).await?.public);
    }
    let grant = grant?;
    let id = grant.command().ok_or(BadGrant::Command)?;
    let address = from.to_owned();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let record = tx.command(id).await?.ok_or(CommandError::NoCommand)?;
                if record.digest != grant.digest {
                    return Err(BadGrant::Command.into());
                }
                if !record
                    .spec
                    .is_exactly(&attempt.argv, &attempt.environment, &attempt.folder)
                {
                    return Err(CommandError::Other);
                }
                if !tx.redeem_command(id, &address, now).await? {
                    let state = tx.command(id).await?.map_or(record.state, |record| record.state);
                    let over = if state == CommandState::Waiting {
                        CommandState::Lapsed
                    } else {
                        state
                    };
                    return Err(CommandError::Over(over));
                }
                tx.command(id).await?.ok_or(CommandError::NoCommand)
            })
        })
        .await
}

/// Records what a runner says became of a command that it took.
///
/// # Errors
/// It did not take it, or has said so before.
pub async fn report(app: &App, runner: AccountId, id: CommandId, mut report: Report) -> Result<(), CommandError> {
    let now = app.clock.now();
    let most = usize::try_from(CommandSpec::MOST_OUTPUT).unwrap_or(usize::MAX);
    for (bytes, cut) in [
        (&mut report.output.output, &mut report.output.output_cut),
        (&mut report.output.errors, &mut report.output.errors_cut),
    ] {
        *cut |= bytes.len() > most;
        bytes.truncate(most);
    }
    let reported = app
        .store
        .write(move |tx| Box::pin(async move { tx.report_command(id, runner, &report, now).await }))
        .await
        .map_err(|error: StoreError| error)?;
    if reported { Ok(()) } else { Err(CommandError::NotTaken) }
}

/// Ends what nobody took in time, and what a runner never reported about. For the worker.
///
/// # Errors
/// The store.
pub async fn end_overdue(app: &App) -> Result<u64, StoreError> {
    let now = app.clock.now();
    let (lapsed, unknown) = app
        .store
        .write(move |tx| Box::pin(async move { tx.end_overdue_commands(now).await }))
        .await?;
    Ok(lapsed + unknown)
}

/// Whether somebody may see what a command wrote: who asked for it, and administrators.
pub fn may_see_output(record: &CommandRecord, reader: &Account) -> bool {
    let administers = reader.roles.has(Role::SecurityAdministrator) || reader.roles.has(Role::BackupAdministrator);
    record.initiator == reader.id || administers
}

/// Everything that is set of a command, for pages and the command line: what, and how it reads.
pub fn facts(spec: &CommandSpec) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Command", spec.line()),
        ("Folder", countersign_core::command::quoted(&spec.folder)),
    ];
    facts.extend(spec.variables().into_iter().map(|variable| ("Environment", variable)));
    match &spec.mode {
        Mode::Runner { name, account } => {
            if !spec.environment.contains_key("PATH") {
                facts.push(("Environment", format!("PATH={PATH}")));
            }
            facts.push(("Run by", format!("runner {name} ({})", account.subject())));
            facts.push(("Ended after", format!("{} s", spec.seconds)));
            facts.push(("Output kept", format!("{} bytes at most", spec.output_bytes)));
        }
        Mode::Grant { audience } => facts.push(("Run by", format!("whoever shows the grant as {audience}, once"))),
    }
    facts.push(("Begun within", format!("{} min after the approval", spec.valid_minutes)));
    facts
}
