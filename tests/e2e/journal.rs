//! The order of the end: nothing is acknowledged that is not on record, and nothing is deleted before (A3).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use filmgate::job::{JobId, Refs, UserId};
use filmgate::key::ObjectKey;
use filmgate::media::MediaKind;
use filmgate::outbox::{Claimed, DataDir, Outbox};
use filmgate::publish::{
    Asset, Begin, Identity, Intent, Journal, JournalError, MemoryJournal, Plan, PublishError, Publisher, State,
};
use filmgate::report::JobFault;
use filmgate::storage::{LocalStorage, PublishId, Storage};
use filmgate::url::{UrlClass, UrlPolicy};
use filmgate_tests::wrapped::{AroundJournal, Wrapped};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Bench, probe_mp4};

/// Refuses to note one state, and remembers the others.
#[derive(Debug)]
struct Failing {
    inner: MemoryJournal,
    at: &'static str,
    noted: Mutex<Vec<&'static str>>,
}

impl Failing {
    fn at(at: &'static str) -> Arc<Wrapped<Self>> {
        Arc::new(Wrapped(Self { inner: MemoryJournal::default(), at, noted: Mutex::default() }))
    }
}

#[async_trait]
impl AroundJournal for Failing {
    fn inner(&self) -> &dyn Journal {
        &self.inner
    }

    async fn begin(&self, identity: Identity, publish: PublishId, intent: Intent) -> Result<Begin, JournalError> {
        if self.at == State::Intent.name() {
            return Err(JournalError::Unknown(publish));
        }
        self.inner.begin(identity, publish, intent).await
    }

