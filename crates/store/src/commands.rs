//! Commands that were allowed, from the moment somebody can take them to what became of them. Each step is taken from the state
//! that was seen, so that a command is carried out once at most.

use countersign_core::command::{CommandSpec, CommandState, REPORT_SECONDS};
use countersign_core::{AccountId, CommandId, RequestId, Sha256};
use countersign_events::Timestamp;

use crate::{Row, StoreError, Tx, View};

/// A command that was allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRecord {
    /// Which one.
    pub id: CommandId,
    /// The request that was approved; none when four-eyes authorization was off.
    pub request: Option<RequestId>,
    /// The canonical JSON of what to run.
    pub text: String,
    /// The same, read.
    pub spec: CommandSpec,
    /// Of the text.
    pub digest: Sha256,
    /// Who asked.
    pub initiator: AccountId,
    /// Their name when they asked.
    pub initiator_name: String,
    /// Where it is in its life.
    pub state: CommandState,
    /// Since when it could be taken.
    pub allowed_at: Timestamp,
    /// Until when it can be taken; once a runner has it, until when it must report.
    pub until: Timestamp,
    /// When it was taken.
    pub taken_at: Option<Timestamp>,
    /// From which address.
    pub taken_from: Option<String>,
    /// When nothing more would become of it.
    pub ended_at: Option<Timestamp>,
    /// How its process ended.
    pub ended: Ended,
    /// Why it was not run, or not to its end.
    pub detail: Option<String>,
}

/// How a process ended: by itself with a code, or by a signal; nothing while that is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// 0 to 255.
    pub exit_code: Option<u8>,
    /// The signal's number.
    pub signal: Option<u8>,
}

/// What a command wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// To standard output.
    pub output: Vec<u8>,
    /// To standard error.
    pub errors: Vec<u8>,
    /// Whether there was more output than is kept.
    pub output_cut: bool,
    /// Whether there were more errors than are kept.
    pub errors_cut: bool,
}

/// What a runner says became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// [`CommandState::Ended`] or [`CommandState::Failed`].
    pub state: CommandState,
    /// How its process ended.
    pub ended: Ended,
    /// What it wrote.
    pub output: Output,
    /// Why it was not run, or not to its end.
    pub detail: Option<String>,
}

/// A command that is allowed now.
#[derive(Debug, Clone)]
pub struct NewCommand<'c> {
    /// By which approval, if by one.
    pub request: Option<RequestId>,
    /// What to run.
    pub spec: &'c CommandSpec,
    /// To which runner; none for a grant.
    pub runner: Option<AccountId>,
    /// Who asked.
    pub initiator: (AccountId, &'c str),
}

const OF: &str = "SELECT id, request_id, spec, digest, initiator_id, initiator, state, allowed_at, until, taken_at, taken_from, ended_at,
                        exit_code, signal, detail
                 FROM commands WHERE id = $1";

impl View {
    /// A command.
    pub async fn command(&mut self, id: CommandId) -> Result<Option<CommandRecord>, StoreError> {
        let row = self.row(OF, params![id.0]).await?;
        row.as_ref().map(record).transpose()
    }

    /// The command that came of a request.
    pub async fn command_of(&mut self, request: RequestId) -> Result<Option<CommandId>, StoreError> {
        let sql = "SELECT id FROM commands WHERE request_id = $1";
        let row = self.row(sql, params![request.0]).await?;
        row.map(|row| row.int(0).map(CommandId)).transpose()
    }

    /// Commands, newest first, before one of them (for the next page).
    pub async fn commands(&mut self, before: Option<CommandId>, most: u32) -> Result<Vec<CommandRecord>, StoreError> {
        let sql =
            "SELECT id, request_id, spec, digest, initiator_id, initiator, state, allowed_at, until, taken_at, taken_from, ended_at,
                    exit_code, signal, detail
             FROM commands WHERE id < $1 ORDER BY id DESC LIMIT $2";
        let before = before.map_or(i64::MAX, |id| id.0);
        let rows = self.rows(sql, params![before, i64::from(most)]).await?;
        rows.iter().map(record).collect()
    }

    /// What a command wrote.
    pub async fn command_output(&mut self, id: CommandId) -> Result<Option<Output>, StoreError> {
        let sql = "SELECT output, errors, output_cut, errors_cut FROM commands WHERE id = $1";
        let Some(row) = self.row(sql, params![id.0]).await? else {
            return Ok(None);
        };
        Ok(Some(Output {
            output: row.blob_or_null(0)?.unwrap_or_default(),
            errors: row.blob_or_null(1)?.unwrap_or_default(),
            output_cut: row.int(2)? != 0,
            errors_cut: row.int(3)? != 0,
        }))
    }

    /// The oldest command that waits for a runner and can still be begun.
    pub async fn next_command(&mut self, runner: AccountId, now: Timestamp) -> Result<Option<CommandId>, StoreError> {
        let sql =
            "SELECT id FROM commands WHERE runner_id = $1 AND state = 'waiting' AND until > $2 ORDER BY id LIMIT 1";
        let row = self.row(sql, params![runner.0, now.0]).await?;
        row.map(|row| row.int(0).map(CommandId)).transpose()
    }
}

