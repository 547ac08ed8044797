//! Hosts and their records: nothing that was published is lost while the catalogue is away.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use filmgate::archive::CleanOptions;
use filmgate::catalogue::{
    AssetFilter, AssetRecord, Catalogue, EventKind, JobFilter, JobState, LogLine, LogSource, Page, SqliteCatalogue,
};
use filmgate::job::{JobRequest, Params, RefName};
use filmgate::publish::Asset;
use filmgate::report::{JobError, JobReport};
use filmgate::storage::LocalStorage;
use filmgate::{Budget, Host, HostBuilder, Plugin, Runner};
use filmgate_tests::guests;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::troubled::Troubled;
use filmgate_tests::wrapped::Wrapped;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a directory") }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn database(&self) -> PathBuf {
        self.data().join(SqliteCatalogue::FILE)
    }

    fn host(&self, change: impl FnOnce(HostBuilder) -> HostBuilder) -> Host {
        let builder = Host::builder().data_dir(self.data()).runner(Runner::InProcess);
        change(builder).build().expect("build a host")
    }

    /// Publishes a small file of the operator's.
    async fn publish(&self, host: &Host) -> Result<JobReport, JobError> {
        let path = self.folder.path().join("notes.json");
        std::fs::write(&path, r#"{"title": "March"}"#).expect("write it");
        let request = JobRequest::new("ana".parse().expect("a user"));
        let request = request.with_ref(RefName::Session, "s1".parse().expect("an id")).expect("one");
        host.publish(request, Some("metadata".parse().expect("a slot")), &path, false)?.wait().await
    }

    /// What is on record, seen by another process.
    async fn records(&self) -> Vec<AssetRecord> {
        let catalogue = SqliteCatalogue::new(self.database());
        let mut records = catalogue.assets(&AssetFilter::default(), Page::first(100)).await.expect("list");
        records.reverse();
        records
    }
}

async fn plugin(host: &Host) -> Plugin {
    host.load_plugin(guests::probe()).await.expect("compile the guest")
}

fn request(params: &Value) -> JobRequest {
    let params: Params = params.to_string().parse().expect("parameters");
    JobRequest::new("ana".parse().expect("a user")).with_params(params)
}

/// Waits for what happens beside, with more patience than any machine needs.
async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < patience, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn assert_is(record: &AssetRecord, asset: &Asset) {
    let found = &record.asset;
    assert_eq!((found.id, found.job), (asset.publish, asset.identity.job));
    assert_eq!((&found.slot, found.sequence), (&asset.identity.slot, asset.identity.sequence));
    assert_eq!((&found.key, found.size, found.kind), (&asset.key, asset.size, asset.kind));
    assert_eq!(
        (found.checksum, found.integrity, found.durability),
        (asset.checksum, asset.integrity, asset.durability)
    );
    assert_eq!((&found.version_id, &found.facts), (&asset.version_id, &asset.facts));
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_what_a_job_publishes_is_on_record_when_it_ends() {
    let place = Place::new();
    let host = place.host(|builder| builder);
    let report = place.publish(&host).await.expect("success");
    let records = place.records().await;
    assert_eq!(records.len(), 1);
    assert_is(&records[0], &report.assets[0]);
    let asset = &records[0].asset;
    assert_eq!(
        (asset.place.as_str(), asset.layout.as_ref().map(ToString::to_string)),
        ("local", Some("recap".to_owned()))
    );
    assert_eq!(asset.session().map(ToString::to_string), Some("s1".to_owned()));
    assert!(asset.facts.is_some() && asset.stored_at >= asset.accepted_at, "{asset:?}");
    let job = host.archive().catalogue().job(report.job).await.expect("read").expect("the job");
    assert_eq!((job.state, job.assets), (JobState::Succeeded, 1));
    let kinds = host.archive().catalogue().events_of_job(report.job).await.expect("events");
    let kinds: Vec<_> = kinds.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::JobAccepted, EventKind::AssetStored, EventKind::JobSucceeded]);
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_job_that_fails_or_is_cancelled_is_on_record_with_its_cause() {
    let place = Place::new();
    let host = place.host(|builder| builder);
    let plugin = plugin(&host).await;
    let trapped = host.run(request(&json!({ "do": "trap-after-store", "files": [{}] })), &plugin).await;
    let trapped = trapped.expect_err("it traps").job.expect("a job");
    let running = host.start(request(&json!({ "do": "sleep-forever" })), &plugin).expect("start");
    let cancelled = running.id();
    running.cancel_token().cancel();
    running.wait().await.expect_err("it is cancelled");
    let read = async |id| host.archive().catalogue().job(id).await.expect("read").expect("the job");
    let job = read(trapped).await;
    assert_eq!((job.state, job.code.as_deref(), job.assets), (JobState::Failed, Some("trap"), 1));
    assert!(job.usage.expect("usage")["store_calls"] == 1 && job.message.is_some());
    assert_eq!(job.head.plugin, Some(plugin.digest()));
    assert_eq!(read(cancelled).await.state, JobState::Cancelled);
}

