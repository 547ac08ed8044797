use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use super::BUSY_PATIENCE;
use super::codec::Fault;
use crate::catalogue::CatalogueError;

/// What SQLite keeps in the file's header: it is ours. The letters FGCA.
const APPLICATION: i64 = 0x4647_4341;

/// Each schema version: the statements that lead to it from the one before, and the statement that notes it.
const MIGRATIONS: [(&str, &str); 2] = [
    (include_str!("../../../migrations/sqlite/catalogue_0001.sql"), "PRAGMA user_version = 1"),
    (include_str!("../../../migrations/sqlite/catalogue_0002.sql"), "PRAGMA user_version = 2"),
];

/// Connections of one process: one writes at a time, the others read.
const CONNECTIONS_MAX: u32 = 4;

/// An open file.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) pool: SqlitePool,
    /// Device and inode.
    file: (u64, u64),
}

impl Opened {
    /// Opens the file, makes it where there is none (mode 0600), and brings its schema up to date.
    pub(super) async fn open(path: &Path) -> Result<Self, Fault> {
        // One that is there is not opened: this process may have it open already, and closing a second descriptor of it would
        // end the locks of the first.
        match OpenOptions::new().append(true).create_new(true).mode(0o600).open(path) {
            Err(error) if !path.is_file() => return Err(Fault::File(error)),
            _ => {}
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY_PATIENCE)
            .synchronous(SqliteSynchronous::Full)
            .statement_cache_capacity(64)
            // What is slow is the caller's to tell.
            .disable_statement_logging();
        let mut first = SqliteConnection::connect_with(&options).await?;
        let prepared = prepare(&mut first, path).await;
        first.close().await?;
        prepared?;
        let file = identity(path).map_err(Fault::File)?;
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(2 * BUSY_PATIENCE)
            // Asking each time costs as much as a query; a connection to a file does not break.
            .test_before_acquire(false)
            .connect_lazy_with(options);
        Ok(Self { pool, file })
    }

    /// Whether `path` still names the file that is open: an operator may have put back a backup.
    pub(super) fn is_still(&self, path: &Path) -> bool {
        identity(path).is_ok_and(|found| found == self.file)
    }
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

async fn prepare(connection: &mut SqliteConnection, path: &Path) -> Result<(), Fault> {
    let found = version(connection, path).await?;
    if found < known() {
        if found == 0 {
            // Of a new file alone: what is taken out of it gives its space back (`retention`).
            sqlx::query("PRAGMA auto_vacuum = INCREMENTAL").execute(&mut *connection).await?;
        }
        use_wal(connection).await?;
        migrate(connection, path).await?;
    }
    Ok(())
}

/// The latest schema version that this program knows.
fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The schema version of a file that is ours or empty.
async fn version(connection: &mut SqliteConnection, path: &Path) -> Result<i64, Fault> {
    let place = || path.display().to_string();
    // In one transaction: another process may be about to make the tables.
    let mut connection = connection.begin().await?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master").fetch_one(&mut *connection).await?;
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?;
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?;
    connection.commit().await?;
    match application {
        APPLICATION if found > known() => Err(CatalogueError::Newer { place: place(), found, known: known() }.into()),
        APPLICATION => Ok(found),
        0 if found == 0 && tables == 0 => Ok(0),
        _ => Err(CatalogueError::Foreign { place: place() }.into()),
    }
}

/// The change of the mode takes a lock that SQLite does not wait for.
async fn use_wal(connection: &mut SqliteConnection) -> Result<(), Fault> {
    let started = Instant::now();
    loop {
        let changed = sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL").fetch_one(&mut *connection).await;
        match changed.map_err(Fault::from) {
            Ok(_) => return Ok(()),
            Err(fault) if fault.is_busy() && started.elapsed() < BUSY_PATIENCE => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// All missing versions in one transaction: of several processes the first one does it.
async fn migrate(connection: &mut SqliteConnection, path: &Path) -> Result<(), Fault> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let found = version(&mut transaction, path).await?;
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    for (statements, note) in MIGRATIONS.iter().skip(done) {
        sqlx::raw_sql(*statements).execute(&mut *transaction).await?;
        sqlx::raw_sql(*note).execute(&mut *transaction).await?;
    }
    // The same number as the constant.
    sqlx::raw_sql("PRAGMA application_id = 1179075393").execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Reads from the file what only a whole one answers.
pub(super) async fn check(pool: &SqlitePool) -> Result<(), Fault> {
    sqlx::query("SELECT 1 FROM assets LIMIT 1").fetch_optional(pool).await?;
    Ok(())
}
