//! The one file that knows which database it is. Everything above speaks in [`Value`]s and [`Row`]s.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, OpenFlags, ToSql};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::StoreError;
use crate::query::Query;

/// A value of a column or a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// TEXT.
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_owned())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

/// The parameters of a statement: `params![id, name]` for `$1`, `$2`.
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::engine::Value::from($value)),*] };
}

/// One row of an answer; columns by position.
pub struct Row(Vec<Value>);

impl Row {
    /// A column that is a number.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.int_or_null(column)?.ok_or(UNFITTING)
    }

    /// A column that is a number or NULL.
    pub fn int_or_null(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self.0.get(column) {
            Some(Value::Int(value)) => Ok(Some(*value)),
            Some(Value::Null) => Ok(None),
            _ => Err(UNFITTING),
        }
    }

    /// A column that is text.
    pub fn text(&self, column: usize) -> Result<String, StoreError> {
        self.text_or_null(column)?.ok_or(UNFITTING)
    }

    /// A column that is text or NULL.
    pub fn text_or_null(&self, column: usize) -> Result<Option<String>, StoreError> {
        match self.0.get(column) {
            Some(Value::Text(value)) => Ok(Some(value.clone())),
            Some(Value::Null) => Ok(None),
            _ => Err(UNFITTING),
        }
    }

    /// A column that is bytes.
    pub fn blob(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        self.blob_or_null(column)?.ok_or(UNFITTING)
    }

    /// A column that is bytes or NULL.
    pub fn blob_or_null(&self, column: usize) -> Result<Option<Vec<u8>>, StoreError> {
        match self.0.get(column) {
            Some(Value::Blob(value)) => Ok(Some(value.clone())),
            Some(Value::Null) => Ok(None),
            _ => Err(UNFITTING),
        }
    }
}

/// A column is not of the kind that its table says.
const UNFITTING: StoreError = StoreError::Unreadable("a column of another kind");

/// A connection to the database. A statement runs on the thread that asks: handing each to a thread of the engine's own costs several
/// times what the statement does (docs/adr/0080).
pub(crate) struct Connection {
    engine: rusqlite::Connection,
    /// Set when a statement found no room.
    full: Arc<AtomicBool>,
}

