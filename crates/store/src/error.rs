//! What can go wrong in a store, by what the caller can do about it.

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Locked, out of space or out of connections: nothing was written, try again.
    #[error("the store is busy or full")]
    Busy(#[source] sqlx::Error),
    /// The index refuses these rows (a key that must be unique, a value that is too big): nothing of this decision was written.
    #[error("the index refused the decision")]
    Refused(#[source] sqlx::Error),
    /// The sync itself failed: nobody knows what is on the disk. The process must end (exit 75).
    #[error("the outcome of a sync is unknown")]
    SyncUnknown(#[source] sqlx::Error),
    /// A stored value is not what it must be.
    #[error("corrupt value in {table}.{column} of {id}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: String,
    },
    /// The query took longer than it may.
    #[error("the query took too long")]
    Timeout,
    /// Anything else: a defect of ours or of the installation.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

/// The primary SQLite result code for "disk full".
const SQLITE_FULL: i32 = 13;
/// The primary SQLite result codes for "somebody else holds the lock".
const SQLITE_BUSY: [i32; 2] = [5, 6];
/// The primary SQLite result code for a failed read, write or sync.
const SQLITE_IOERR: i32 = 10;
/// The primary SQLite result codes for a value that is too big, breaks a constraint or has the wrong
/// type: about these rows, and no reason to turn their neighbours away.
const SQLITE_REFUSALS: [i32; 3] = [18, 19, 20];

/// Classes of PostgreSQL's SQLSTATE that are about these rows: wrong data, a broken constraint, a value too big.
const POSTGRES_REFUSALS: [&str; 3] = ["22", "23", "54"];
/// Classes that go away by themselves: no connection, rolled back for another, no resources, a lock that was not
/// given, a server that is told to stop.
const POSTGRES_BUSY: [&str; 5] = ["08", "40", "53", "55", "57"];

impl StoreError {
    /// Sorts an error of a statement that is not the commit.
    pub(crate) fn of_statement(error: sqlx::Error) -> Self {
        match primary_code(&error) {
            Some(code) if code == SQLITE_FULL || SQLITE_BUSY.contains(&code) => Self::Busy(error),
            Some(code) if SQLITE_REFUSALS.contains(&code) => Self::Refused(error),
            Some(_) => Self::Database(error),
            None if matches!(error, sqlx::Error::PoolTimedOut) || is_lost(&error) => Self::Busy(error),
            None if has_class(&error, &POSTGRES_REFUSALS) => Self::Refused(error),
            None if has_class(&error, &POSTGRES_BUSY) => Self::Busy(error),
            None => Self::Database(error),
        }
    }

    /// Sorts an error of the commit: only "full" and "busy" come before the sync (architecture section 6), and
    /// what PostgreSQL says of a commit that it has rolled back. A connection that broke says nothing.
    pub(crate) fn of_commit(error: sqlx::Error) -> Self {
        match primary_code(&error) {
            Some(code) if code == SQLITE_FULL || SQLITE_BUSY.contains(&code) => Self::Busy(error),
            None if has_class(&error, &["23"]) => Self::Refused(error),
            None if has_class(&error, &["40", "53"]) => Self::Busy(error),
            _ => Self::SyncUnknown(error),
        }
    }

    /// Whether the file system failed below SQLite.
    pub fn is_io(&self) -> bool {
        match self {
            Self::Busy(e) | Self::Refused(e) | Self::SyncUnknown(e) | Self::Database(e) => primary_code(e) == Some(SQLITE_IOERR),
            Self::Corrupt { .. } | Self::Timeout => false,
        }
    }
}

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let error = error.as_database_error()?.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    let code: i32 = sqlx::error::DatabaseError::code(error)?.parse().ok()?;
    Some(code & 0xff)
}

/// Whether PostgreSQL's error is of one of these classes: the first two characters of its code.
fn has_class(error: &sqlx::Error, classes: &[&str]) -> bool {
    let postgres = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>());
    postgres.is_some_and(|error| error.code().get(..2).is_some_and(|class| classes.contains(&class)))
}

/// Whether the connection is gone.
fn is_lost(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed
    )
}
