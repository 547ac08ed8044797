//! The file itself and the thread that has it open.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
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

/// One that has moved since it was read is to be catalogued anew.
const CATALOGUED: &str = "UPDATE publishes SET catalogued = 1 \
                          WHERE publish = ? AND json_extract(entry, '$.recorded.durability') = ?";

/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(30);
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
    connection: SqliteConnection,
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
        let failed = |message: String| JournalError::File { path: path.to_owned(), message };
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(ready.send(Err(failed(error.to_string())))),
        };
        runtime.block_on(async {
            let mut file = match Self::open(path).await {
                Ok(file) => file,
                Err(error) => return drop(ready.send(Err(error))),
            };
            let _ = ready.send(Ok(()));
            let mut failure = String::new();
            while let Some(first) = asked.recv().await {
                let mut batch = Vec::new();
                let mut next = Some(first);
                while let Some(ask) = next {
                    match ask {
                        Ask::Failure(reply) => drop(reply.send(failure.clone())),
                        ask => batch.push(ask),
                    }
                    next = (batch.len() < BATCH).then(|| asked.try_recv().ok()).flatten();
                }
                if let Err(error) = file.carry_out(batch).await {
                    tracing::error!(?path, %error, "write the journal");
                    failure = error.to_string();
                    let _ = sqlx::query("ROLLBACK").execute(&mut file.connection).await;
                }
            }
            let _ = file.connection.close().await;
        });
    }

    async fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |message: String| JournalError::File { path: path.to_owned(), message };
        // SQLite gives its other files the mode of this one.
        let made = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        made.map_err(|error| failed(error.to_string()))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", "16777216")
            .disable_statement_logging();
        let opened = async {
            let mut connection = options.connect().await?;
            sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await?;
            let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await?;
            if found == 0 {
                sqlx::raw_sql(TABLES).execute(&mut connection).await?;
            }
            if found <= VERSION {
                sqlx::raw_sql(PENDING).execute(&mut connection).await?;
                forget_old(&mut connection).await?;
            }
            sqlx::raw_sql("COMMIT").execute(&mut connection).await?;
            Ok((connection, found))
        };
        let (connection, found) = opened.await.map_err(|error: sqlx::Error| failed(error.to_string()))?;
        if found > VERSION {
            return Err(JournalError::Newer { path: path.to_owned(), found, known: VERSION });
        }
        Ok(Self { connection, synced: true })
    }

    /// Does all of it in one transaction, then gives the answers. After an error nothing was done and nothing is answered.
    async fn carry_out(&mut self, batch: Vec<Ask>) -> Result<(), sqlx::Error> {
        let synced = batch.iter().any(Ask::must_last);
        if synced != self.synced {
            let level = if synced { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" };
            sqlx::query(level).execute(&mut self.connection).await?;
            self.synced = synced;
        }
        let begin = if batch.iter().all(Ask::is_reading) { "BEGIN" } else { "BEGIN IMMEDIATE" };
        sqlx::query(begin).execute(&mut self.connection).await?;
        let mut answers = Vec::with_capacity(batch.len());
        for ask in batch {
            answers.push(self.one(ask).await?);
        }
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        answers.into_iter().for_each(|answer| answer());
        Ok(())
    }

    async fn one(&mut self, ask: Ask) -> Result<Answer, sqlx::Error> {
        let connection = &mut self.connection;
        Ok(match ask {
            Ask::Begin(entry, reply) => answer(reply, Ok(begin(connection, &entry).await?)),
            Ask::Advance(publish, state, reply) => {
                let advanced = advance(connection, publish, *state).await?;
                match reply {
                    Some(reply) => answer(reply, advanced),
                    None => Box::new(move || {
                        if let Err(error) = advanced {
                            tracing::error!(%error, "journal a publish");
                        }
                    }),
                }
            }
            Ask::Entries(which, after, limit, reply) => {
                answer(reply, Ok(entries(connection, which, after, limit).await?))
            }
            Ask::Entry(publish, reply) => answer(reply, Ok(entry(connection, publish).await?)),
            Ask::AtKey(key, reply) => answer(reply, Ok(at_key(connection, &key).await?)),
            Ask::Catalogued(publishes, reply) => {
                for (publish, durability) in publishes {
                    let update = sqlx::query(CATALOGUED).bind(publish.to_string()).bind(durability.to_string());
                    update.execute(&mut *connection).await?;
                }
                answer(reply, Ok(()))
            }
            Ask::Forget(publish, reply) => answer(reply, forget(connection, publish).await?),
            Ask::KeyedJob(key, new, reply) => answer(reply, Ok(keyed_job(connection, &key, *new).await?)),
            Ask::KeyedJobEnded(key, summary, reply) => {
                if let Some(mut job) = known_job(connection, &key).await? {
                    job.summary = Some(summary);
                    let update = sqlx::query("UPDATE jobs SET job = ? WHERE key = ?").bind(json(&job)?);
                    update.bind(key.as_str()).execute(connection).await?;
                }
                answer(reply, Ok(()))
            }
            // Needs no transaction.
            Ask::Failure(reply) => Box::new(move || drop(reply.send(String::new()))),
        })
    }
}