impl Tx {
    /// Lets a command be taken, once.
    pub async fn add_command(&mut self, new: &NewCommand<'_>, now: Timestamp) -> Result<CommandId, StoreError> {
        let unwritable = |error: serde_json::Error| StoreError::Engine(error.to_string());
        let (text, digest) = (
            new.spec.canonical().map_err(unwritable)?,
            new.spec.digest().map_err(unwritable)?,
        );
        let sql =
            "INSERT INTO commands (request_id, spec, digest, runner_id, initiator_id, initiator, state, allowed_at, until)
                   VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8) RETURNING id";
        let params = params![
            new.request.map(|request| request.0),
            text,
            digest.0.as_slice(),
            new.runner.map(|runner| runner.0),
            new.initiator.0.0,
            new.initiator.1,
            now.0,
            new.spec.begins_before(now).0
        ];
        self.insert(sql, params).await.map(CommandId)
    }

    /// Takes a command that waits for this runner; false when somebody was faster, or its time is over.
    pub async fn take_command(
        &mut self,
        id: CommandId,
        (runner, address): (AccountId, &str),
        seconds: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE commands SET state = 'running', taken_at = $1, taken_from = $2, until = $3
                   WHERE id = $4 AND runner_id = $5 AND state = 'waiting' AND until > $1";
        let until = now.plus_seconds(i64::from(seconds) + REPORT_SECONDS);
        let params = params![now.0, address, until.0, id.0, runner.0];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Redeems a command's grant; false when it was redeemed before, or its time is over.
    pub async fn redeem_command(&mut self, id: CommandId, address: &str, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE commands SET state = 'redeemed', taken_at = $1, taken_from = $2, ended_at = $1
                   WHERE id = $3 AND runner_id IS NULL AND state = 'waiting' AND until > $1";
        Ok(self.execute(sql, params![now.0, address, id.0]).await? == 1)
    }

    /// Records what a runner says became of a command that it took; false when it did not, or has said so before.
    pub async fn report_command(
        &mut self,
        id: CommandId,
        runner: AccountId,
        report: &Report,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // One that is late tells what nobody knew.
        let sql = "UPDATE commands SET state = $1, ended_at = $2, exit_code = $3, signal = $4, output = $5, errors = $6, output_cut = $7,
                                       errors_cut = $8, detail = $9
                   WHERE id = $10 AND runner_id = $11 AND state IN ('running', 'unknown')";
        let params = params![
            report.state.as_str(),
            now.0,
            report.ended.exit_code.map(i64::from),
            report.ended.signal.map(i64::from),
            report.output.output.as_slice(),
            report.output.errors.as_slice(),
            i64::from(report.output.output_cut),
            i64::from(report.output.errors_cut),
            report.detail.as_deref(),
            id.0,
            runner.0
        ];
        Ok(self.execute(sql, params).await? == 1)
    }

    /// Ends what nobody took in time, and what a runner took and never said a word about; how many of each.
    pub async fn end_overdue_commands(&mut self, now: Timestamp) -> Result<(u64, u64), StoreError> {
        let lapsed = "UPDATE commands SET state = 'lapsed', ended_at = $1 WHERE state = 'waiting' AND until <= $1";
        let unknown = "UPDATE commands SET state = 'unknown', ended_at = $1 WHERE state = 'running' AND until <= $1";
        Ok((
            self.execute(lapsed, params![now.0]).await?,
            self.execute(unknown, params![now.0]).await?,
        ))
    }

    /// Ends what waits for a runner that is none any more.
    pub async fn end_commands_of(
        &mut self,
        runner: AccountId,
        detail: &str,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let sql = "UPDATE commands SET state = 'failed', ended_at = $1, detail = $2 WHERE runner_id = $3 AND state = 'waiting'";
        self.execute(sql, params![now.0, detail, runner.0]).await
    }
}

fn record(row: &Row) -> Result<CommandRecord, StoreError> {
    let unreadable = || StoreError::Unreadable("a command");
    let (text, state) = (row.text(2)?, row.text(6)?);
    let small = |column| -> Result<Option<u8>, StoreError> {
        let number = row.int_or_null(column)?;
        number
            .map(|number| u8::try_from(number).map_err(|_| unreadable()))
            .transpose()
    };
    Ok(CommandRecord {
        id: CommandId(row.int(0)?),
        request: row.int_or_null(1)?.map(RequestId),
        spec: serde_json::from_str(&text).map_err(|_| unreadable())?,
        text,
        digest: Sha256::from_slice(&row.blob(3)?).ok_or_else(unreadable)?,
        initiator: AccountId(row.int(4)?),
        initiator_name: row.text(5)?,
        state: CommandState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(unreadable)?,
        allowed_at: Timestamp(row.int(7)?),
        until: Timestamp(row.int(8)?),
        taken_at: row.int_or_null(9)?.map(Timestamp),
        taken_from: row.text_or_null(10)?,
        ended_at: row.int_or_null(11)?.map(Timestamp),
        ended: Ended {
            exit_code: small(12)?,
            signal: small(13)?,
        },
        detail: row.text_or_null(14)?,
    })
}