    async fn advance(&self, publish: PublishId, next: State) -> Result<(), JournalError> {
        if self.at == next.name() {
            return Err(JournalError::Unknown(publish));
        }
        self.noted.lock().expect("the states").push(next.name());
        self.inner.advance(publish, next).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_a_journal_that_fails_keeps_the_file_and_the_answer_back() {
    for (at, has_object) in [("accepted", false), ("completing", false), ("verified", true), ("recorded", true)] {
        let bench = Bench::with(|builder| builder.journal(Failing::at(at)));
        let error = bench.failure(json!({ "do": "store", "files": [{}] })).await;
        let JobFault::Publish(PublishError::Journal { kept, .. } | PublishError::Storage { kept, .. }) = &error.fault
        else {
            panic!("{at}: {error:?}")
        };
        assert_eq!(std::fs::read(kept).expect("the file is kept"), probe_mp4(1000), "{at}");
        assert!(error.assets.is_empty(), "{at}: acknowledged without a record");
        assert_eq!(bench.keys().await.len(), usize::from(has_object), "{at}");
    }
}

/// Verified, recorded, deleted, answered: in this order (A3).
#[tokio::test(flavor = "multi_thread")]
async fn a3_states_follow_the_order_of_the_end() {
    let journal = Failing::at("nothing");
    let shared = Arc::clone(&journal);
    let bench = Bench::with(|builder| builder.journal(shared));
    bench.summary(json!({ "do": "store", "files": [{}] })).await;
    let noted = journal.noted.lock().expect("the states").clone();
    assert_eq!(noted, ["completing", "verified", "recorded", "deleted locally", "published"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_is_published_whatever_the_journal_says_later() {
    for at in ["deleted locally", "published"] {
        let bench = Bench::with(|builder| builder.journal(Failing::at(at)));
        bench.run(json!({ "do": "store", "files": [{}] })).await.expect("success");
        bench.assert_nothing_left();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_publish_of_a_finished_job_is_finished_in_the_journal() {
    let journal = Arc::new(MemoryJournal::default());
    let shared = Arc::clone(&journal);
    let bench = Bench::with(|builder| builder.journal(shared));
    bench.summary(json!({ "do": "store", "files": [{}, { "sequence": 1 }, { "kind": "html" }] })).await;
    bench.failure(json!({ "do": "trap-after-store", "files": [{}] })).await;
    assert_eq!(journal.unfinished().await.expect("read the journal"), []);
}

/// A publisher and an outbox without a host.
struct Publishing {
    _folder: tempfile::TempDir,
    storage: Arc<dyn Storage>,
    publisher: Publisher,
    outbox: Outbox,
    identity: Identity,
}

impl Publishing {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let data = Arc::new(DataDir::open(folder.path().join("data")).expect("a data directory"));
        let job = JobId::generate();
        let outbox = Outbox::create(&data, job, &[]).expect("an outbox");
        let storage: Arc<dyn Storage> =
            Arc::new(LocalStorage::open(folder.path().join("storage")).expect("open the storage"));
        let journal = Arc::new(MemoryJournal::default());
        let publisher = Publisher::new(Arc::clone(&storage), journal, UrlPolicy::default());
        let identity = Identity { job, slot: "video".parse().expect("a slot"), sequence: None };
        Self { _folder: folder, storage, publisher, outbox, identity }
    }

    fn claim(&self, bytes: usize) -> Arc<Claimed> {
        std::fs::write(self.outbox.out_path().join("video.mp4"), probe_mp4(bytes)).expect("write the file");
        let candidate = self.outbox.open("video.mp4", &CancellationToken::new()).expect("open the file");
        Arc::new(candidate.take(PublishId::generate()).expect("claim the file"))
    }

    async fn publish(&self, key: &str, claimed: &Arc<Claimed>) -> Result<Asset, PublishError> {
        let plan = Plan {
            identity: self.identity.clone(),
            publish: PublishId::generate(),
            user: UserId::try_from("ana".to_owned()).expect("a user id"),
            accepted_at: jiff::Timestamp::now(),
            refs: Refs::new(),
            plugin: None,
            key: ObjectKey::try_from(key.to_owned()).expect("a key"),
            kind: MediaKind::Mp4,
            facts: None,
            class: UrlClass::Final,
            metadata: BTreeMap::new(),
        };
        self.publisher.publish(plan, Arc::clone(claimed), true, &|_| {}, &CancellationToken::new()).await
    }

    async fn objects(&self) -> usize {
        self.storage.list("", None).await.expect("list").objects.len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_asked_for_twice_is_one_object_with_one_answer() {
    let publishing = Publishing::new();
    let first = publishing.claim(1000);
    let published = publishing.publish("a.mp4", &first).await.expect("success");
    assert!(!first.path().exists());
    let second = publishing.claim(2000);
    let again = publishing.publish("b.mp4", &second).await.expect("the same answer");
    assert_eq!((again.publish, again.key, again.size), (published.publish, published.key, 1000));
    assert_eq!(publishing.objects().await, 1);
    assert!(!second.path().exists(), "what was made again is not kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_failed_is_not_begun_again_behind_its_back() {
    let publishing = Publishing::new();
    let taken = publishing.claim(1000);
    publishing.storage.delete(&ObjectKey::try_from("a.mp4".to_owned()).expect("a key")).await.expect("no object");
    let other = Publishing {
        identity: Identity { sequence: Some(1.try_into().expect("a number")), ..publishing.identity.clone() },
        ..publishing
    };
    other.publish("a.mp4", &taken).await.expect("the first");
    let failing = Publishing { identity: Identity { sequence: None, ..other.identity.clone() }, ..other };
    let file = failing.claim(2000);
    let refused = failing.publish("a.mp4", &file).await.expect_err("the key is taken");
    assert!(matches!(refused, PublishError::Storage { .. }), "{refused:?}");
    let again = failing.publish("c.mp4", &file).await.expect_err("still failed");
    let PublishError::Taken { state, kept, .. } = &again else { panic!("{again:?}") };
    assert_eq!((*state, kept), ("failed", &file.path()));
    assert!(file.path().exists());
    assert_eq!(failing.objects().await, 1);
}
