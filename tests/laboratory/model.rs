//! A reference model: random publishes, repetitions, cancellations and deletions under random faults, held against a table
//! that says what must be in the store. A schedule is made by its seed alone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use filmgate::job::{JobId, Refs, UserId};
use filmgate::key::ObjectKey;
use filmgate::media::MediaKind;
use filmgate::outbox::{Claimed, DataDir, Outbox};
use filmgate::publish::{Asset, Identity, MemoryJournal, Plan, PublishError, Publisher};
use filmgate::storage::{LeftBehind, PublishId};
use filmgate::url::{UrlClass, UrlPolicy};
use filmgate_tests::fault_proxy::{Fault, Operation, Rule};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, delete_when_well, hold, names, number};
use crate::cell::{ALWAYS, Kind, Server, Size};
use crate::schedule::{self, first_seed, schedules};

/// Schedules that run at once; some always wait for a time-out.
const AT_ONCE: u64 = 6;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Publish { who: u32, size: Size, faults: Vec<Rule>, cancel_at: Option<usize> },
    Delete { who: u32, faults: Vec<Rule> },
}

pub(crate) fn size() -> impl Strategy<Value = Size> {
    prop_oneof![Just(Size::Small), Just(Size::Parts)]
}

/// A rule, behind some requests that it lets pass. Stalls are rare: each takes its time-out.
fn fault() -> impl Strategy<Value = Vec<Rule>> {
    use Operation as O;
    let operation = proptest::sample::select(vec![
        O::PutObject,
        O::HeadObject,
        O::CreateMultipartUpload,
        O::UploadPart,
        O::CompleteMultipartUpload,
        O::AbortMultipartUpload,
        O::ListParts,
        O::ListMultipartUploads,
        O::DeleteObject,
    ]);
    let quick: Vec<_> = Kind::ALL.into_iter().filter(|kind| !kind.is_slow()).collect();
    let kind = prop_oneof![60 => proptest::sample::select(quick), 1 => Just(Kind::Stall)];
    let times = prop_oneof![4 => Just(1), 2 => Just(2), 1 => Just(3), 1 => Just(ALWAYS)];
    (operation, kind, any::<bool>(), 0..3usize, times).prop_map(|(operation, kind, after_commit, skipped, times)| {
        let rule = Rule { operation, fault: kind.fault(), after_commit, times };
        vec![Rule { fault: Fault::None, times: skipped, ..rule }, rule]
    })
}

/// Faults that nobody waits for.
pub(crate) fn quick_faults() -> impl Strategy<Value = Vec<Rule>> {
    faults().prop_filter("a stall", |rules| rules.iter().all(|rule| rule.fault != Fault::Stall))
}

