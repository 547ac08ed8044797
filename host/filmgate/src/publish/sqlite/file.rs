//! The file itself and the thread that has it open.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Params, Row, params};
use tokio::sync::{mpsc, oneshot};

use super::SqliteJournal;
use crate::job::IdempotencyKey;
use crate::key::ObjectKey;
use crate::publish::journal::{Begin, JournalError, KeyedJob, Noted, Which};
use crate::publish::state::{Entry, State};
use crate::storage::{Durability, PublishId};

/// What changes when the tables do.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE publishes (
    publish    TEXT PRIMARY KEY NOT NULL,   -- UUID version 7: sorts by time
    job        TEXT NOT NULL,
    slot       TEXT NOT NULL,
    sequence   INTEGER NOT NULL,            -- -1: none
    settled    INTEGER NOT NULL,            -- 0: under way, 1: published, 2: failed
    recorded   INTEGER NOT NULL,            -- 1: has its answer
    catalogued INTEGER NOT NULL DEFAULT 0,  -- 1: is in the catalogue
    changed    INTEGER NOT NULL,            -- milliseconds since 1970
    key        TEXT NOT NULL,               -- the object's
    entry      TEXT NOT NULL,               -- everything, as JSON
    UNIQUE (job, slot, sequence)
);
CREATE INDEX publishes_under_way ON publishes (publish) WHERE settled = 0;
CREATE INDEX publishes_failed ON publishes (publish) WHERE settled = 2;
CREATE INDEX publishes_uncatalogued ON publishes (publish) WHERE recorded = 1 AND catalogued = 0;
CREATE INDEX publishes_by_key ON publishes (key);
CREATE INDEX publishes_done ON publishes (changed) WHERE settled = 1;
CREATE TABLE jobs (
    key      TEXT PRIMARY KEY NOT NULL,     -- the caller's
    accepted INTEGER NOT NULL,              -- milliseconds since 1970
    job      TEXT NOT NULL                  -- as JSON
);
CREATE INDEX jobs_accepted ON jobs (accepted);
PRAGMA user_version = 1;
";

/// Made where it is missing: earlier versions of the host do without it.
const PENDING: &str = "CREATE INDEX IF NOT EXISTS publishes_pending ON publishes (publish) \
                       WHERE settled = 1 AND json_extract(entry, '$.recorded.pending') IS NOT NULL";

/// `synchronous` is set anew for each transaction.
const SETTINGS: &str = "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;";

/// The connection stays with its one thread.
const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// More than there are below.
const STATEMENTS: usize = 32;

/// One that has moved since it was read is to be catalogued anew.
const CATALOGUED: &str = "UPDATE publishes SET catalogued = 1 \
                          WHERE publish = ? AND json_extract(entry, '$.recorded.durability') = ?";

/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(30);
/// Between two tries of what SQLite does not wait for.
const BUSY_PAUSE: Duration = Duration::from_millis(10);
/// Asks that share one transaction at most.
const BATCH: usize = 256;
/// Old entries that are forgotten at one start.
const FORGOTTEN_AT_ONCE: i64 = 10_000;

pub(super) type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

/// What the writer is asked.
#[derive(Debug)]
pub(super) enum Ask {
    Begin(Box<Entry>, Reply<Begin>),
    Advance(PublishId, Box<State>, Option<Reply<()>>),
    Entries(Which, Option<PublishId>, usize, Reply<Vec<Entry>>),
    Entry(PublishId, Reply<Option<Entry>>),
    AtKey(ObjectKey, Reply<Vec<Noted>>),
    Catalogued(Vec<(PublishId, Durability)>, Reply<()>),
    Forget(PublishId, Reply<()>),
    KeyedJob(IdempotencyKey, Box<KeyedJob>, Reply<KeyedJob>),
    KeyedJobEnded(IdempotencyKey, String, Reply<()>),
    /// Why the last transaction that failed did so. Answered behind it.
    Failure(oneshot::Sender<String>),
}

impl Ask {
    /// Whether a power cut must not undo it once it is answered.
    fn must_last(&self) -> bool {
        match self {
            Self::Begin(..) | Self::KeyedJob(..) => true,
            Self::Advance(_, state, _) => state.must_last(),
            _ => false,
        }
    }

    fn is_reading(&self) -> bool {
        matches!(self, Self::Entries(..) | Self::Entry(..) | Self::AtKey(..))
    }
}

/// An answer that is given once what it says is committed.
type Answer = Box<dyn FnOnce() + Send>;