/// Whoever does not wait any more needs no answer.
fn answer<T: Send + 'static>(reply: Reply<T>, result: Result<T, JournalError>) -> Answer {
    Box::new(move || drop(reply.send(result)))
}

async fn begin(connection: &mut SqliteConnection, new: &Entry) -> Result<Begin, sqlx::Error> {
    let identity = &new.identity;
    let known = sqlx::query("SELECT entry FROM publishes WHERE job = ? AND slot = ? AND sequence = ?")
        .bind(identity.job.to_string())
        .bind(identity.slot.as_str())
        .bind(sequence(new))
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(known) = known {
        return Ok(Begin::Known(Box::new(parsed(&known)?)));
    }
    let insert = "INSERT INTO publishes (publish, job, slot, sequence, settled, recorded, changed, key, entry) \
                  VALUES (?, ?, ?, ?, 0, 0, ?, ?, ?)";
    sqlx::query(insert)
        .bind(new.publish.to_string())
        .bind(identity.job.to_string())
        .bind(identity.slot.as_str())
        .bind(sequence(new))
        .bind(new.changed_at.as_millisecond())
        .bind(new.intent.key.as_str())
        .bind(json(new)?)
        .execute(connection)
        .await?;
    Ok(Begin::New)
}

async fn advance(
    connection: &mut SqliteConnection,
    publish: PublishId,
    next: State,
) -> Result<Result<(), JournalError>, sqlx::Error> {
    let Some(mut entry) = entry(connection, publish).await? else { return Ok(Err(JournalError::Unknown(publish))) };
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
    sqlx::query(update)
        .bind(settled)
        .bind(entry.recorded.is_some())
        .bind(entry.changed_at.as_millisecond())
        .bind(json(&entry)?)
        .bind(matches!(entry.state, State::Moved(_)))
        .bind(publish.to_string())
        .execute(connection)
        .await?;
    Ok(Ok(()))
}

async fn entry(connection: &mut SqliteConnection, publish: PublishId) -> Result<Option<Entry>, sqlx::Error> {
    let query = sqlx::query("SELECT entry FROM publishes WHERE publish = ?").bind(publish.to_string());
    query.fetch_optional(connection).await?.map(|row| parsed(&row)).transpose()
}

async fn at_key(connection: &mut SqliteConnection, key: &ObjectKey) -> Result<Vec<Noted>, sqlx::Error> {
    let query = sqlx::query("SELECT entry, catalogued FROM publishes WHERE key = ? ORDER BY publish LIMIT 100");
    let rows = query.bind(key.as_str()).fetch_all(connection).await?;
    let noted = |row: &SqliteRow| Ok(Noted { entry: parsed(row)?, catalogued: row.try_get(1)? });
    rows.iter().map(noted).collect()
}

