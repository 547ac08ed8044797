//! The small parts, each timed alone: median and 99th percentile of many single runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use filmgate::checksum::Crc64Nvme;
use filmgate::job::{JobId, JobRequest, Refs, UserId};
use filmgate::key::ObjectKey;
use filmgate::layout::{KeyContext, Layouts};
use filmgate::media::{FactsPolicy, MediaKind};
use filmgate::outbox::{Claimed, DataDir, Outbox};
use filmgate::publish::{Identity, Journal, MemoryJournal, Plan, Recorded, SqliteJournal, State};
use filmgate::storage::s3::{Bucket, Credentials, S3Settings, S3Storage};
use filmgate::storage::{Durability, Integrity, PublishId, Storage};
use filmgate::url::UrlClass;
use filmgate::{Host, Runner};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::server::Server;

/// One part and how long it takes.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Which part.
    pub name: &'static str,
    /// Half of the runs took no longer.
    pub p50: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// How many runs.
    pub runs: usize,
}

/// An MP4 file of 1 KiB by its first bytes.
fn tiny_video() -> Vec<u8> {
    let mut bytes = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2".to_vec();
    bytes.resize(1024, 0x5a);
    bytes
}

/// Measures them all; the publish goes to `server`.
///
/// # Errors
/// Where a part fails.
pub fn run(server: &Server) -> anyhow::Result<Vec<Figure>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut figures = vec![checksum()?, key()?, claim()?];
    figures.extend(runtime.block_on(states())?);
    figures.push(runtime.block_on(publish(server))?);
    Ok(figures)
}

fn measure(name: &'static str, runs: usize, mut part: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Figure> {
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let started = Instant::now();
        part()?;
        times.push(started.elapsed());
    }
    Ok(Figure::of(name, times))
}

impl Figure {
    pub(crate) fn of(name: &'static str, mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |percent: usize| times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
        Self { name, p50: at(50), p99: at(99), runs: times.len() }
    }
}

fn checksum() -> anyhow::Result<Figure> {
    let bytes = vec![0x5a; 1 << 20];
    measure("CRC64NVME of 1 MiB", 2_000, || {
        black_box(Crc64Nvme::of(black_box(&bytes)));
        Ok(())
    })
}

fn key() -> anyhow::Result<Figure> {
    let layouts = Layouts::shipped();
    let layout = layouts.get(None)?;
    let user: UserId = "ana".to_owned().try_into()?;
    let refs = Refs::default();
    let context = KeyContext {
        job: JobId::generate(),
        user: &user,
        accepted_at: jiff::Timestamp::now(),
        period: None,
        refs: &refs,
        slot: None,
        sequence: None,
        kind: MediaKind::Mp4,
    };
    measure("object key from its template", 20_000, || {
        black_box(layout.key(black_box(&context))?);
        Ok(())
    })
}

/// From the plugin's path to a staged file under a lease; writing the file is not counted.
fn claim() -> anyhow::Result<Figure> {
    let folder = tempfile::tempdir()?;
    let data = Arc::new(DataDir::open(folder.path())?);
    let outbox = Outbox::create(&data, JobId::generate(), &[])?;
    let mut times = Vec::new();
    for _ in 0..1_000 {
        std::fs::write(outbox.out_path().join("film.mp4"), tiny_video())?;
        let cancel = CancellationToken::new();
        let started = Instant::now();
        let candidate = outbox.open("film.mp4", &cancel)?;
        black_box(candidate.media_kind()?);
        let claimed = candidate.take(PublishId::generate())?;
        times.push(started.elapsed());
        claimed.remove()?;
    }
    outbox.remove()?;
    Ok(Figure::of("claim of a finished file", times))
}

