//! The catalogue with many assets in it: how fast they come in, and how long lists and URLs take then.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use filmgate::archive::{Archive, RetentionPolicy};
use filmgate::catalogue::{AssetFilter, Batch, Catalogue, JobFilter, NewAsset, Page, SessionFilter, SqliteCatalogue};
use filmgate::checksum::Crc64Nvme;
use filmgate::job::{JobId, RefName, Refs};
use filmgate::layout::Layouts;
use filmgate::media::MediaKind;
use filmgate::storage::s3::{Bucket, Credentials, S3Settings, S3Storage};
use filmgate::storage::{Durability, Integrity, PublishId, Storage};
use filmgate::url::{UrlClass, UrlPolicy};
use serde_json::{Value, json};

use crate::micro::{Figure, markdown, to_json};

/// Assets that come in at once: what a host that catches up writes.
const BATCH: usize = 500;
/// Users, sessions of each, scenes of each.
const USERS: usize = 1_000;
const SESSIONS: usize = 20;
const SCENES: usize = 5;
/// Files of a job: a video, its thumbnail, its metadata.
const SLOTS: [(&str, MediaKind); 3] =
    [("video", MediaKind::Mp4), ("thumbnail", MediaKind::Jpeg), ("metadata", MediaKind::Json)];
/// Runs of each question, each about another user or asset.
const RUNS: usize = 2_000;

/// What was measured.
pub struct Measured {
    assets: usize,
    /// While the catalogue grew.
    inserting: Duration,
    file_bytes: u64,
    figures: Vec<Figure>,
}

/// Fills a catalogue in `folder` with so many assets, and asks it.
///
/// # Errors
/// Where a part fails.
pub fn run(folder: &Path, assets: usize, tell: &dyn Fn(&str)) -> anyhow::Result<Measured> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(folder, assets, tell))
}

async fn measure(folder: &Path, assets: usize, tell: &dyn Fn(&str)) -> anyhow::Result<Measured> {
    let path = folder.join("catalogue.db");
    let catalogue: Arc<dyn Catalogue> = Arc::new(SqliteCatalogue::new(&path));
    let mut ids = Vec::with_capacity(assets);
    let mut inserting = Duration::ZERO;
    let mut commits = Vec::new();
    while ids.len() < assets {
        let count = BATCH.min(assets - ids.len());
        let batch = (0..count).map(|number| asset(ids.len() + number)).collect::<anyhow::Result<Vec<_>>>()?;
        ids.extend(batch.iter().map(|asset| asset.id));
        let batch = Batch { jobs: Vec::new(), assets: batch };
        let started = Instant::now();
        catalogue.project(&batch).await?;
        inserting += started.elapsed();
        commits.push(started.elapsed());
        if ids.len().is_multiple_of(100_000) {
            tell(&format!("{} assets after {inserting:.1?}", ids.len()));
        }
    }
    let mut figures = vec![Figure::of("record 500 assets in one transaction", commits)];
    figures.push(singly(&*catalogue, ids.len()).await?);
    figures.extend(questions(&*catalogue, &ids).await?);
    figures.extend(urls(&catalogue, &ids).await?);
    let file_bytes = std::fs::metadata(&path)?.len();
    Ok(Measured { assets, inserting, file_bytes, figures })
}

fn asset(number: usize) -> anyhow::Result<NewAsset> {
    let job = number / SLOTS.len();
    let (slot, kind) = SLOTS[number % SLOTS.len()];
    let (user, session, scene) = (job % USERS, job / USERS % SESSIONS, job / USERS / SESSIONS % SCENES);
    let id = PublishId::generate();
    let now = jiff::Timestamp::now();
    Ok(NewAsset {
        id,
        // Each file with a job of its own costs more than several of one: the harder case.
        job: JobId::generate(),
        slot: slot.parse()?,
        sequence: None,
        user: format!("user-{user}").parse()?,
        refs: Refs::from([
            (RefName::Session, format!("session-{session}").parse()?),
            (RefName::Scene, format!("scene-{scene}").parse()?),
        ]),
        layout: Some("recap".parse()?),
        plugin: None,
        key: format!("videos/user-{user}/2026/03/{id}.{}", kind.extension()).try_into()?,
        place: "s3://bench".to_owned(),
        durability: Durability::S3,
        kind,
        size: 1_000_000,
        checksum: Crc64Nvme(number as u64),
        integrity: Integrity::FullObject,
        version_id: None,
        encryption: None,
        class: UrlClass::Final,
        facts: None,
        metadata: BTreeMap::from([("filmgate-slot".to_owned(), slot.to_owned())]),
        accepted_at: now,
        stored_at: now,
    })
}

