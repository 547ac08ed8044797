//! Embeds the library, and dies where it is told to (see `filmgate_tests::embedder`).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use async_trait::async_trait;
use filmgate::job::{JobId, Refs, UserId};
use filmgate::key::ObjectKey;
use filmgate::media::{FactsPolicy, MediaKind};
use filmgate::outbox::{DataDir, Outbox};
use filmgate::publish::{
    Begin, Identity, Intent, Journal, JournalError, Plan, PublishError, Publisher, Recovered, SqliteJournal, State,
};
use filmgate::storage::s3::S3Storage;
use filmgate::storage::{BothStorage, LocalStorage, Mode, PublishId, Storage};
use filmgate::url::{UrlClass, UrlPolicy};
use filmgate::{Host, Runner};
use filmgate_tests::embedder::{Act, Order, Place, Said};
use filmgate_tests::film;
use filmgate_tests::wrapped::{AroundJournal, Wrapped};
use tokio_util::sync::CancellationToken;

fn main() -> anyhow::Result<()> {
    let order: Order = serde_json::from_str(&std::env::args().nth(1).unwrap_or_default())?;
    tokio::runtime::Runtime::new()?.block_on(obey(order))
}

async fn obey(order: Order) -> anyhow::Result<()> {
    let storage = open(&order.storage).await?;
    let data = Arc::new(DataDir::open(&order.data)?);
    let inner = SqliteJournal::open(&order.data.join(SqliteJournal::FILE))?;
    let journal = Arc::new(Wrapped(Mortal { inner, die_at: order.die_at, edges: AtomicUsize::new(0) }));
    let said = match order.act {
        Act::Publish { job, key, bytes, mark } => {
            let publisher = Publisher::new(storage, journal, UrlPolicy::default());
            publish(&data, &publisher, job, key, &film::of(bytes, mark)).await?
        }
        Act::Recover => recover(&order.data, storage, journal, false).await?,
        Act::Retry => recover(&order.data, storage, journal, true).await?,
    };
    say(&said)
}

async fn open(place: &Place) -> anyhow::Result<Arc<dyn Storage>> {
    Ok(match place {
        Place::Directory(root) => Arc::new(LocalStorage::open(root.clone())?),
        Place::Bucket { .. } => {
            let settings = place.settings().context("settings of a bucket")?;
            Arc::new(S3Storage::connect(settings).await?)
        }
        Place::Both { bucket, directory, mirror } => {
            let mode = if *mirror { Mode::Mirror } else { Mode::Fallback };
            let s3 = Box::pin(open(bucket)).await?;
            Arc::new(BothStorage::new(LocalStorage::open(directory.clone())?, s3, mode))
        }
    })
}

#[expect(clippy::print_stdout, reason = "its answer")]
fn say(said: &Said) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(said)?);
    Ok(())
}

/// As a host publishes what a plugin hands over.
async fn publish(
    data: &Arc<DataDir>,
    publisher: &Publisher,
    job: JobId,
    key: String,
    film: &[u8],
) -> anyhow::Result<Said> {
    let outbox = Outbox::create(data, JobId::generate(), &[])?;
    std::fs::write(outbox.out_path().join("video.mp4"), film)?;
    let publish = PublishId::generate();
    let candidate = outbox.open("video.mp4", &CancellationToken::new())?;
    let claimed = Arc::new(candidate.take(publish)?);
    let plan = Plan {
        identity: Identity { job, slot: "video".parse()?, sequence: None },
        publish,
        user: UserId::try_from("ana".to_owned())?,
        accepted_at: jiff::Timestamp::now(),
        refs: Refs::new(),
        plugin: None,
        key: ObjectKey::try_from(key)?,
        kind: MediaKind::Mp4,
        facts: None,
        class: UrlClass::Final,
        metadata: BTreeMap::new(),
    };
    let published = publisher.publish(plan, claimed, true, &|_| {}, &CancellationToken::new()).await;
    let said = match published {
        Ok(asset) => Said::Answer {
            publish: asset.publish.to_string(),
            key: asset.key.to_string(),
            size: asset.size,
            checksum: asset.checksum.to_string(),
            url: asset.url.url.to_string(),
        },
        Err(PublishError::Storage { error, kept }) => Said::Failed { error: error.to_string(), kept },
        Err(PublishError::Journal { error, kept }) => Said::Failed { error: error.to_string(), kept },
        Err(error) => return Err(error.into()),
    };
    outbox.remove()?;
    Ok(said)
}

/// Takes up what is unfinished, or `again` what has failed.
async fn recover(
    data: &Path,
    storage: Arc<dyn Storage>,
    journal: Arc<Wrapped<Mortal>>,
    again: bool,
) -> anyhow::Result<Said> {
    let host = Host::builder()
        .data_dir(data)
        .runner(Runner::InProcess)
        .runners_ahead(0)
        .media_facts(FactsPolicy::Off)
        .storage(storage)
        .journal(Arc::clone(&journal) as Arc<dyn Journal>)
        .build()?;
    let cancel = CancellationToken::new();
    let mut publishes = Vec::new();
    if again {
        for failed in host.failed(None, 100).await? {
            let (entry, retried) = host.retry(failed.publish, &cancel).await?;
            if matches!(retried, Recovered::Lost(_)) {
                host.discard(failed.publish).await?;
            }
            publishes.push((entry, retried));
        }
    } else {
        publishes = host.recover(&cancel).await?.publishes;
    }
    let publishes = publishes.iter().map(|(_, recovered)| match recovered {
        Recovered::Published(_) => "published".to_owned(),
        Recovered::Moved(_) => "moved".to_owned(),
        Recovered::UnderWay => "under way".to_owned(),
        Recovered::Failed(error) => format!("failed: {error}"),
        Recovered::Lost(why) => format!("lost: {why}"),
        Recovered::Left(error) => format!("left: {error}"),
    });
    Ok(Said::Recovered { publishes: publishes.collect(), unfinished: journal.unfinished().await?.len() })
}

/// A journal that ends its process before or after one of its changes.
#[derive(Debug)]
struct Mortal {
    inner: SqliteJournal,
    die_at: Option<usize>,
    edges: AtomicUsize,
}

impl Mortal {
    fn edge(&self) {
        if Some(self.edges.fetch_add(1, Ordering::SeqCst)) == self.die_at {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            // Nothing happens between the signal and the end.
            loop {
                std::thread::park();
            }
        }
    }
}

#[async_trait]
impl AroundJournal for Mortal {
    fn inner(&self) -> &dyn Journal {
        &self.inner
    }

    async fn begin(&self, identity: Identity, publish: PublishId, intent: Intent) -> Result<Begin, JournalError> {
        self.edge();
        let begun = self.inner.begin(identity, publish, intent).await;
        self.edge();
        begun
    }

    async fn advance(&self, publish: PublishId, next: State) -> Result<(), JournalError> {
        self.edge();
        let advanced = self.inner.advance(publish, next).await;
        self.edge();
        advanced
    }
}