/// Every state of one multipart publish, in memory and on disk.
async fn states() -> anyhow::Result<[Figure; 2]> {
    let key = ObjectKey::try_from("videos/ana/film.mp4".to_owned())?;
    let recorded = Recorded {
        key: key.clone(),
        kind: MediaKind::Mp4,
        size: 1024,
        checksum: 0,
        integrity: Integrity::FullObject,
        durability: Durability::S3,
        place: None,
        pending: None,
        version_id: None,
        facts: None,
    };
    let folder = tempfile::tempdir()?;
    let film = folder.path().join("film.mp4");
    std::fs::write(&film, tiny_video())?;
    let claimed = Claimed::open(&film, &CancellationToken::new())?;
    let plan = Plan {
        identity: Identity { job: JobId::generate(), slot: "video".to_owned().try_into()?, sequence: None },
        publish: PublishId::generate(),
        user: "ana".parse()?,
        accepted_at: jiff::Timestamp::now(),
        refs: Refs::new(),
        plugin: None,
        key,
        kind: MediaKind::Mp4,
        facts: None,
        class: UrlClass::Final,
        metadata: BTreeMap::new(),
    };
    let (in_memory, on_disk) = (MemoryJournal::default(), SqliteJournal::open(&folder.path().join("journal.db"))?);
    Ok([
        of_journal("state machine of one publish", &in_memory, &plan, &claimed, &recorded, 5_000).await?,
        of_journal("the same on disk, with its three syncs", &on_disk, &plan, &claimed, &recorded, 500).await?,
    ])
}

async fn of_journal(
    name: &'static str,
    journal: &dyn Journal,
    plan: &Plan,
    claimed: &Claimed,
    recorded: &Recorded,
    rounds: usize,
) -> anyhow::Result<Figure> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let publish = PublishId::generate();
        let identity = Identity { job: JobId::generate(), ..plan.identity.clone() };
        let intent = plan.intent(claimed, true);
        let created = State::Created { upload_id: "an-upload".to_owned(), part_bytes: 8 << 20 };
        let states = [
            created,
            State::Completing,
            State::Verified,
            State::Recorded(recorded.clone()),
            State::Deleted,
            State::Replied,
        ];
        let started = Instant::now();
        journal.begin(identity, publish, intent).await?;
        for state in states {
            journal.advance(publish, state).await?;
        }
        times.push(started.elapsed());
    }
    Ok(Figure::of(name, times))
}

/// A file of 1 KiB, from the call to the answer with its URL; claimed, sent, read back, recorded.
async fn publish(server: &Server) -> anyhow::Result<Figure> {
    let folder = tempfile::tempdir()?;
    let film = folder.path().join("film.mp4");
    std::fs::write(&film, tiny_video())?;
    let storage = storage(server).await?;
    storage.probe().await?;
    let host = Host::builder()
        .data_dir(folder.path().join("data"))
        .storage(storage)
        .runner(Runner::InProcess)
        .media_facts(FactsPolicy::Off)
        .build()?;
    let mut times = Vec::new();
    for _ in 0..300 {
        let started = Instant::now();
        let job = host.publish(JobRequest::new("ana".to_owned().try_into()?), None, &film, false)?;
        black_box(job.wait().await?);
        times.push(started.elapsed());
    }
    Ok(Figure::of("publish of 1 KiB to the sink", times))
}

/// The storage behind a server.
///
/// # Errors
/// Where its address is none.
pub async fn storage(server: &Server) -> anyhow::Result<Arc<dyn Storage>> {
    let credentials = Credentials::Static {
        access_key_id: server.access_key.to_owned(),
        secret_access_key: server.secret_key.to_owned(),
        session_token: None,
    };
    let mut settings = S3Settings::new(Bucket::try_from(server.bucket.to_owned())?, server.region, credentials);
    settings.endpoint = Some(server.url.parse().context("the server's address")?);
    Ok(Arc::new(S3Storage::connect(settings).await?))
}

/// A table in Markdown.
pub fn markdown(figures: &[Figure]) -> String {
    let mut text = "| part | p50 | p99 | runs |\n|---|---|---|---|\n".to_owned();
    for Figure { name, p50, p99, runs } in figures {
        let _ = writeln!(text, "| {name} | {p50:.1?} | {p99:.1?} | {runs} |");
    }
    text
}

/// For programs.
pub fn to_json(figure: &Figure) -> Value {
    json!({
        "part": figure.name,
        "p50_seconds": figure.p50.as_secs_f64(),
        "p99_seconds": figure.p99.as_secs_f64(),
        "runs": figure.runs,
    })
}
