//! A consistent look at the database, and the transaction that may also change it.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_core::RequestId;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::StoreError;
use crate::clock::SharedClock;
use crate::engine::{Connection, Row, Value};
use crate::query::Query;
use crate::time_marks::LastMarks;

/// Reads. Its questions are in the files of their nouns.
pub struct View {
    connection: Connection,
    clock: SharedClock,
}

impl View {
    pub(crate) const fn over(connection: Connection, clock: SharedClock) -> Self {
        Self { connection, clock }
    }

    pub(crate) const fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// A look at the database of a server that may be running. The file must be there; nothing in it is changed, its schema
    /// neither.
    ///
    /// # Errors
    /// The file is no database of ours, or cannot be read.
    pub async fn beside(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open_existing(path).await?;
        Ok(Self::over(connection, SharedClock::default()))
    }

    pub(crate) async fn rows(&mut self, sql: &'static str, params: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        self.connection.rows(sql, params).await
    }

    pub(crate) async fn row(&mut self, sql: &'static str, params: Vec<Value>) -> Result<Option<Row>, StoreError> {
        self.connection.row(sql, params).await
    }

    /// Asks for one number that is not negative: a `count(*)`.
    pub(crate) async fn count(&mut self, sql: &'static str, params: Vec<Value>) -> Result<u64, StoreError> {
        let row = self.row(sql, params).await?;
        row.map_or(Ok(0), |row| Ok(u64::try_from(row.int(0)?).unwrap_or(0)))
    }

    pub(crate) async fn found(&mut self, query: Query) -> Result<Vec<Row>, StoreError> {
        self.connection.found(query).await
    }

    /// For questions whose answer is too large to be held at once.
    pub(crate) const fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    pub(crate) fn full(&self) -> Arc<AtomicBool> {
        self.connection.full()
    }

    pub(crate) async fn begin(&mut self) -> Result<(), StoreError> {
        self.connection.execute("BEGIN", params![]).await.map(drop)
    }

    pub(crate) async fn end(&mut self) -> Result<(), StoreError> {
        self.connection.execute("COMMIT", params![]).await.map(drop)
    }

    pub(crate) async fn close(self) -> Result<(), StoreError> {
        self.connection.close().await
    }
}

/// Reads and changes, all or nothing.
pub struct Tx {
    view: View,
    appended: Option<i64>,
    /// The requests of which something was decided or done, for those who wait for that.
    turned: Vec<RequestId>,
    marks: LastMarks,
}

impl Tx {
    pub(crate) const fn over(view: View) -> Self {
        Self {
            view,
            appended: None,
            turned: Vec::new(),
            marks: LastMarks::NONE,
        }
    }

    /// Runs a statement; how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &'static str, params: Vec<Value>) -> Result<u64, StoreError> {
        self.view.connection.execute(sql, params).await
    }

    /// Does what a query says; how many rows it touched.
    pub(crate) async fn done(&mut self, query: Query) -> Result<u64, StoreError> {
        self.view.connection.done(query).await
    }

    /// Runs a statement that was put together of our own words; how many rows it touched.
    pub(crate) async fn execute_composed(&mut self, sql: String, params: Vec<Value>) -> Result<u64, StoreError> {
        self.view.connection.text(&sql, params).await
    }

    /// Runs a script of several statements.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.view.connection.script(sql).await
    }

    /// Runs an `INSERT … RETURNING id`.
    pub(crate) async fn insert(&mut self, sql: &'static str, params: Vec<Value>) -> Result<i64, StoreError> {
        match self.view.connection.row(sql, params).await? {
            Some(row) => row.int(0),
            None => Err(StoreError::Unreadable("the id of a new row")),
        }
    }

    pub(crate) fn note_appended(&mut self, seq: i64) {
        self.appended = Some(seq);
    }

    pub(crate) const fn appended(&self) -> Option<i64> {
        self.appended
    }

    /// What was done since was undone.
    pub(crate) fn restore_appended(&mut self, appended: Option<i64>) {
        self.appended = appended;
        self.marks = LastMarks::NONE;
    }

    pub(crate) fn note_turn(&mut self, id: RequestId) {
        self.turned.push(id);
    }

    pub(crate) const fn turns(&self) -> usize {
        self.turned.len()
    }

    /// What was done since was undone.
    pub(crate) fn restore_turns(&mut self, turns: usize) {
        self.turned.truncate(turns);
    }

    pub(crate) fn take_turned(&mut self) -> Vec<RequestId> {
        std::mem::take(&mut self.turned)
    }

    pub(crate) const fn marks(&mut self) -> &mut LastMarks {
        &mut self.marks
    }

    pub(crate) fn take_appended(&mut self) -> Option<i64> {
        self.appended.take()
    }

    pub(crate) fn into_view(self) -> View {
        self.view
    }
}

impl Deref for Tx {
    type Target = View;

    fn deref(&self) -> &View {
        &self.view
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut View {
        &mut self.view
    }
}

/// How many reads run at once.
const READERS: usize = 4;

/// The reading connections that are idle.
pub(crate) struct Readers {
    path: PathBuf,
    clock: SharedClock,
    idle: Mutex<Vec<View>>,
    permits: Semaphore,
}

impl Readers {
    pub(crate) fn new(path: &Path, clock: SharedClock) -> Self {
        Self {
            path: path.to_owned(),
            clock,
            idle: Mutex::new(Vec::new()),
            permits: Semaphore::new(READERS),
        }
    }

    pub(crate) async fn take(&self) -> Result<Reader<'_>, StoreError> {
        let permit = self.permits.acquire().await.map_err(|_| StoreError::Closed)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let view = match idle {
            Some(view) => view,
            None => View::over(Connection::open(&self.path).await?, Arc::clone(&self.clock)),
        };
        Ok(Reader {
            view,
            readers: self,
            _permit: permit,
        })
    }
}

/// A connection on loan. Dropped without `give_back` (an error, a caller gone in the middle) it is closed, not reused.
pub(crate) struct Reader<'r> {
    view: View,
    readers: &'r Readers,
    _permit: SemaphorePermit<'r>,
}

impl Reader<'_> {
    pub(crate) const fn view(&mut self) -> &mut View {
        &mut self.view
    }

    pub(crate) fn give_back(self) {
        self.readers
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(self.view);
    }
}