/// In each way a file can be unusable: publishing goes on, and the record catches up by itself.
#[tokio::test(flavor = "multi_thread")]
async fn c4_c8_publishing_goes_on_while_the_catalogue_is_away_and_the_record_catches_up() {
    type Trouble = (&'static str, fn(&Path), fn(&Path));
    let remove = |path: &Path| {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", path.display()));
        }
    };
    let troubles: [Trouble; 2] = [
        (
            "a directory",
            |path| std::fs::create_dir(path).expect("make it"),
            |path| {
                std::fs::remove_dir(path).expect("remove it");
            },
        ),
        ("garbage", |path| std::fs::write(path, vec![0x5a; 9000]).expect("write it"), |_| {}),
    ];
    for (what, make, unmake) in troubles {
        let place = Place::new();
        std::fs::create_dir(place.data()).expect("make it");
        make(&place.database());
        let host = place.host(|builder| builder);
        let first = place.publish(&host).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let second = place.publish(&host).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        unmake(&place.database());
        remove(&place.database());
        until(what, async || place.records().await.len() == 2).await;
        for (record, report) in place.records().await.iter().zip([&first, &second]) {
            assert_is(record, &report.assets[0]);
        }
        let jobs = host.archive().catalogue().jobs(&JobFilter::default(), Page::first(10)).await.expect("list");
        let jobs: Vec<_> = jobs.iter().map(|job| (job.head.job, job.state)).collect();
        assert_eq!(jobs, [(second.job, JobState::Succeeded), (first.job, JobState::Succeeded)], "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_publishing_goes_on_while_another_process_keeps_the_catalogue_locked() {
    let place = Place::new();
    let host = place.host(|builder| builder);
    place.publish(&host).await.expect("success");
    let options = SqliteConnectOptions::new().filename(place.database());
    let mut other = SqliteConnection::connect_with(&options).await.expect("open");
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.expect("lock");
    let report = place.publish(&host).await.expect("success, without a record");
    assert_eq!(place.records().await.len(), 1);
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.expect("unlock");
    until("the record catches up", async || place.records().await.len() == 2).await;
    assert_is(&place.records().await[1], &report.assets[0]);
}

/// The process ends before its catalogue came back: the next one with the data directory records what was published.
#[tokio::test(flavor = "multi_thread")]
async fn c8_the_next_host_records_what_an_earlier_one_could_not() {
    let place = Place::new();
    std::fs::create_dir_all(place.database()).expect("a directory in its place");
    let host = place.host(|builder| builder);
    let report = place.publish(&host).await.expect("success");
    drop(host);
    std::fs::remove_dir(place.database()).expect("remove it");
    let next = place.host(|builder| builder);
    next.recover(&CancellationToken::new()).await.expect("recover");
    let records = place.records().await;
    assert_eq!(records.len(), 1);
    assert_is(&records[0], &report.assets[0]);
    // Nobody told how the job ended; it is known all the same.
    let job = next.archive().catalogue().job(report.job).await.expect("read").expect("the job");
    assert_eq!((job.state, job.assets), (JobState::Running, 1));
    // And once on record, it is not recorded again.
    next.recover(&CancellationToken::new()).await.expect("recover");
    assert_eq!(place.records().await, records);
}

/// Stores a video, then a thumbnail whose upload is held up.
async fn half_done(place: &Place, on_write: bool) -> (Host, Arc<Wrapped<Troubled>>, Plugin) {
    let local = LocalStorage::open(place.folder.path().join("objects")).expect("open");
    let storage = Arc::new(Wrapped(Troubled { hold: "thumbnail", ..Troubled::new(Arc::new(local)) }));
    let shared = Arc::clone(&storage);
    let host = place.host(|builder| builder.storage(shared).record_on_write(on_write));
    let plugin = plugin(&host).await;
    (host, storage, plugin)
}

fn two_files() -> JobRequest {
    request(&json!({ "do": "store", "files": [{}, { "kind": "png", "slot": "thumbnail" }] }))
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_with_upload_on_write_a_file_is_on_record_while_its_job_goes_on() {
    let place = Place::new();
    let (host, storage, plugin) = half_done(&place, true).await;
    let job = host.start(two_files(), &plugin).expect("start");
    storage.held.cancelled().await;
    until("the first file is on record", async || place.records().await.len() == 1).await;
    let catalogue = host.archive().catalogue();
    assert_eq!(catalogue.job(job.id()).await.expect("read").expect("the job").state, JobState::Running);
    storage.release.cancel();
    job.wait().await.expect("success");
    assert_eq!(place.records().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_without_it_all_files_are_recorded_when_their_job_ends() {
    let place = Place::new();
    let (host, storage, plugin) = half_done(&place, false).await;
    let job = host.start(two_files(), &plugin).expect("start");
    storage.held.cancelled().await;
    // Another job ends and is recorded; the first one's file is not, though it is published.
    let other = place.publish(&host).await.expect("success");
    let records = place.records().await;
    assert_eq!(records.iter().map(|record| record.asset.job).collect::<Vec<_>>(), [other.job]);
    let id = job.id();
    assert_eq!(host.archive().catalogue().job(id).await.expect("read"), None);
    storage.release.cancel();
    job.wait().await.expect("success");
    assert_eq!(place.records().await.len(), 3);
    let events = host.archive().catalogue().events_of_job(id).await.expect("events");
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [EventKind::JobAccepted, EventKind::AssetStored, EventKind::AssetStored, EventKind::JobSucceeded]
    );
}

fn log_of(lines: &[LogLine]) -> Vec<(LogSource, &str)> {
    lines.iter().map(|line| (line.source, line.text.as_str())).collect()
}

/// The job neither fails nor waits for it; what there was room for is on record later, and retention takes it away.
#[tokio::test(flavor = "multi_thread")]
async fn c12_a_log_waits_for_a_catalogue_that_is_away() {
    let place = Place::new();
    std::fs::create_dir_all(place.database()).expect("a directory in its place");
    let host = place.host(|builder| builder);
    let plugin = plugin(&host).await;
    let params = json!({ "do": "log", "stdout": ["one", "two"] });
    let job = host.run(request(&params), &plugin).await.expect_err("nothing is stored").job.expect("a job");
    std::fs::remove_dir(place.database()).expect("remove it");
    let catalogue = Arc::clone(host.archive().catalogue());
    let read = async || catalogue.log_of_job(job, Page::first(100)).await.unwrap_or_default();
    until("the log is on record", async || read().await.len() == 3).await;
    // The guest writes its summary last.
    assert_eq!(log_of(&read().await), ["one", "two", "{}"].map(|text| (LogSource::Stdout, text)));
    let month = CleanOptions { now: Timestamp::now() + SignedDuration::from_hours(24 * 31), ..CleanOptions::default() };
    assert_eq!(host.archive().clean(month).await.expect("clean").forgotten.logs, 3);
    assert_eq!(read().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_of_a_log_that_finds_no_room_the_rest_is_dropped_and_counted() {
    let place = Place::new();
    std::fs::create_dir_all(place.database()).expect("a directory in its place");
    let budget = Budget { log_bytes: 64 << 20, ..filmgate::default_budget() };
    let host = place.host(|builder| builder.budget(budget));
    let plugin = plugin(&host).await;
    let params = json!({ "do": "log-flood", "mib": 12 });
    let job = host.run(request(&params), &plugin).await.expect_err("nothing is stored").job.expect("a job");
    std::fs::remove_dir(place.database()).expect("remove it");
    let catalogue = Arc::clone(host.archive().catalogue());
    let read = async || catalogue.log_of_job(job, Page::first(1_000_000)).await.unwrap_or_default();
    until("the log is on record", async || read().await.last().is_some_and(|last| last.source == LogSource::Host))
        .await;
    let lines = read().await;
    let (last, kept) = lines.split_last().expect("lines");
    let missing: usize = last.text.split(' ').next().and_then(|word| word.parse().ok()).expect("a number");
    assert!(last.text.ends_with("lines are missing here: the catalogue did not take them"), "{last:?}");
    assert!(kept.iter().all(|line| line.source == LogSource::Stdout), "{} lines", kept.len());
    // Nothing is lost without being counted: the flood, and the summary behind it.
    let of_block = (1 << 20) / "the same line again, and again, and again\n".len();
    assert!(missing > 0 && (kept.len() + missing - 1).is_multiple_of(of_block), "{} and {missing}", kept.len());
}