/// One asset, one transaction, one sync of the disk: what a publish costs beside.
async fn singly(catalogue: &dyn Catalogue, from: usize) -> anyhow::Result<Figure> {
    let mut times = Vec::new();
    for number in 0..RUNS / 4 {
        let batch = Batch { jobs: Vec::new(), assets: vec![asset(from + number)?] };
        let started = Instant::now();
        catalogue.project(&batch).await?;
        times.push(started.elapsed());
    }
    Ok(Figure::of("record 1 asset in one transaction", times))
}

async fn questions(catalogue: &dyn Catalogue, ids: &[PublishId]) -> anyhow::Result<Vec<Figure>> {
    let user = |run: usize| format!("user-{}", run * 7 % USERS);
    let all = AssetFilter::default();
    let mut times: Vec<(&'static str, Vec<Duration>)> = [
        "list 50: the latest",
        "list 50: deep within all",
        "list 50: of a user",
        "list 50: of a user, in a slot",
        "list 50: of a user's session",
        "list 50 sessions of a user, with their sums",
        "list 50 jobs of a user",
        "read one asset",
    ]
    .map(|name| (name, Vec::with_capacity(RUNS)))
    .into();
    for run in 0..RUNS {
        let of_user = AssetFilter { user: Some(user(run).parse()?), ..AssetFilter::default() };
        let in_slot = AssetFilter { slot: Some("thumbnail".parse()?), ..of_user.clone() };
        let session = format!("session-{}", run % SESSIONS).parse()?;
        let in_session = AssetFilter { session: Some(session), ..of_user.clone() };
        let sessions = SessionFilter { user: of_user.user.clone(), with_deleted: false };
        let jobs = JobFilter { user: of_user.user.clone(), state: None };
        let one = ids[run * 7919 % ids.len()];
        for (place, (_, times)) in times.iter_mut().enumerate() {
            let started = Instant::now();
            match place {
                0 => drop(catalogue.assets(&all, Page::first(50)).await?),
                1 => drop(catalogue.assets(&all, Page::after(one, 50)).await?),
                2 => drop(catalogue.assets(&of_user, Page::first(50)).await?),
                3 => drop(catalogue.assets(&in_slot, Page::first(50)).await?),
                4 => drop(catalogue.assets(&in_session, Page::first(50)).await?),
                5 => drop(catalogue.sessions(&sessions, Page::first(50)).await?),
                6 => drop(catalogue.jobs(&jobs, Page::first(50)).await?),
                _ => drop(catalogue.asset(one).await?),
            }
            times.push(started.elapsed());
        }
    }
    Ok(times.into_iter().map(|(name, times)| Figure::of(name, times)).collect())
}

/// Looked up, written into the audit log (with a sync of the disk), signed. Signing reaches no network.
async fn urls(catalogue: &Arc<dyn Catalogue>, ids: &[PublishId]) -> anyhow::Result<Vec<Figure>> {
    let credentials = Credentials::Static {
        access_key_id: "bench".to_owned(),
        secret_access_key: "bench".to_owned(),
        session_token: None,
    };
    let settings = S3Settings::new(Bucket::try_from("bench".to_owned())?, "eu-central-1", credentials);
    let storage: Arc<dyn Storage> = Arc::new(S3Storage::connect(settings).await?);
    let (urls, layouts, retention) = (UrlPolicy::default(), Layouts::shipped(), RetentionPolicy::default());
    let archive = Archive::new(Arc::clone(catalogue), storage, urls, layouts, retention);
    let mut times = Vec::with_capacity(RUNS);
    for run in 0..RUNS {
        let started = Instant::now();
        archive.url(ids[run * 7919 % ids.len()], None, "bench").await?;
        times.push(started.elapsed());
    }
    Ok(vec![Figure::of("URL of one asset: read, audited, presigned", times)])
}

impl Measured {
    /// For people.
    pub fn markdown(&self) -> String {
        let rate = self.assets as f64 / self.inserting.as_secs_f64();
        format!(
            "{} assets recorded in {:.0} s, {rate:.0} a second; the file has {} MiB, {} bytes an asset\n\n{}",
            self.assets,
            self.inserting.as_secs_f64(),
            self.file_bytes >> 20,
            self.file_bytes / self.assets.max(1) as u64,
            markdown(&self.figures)
        )
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        json!({
            "assets": self.assets,
            "insert_seconds": self.inserting.as_secs_f64(),
            "file_bytes": self.file_bytes,
            "figures": self.figures.iter().map(to_json).collect::<Vec<_>>(),
        })
    }
}