impl Connection {
    /// Opens the file, making it if it is not there.
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        aside(|| Self::connect(path, OpenFlags::SQLITE_OPEN_CREATE))
    }

    /// Opens the file, which must be there.
    pub(crate) async fn open_existing(path: &Path) -> Result<Self, StoreError> {
        aside(|| Self::connect(path, OpenFlags::empty()))
    }

    /// What the engine finds damaged in its own file.
    pub(crate) async fn damage(&mut self) -> Result<Vec<String>, StoreError> {
        let found = self.rows("PRAGMA quick_check(20)", params![]).await?;
        let texts = found.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
        Ok(texts.into_iter().filter(|text| text != "ok").collect())
    }

    fn connect(path: &Path, create: OpenFlags) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
        let engine = rusqlite::Connection::open_with_flags(path, flags)?;
        engine.busy_timeout(Duration::from_secs(10))?;
        engine.set_prepared_statement_cache_capacity(256);
        engine.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA cache_size = -8192;
             PRAGMA journal_size_limit = 67108864;",
        )?;
        Ok(Self {
            engine,
            full: Arc::default(),
        })
    }

    /// Runs a statement; how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &'static str, params: Vec<Value>) -> Result<u64, StoreError> {
        let ran = self.run(sql, &params);
        self.noted(ran)
    }

    /// Asks; every row of the answer.
    pub(crate) async fn rows(&mut self, sql: &'static str, params: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let found = aside(|| self.ask(sql, &params, usize::MAX));
        self.noted(found)
    }

    /// Asks; the first row of the answer.
    pub(crate) async fn row(&mut self, sql: &'static str, params: Vec<Value>) -> Result<Option<Row>, StoreError> {
        let found = self.ask(sql, &params, 1);
        Ok(self.noted(found)?.pop())
    }

    /// Runs a script of several statements.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let ran = aside(|| self.engine.execute_batch(sql));
        self.noted(ran)
    }

    /// Asks what a [`Query`] says; every row of the answer. Nothing but our own words is in its text: its type sees to that.
    pub(crate) async fn found(&mut self, query: Query) -> Result<Vec<Row>, StoreError> {
        let (text, params) = query.into_parts();
        let found = aside(|| self.ask(&text, &params, usize::MAX));
        self.noted(found)
    }

    /// Does what a [`Query`] says; how many rows it touched.
    pub(crate) async fn done(&mut self, query: Query) -> Result<u64, StoreError> {
        let (text, params) = query.into_parts();
        let ran = self.run(&text, &params);
        self.noted(ran)
    }

    /// Asks what was put together of our own words, names of tables and columns; `see` gets each row and ends it by giving `false`. For
    /// answers that are too large to be held at once.
    pub(crate) async fn each(
        &mut self,
        sql: &str,
        see: &mut (dyn FnMut(Vec<Value>) -> bool + Send),
    ) -> Result<(), StoreError> {
        let seen = aside(|| self.see(sql, see));
        self.noted(seen)
    }

    /// Does what was put together of our own words, names of tables and columns; how many rows it touched.
    pub(crate) async fn text(&mut self, sql: &str, params: Vec<Value>) -> Result<u64, StoreError> {
        let ran = self.run(sql, &params);
        self.noted(ran)
    }

    /// Set when a statement found no room; whoever has made room sets it back.
    pub(crate) fn full(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.full)
    }

    fn run(&self, sql: &str, params: &[Value]) -> rusqlite::Result<u64> {
        let mut statement = self.bound(sql, params)?;
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
        Ok(self.engine.changes())
    }

    fn ask(&self, sql: &str, params: &[Value], most: usize) -> rusqlite::Result<Vec<Row>> {
        let mut statement = self.bound(sql, params)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while found.len() < most {
            let Some(row) = rows.next()? else { break };
            let values = (0..columns).map(|column| row.get_ref(column).and_then(|value| owned(column, value)));
            found.push(Row(values.collect::<Result<_, _>>()?));
        }
        Ok(found)
    }

    fn see(&self, sql: &str, see: &mut (dyn FnMut(Vec<Value>) -> bool + Send)) -> rusqlite::Result<()> {
        let mut statement = self.bound(sql, &[])?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| row.get_ref(column).and_then(|value| owned(column, value)));
            if !see(values.collect::<Result<_, _>>()?) {
                break;
            }
        }
        Ok(())
    }

    /// A statement with its parameters. For SQLite `$2` is a name, numbered by where it first stands: its own number counts.
    fn bound(&self, sql: &str, params: &[Value]) -> rusqlite::Result<CachedStatement<'_>> {
        let mut statement = self.engine.prepare_cached(sql)?;
        for place in 1..=statement.parameter_count() {
            let number = statement
                .parameter_name(place)
                .and_then(|name| name.trim_start_matches('$').parse::<usize>().ok());
            let value = number
                .and_then(|number| params.get(number.checked_sub(1)?))
                .ok_or(rusqlite::Error::InvalidParameterCount(params.len(), place))?;
            statement.raw_bind_parameter(place, value)?;
        }
        Ok(statement)
    }

    /// The engine's answer; that there was no room is remembered, because the engine may undo more than the statement
    /// then, and what fails next does not say why.
    fn noted<T>(&self, answer: Result<T, rusqlite::Error>) -> Result<T, StoreError> {
        answer.map_err(|error| {
            let error = StoreError::from(error);
            if error == StoreError::Full {
                self.full.store(true, Ordering::Release);
            }
            error
        })
    }

    /// Closes in good order.
    pub(crate) async fn close(self) -> Result<(), StoreError> {
        Ok(self.engine.close().map_err(|(_, error)| error)?)
    }
}

fn owned(column: usize, value: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Text(value) => Value::Text(
            std::str::from_utf8(value)
                .map_err(|error| rusqlite::Error::Utf8Error(column, error))?
                .to_owned(),
        ),
        ValueRef::Blob(value) => Value::Blob(value.to_owned()),
        // No column of ours is one.
        ValueRef::Real(_) => {
            return Err(rusqlite::Error::InvalidColumnType(
                column,
                String::new(),
                value.data_type(),
            ));
        }
    })
}

/// Does what may take long where it keeps no other task waiting: what is asked for by one row never does.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}
