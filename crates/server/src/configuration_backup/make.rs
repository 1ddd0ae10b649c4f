//! Making a configuration backup while the server runs: one read of the database, encrypted on the way to the disk.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};

use countersign_core::configuration_backup::{LastTry, MOST_ASKED, Occasion, Passphrase};
use countersign_core::{Actor, ConfigurationBackupId, Refusal, Role, Sha256, Via};
use countersign_events::{Event, Outcome, Timestamp, User};
use countersign_store::{ConfigurationBackup, ExportError, Exported, StoreError};
use data_encoding::BASE64;

use super::contents::{Begin, Cell, Line, VERSION};
use super::sealed_file::{FileFault, Sealer, Work};
use super::{clear, folder, occasion, opened};
use crate::app::App;
use crate::config::{FILE_NAME, Source};
use crate::seal::Unopened;

/// Who asks for one.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// Its time has come.
    BySchedule,
    /// A person.
    By(&'a Actor),
}

/// Why none was made, or read.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The role is missing.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is nothing to encrypt it with.
    #[error(
        "there is no passphrase yet: a security administrator sets one, with which configuration backups are encrypted"
    )]
    NoPassphrase,
    /// Two at once would only be the same twice.
    #[error("a configuration backup is being made right now: try again in a moment")]
    UnderWay,
    /// There are too many that people asked for.
    #[error("there are {MOST_ASKED} configuration backups that were asked for: delete some first")]
    TooMany,
    /// There is none of this number.
    #[error("there is no such configuration backup")]
    None,
    /// The passphrase lies sealed for another key.
    #[error(transparent)]
    Unopened(#[from] Unopened),
    /// The file.
    #[error(transparent)]
    File(#[from] FileFault),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<io::Error> for MakeError {
    fn from(error: io::Error) -> Self {
        Self::File(error.into())
    }
}

impl From<ExportError> for MakeError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            // Whoever wrote says why.
            ExportError::Unwanted => io::Error::from(io::ErrorKind::BrokenPipe).into(),
        }
    }
}

/// Makes one. What was made or failed is reported (40700); the schedule then takes away those beyond the newest it keeps.
///
/// # Errors
/// None was made; nothing of it is left.
pub async fn make(app: &App, asked: Asked<'_>) -> Result<ConfigurationBackup, MakeError> {
    let turn = match asked {
        Asked::BySchedule => app.configuration_backups.turn.lock().await,
        Asked::By(actor) => {
            administrators_alone(actor)?;
            let turn = app.configuration_backups.turn.try_lock();
            turn.map_err(|_| MakeError::UnderWay)?
        }
    };
    let sealed = app
        .store
        .ask(|view| Box::pin(async move { view.configuration_passphrase().await }))
        .await?
        .ok_or(MakeError::NoPassphrase)?;
    let (now, occasion) = (app.clock.now(), occasion(&asked));
    let by = match asked {
        Asked::BySchedule => None,
        Asked::By(actor) => Some(User {
            full_name: actor.name.clone(),
            login_type: actor.login_type,
        }),
    };
    let (id, name) = begin(app, occasion, by.clone(), sealed.id, now).await?;
    let written = match opened(app, &sealed) {
        Ok(passphrase) => write(app, &name, passphrase, now).await,
        Err(error) => Err(error),
    };
    let ended = ended(app, id, (occasion, by), &written, now).await;
    let cleared = clear(app, &turn).await;
    written?;
    ended?;
    cleared?;
    let made = app
        .store
        .ask(move |view| Box::pin(async move { view.configuration_backup(id).await }))
        .await?;
    made.ok_or(MakeError::None)
}

/// Making one and reading one show and take away nothing, but they take time and room.
pub(super) fn administrators_alone(actor: &Actor) -> Result<(), Refusal> {
    match actor.via {
        Via::Session(roles) if roles.has(Role::SecurityAdministrator) || roles.has(Role::BackupAdministrator) => Ok(()),
        Via::Session(_) => Err(Refusal::NotAllowed("the role of an administrator")),
        Via::Token(_) => Err(Refusal::NotAllowed("a person who is logged on")),
    }
}

async fn begin(
    app: &App,
    occasion: Occasion,
    by: Option<User>,
    passphrase: i64,
    now: Timestamp,
) -> Result<(ConfigurationBackupId, String), MakeError> {
    app.store
        .write(move |tx| {
            Box::pin(async move {
                if occasion == Occasion::Asked {
                    let all = tx.configuration_backups().await?;
                    let asked = all.iter().filter(|backup| backup.occasion == Occasion::Asked);
                    if asked.count() as u64 >= MOST_ASKED {
                        return Err(MakeError::TooMany);
                    }
                }
                let by = by.as_ref().map(|user| user.full_name.as_str());
                let named = |id| folder::name(id, now);
                Ok(tx
                    .begin_configuration_backup(named, (occasion, by), passphrase, now)
                    .await?)
            })
        })
        .await
}

