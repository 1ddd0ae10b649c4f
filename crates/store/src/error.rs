//! What can go wrong with the database, without its SQL, its paths or its data.

/// Why the store could not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk has no room. Nothing was changed.
    #[error("the database's disk is full: make room; nothing was changed")]
    Full,
    /// Another process held the database for too long.
    #[error("the database is in use by another process: try again")]
    Busy,
    /// A row that must be single is there already.
    #[error("it exists already")]
    Exists,
    /// The database was made by a newer version.
    #[error("the database was made by a newer version of countersign (schema {0}): use that version")]
    TooNew(i64),
    /// A row reads as nothing this version knows.
    #[error("the database holds a value that this version cannot read ({0}): run `countersign doctor`")]
    Unreadable(&'static str),
    /// The store has been closed.
    #[error("the database is closed: the server is stopping")]
    Closed,
    /// Anything else of the engine; the text is for the log alone.
    #[error("the database failed: see the server's log")]
    Engine(String),
}

impl StoreError {
    /// What the log may know beside the message.
    pub fn detail(&self) -> &str {
        match self {
            Self::Engine(detail) => detail,
            _ => "",
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        // SQLite's extended result codes; the low byte is the primary one.
        match error.sqlite_error().map(|error| error.extended_code) {
            Some(13) => Self::Full,
            Some(code) if code & 0xff == 5 || code & 0xff == 6 => Self::Busy,
            Some(2067 | 1555) => Self::Exists,
            _ => Self::Engine(error.to_string()),
        }
    }
}
