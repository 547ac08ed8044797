//! A reference model of two stores: random publishes, repetitions, cancellations, deletions, outages, moves and ends of
//! processes, held against a table that says what each store must have.

mod judge;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use filmgate::job::{JobId, Refs, UserId};
use filmgate::key::ObjectKey;
use filmgate::media::MediaKind;
use filmgate::outbox::{Claimed, DataDir, Outbox};
use filmgate::publish::{Asset, Entry, Identity, Journal as _, Plan, PublishError, Publisher, Recovered};
use filmgate::storage::{Durability, LeftBehind, Mode, PublishId, Storage as _};
use filmgate::url::{UrlClass, UrlPolicy};
use filmgate_tests::fault_proxy::{Fault, Operation, Rule};
use filmgate_tests::wrapped::Wrapped;
use tokio_util::sync::CancellationToken;

use super::steps::{Death, Mortal, Step, schedule as any_schedule};
use super::{Pair, fetched, outage};
use crate::bench::{delete_when_well, hold, number};
use crate::cell::{Server, Size};
use crate::model::is_lie;
use crate::schedule::{self, first_seed};

/// Schedules that run at once; some always wait for a time-out.
const AT_ONCE: u64 = 6;
/// Where nobody asks for more.
const TRIALS: u64 = 80;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_e1_e4_random_schedules_of_two_stores_on_garage_keep_to_the_model() {
    run_many(Server::Garage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_e1_e4_random_schedules_of_two_stores_on_s3s_keep_to_the_model() {
    run_many(Server::S3s).await;
}

async fn run_many(server: Server) {
    let (first, count) = (first_seed(), schedule::schedules_or(TRIALS));
    let place = async || [Pair::new(server, Mode::Fallback, false).await, Pair::new(server, Mode::Mirror, false).await];
    let one = async |[fallback, mirror]: &[Pair; 2], seed| {
        let pair = |mode| if mode == Mode::Fallback { fallback } else { mirror };
        schedule::play(seed, &any_schedule(), async |(mode, steps)| play(pair(*mode), steps).await).await
    };
    let tried = schedule::try_all((first, count), AT_ONCE, place, one).await;
    tried.unwrap_or_else(|said| panic!("{server:?}: {said}"));
    schedule::trials(&format!("two stores: random schedules, {server:?}"), first, count, "as the model says");
}

/// What is known of a publish that has begun.
#[derive(Debug, Clone)]
struct Known {
    publish: PublishId,
    key: ObjectKey,
    bytes: Bytes,
    fate: Fate,
}

#[derive(Debug, Clone)]
enum Fate {
    Answered,
    /// Answered; and a deletion said that S3 may still have it.
    HalfDeleted,
    Deleted,
    Failed {
        kept: PathBuf,
        left: Option<LeftBehind>,
        lied_to: bool,
    },
    /// Its process ended before its answer.
    Killed {
        kept: PathBuf,
    },
}

/// One publisher with an outbox, and what must be true of its stores.
struct Play<'a> {
    pair: &'a Pair,
    journal: Arc<Wrapped<Mortal>>,
    publisher: Publisher,
    data: Arc<DataDir>,
    outbox: Outbox,
    job: JobId,
    prefix: String,
    known: BTreeMap<u32, Known>,
    is_away: bool,
    /// An upload may be open whose id was lost, on a store that lists none.
    hidden_upload: bool,
}

async fn play(pair: &Pair, steps: &[Step]) -> Result<(), String> {
    let data = Arc::new(DataDir::open(pair.bench.data().join(format!("two-{}", number()))).expect("a data directory"));
    let (job, journal) = (JobId::generate(), Arc::new(Wrapped::<Mortal>::default()));
    let mut play = Play {
        publisher: Publisher::new(Arc::clone(&pair.both) as _, Arc::clone(&journal) as _, UrlPolicy::default()),
        outbox: Outbox::create(&data, job, &[]).expect("an outbox"),
        prefix: format!("two/{job}/"),
        known: BTreeMap::new(),
        is_away: false,
        hidden_upload: false,
        pair,
        journal,
        data,
        job,
    };
    let played = play.all(steps).await;
    pair.bench.proxy.plan([]);
    pair.bench.clear(&play.prefix).await;
    for (key, _) in pair.in_directory(&play.prefix) {
        std::fs::remove_file(pair.directory.path().join(key)).expect("remove what a violation left");
    }
    played
}

impl Play<'_> {
    async fn all(&mut self, steps: &[Step]) -> Result<(), String> {
        for (place, step) in steps.iter().enumerate() {
            let played = self.step(step).await;
            self.pair.bench.proxy.plan([]);
            let held = match played {
                Ok(()) => self.check().await,
                Err(said) => Err(said),
            };
            held.map_err(|said| format!("step {place}: {said}"))?;
        }
        self.settle().await.map_err(|said| format!("in the end: {said}"))
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Publish { who, size, faults, cancel_at, death } => {
                self.journal.begin_process(*death);
                self.publish(*who, *size, faults, *cancel_at).await
            }
            Step::Delete { who, faults } => self.delete(*who, faults).await,
            Step::Outage(is_away) => {
                self.is_away = *is_away;
                Ok(())
            }
            Step::Restart { faults, death } => self.restart(faults, *death).await,
        }
    }

    /// What fails from now on.
    fn plan(&self, faults: &[Rule]) {
        self.pair.bench.proxy.plan([]);
        self.pair.bench.proxy.add(self.rules(faults));
    }

    fn rules(&self, faults: &[Rule]) -> Vec<Rule> {
        if self.is_away { outage() } else { faults.to_vec() }
    }

    async fn publish(&mut self, who: u32, size: Size, faults: &[Rule], cancel_at: Option<usize>) -> Result<(), String> {
        let publish = PublishId::generate();
        let (claimed, bytes) = self.claim(size, publish);
        let staged = claimed.path();
        // Every try has a key of its own: a second object would show.
        let key = ObjectKey::try_from(format!("{}{who}-{}.mp4", self.prefix, number())).expect("a key");
        let known = Known { publish, key, bytes, fate: Fate::Answered };
        let plan = self.plan_of(who, &known);
        let cancel = CancellationToken::new();
        // While an earlier process has not come to its end, a recovery deletes what was made again.
        let is_settled = match self.known.get(&who) {
            Some(first) => self.entry(first).await?.is_some_and(|entry| entry.state.is_published()),
            None => false,
        };
        self.pair.bench.proxy.plan([]);
        if let Some(at) = cancel_at {
            let cancel = cancel.clone();
            self.pair.bench.proxy.trip(at, false, move || cancel.cancel());
        }
        self.pair.bench.proxy.add(self.rules(faults));
        let outcome = self.publisher.publish(plan, claimed, true, &|_| {}, &cancel).await;
        self.pair.bench.proxy.plan([]);
        self.note_hidden_upload(cancel_at.is_some() || self.journal.is_dead(), faults);
        match (outcome, self.known.get(&who)) {
            (Ok(asset), None) => {
                hold(!staged.exists(), || format!("answered, and {staged:?} is left"))?;
                self.check_answer(&asset, &known).await?;
                hold(!self.is_away || asset.durability == Durability::Local, || format!("S3 is away: {asset:?}"))?;
                self.known.insert(who, known);
            }
            (Ok(_), Some(Known { fate: Fate::Failed { .. }, .. })) => return Err("begun again in secret".to_owned()),
            (Ok(asset), Some(first)) => {
                let same = (asset.publish, &asset.key) == (first.publish, &first.key);
                hold(same, || format!("asked again, another answer: {asset:?} after {first:?}"))?;
                hold(!staged.exists() || !is_settled, || "what was made again is kept".to_owned())?;
                let first = first.clone();
                if matches!(first.fate, Fate::Answered | Fate::Killed { .. }) {
                    self.check_answer(&asset, &first).await?;
                    self.known.insert(who, Known { fate: Fate::Answered, ..first });
                }
            }
            (Err(PublishError::Storage { error, kept }), None) if !self.journal.is_dead() => {
                hold(!self.is_away || cancel_at.is_some(), || {
                    format!("failed, though the directory is there: {error}")
                })?;
                let (left, lied_to) = (error.left_behind, is_lie(faults));
                self.known.insert(who, Known { fate: Fate::Failed { kept, left, lied_to }, ..known });
            }
            (Err(PublishError::Storage { kept, .. } | PublishError::Journal { kept, .. }), None) => {
                hold(self.journal.is_dead(), || "the journal failed".to_owned())?;
                // Else it had not begun.
                if self.entry(&known).await?.is_some() {
                    self.known.insert(who, Known { fate: Fate::Killed { kept }, ..known });
                }
            }
            (Err(PublishError::Journal { kept, .. }), Some(_)) if self.journal.is_dead() => {
                hold(kept == staged && staged.exists(), || format!("{staged:?} is gone"))?;
            }
            (
                Err(PublishError::Taken { kept, .. }),
                Some(Known { fate: Fate::Failed { .. } | Fate::Killed { .. }, .. }),
            ) => {
                hold(kept == staged && staged.exists(), || format!("{staged:?} is gone"))?;
            }
            (Err(error), known) => return Err(format!("an error that cannot be: {error}, after {known:?}")),
        }
        Ok(())
    }

    fn note_hidden_upload(&mut self, is_cut: bool, faults: &[Rule]) {
        let creates = |rule: &Rule| {
            let committed = rule.after_commit || matches!(rule.fault, Fault::Truncated | Fault::WrongChecksum);
            rule.operation == Operation::CreateMultipartUpload && committed
        };
        self.hidden_upload |= (is_cut || faults.iter().any(creates)) && !self.pair.bench.lists_uploads();
    }

    fn plan_of(&self, who: u32, known: &Known) -> Plan {
        Plan {
            identity: Identity {
                job: self.job,
                slot: "video".parse().expect("a slot"),
                sequence: Some((who + 1).try_into().expect("a sequence")),
            },
            publish: known.publish,
            user: UserId::try_from("ana".to_owned()).expect("a user"),
            accepted_at: jiff::Timestamp::now(),
            refs: Refs::new(),
            plugin: None,
            key: known.key.clone(),
            kind: MediaKind::Mp4,
            facts: None,
            class: UrlClass::Final,
            metadata: BTreeMap::new(),
        }
    }

    fn claim(&self, size: Size, publish: PublishId) -> (Arc<Claimed>, Bytes) {
        let (path, bytes) = self.pair.bench.file(size);
        std::fs::rename(path, self.outbox.out_path().join("video.mp4")).expect("move the file");
        let candidate = self.outbox.open("video.mp4", &CancellationToken::new()).expect("open the file");
        (Arc::new(candidate.take(publish).expect("claim the file")), bytes)
    }

    async fn entry(&self, known: &Known) -> Result<Option<Entry>, String> {
        self.journal.entry(known.publish).await.map_err(|error| error.to_string())
    }

    /// An answer is about the file, and leads to its bytes at once.
    async fn check_answer(&self, asset: &Asset, known: &Known) -> Result<(), String> {
        let same = (asset.publish, &asset.key, asset.size) == (known.publish, &known.key, known.bytes.len() as u64);
        hold(same, || format!("another answer: {asset:?}"))?;
        hold(fetched(&asset.url.url).await? == known.bytes, || format!("the URL of {asset:?} leads to other bytes"))
    }

    async fn delete(&mut self, who: u32, faults: &[Rule]) -> Result<(), String> {
        let Some(known) = self.known.get(&who) else { return Ok(()) };
        if !matches!(known.fate, Fate::Answered | Fate::HalfDeleted) {
            return Ok(());
        }
        self.plan(faults);
        let outcome = self.pair.both.delete(&known.key).await;
        self.pair.bench.proxy.plan([]);
        hold(!self.is_away || outcome.is_err(), || "deleted in S3, which is away".to_owned())?;
        let fate = if self.is_away {
            Fate::HalfDeleted
        } else {
            // Once more, while the store is well: what a failed delete did is unknown.
            if outcome.is_err() || !faults.is_empty() {
                delete_when_well(&*self.pair.both, &known.key).await?;
            }
            Fate::Deleted
        };
        self.known.get_mut(&who).expect("known").fate = fate;
        Ok(())
    }

    async fn restart(&mut self, faults: &[Rule], death: Option<Death>) -> Result<(), String> {
        self.journal.begin_process(death);
        self.plan(&[]);
        let recovered = self.publisher.recover(&self.data, &CancellationToken::new()).await;
        self.pair.bench.proxy.plan([]);
        self.note_hidden_upload(self.journal.is_dead(), faults);
        match recovered {
            Ok(recovery) => {
                for (entry, recovered) in recovery.publishes {
                    self.taken_up(&entry, &recovered).await?;
                }
            }
            Err(_) if self.journal.is_dead() => {}
            Err(error) => return Err(format!("recover: {error}")),
        }
        self.note_settled().await?;
        self.plan(faults);
        let moved = self.publisher.move_pending(&self.data, &CancellationToken::new()).await;
        self.pair.bench.proxy.plan([]);
        self.note_hidden_upload(self.journal.is_dead(), faults);
        match moved {
            Ok(moving) => {
                for (entry, moved) in moving.publishes {
                    self.moved(&entry, &moved, faults).await?;
                }
                Ok(())
            }
            Err(_) if self.journal.is_dead() => Ok(()),
            Err(error) => Err(format!("move: {error}")),
        }
    }

    /// What a recovery published whose process ended before it told of that stands as if it had been answered.
    async fn note_settled(&mut self) -> Result<(), String> {
        for who in 0..4 {
            let Some(Known { fate: Fate::Killed { kept }, publish, .. }) = self.known.get(&who) else { continue };
            let entry = self.journal.entry(*publish).await.map_err(|error| error.to_string())?;
            if entry.is_some_and(|entry| entry.state.is_published()) {
                hold(!kept.exists(), || format!("published, and {kept:?} is left"))?;
                self.known.get_mut(&who).expect("known").fate = Fate::Answered;
            }
        }
        Ok(())
    }

    fn known_of(&mut self, entry: &Entry) -> Result<&mut Known, String> {
        let known = self.known.values_mut().find(|known| known.publish == entry.publish);
        known.ok_or_else(|| format!("a publish of nobody: {entry:?}"))
    }

    /// A recovery publishes what was killed, whether S3 is there or not: the directory is.
    async fn taken_up(&mut self, entry: &Entry, recovered: &Recovered) -> Result<(), String> {
        let Recovered::Published(asset) = recovered else { return Err(format!("taken up: {recovered:?}")) };
        let known = self.known_of(entry)?;
        if let Fate::Killed { kept } = &known.fate {
            hold(!kept.exists(), || format!("published, and {kept:?} is left"))?;
            known.fate = Fate::Answered;
        }
        let known = known.clone();
        if matches!(known.fate, Fate::Answered) {
            self.check_answer(asset, &known).await?;
        }
        Ok(())
    }

    async fn moved(&mut self, entry: &Entry, moved: &Recovered, faults: &[Rule]) -> Result<(), String> {
        let (is_away, end) = (self.is_away, self.pair.end());
        let known = self.known_of(entry)?.clone();
        let is_troubled = is_away || !faults.is_empty();
        match (moved, &known.fate) {
            (Recovered::Moved(asset), Fate::Answered) => {
                hold(!is_away, || format!("moved to S3, which is away: {asset:?}"))?;
                hold(asset.durability == end, || format!("moved: {asset:?}"))?;
                self.check_answer(asset, &known).await
            }
            (Recovered::Moved(_), Fate::HalfDeleted) => Ok(()),
            (Recovered::Left(_), _) if is_troubled => Ok(()),
            // S3 is back, and is still left alone.
            (Recovered::Left(PublishError::Storage { error, .. }), _) if error.retry_at.is_some() => Ok(()),
            (Recovered::Failed(_), _) if !faults.is_empty() => Ok(()),
            (Recovered::Lost(_), Fate::HalfDeleted | Fate::Deleted) => Ok(()),
            (moved, fate) => Err(format!("{}, {fate:?}: {moved:?}", known.key)),
        }
    }
}