/// The open file.
pub(super) struct JournalFile {
    connection: Connection,
    /// Whether commits wait for the disk now.
    synced: bool,
}

impl JournalFile {
    /// Opens the file, says in `ready` how that went, and does what is asked until nobody can ask any more.
    pub(super) fn serve(
        path: &Path,
        mut asked: mpsc::UnboundedReceiver<Ask>,
        ready: &std::sync::mpsc::Sender<Result<(), JournalError>>,
    ) {
        let mut file = match Self::open(path) {
            Ok(file) => file,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let _ = ready.send(Ok(()));
        let mut failure = String::new();
        while let Some(first) = asked.blocking_recv() {
            let mut batch = Vec::new();
            let mut next = Some(first);
            while let Some(ask) = next {
                match ask {
                    Ask::Failure(reply) => drop(reply.send(failure.clone())),
                    ask => batch.push(ask),
                }
                next = (batch.len() < BATCH).then(|| asked.try_recv().ok()).flatten();
            }
            if let Err(error) = file.carry_out(batch) {
                failure = told(&error);
                tracing::error!(?path, error = failure, "write the journal");
                let _ = file.run("ROLLBACK", []);
            }
        }
    }

    fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |message: String| JournalError::File { path: path.to_owned(), message };
        // SQLite gives its other files the mode of this one. One that is there is not opened: this process may have it open
        // already, and closing a second descriptor of it would end the locks of the first.
        match OpenOptions::new().append(true).create_new(true).mode(0o600).open(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error.to_string())),
            _ => {}
        }
        let opened = || {
            let connection = Connection::open_with_flags(path, FLAGS)?;
            connection.busy_timeout(BUSY)?;
            connection.set_prepared_statement_cache_capacity(STATEMENTS);
            use_wal(&connection)?;
            connection.execute_batch(SETTINGS)?;
            connection.execute_batch("BEGIN IMMEDIATE")?;
            let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            if found == 0 {
                connection.execute_batch(TABLES)?;
            }
            if found <= VERSION {
                connection.execute_batch(PENDING)?;
                forget_old(&connection)?;
            }
            connection.execute_batch("COMMIT")?;
            Ok((connection, found))
        };
        let (connection, found) = opened().map_err(|error| failed(told(&error)))?;
        if found > VERSION {
            return Err(JournalError::Newer { path: path.to_owned(), found, known: VERSION });
        }
        Ok(Self { connection, synced: true })
    }

    fn run(&self, statement: &str, values: impl Params) -> Result<usize, rusqlite::Error> {
        self.connection.prepare_cached(statement)?.execute(values)
    }

    /// Does all of it in one transaction, then gives the answers. After an error nothing was done and nothing is answered.
    fn carry_out(&mut self, batch: Vec<Ask>) -> Result<(), rusqlite::Error> {
        let synced = batch.iter().any(Ask::must_last);
        if synced != self.synced {
            let level = if synced { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" };
            self.run(level, [])?;
            self.synced = synced;
        }
        let begin = if batch.iter().all(Ask::is_reading) { "BEGIN" } else { "BEGIN IMMEDIATE" };
        self.run(begin, [])?;
        let mut answers = Vec::with_capacity(batch.len());
        for ask in batch {
            answers.push(self.one(ask)?);
        }
        self.run("COMMIT", [])?;
        answers.into_iter().for_each(|answer| answer());
        Ok(())
    }

    fn one(&self, ask: Ask) -> Result<Answer, rusqlite::Error> {
        let connection = &self.connection;
        Ok(match ask {
            Ask::Begin(entry, reply) => answer(reply, Ok(begin(connection, &entry)?)),
            Ask::Advance(publish, state, reply) => {
                let advanced = advance(connection, publish, *state)?;
                match reply {
                    Some(reply) => answer(reply, advanced),
                    None => Box::new(move || {
                        if let Err(error) = advanced {
                            tracing::error!(%error, "journal a publish");
                        }
                    }),
                }
            }
            Ask::Entries(which, after, limit, reply) => answer(reply, Ok(entries(connection, which, after, limit)?)),
            Ask::Entry(publish, reply) => answer(reply, Ok(entry(connection, publish)?)),
            Ask::AtKey(key, reply) => answer(reply, Ok(at_key(connection, &key)?)),
            Ask::Catalogued(publishes, reply) => {
                for (publish, durability) in publishes {
                    self.run(CATALOGUED, params![publish.to_string(), durability.to_string()])?;
                }
                answer(reply, Ok(()))
            }
            Ask::Forget(publish, reply) => answer(reply, forget(connection, publish)?),
            Ask::KeyedJob(key, new, reply) => answer(reply, Ok(keyed_job(connection, &key, *new)?)),
            Ask::KeyedJobEnded(key, summary, reply) => {
                if let Some(mut job) = known_job(connection, &key)? {
                    job.summary = Some(summary);
                    self.run("UPDATE jobs SET job = ? WHERE key = ?", params![json(&job)?, key.as_str()])?;
                }
                answer(reply, Ok(()))
            }
            // Needs no transaction.
            Ask::Failure(reply) => Box::new(move || drop(reply.send(String::new()))),
        })
    }
}

