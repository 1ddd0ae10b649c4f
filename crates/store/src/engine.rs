//! The one file that knows which database it is. Everything above speaks in [`Value`]s and [`Row`]s.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Row as _, SqlSafeStr, Sqlite};

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

/// The parameters of a statement: `params![id, name]` for `$1`, `$2`.
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::engine::Value::from($value)),*] };
}

/// One row of an answer; columns by position.
pub struct Row(SqliteRow);

impl Row {
    /// A column that is a number.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    /// A column that is a number or NULL.
    pub fn int_or_null(&self, column: usize) -> Result<Option<i64>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    /// A column that is text.
    pub fn text(&self, column: usize) -> Result<String, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    /// A column that is text or NULL.
    pub fn text_or_null(&self, column: usize) -> Result<Option<String>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    /// A column that is bytes.
    pub fn blob(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    /// A column that is bytes or NULL.
    pub fn blob_or_null(&self, column: usize) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.try_get(column)?)
    }
}

/// A connection to the database.
pub(crate) struct Connection {
    engine: SqliteConnection,
    /// Set when a statement found no room.
    full: Arc<AtomicBool>,
}

impl Connection {
    /// Opens the file, making it if it is not there.
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::connect(path, true).await
    }

    /// Opens the file, which must be there.
    pub(crate) async fn open_existing(path: &Path) -> Result<Self, StoreError> {
        Self::connect(path, false).await
    }

    /// What the engine finds damaged in its own file.
    pub(crate) async fn damage(&mut self) -> Result<Vec<String>, StoreError> {
        let found = self.rows("PRAGMA quick_check(20)", params![]).await?;
        let texts = found.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
        Ok(texts.into_iter().filter(|text| text != "ok").collect())
    }

    async fn connect(path: &Path, create: bool) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(256)
            // Rows cross from the engine's thread to ours: a page of a list at once, not fifty by fifty.
            .row_buffer_size(1024)
            .pragma("cache_size", "-8192")
            .pragma("journal_size_limit", "67108864")
            .disable_statement_logging();
        Ok(Self {
            engine: options.connect().await?,
            full: Arc::default(),
        })
    }

    /// Runs a statement; how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &'static str, params: Vec<Value>) -> Result<u64, StoreError> {
        let ran = bound(sql, params).execute(&mut self.engine).await;
        Ok(self.noted(ran)?.rows_affected())
    }

    /// Asks; every row of the answer.
    pub(crate) async fn rows(&mut self, sql: &'static str, params: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let found = bound(sql, params).fetch_all(&mut self.engine).await;
        Ok(self.noted(found)?.into_iter().map(Row).collect())
    }

    /// Asks; the first row of the answer.
    pub(crate) async fn row(&mut self, sql: &'static str, params: Vec<Value>) -> Result<Option<Row>, StoreError> {
        let found = bound(sql, params).fetch_optional(&mut self.engine).await;
        Ok(self.noted(found)?.map(Row))
    }

    /// Runs a script of several statements.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let ran = sqlx::raw_sql(sql).execute(&mut self.engine).await;
        self.noted(ran).map(drop)
    }

    /// Asks what a [`Query`] says; every row of the answer.
    pub(crate) async fn found(&mut self, query: Query) -> Result<Vec<Row>, StoreError> {
        let (text, params) = query.into_parts();
        // Nothing but our own words is in a query's text: its type sees to that.
        let found = bound(AssertSqlSafe(text), params).fetch_all(&mut self.engine).await;
        Ok(self.noted(found)?.into_iter().map(Row).collect())
    }

    /// Does what a [`Query`] says; how many rows it touched.
    pub(crate) async fn done(&mut self, query: Query) -> Result<u64, StoreError> {
        let (text, params) = query.into_parts();
        let ran = bound(AssertSqlSafe(text), params).execute(&mut self.engine).await;
        Ok(self.noted(ran)?.rows_affected())
    }

    /// Set when a statement found no room; whoever has made room sets it back.
    pub(crate) fn full(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.full)
    }

    /// The engine's answer; that there was no room is remembered, because the engine may undo more than the statement
    /// then, and what fails next does not say why.
    fn noted<T>(&self, answer: Result<T, sqlx::Error>) -> Result<T, StoreError> {
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
        Ok(self.engine.close().await?)
    }
}

fn bound(sql: impl SqlSafeStr, params: Vec<Value>) -> sqlx::query::Query<'static, Sqlite, SqliteArguments> {
    let mut query = sqlx::query(sql.into_sql_str());
    for value in params {
        query = match value {
            Value::Null => query.bind(None::<i64>),
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Blob(value) => query.bind(value),
        };
    }
    query
}