/// Records how it went, in one transaction with its event.
async fn ended(
    app: &App,
    id: ConfigurationBackupId,
    (occasion, by): (Occasion, Option<User>),
    written: &Result<(u64, Sha256), MakeError>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let made = written.as_ref().ok().copied();
    let fault = written.as_ref().err().map(ToString::to_string);
    let event = Event::ConfigurationBackupFinished {
        spec: Some(folder::spec(app.configuration_backups.folder())),
        user: by.clone(),
        outcome: if made.is_some() {
            Outcome::Success
        } else {
            Outcome::Failed
        },
    };
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let account = by.map(|user| user.full_name).unwrap_or_default();
                tx.report(&event, now, None, &account).await?;
                if occasion == Occasion::Scheduled {
                    tx.set_configuration_try(&LastTry { at: now, fault }).await?;
                }
                match made {
                    Some((size, hash)) => {
                        tx.keep_configuration_backup(id, size, hash).await?;
                        if occasion == Occasion::Scheduled {
                            let keep = tx.configuration_schedule().await?.keep;
                            tx.prune_configuration_backups(keep).await?;
                        }
                        Ok(())
                    }
                    // Its event was just told; it is not one that was cut off.
                    None => tx.give_up_configuration_backup(id).await,
                }
            })
        })
        .await
}

/// Reads the database in one snapshot and writes the file; its size and hash.
async fn write(app: &App, name: &str, passphrase: Passphrase, now: Timestamp) -> Result<(u64, Sha256), MakeError> {
    let schema = app
        .store
        .ask(|view| Box::pin(async move { view.schema_step().await }))
        .await?;
    let draft = Draft {
        folder: app.configuration_backups.folder().to_owned(),
        name: name.to_owned(),
        begin: Begin {
            version: VERSION,
            schema,
            made_at: now,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            server: app.config.public_url.to_string(),
        },
        passphrase,
        work: app.configuration_backups.work,
        entropy: app.entropy.clone(),
        files: files(app)?,
    };
    let (into, parts) = mpsc::sync_channel(8);
    // It begins at once, on a thread of its own: the export waits for it on this one.
    let writing = tokio::task::spawn_blocking(move || draft.write(parts));
    let exported = app
        .store
        .read(move |view| Box::pin(async move { view.export(&into).await }))
        .await;
    let written = writing.await.map_err(|_| io::Error::from(io::ErrorKind::Interrupted))?;
    // Where the writer failed, the reader only noticed.
    let written = written?;
    exported?;
    Ok(written)
}

/// The files of the data folder that belong in: the sealing key, a certificate that was made here, the configuration file.
fn files(app: &App) -> io::Result<Vec<(String, Vec<u8>)>> {
    let data = &app.config.data;
    let mut files = Vec::new();
    for folder in ["keys", "tls"] {
        let entries = match std::fs::read_dir(data.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // What begins with a dot is being written.
            if entry.file_type()?.is_file() && !name.starts_with('.') {
                files.push((format!("{folder}/{name}"), std::fs::read(entry.path())?));
            }
        }
    }
    let named = app
        .config
        .effective
        .iter()
        .find_map(|effective| match &effective.source {
            Source::File { path, .. } => Some(path.clone()),
            _ => None,
        });
    match std::fs::read(named.unwrap_or_else(|| data.join(FILE_NAME))) {
        Ok(content) => files.push((FILE_NAME.to_owned(), content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    files.sort();
    Ok(files)
}

/// A file that is about to be written.
struct Draft {
    folder: PathBuf,
    name: String,
    begin: Begin,
    passphrase: Passphrase,
    work: Work,
    entropy: std::sync::Arc<dyn countersign_core::Entropy>,
    files: Vec<(String, Vec<u8>)>,
}

impl Draft {
    fn write(self, parts: Receiver<Exported>) -> Result<(u64, Sha256), MakeError> {
        let file = folder::begin(&self.folder, &self.name)?;
        let mut sealer = Sealer::begin(file, &self.passphrase, self.work, &*self.entropy)?;
        let mut rows = 0;
        line(&mut sealer, &Line::Begin(self.begin))?;
        for (path, content) in self.files {
            let content = BASE64.encode(&content);
            line(&mut sealer, &Line::File { path, content })?;
        }
        loop {
            match parts.recv() {
                Ok(Exported::Table(name, columns)) => line(&mut sealer, &Line::Table { name, columns })?,
                Ok(Exported::Rows(some)) => {
                    for row in some {
                        rows += 1;
                        line(&mut sealer, &Line::Row(row.into_iter().map(Cell::from).collect()))?;
                    }
                }
                Ok(Exported::End) => break,
                // Whoever reads the database says why.
                Err(mpsc::RecvError) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            }
        }
        line(&mut sealer, &Line::End { rows })?;
        let (file, size, hash) = sealer.finish()?;
        folder::publish(&self.folder, &self.name, file)?;
        Ok((size, hash))
    }
}

fn line(sealer: &mut Sealer<std::fs::File>, line: &Line) -> Result<(), FileFault> {
    let mut text = serde_json::to_vec(line).map_err(io::Error::from)?;
    text.push(b'\n');
    sealer.write(&text)
}