async fn entries(
    connection: &mut SqliteConnection,
    which: Which,
    after: Option<PublishId>,
    limit: usize,
) -> Result<Vec<Entry>, sqlx::Error> {
    let (query, job) = match which {
        Which::Unfinished => {
            ("SELECT entry FROM publishes WHERE settled = 0 AND publish > ? ORDER BY publish LIMIT ?", None)
        }
        Which::Failed => {
            ("SELECT entry FROM publishes WHERE settled = 2 AND publish > ? ORDER BY publish LIMIT ?", None)
        }
        Which::Uncatalogued => (
            "SELECT entry FROM publishes WHERE recorded = 1 AND catalogued = 0 AND publish > ? ORDER BY publish LIMIT ?",
            None,
        ),
        Which::Pending => (
            "SELECT entry FROM publishes WHERE settled = 1 AND json_extract(entry, '$.recorded.pending') IS NOT NULL \
             AND publish > ? ORDER BY publish LIMIT ?",
            None,
        ),
        Which::OfJob(job) => {
            ("SELECT entry FROM publishes WHERE job = ? AND publish > ? ORDER BY publish LIMIT ?", Some(job))
        }
    };
    let mut query = sqlx::query(query);
    if let Some(job) = job {
        query = query.bind(job.to_string());
    }
    let after = after.map(|publish| publish.to_string()).unwrap_or_default();
    let query = query.bind(after).bind(i64::try_from(limit).unwrap_or(i64::MAX));
    query.fetch_all(connection).await?.iter().map(parsed).collect()
}

async fn forget(
    connection: &mut SqliteConnection,
    publish: PublishId,
) -> Result<Result<(), JournalError>, sqlx::Error> {
    match entry(connection, publish).await?.map(|entry| entry.state) {
        None => Ok(Err(JournalError::Unknown(publish))),
        Some(State::Failed(_)) => Ok(Ok(remove(connection, publish).await?)),
        Some(other) => Ok(Err(JournalError::Order { publish, from: other.name(), to: "forgotten" })),
    }
}

async fn remove(connection: &mut SqliteConnection, publish: PublishId) -> Result<(), sqlx::Error> {
    let delete = sqlx::query("DELETE FROM publishes WHERE publish = ?").bind(publish.to_string());
    delete.execute(connection).await.map(drop)
}

async fn keyed_job(
    connection: &mut SqliteConnection,
    key: &IdempotencyKey,
    new: KeyedJob,
) -> Result<KeyedJob, sqlx::Error> {
    if let Some(known) = known_job(connection, key).await? {
        return Ok(known);
    }
    sqlx::query("INSERT INTO jobs (key, accepted, job) VALUES (?, ?, ?)")
        .bind(key.as_str())
        .bind(new.accepted_at.as_millisecond())
        .bind(json(&new)?)
        .execute(connection)
        .await?;
    Ok(new)
}

async fn known_job(connection: &mut SqliteConnection, key: &IdempotencyKey) -> Result<Option<KeyedJob>, sqlx::Error> {
    let row = sqlx::query("SELECT job FROM jobs WHERE key = ?").bind(key.as_str()).fetch_optional(connection).await?;
    row.map(|row| parsed(&row)).transpose()
}

/// What is done and long ago makes room.
async fn forget_old(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let age = SignedDuration::from_hours(24 * SqliteJournal::KEPT_DAYS);
    let before = (Timestamp::now() - age).as_millisecond();
    let done = "DELETE FROM publishes WHERE publish IN \
                (SELECT publish FROM publishes WHERE settled = 1 AND catalogued = 1 AND changed < ? \
                 AND json_extract(entry, '$.recorded.pending') IS NULL LIMIT ?)";
    let keys = "DELETE FROM jobs WHERE key IN (SELECT key FROM jobs WHERE accepted < ? LIMIT ?)";
    for delete in [done, keys] {
        sqlx::query(delete).bind(before).bind(FORGOTTEN_AT_ONCE).execute(&mut *connection).await?;
    }
    Ok(())
}

fn sequence(entry: &Entry) -> i64 {
    entry.identity.sequence.map_or(-1, |sequence| i64::from(sequence.get()))
}

fn json(value: &impl serde::Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn parsed<T: serde::de::DeserializeOwned>(row: &SqliteRow) -> Result<T, sqlx::Error> {
    serde_json::from_str(row.try_get(0)?).map_err(|error| sqlx::Error::Decode(error.into()))
}
