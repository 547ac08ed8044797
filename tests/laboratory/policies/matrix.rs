//! The matrix of faults over both policies: while a file is published, and while it is moved.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use filmgate::catalogue::Deletion;
use filmgate::job::JobRequest;
use filmgate::media::FactsPolicy;
use filmgate::publish::{PublishError, Recovered};
use filmgate::report::{JobError, JobFault, JobReport};
use filmgate::storage::{Durability, LeftBehind, Mode, PublishId, StorageFault};
use filmgate::{Host, Runner};
use filmgate_tests::fault_proxy::{Fault, Operation, Rule};
use tokio_util::sync::CancellationToken;

use super::{MODES, Pair, fetched, outage};
use crate::bench::{folder, hold, number};
use crate::cell::{ALWAYS, Cell, Expected, Server, Size};
use crate::schedule;

/// Pairs that wait for nothing, and those that wait for time-outs.
const PATIENT: usize = 3;
const IMPATIENT: usize = 12;
/// Of what waits for nothing, a run that is not the torture tries every so manieth.
const STRIDE: usize = 9;
/// A cell that takes longer hangs.
const HANGS: Duration = Duration::from_secs(240);

/// When the fault comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Publishing,
    Moving,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e1_every_fault_on_garage_ends_where_the_policy_wants_it() {
    matrix(Server::Garage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e1_every_fault_on_s3s_ends_where_the_policy_wants_it() {
    matrix(Server::S3s).await;
}

/// S3 goes away in the middle of an upload, whose file then waits in the directory and is deleted there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_e4_an_upload_that_an_outage_left_open_ends_when_its_file_was_deleted() {
    for mode in MODES {
        let place = Place::new(Server::Garage, mode, false).await;
        let (film, bench) = (place.film(Size::Parts), &place.pair.bench);
        let gone = [Operation::UploadPart, Operation::AbortMultipartUpload, Operation::ListParts];
        bench.proxy.plan(gone.map(|operation| Rule {
            operation,
            fault: Fault::Reset,
            after_commit: false,
            times: ALWAYS,
        }));
        let report = place.publish(&film).await.expect("published without S3");
        bench.proxy.plan([]);
        let publish = place.answered(&report, &film, Durability::Local).await.expect("in the directory");
        assert_eq!(bench.open_uploads(&film.prefix).await.len(), 1);
        let deletion = Deletion { at: jiff::Timestamp::now(), by: "test".to_owned(), reason: "a test".to_owned() };
        assert!(place.host.archive().delete(publish, &deletion).await.expect("deleted").is_complete());
        place.host.recover(&CancellationToken::new()).await.expect("recover");
        assert_eq!(bench.open_uploads(&film.prefix).await, Vec::<String>::new(), "{mode}");
    }
}

async fn matrix(server: Server) {
    for mode in MODES {
        let cells = Cell::all(server).into_iter();
        let cells = cells.flat_map(|cell| [When::Publishing, When::Moving].map(|when| (cell, when)));
        let (mut slow, mut quick): (Vec<_>, Vec<_>) = cells.partition(|(cell, _)| cell.kind.is_slow());
        if !schedule::is_torture() {
            slow.clear();
            quick = quick.into_iter().step_by(STRIDE).collect();
        }
        let count = slow.len() + quick.len();
        let (slow, quick) = (Mutex::new(slow), Mutex::new(quick));
        let faults = Mutex::new(Vec::new());
        let places = (0..PATIENT + IMPATIENT).map(|place| {
            let (cells, faults) = (if place < PATIENT { &quick } else { &slow }, &faults);
            async move {
                let mut place_of_cells = None;
                loop {
                    let Some((cell, when)) = cells.lock().expect("the cells").pop() else { return };
                    if place_of_cells.is_none() {
                        place_of_cells = Some(Place::new(server, mode, place < PATIENT).await);
                    }
                    let Some(place) = &place_of_cells else { return };
                    let run = tokio::time::timeout(HANGS, place.run(cell, when)).await;
                    if let Err(fault) = run.unwrap_or_else(|_| Err("does not end".to_owned())) {
                        faults.lock().expect("the faults").push(format!("{when:?}, {cell:?}: {fault}"));
                        // What is left of it is no matter of the next.
                        place_of_cells = None;
                    }
                }
            }
        });
        futures::future::join_all(places).await;
        let faults = faults.into_inner().expect("the faults");
        assert!(faults.is_empty(), "{} violations in {count} cells, {mode}:\n{}", faults.len(), faults.join("\n"));
        schedule::row(&format!("{mode}: matrix, {server:?}"), &format!("{count} cells"), "as documented", None);
    }
}

/// A host with both stores.
struct Place {
    pair: Pair,
    host: Host,
    _data: tempfile::TempDir,
}

/// A file to be published.
struct Film {
    user: String,
    prefix: String,
    path: std::path::PathBuf,
    bytes: Bytes,
}

fn is_outage(faults: &[StorageFault]) -> bool {
    faults.iter().all(|fault| matches!(fault, StorageFault::Unreachable | StorageFault::Unavailable))
}

impl Place {
    async fn new(server: Server, mode: Mode, patient: bool) -> Self {
        let pair = Pair::new(server, mode, patient).await;
        let data = folder();
        let host = Host::builder()
            .data_dir(data.path())
            .runner(Runner::InProcess)
            .runners_ahead(0)
            .media_facts(FactsPolicy::Off)
            .storage(Arc::clone(&pair.both) as _)
            .build()
            .expect("build a host");
        Self { pair, host, _data: data }
    }

    async fn run(&self, cell: Cell, when: When) -> Result<(), String> {
        let film = self.film(cell.size);
        let ended = match when {
            When::Publishing => self.publish_under(cell, &film).await,
            When::Moving => self.move_under(cell, &film).await,
        };
        self.pair.bench.proxy.plan([]);
        self.pair.bench.clear(&film.prefix).await;
        ended
    }

    fn film(&self, size: Size) -> Film {
        let user = format!("b{:x}", number());
        let (path, bytes) = self.pair.bench.file(size);
        Film { prefix: format!("videos/{user}/"), user, path, bytes }
    }

    async fn publish(&self, film: &Film) -> Result<JobReport, JobError> {
        let request = JobRequest::new(film.user.parse().expect("a user"));
        self.host.publish(request, None, &film.path, true)?.wait().await
    }

    /// An outage is got over by the directory; what S3 refuses fails, and succeeds when it is tried again.
    async fn publish_under(&self, cell: Cell, film: &Film) -> Result<(), String> {
        self.pair.bench.proxy.plan(cell.rules());
        let outcome = self.publish(film).await;
        self.check_seen(cell)?;
        let (publish, is_pending) = match (outcome, cell.expected()) {
            (Ok(report), Expected::Stored) => (self.answered(&report, film, self.pair.end()).await?, false),
            (Ok(report), Expected::Fails(faults)) if is_outage(faults) => {
                (self.answered(&report, film, Durability::Local).await?, true)
            }
            (Ok(report), Expected::Fails(_)) => return Err(format!("published, though it must fail: {report:?}")),
            (Err(error), Expected::Fails(faults)) if !is_outage(faults) => {
                (self.failed(&error, film, faults).await?, false)
            }
            (Err(error), _) => return Err(format!("failed: {error}")),
        };
        self.settle(publish, film, is_pending, cell).await
    }

    /// A file that waits is served whatever becomes of its move, and is moved in the end.
    async fn move_under(&self, cell: Cell, film: &Film) -> Result<(), String> {
        self.pair.bench.proxy.plan(outage());
        let report = self.publish(film).await.map_err(|error| format!("failed without S3: {error}"))?;
        let publish = self.answered(&report, film, Durability::Local).await?;
        self.pair.bench.proxy.plan(cell.rules());
        let recovery = self.host.recover(&CancellationToken::new()).await.map_err(|error| error.to_string())?;
        self.check_seen(cell)?;
        let [(_, moved)] = &recovery.publishes[..] else { return Err(format!("another recovery: {recovery:?}")) };
        let as_expected = match (moved, cell.expected()) {
            (Recovered::Moved(_), Expected::Stored) => true,
            (Recovered::Left(_), Expected::Fails(faults)) => is_outage(faults),
            (Recovered::Failed(PublishError::Storage { error, .. }), Expected::Fails(faults)) => {
                faults.contains(&error.fault)
            }
            _ => false,
        };
        hold(as_expected, || format!("{:?}, and it was {moved:?}", cell.expected()))?;
        self.check_url(publish, film).await?;
        self.settle(publish, film, !matches!(moved, Recovered::Moved(_)), cell).await
    }

    /// The rules were put to the test at all. From now on S3 is well.
    fn check_seen(&self, cell: Cell) -> Result<(), String> {
        let seen = self.pair.bench.proxy.seen();
        self.pair.bench.proxy.plan([]);
        hold(seen.contains(&cell.operation), || format!("no such request: {seen:?}"))?;
        hold(seen.len() <= 60, || format!("{} requests", seen.len()))
    }

    /// The answer leads to the file's bytes at once.
    async fn answered(&self, report: &JobReport, film: &Film, expected: Durability) -> Result<PublishId, String> {
        let asset = report.main_asset().ok_or("no asset")?;
        hold(asset.durability == expected, || format!("{:?} instead of {expected:?}", asset.durability))?;
        hold(fetched(&asset.url.url).await? == film.bytes, || "the URL leads to other bytes".to_owned())?;
        hold(!film.path.exists() && asset.kept.is_none(), || "the local file is left".to_owned())?;
        Ok(asset.publish)
    }

    /// The file is kept, nothing is stored that the error does not name, and another try publishes it.
    async fn failed(&self, error: &JobError, film: &Film, faults: &[StorageFault]) -> Result<PublishId, String> {
        let JobFault::Publish(PublishError::Storage { error, kept }) = &error.fault else {
            return Err(format!("another kind of error: {error:?}"));
        };
        hold(faults.contains(&error.fault), || format!("{:?} instead of {faults:?}: {error}", error.fault))?;
        let is_kept = std::fs::read(kept).is_ok_and(|kept| kept == film.bytes);
        hold(*kept == film.path && is_kept, || format!("the file is not kept at {kept:?}"))?;
        let is_named = error.left_behind == Some(LeftBehind::Object);
        for (_, bytes) in self.pair.bench.objects(&film.prefix).await {
            hold(is_named && bytes == film.bytes, || format!("an object nobody names: {error}"))?;
        }
        let in_directory = self.pair.in_directory(&film.prefix);
        hold(in_directory.is_empty(), || format!("in the directory, though it failed: {error}"))?;
        let failed = self.host.failed(None, 10).await.map_err(|error| error.to_string())?;
        let [entry] = &failed[..] else { return Err(format!("failed publishes: {failed:?}")) };
        let retried = self.host.retry(entry.publish, &CancellationToken::new()).await;
        match retried.map_err(|error| error.to_string())? {
            (_, Recovered::Published(asset)) if asset.durability == self.pair.end() => Ok(asset.publish),
            (_, retried) => Err(format!("tried again: {retried:?}")),
        }
    }

    /// Whoever asks the catalogue gets the file's bytes.
    async fn check_url(&self, publish: PublishId, film: &Film) -> Result<(), String> {
        let url = self.host.archive().url(publish, None, "test").await.map_err(|error| error.to_string())?;
        hold(fetched(&url.url).await? == film.bytes, || format!("{} leads to other bytes", url.url.path()))
    }

    /// One recovery with S3 there again brings the object to where it belongs; a deletion takes it from everywhere.
    async fn settle(&self, publish: PublishId, film: &Film, is_pending: bool, cell: Cell) -> Result<(), String> {
        let cancel = CancellationToken::new();
        let recovery = self.host.recover(&cancel).await.map_err(|error| error.to_string())?;
        let is_moved = match &recovery.publishes[..] {
            [] => !is_pending,
            [(entry, Recovered::Moved(asset))] => {
                is_pending && entry.publish == publish && asset.durability == self.pair.end()
            }
            _ => false,
        };
        hold(is_moved && recovery.waiting == 0, || format!("pending: {is_pending}, recovery: {recovery:?}"))?;
        self.pair.check_end(&film.prefix, &film.bytes).await?;
        let open = self.pair.bench.open_uploads(&film.prefix).await;
        hold(open.is_empty() || cell.has_hidden_upload() || !self.pair.bench.lists_uploads(), || {
            format!("open uploads {open:?}")
        })?;
        let archive = self.host.archive();
        let record = archive.asset(publish).await.map_err(|error| error.to_string())?;
        hold(record.asset.durability == self.pair.end(), || format!("on record: {:?}", record.asset.durability))?;
        self.check_url(publish, film).await?;
        let deletion = Deletion { at: jiff::Timestamp::now(), by: "test".to_owned(), reason: "a test".to_owned() };
        let removal = archive.delete(publish, &deletion).await.map_err(|error| error.to_string())?;
        let left = (self.pair.bench.objects(&film.prefix).await.len(), self.pair.in_directory(&film.prefix).len());
        hold(removal.is_complete() && left == (0, 0), || format!("deleted: {removal:?}, left: {left:?}"))
    }
}