pub(crate) fn faults() -> impl Strategy<Value = Vec<Rule>> {
    proptest::collection::vec(fault(), 0..3).prop_map(|faults| faults.concat())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let cancel_at = prop_oneof![5 => Just(None), 1 => (0..8usize).prop_map(Some)];
    let publish = (0..4u32, size(), faults(), cancel_at).prop_map(|(who, size, faults, cancel_at)| Step::Publish {
        who,
        size,
        faults,
        cancel_at,
    });
    let delete = (0..4u32, faults()).prop_map(|(who, faults)| Step::Delete { who, faults });
    proptest::collection::vec(prop_oneof![5 => publish, 1 => delete], 1..10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_random_schedules_on_garage_keep_to_the_model() {
    run_many(Server::Garage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_random_schedules_on_s3s_keep_to_the_model() {
    run_many(Server::S3s).await;
}

async fn run_many(server: Server) {
    let (first, count) = (first_seed(), schedules());
    let place = async || Bench::new(server, false).await;
    let tried = schedule::try_all((first, count), AT_ONCE, place, run_one).await;
    tried.unwrap_or_else(|said| panic!("{server:?}: {said}"));
    schedule::trials(&format!("random schedules, {server:?}"), first, count, "as the model says");
}

/// Plays the schedule of a seed; a violation comes with the smallest schedule that was found to have one.
async fn run_one(bench: &Bench, seed: u64) -> Result<(), String> {
    schedule::play(seed, &steps(), async |steps| play(bench, steps).await).await
}

/// What is known of an identity.
#[derive(Debug, Clone)]
enum Known {
    Answered { asset: Box<Asset>, bytes: Bytes, deleted: bool },
    Failed { kept: PathBuf, bytes: Bytes, left: Option<LeftBehind>, key: ObjectKey, lied_to: bool },
}

/// One publisher with an outbox, and what must be true of its store.
struct Play<'a> {
    bench: &'a Bench,
    publisher: Publisher,
    data: Arc<DataDir>,
    outbox: Outbox,
    job: JobId,
    prefix: String,
    known: BTreeMap<u32, Known>,
    /// An upload may be open whose id was lost, on a store that lists none.
    hidden_upload: bool,
}

async fn play(bench: &Bench, steps: &[Step]) -> Result<(), String> {
    let data = Arc::new(DataDir::open(bench.data().join(format!("model-{}", number()))).expect("a data directory"));
    let job = JobId::generate();
    let mut play = Play {
        publisher: Publisher::new(
            Arc::clone(bench.host.storage()),
            Arc::new(MemoryJournal::default()),
            UrlPolicy::default(),
        ),
        outbox: Outbox::create(&data, job, &[]).expect("an outbox"),
        job,
        prefix: format!("model/{job}/"),
        known: BTreeMap::new(),
        hidden_upload: false,
        bench,
        data,
    };
    for (place, step) in steps.iter().enumerate() {
        let played = play.step(step).await;
        bench.proxy.plan([]);
        let held = match played {
            Ok(()) => play.check().await,
            Err(said) => Err(said),
        };
        if let Err(said) = held {
            bench.clear(&play.prefix).await;
            return Err(format!("step {place}: {said}"));
        }
    }
    bench.clear(&play.prefix).await;
    Ok(())
}

/// Whether the store says that it did not make an object, makes it, and does not show it to the look that follows: nothing
/// that it says leads to the truth.
pub(crate) fn is_lie(faults: &[Rule]) -> bool {
    let of = |rule: &Rule, operations: &[Operation]| rule.fault != Fault::None && operations.contains(&rule.operation);
    let makes = [Operation::PutObject, Operation::CompleteMultipartUpload];
    let refuses = |rule: &Rule| rule.after_commit && matches!(rule.fault, Fault::Error(400..500, _));
    faults.iter().any(|rule| of(rule, &makes) && refuses(rule))
        && faults.iter().any(|rule| of(rule, &[Operation::HeadObject]))
}

impl Play<'_> {
    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Publish { who, size, faults, cancel_at } => self.publish(*who, *size, faults, *cancel_at).await,
            Step::Delete { who, faults } => self.delete(*who, faults).await,
        }
    }

    async fn publish(&mut self, who: u32, size: Size, faults: &[Rule], cancel_at: Option<usize>) -> Result<(), String> {
        let (claimed, bytes) = self.claim(size);
        let staged = claimed.path();
        // Every try has a key of its own: a second object would show.
        let key = ObjectKey::try_from(format!("{}{who}-{}.mp4", self.prefix, number())).expect("a key");
        let plan = Plan {
            identity: Identity {
                job: self.job,
                slot: "video".parse().expect("a slot"),
                sequence: Some((who + 1).try_into().expect("a sequence")),
            },
            publish: PublishId::generate(),
            user: UserId::try_from("ana".to_owned()).expect("a user"),
            accepted_at: jiff::Timestamp::now(),
            refs: Refs::new(),
            plugin: None,
            key: key.clone(),
            kind: MediaKind::Mp4,
            facts: None,
            class: UrlClass::Final,
            metadata: BTreeMap::new(),
        };
        let cancel = CancellationToken::new();
        if let Some(at) = cancel_at {
            let cancel = cancel.clone();
            self.bench.proxy.trip(at, false, move || cancel.cancel());
        }
        let creates = |rule: &Rule| {
            let committed = rule.after_commit || matches!(rule.fault, Fault::Truncated | Fault::WrongChecksum);
            rule.operation == Operation::CreateMultipartUpload && committed
        };
        let loses_uploads = cancel_at.is_some() || faults.iter().any(creates);
        self.hidden_upload |= loses_uploads && !self.bench.lists_uploads();
        self.bench.proxy.add(faults.iter().copied());
        let outcome = self.publisher.publish(plan, claimed, true, &|_| {}, &cancel).await;
        self.bench.proxy.plan([]);
        match (outcome, self.known.get(&who)) {
            (Ok(asset), None) => {
                hold(!staged.exists(), || format!("answered, and {staged:?} is left"))?;
                hold(asset.key == key && asset.size == bytes.len() as u64, || format!("another answer: {asset:?}"))?;
                self.known.insert(who, Known::Answered { asset: Box::new(asset), bytes, deleted: false });
            }
            (Ok(asset), Some(Known::Answered { asset: first, .. })) => {
                let same = (asset.publish, &asset.key, asset.size, asset.checksum)
                    == (first.publish, &first.key, first.size, first.checksum);
                hold(same, || format!("asked again, another answer: {asset:?} after {first:?}"))?;
                hold(!staged.exists(), || "what was made again is kept".to_owned())?;
            }
            (Ok(asset), Some(Known::Failed { .. })) => return Err(format!("begun again in secret: {asset:?}")),
            (Err(PublishError::Storage { error, kept }), None) => {
                let is_kept = std::fs::read(&kept).is_ok_and(|kept| kept == bytes);
                hold(is_kept, || format!("the file is not kept at {kept:?}: {error}"))?;
                let (left, lied_to) = (error.left_behind, is_lie(faults));
                self.known.insert(who, Known::Failed { kept, bytes, left, key, lied_to });
            }
            (Err(PublishError::Taken { kept, .. }), Some(Known::Failed { .. })) => {
                hold(kept == staged && staged.exists(), || format!("{staged:?} is gone"))?;
            }
            (Err(error), known) => return Err(format!("an error that cannot be: {error}, after {known:?}")),
        }
        Ok(())
    }

    fn claim(&self, size: Size) -> (Arc<Claimed>, Bytes) {
        let (path, bytes) = self.bench.file(size);
        std::fs::rename(path, self.outbox.out_path().join("video.mp4")).expect("move the file");
        let candidate = self.outbox.open("video.mp4", &CancellationToken::new()).expect("open the file");
        (Arc::new(candidate.take(PublishId::generate()).expect("claim the file")), bytes)
    }

    async fn delete(&mut self, who: u32, faults: &[Rule]) -> Result<(), String> {
        let Some(Known::Answered { asset, deleted, .. }) = self.known.get_mut(&who) else { return Ok(()) };
        self.bench.proxy.plan(faults.iter().copied());
        let outcome = self.bench.host.storage().delete(&asset.key).await;
        self.bench.proxy.plan([]);
        // Once more, while the store is well: what a failed delete did is unknown.
        if outcome.is_err() || !faults.is_empty() {
            delete_when_well(&**self.bench.host.storage(), &asset.key).await?;
        }
        *deleted = true;
        Ok(())
    }

    /// The store holds what the table says: every answered file, and else only what an error named.
    async fn check(&self) -> Result<(), String> {
        let mut objects: BTreeMap<_, _> = self.bench.objects(&self.prefix).await.into_iter().collect();
        let mut named = Vec::new();
        for known in self.known.values() {
            match known {
                Known::Answered { asset, bytes, deleted } => {
                    let object = objects.remove(asset.key.as_str());
                    hold(object.is_some() != *deleted, || format!("{}: deleted {deleted}, and not so", asset.key))?;
                    hold(object.is_none_or(|object| object == bytes), || format!("{}: another object", asset.key))?;
                }
                Known::Failed { kept, bytes, left, key, lied_to } => {
                    let is_kept = std::fs::read(kept).is_ok_and(|kept| kept == *bytes);
                    hold(is_kept, || format!("{kept:?} is not kept"))?;
                    if let Some(object) = objects.remove(key.as_str()) {
                        hold(object == bytes, || format!("{key}: a wrong object"))?;
                        hold(left.is_some() || *lied_to, || format!("{key}: an object that nobody named"))?;
                    }
                    match left {
                        // Whichever is open of this key.
                        Some(LeftBehind::Upload(None)) => named.extend(self.bench.open_uploads(key.as_str()).await),
                        Some(LeftBehind::Upload(Some(id))) => named.push(id.clone()),
                        _ => {}
                    }
                }
            }
        }
        hold(objects.is_empty(), || format!("objects of nobody: {:?}", objects.keys()))?;
        let mut open = self.bench.open_uploads(&self.prefix).await;
        open.retain(|id| !named.contains(id));
        hold(open.is_empty() || self.hidden_upload, || format!("uploads of nobody: {open:?}"))?;
        let jobs = names(&self.data.path().join("jobs"));
        hold(jobs == [self.job.to_string()], || format!("directories of jobs: {jobs:?}"))
    }
}