/// The change of the mode takes a lock that SQLite does not wait for.
fn use_wal(connection: &Connection) -> Result<(), rusqlite::Error> {
    let started = Instant::now();
    loop {
        // To the last row: the change is made when the statement ends, and only then told.
        let changed = connection.prepare("PRAGMA journal_mode = WAL").and_then(|mut pragma| {
            let modes: Result<Vec<String>, _> = pragma.query_map([], |row| row.get(0))?.collect();
            modes
        });
        match changed {
            Ok(modes) if modes == ["wal"] => return Ok(()),
            Ok(modes) => {
                let message = format!("no write-ahead log can be kept here: the journal mode stays {modes:?}");
                let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
                return Err(rusqlite::Error::SqliteFailure(code, Some(message)));
            }
            Err(error) if is_busy(&error) && started.elapsed() < BUSY => std::thread::sleep(BUSY_PAUSE),
            Err(error) => return Err(error),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// With SQLite's number, which tells apart what its words do not.
fn told(error: &rusqlite::Error) -> String {
    match error.sqlite_error() {
        Some(known) => format!("{error} (SQLite's code {})", known.extended_code),
        None => error.to_string(),
    }
}

/// Whoever does not wait any more needs no answer.
fn answer<T: Send + 'static>(reply: Reply<T>, result: Result<T, JournalError>) -> Answer {
    Box::new(move || drop(reply.send(result)))
}

fn begin(connection: &Connection, new: &Entry) -> Result<Begin, rusqlite::Error> {
    let identity = &new.identity;
    let (job, slot, sequence) = (identity.job.to_string(), identity.slot.as_str(), sequence(new));
    let known = "SELECT entry FROM publishes WHERE job = ? AND slot = ? AND sequence = ?";
    let known = connection.prepare_cached(known)?.query_row(params![job, slot, sequence], parsed).optional()?;
    if let Some(known) = known {
        return Ok(Begin::Known(Box::new(known)));
    }
    let insert = "INSERT INTO publishes (publish, job, slot, sequence, settled, recorded, changed, key, entry) \
                  VALUES (?, ?, ?, ?, 0, 0, ?, ?, ?)";
    let (publish, changed) = (new.publish.to_string(), new.changed_at.as_millisecond());
    let values = params![publish, job, slot, sequence, changed, new.intent.key.as_str(), json(new)?];
    connection.prepare_cached(insert)?.execute(values)?;
    Ok(Begin::New)
}

fn advance(
    connection: &Connection,
    publish: PublishId,
    next: State,
) -> Result<Result<(), JournalError>, rusqlite::Error> {
    let Some(mut entry) = entry(connection, publish)? else { return Ok(Err(JournalError::Unknown(publish))) };
    if let Err(error) = entry.advance(next) {
        return Ok(Err(error));
    }
    let settled = match entry.state {
        State::Replied | State::Moved(_) => 1,
        State::Failed(_) => 2,
        _ => 0,
    };
    let update = "UPDATE publishes SET settled = ?, recorded = ?, changed = ?, entry = ?, \
                  catalogued = CASE WHEN ? THEN 0 ELSE catalogued END WHERE publish = ?";
    connection.prepare_cached(update)?.execute(params![
        settled,
        entry.recorded.is_some(),
        entry.changed_at.as_millisecond(),
        json(&entry)?,
        matches!(entry.state, State::Moved(_)),
        publish.to_string(),
    ])?;
    Ok(Ok(()))
}

fn entry(connection: &Connection, publish: PublishId) -> Result<Option<Entry>, rusqlite::Error> {
    let mut query = connection.prepare_cached("SELECT entry FROM publishes WHERE publish = ?")?;
    query.query_row([publish.to_string()], parsed).optional()
}

fn at_key(connection: &Connection, key: &ObjectKey) -> Result<Vec<Noted>, rusqlite::Error> {
    let query = "SELECT entry, catalogued FROM publishes WHERE key = ? ORDER BY publish LIMIT 100";
    let mut query = connection.prepare_cached(query)?;
    query.query_map([key.as_str()], |row| Ok(Noted { entry: parsed(row)?, catalogued: row.get(1)? }))?.collect()
}

fn entries(
    connection: &Connection,
    which: Which,
    after: Option<PublishId>,
    limit: usize,
) -> Result<Vec<Entry>, rusqlite::Error> {
    let (query, job) = match which {
        Which::Unfinished => {
            ("SELECT entry FROM publishes WHERE settled = 0 AND publish > ?1 ORDER BY publish LIMIT ?2", None)
        }
        Which::Failed => {
            ("SELECT entry FROM publishes WHERE settled = 2 AND publish > ?1 ORDER BY publish LIMIT ?2", None)
        }
        Which::Uncatalogued => (
            "SELECT entry FROM publishes WHERE recorded = 1 AND catalogued = 0 AND publish > ?1 ORDER BY publish LIMIT ?2",
            None,
        ),
        Which::Pending => (
            "SELECT entry FROM publishes WHERE settled = 1 AND json_extract(entry, '$.recorded.pending') IS NOT NULL \
             AND publish > ?1 ORDER BY publish LIMIT ?2",
            None,
        ),
        Which::OfJob(job) => {
            ("SELECT entry FROM publishes WHERE job = ?3 AND publish > ?1 ORDER BY publish LIMIT ?2", Some(job))
        }
    };
    let after = after.map(|publish| publish.to_string()).unwrap_or_default();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut query = connection.prepare_cached(query)?;
    match job {
        Some(job) => query.query_map(params![after, limit, job.to_string()], parsed)?.collect(),
        None => query.query_map(params![after, limit], parsed)?.collect(),
    }
}

fn forget(connection: &Connection, publish: PublishId) -> Result<Result<(), JournalError>, rusqlite::Error> {
    match entry(connection, publish)?.map(|entry| entry.state) {
        None => Ok(Err(JournalError::Unknown(publish))),
        Some(State::Failed(_)) => {
            connection.execute("DELETE FROM publishes WHERE publish = ?", [publish.to_string()])?;
            Ok(Ok(()))
        }
        Some(other) => Ok(Err(JournalError::Order { publish, from: other.name(), to: "forgotten" })),
    }
}

fn keyed_job(connection: &Connection, key: &IdempotencyKey, new: KeyedJob) -> Result<KeyedJob, rusqlite::Error> {
    if let Some(known) = known_job(connection, key)? {
        return Ok(known);
    }
    let mut insert = connection.prepare_cached("INSERT INTO jobs (key, accepted, job) VALUES (?, ?, ?)")?;
    insert.execute(params![key.as_str(), new.accepted_at.as_millisecond(), json(&new)?])?;
    Ok(new)
}

fn known_job(connection: &Connection, key: &IdempotencyKey) -> Result<Option<KeyedJob>, rusqlite::Error> {
    let mut query = connection.prepare_cached("SELECT job FROM jobs WHERE key = ?")?;
    query.query_row([key.as_str()], parsed).optional()
}

/// What is done and long ago makes room.
fn forget_old(connection: &Connection) -> Result<(), rusqlite::Error> {
    let age = SignedDuration::from_hours(24 * SqliteJournal::KEPT_DAYS);
    let before = (Timestamp::now() - age).as_millisecond();
    let done = "DELETE FROM publishes WHERE publish IN \
                (SELECT publish FROM publishes WHERE settled = 1 AND catalogued = 1 AND changed < ? \
                 AND json_extract(entry, '$.recorded.pending') IS NULL LIMIT ?)";
    let keys = "DELETE FROM jobs WHERE key IN (SELECT key FROM jobs WHERE accepted < ? LIMIT ?)";
    for delete in [done, keys] {
        connection.execute(delete, [before, FORGOTTEN_AT_ONCE])?;
    }
    Ok(())
}

fn sequence(entry: &Entry) -> i64 {
    entry.identity.sequence.map_or(-1, |sequence| i64::from(sequence.get()))
}

fn json(value: &impl serde::Serialize) -> Result<String, rusqlite::Error> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// The first column, which is JSON.
fn parsed<T: serde::de::DeserializeOwned>(row: &Row<'_>) -> Result<T, rusqlite::Error> {
    let text = row.get_ref(0)?.as_str()?;
    serde_json::from_str(text).map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into()))
}
