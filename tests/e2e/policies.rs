//! Jobs whose storage is a bucket and a directory (E1): what is answered while S3 is away, what becomes of it later, and
//! what a kill between any two steps leaves.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use filmgate::catalogue::{Deletion, EventKind};
use filmgate::checksum::Crc64Nvme;
use filmgate::publish::{
    Asset, Begin, Entry, Identity, Intent, Journal, JournalError, MemoryJournal, PublishError, Recovered, Recovery,
    State,
};
use filmgate::storage::s3::S3Storage;
use filmgate::storage::{
    BothStorage, Durability, LocalStorage, MemorySource, Mode, PublishId, PutRequest, Storage, StorageFault, Unobserved,
};
use filmgate::url::{UrlClass, UrlKind, UrlPolicy};
use filmgate_tests::bucket::TestBucket;
use filmgate_tests::garage::Garage;
use filmgate_tests::http;
use filmgate_tests::switched::{Switch, Switched};
use filmgate_tests::wrapped::{AroundJournal, Wrapped};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::s3::{left_in, stranger};
use crate::support::{Bench, probe, probe_mp4, request};

/// A journal whose process is killed at a chosen edge: from there on it does nothing, until the next process comes.
#[derive(Debug, Default)]
struct Mortal {
    inner: MemoryJournal,
    /// The edge that kills, and whether what it says came to disk before.
    edge: Mutex<Option<(Edge, bool)>>,
    is_dead: Mutex<bool>,
    begun: Mutex<Vec<PublishId>>,
}

/// The n-th time that a state is noted.
type Edge = (&'static str, usize);

fn edge_name(state: &State) -> &'static str {
    if matches!(state, State::Moved(_)) { "moved" } else { state.name() }
}

fn killed() -> JournalError {
    JournalError::File { path: "journal".into(), message: "killed".to_owned() }
}

impl Mortal {
    fn kill_at(&self, edge: Edge, after: bool) {
        *self.edge.lock().expect("not poisoned") = Some((edge, after));
    }

    /// Answers whether the last one was killed.
    fn next_process(&self) -> bool {
        *self.edge.lock().expect("not poisoned") = None;
        std::mem::take(&mut *self.is_dead.lock().expect("not poisoned"))
    }

    fn live(&self) -> Result<(), JournalError> {
        if *self.is_dead.lock().expect("not poisoned") { Err(killed()) } else { Ok(()) }
    }

    /// Whether the edge is reached, and whether to note it.
    fn reach(&self, state: &State) -> Option<bool> {
        let mut edge = self.edge.lock().expect("not poisoned");
        let ((name, left), after) = edge.as_mut()?;
        if *name != edge_name(state) {
            return None;
        }
        *left -= 1;
        (*left == 0).then_some(*after)
    }

    async fn only(&self) -> Entry {
        let begun = self.begun.lock().expect("not poisoned").clone();
        let [publish] = begun[..] else { panic!("{begun:?}") };
        self.inner.entry(publish).await.expect("read").expect("an entry")
    }
}

#[async_trait]
impl AroundJournal for Mortal {
    fn inner(&self) -> &dyn Journal {
        &self.inner
    }

    async fn begin(&self, identity: Identity, publish: PublishId, intent: Intent) -> Result<Begin, JournalError> {
        self.begun.lock().expect("not poisoned").push(publish);
        self.inner.begin(identity, publish, intent).await
    }

    async fn advance(&self, publish: PublishId, next: State) -> Result<(), JournalError> {
        self.live()?;
        match self.reach(&next) {
            None => self.inner.advance(publish, next).await,
            Some(after) => {
                if after {
                    self.inner.advance(publish, next).await?;
                }
                *self.is_dead.lock().expect("not poisoned") = true;
                Err(killed())
            }
        }
    }

    async fn forget(&self, publish: PublishId) -> Result<(), JournalError> {
        self.live()?;
        self.inner.forget(publish).await
    }
}

/// A host with both stores, S3 behind a switch, its journal mortal.
struct Place {
    bench: Bench,
    both: Arc<BothStorage>,
    s3: Arc<Switched>,
    journal: Arc<Wrapped<Mortal>>,
    bucket: TestBucket,
    user: String,
    directory: tempfile::TempDir,
}

impl Place {
    async fn new(mode: Mode) -> Self {
        let bucket = Garage::shared().bucket();
        let mut settings = bucket.settings();
        settings.upload.part_bytes = 5 << 20;
        settings.upload.multipart_threshold = 5 << 20;
        let s3 = Switched::new(Arc::new(S3Storage::connect(settings).await.expect("connect")));
        let directory = tempfile::tempdir().expect("a directory");
        let local = LocalStorage::open(directory.path()).expect("open");
        let both = Arc::new(BothStorage::new(local, Arc::<Switched>::clone(&s3), mode));
        let journal = Arc::new(Wrapped::<Mortal>::default());
        let (storage, shared) = (Arc::clone(&both), Arc::clone(&journal));
        let bench = Bench::with(|builder| builder.storage(storage).journal(shared));
        Self { bench, both, s3, journal, bucket, user: stranger(), directory }
    }

    async fn publish(&self, files: Value) -> Result<Vec<Asset>, Box<filmgate::report::JobError>> {
        let params = json!({ "do": "store", "files": files });
        let report = self.bench.host.run(request(&self.user, &params), probe().await).await;
        report.map(|report| report.assets).map_err(Box::new)
    }

    async fn recover(&self) -> Result<Recovery, filmgate::RecoveryError> {
        self.bench.host.recover(&CancellationToken::new()).await
    }

    /// Objects of this user in S3, open uploads of them, and objects in the directory.
    async fn stored(&self) -> (usize, usize, usize) {
        let (objects, uploads) = left_in(&self.bucket, &format!("videos/{}/", self.user)).await;
        (objects, uploads, files(self.directory.path()).len())
    }

    /// The catalogue says where the object is, and hands it out.
    async fn check_catalogue(&self, entry: &Entry, case: &str) {
        let archive = self.bench.host.archive();
        let (asset, recorded) = (archive.asset(entry.publish).await.expect("on record").asset, &entry.recorded);
        assert_eq!(Some(asset.durability), recorded.as_ref().map(|recorded| recorded.durability), "{case}");
        let url = archive.url(entry.publish, None, "test").await.expect("a URL").url;
        assert_eq!(Crc64Nvme::of(&fetched(&url).await).0, asset.checksum.0, "{case}: other bytes");
    }

    /// Whoever has the record gets the bytes at the URL that is made of it, whatever was moved meanwhile.
    async fn check_record(&self, expected: &[u8], case: &str) -> Entry {
        let entry = self.journal.only().await;
        let recorded = entry.recorded.as_ref().unwrap_or_else(|| panic!("{case}: no answer: {entry:#?}"));
        assert_eq!(recorded.checksum, Crc64Nvme::of(expected).0);
        let at = |storage: Arc<BothStorage>| async move {
            let urls = UrlPolicy::default();
            urls.url_at(&*storage, recorded.durability, &recorded.key, UrlClass::Final, None).await.expect("a URL").url
        };
        let url = at(Arc::clone(&self.both)).await;
        assert!(fetched(&url).await == expected, "{:?}: other bytes at its URL", recorded.durability);
        entry
    }
}

/// Every object of a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("read").map(|entry| entry.expect("an entry"));
    let visible = entries.filter(|entry| entry.file_name() != ".filmgate").map(|entry| entry.path());
    visible.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

async fn fetched(url: &url::Url) -> Vec<u8> {
    match url.to_file_path() {
        Ok(path) => std::fs::read(path).expect("the file"),
        Err(()) => {
            let answer = http::get(url).await;
            assert_eq!(answer.status(), 200);
            answer.into_body().to_vec()
        }
    }
}

fn outcomes(recovery: &Recovery) -> Vec<&'static str> {
    let name = |recovered: &Recovered| match recovered {
        Recovered::Published(_) => "published",
        Recovered::Moved(_) => "moved",
        Recovered::UnderWay => "under way",
        Recovered::Failed(_) => "failed",
        Recovered::Lost(_) => "lost",
        Recovered::Left(_) => "left",
    };
    recovery.publishes.iter().map(|(_, recovered)| name(recovered)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_a_fallback_is_served_at_once_and_moves_when_s3_is_back() {
    let place = Place::new(Mode::Fallback).await;
    place.s3.set(Switch::Away);
    let sizes = [1_000, 6 << 20];
    let assets = place.publish(json!([{ "bytes": sizes[0] }, { "sequence": 1, "bytes": sizes[1] }])).await;
    let assets = assets.expect("published without S3");
    for (asset, bytes) in assets.iter().zip(sizes) {
        assert_eq!((asset.durability, asset.url.kind), (Durability::Local, UrlKind::File));
        assert!(fetched(&asset.url.url).await == probe_mp4(bytes), "served at once");
    }
    place.bench.assert_nothing_left();
    assert_eq!(place.stored().await, (0, 0, 2));

    let away = place.recover().await.expect("recover");
    assert_eq!((outcomes(&away), away.waiting), (vec!["left"], 1), "one try says that S3 is away");
    assert_eq!(place.stored().await, (0, 0, 2));

    place.s3.set(Switch::Here);
    let back = place.recover().await.expect("recover");
    assert_eq!((outcomes(&back), back.waiting), (vec!["moved", "moved"], 0));
    for ((entry, moved), bytes) in back.publishes.iter().zip(sizes) {
        let Recovered::Moved(asset) = moved else { panic!("{moved:?}") };
        assert_eq!((asset.durability, asset.url.kind), (Durability::S3, UrlKind::Presigned));
        assert_eq!((asset.publish, &asset.key), (entry.publish, &entry.intent.key));
        assert!(fetched(&asset.url.url).await == probe_mp4(bytes));
        let there = place.bucket.observer().head_object().bucket(&place.bucket.name).key(asset.key.as_str());
        let there = there.send().await.expect("head");
        let metadata = there.metadata().expect("metadata");
        assert_eq!(metadata["filmgate-publish-id"], asset.publish.to_string());
        assert_eq!(metadata["filmgate-user"], place.user);
        assert_eq!(there.content_type(), Some("video/mp4"));
    }
    assert_eq!(place.stored().await, (2, 0, 0), "one object each, in one store");
    assert_eq!(outcomes(&place.recover().await.expect("recover")), [""; 0]);
    let catalogue = place.bench.host.archive().catalogue();
    let events = catalogue.events_of_job(assets[0].identity.job).await.expect("events");
    let moves: Vec<_> = events.iter().filter(|event| event.kind == EventKind::AssetMoved).collect();
    assert_eq!(moves.len(), 2, "one each: {events:#?}");
    for event in moves {
        let data = event.data.as_ref().expect("from where to where");
        assert_eq!(
            (&data["from"], &data["place"]),
            (&"local".into(), &place.bench.host.archive().place().into()),
            "{event:?}"
        );
    }
}

/// The order of the steps is that of `publish/moving.rs`; each is the last one of some process.
#[tokio::test(flavor = "multi_thread")]
async fn e1_a_move_that_is_killed_anywhere_is_settled_by_the_next_run() {
    for (mode, edge, after, stored_then) in [
        (Mode::Fallback, ("moved", 1), false, (1, 0, 1)),
        (Mode::Fallback, ("moved", 1), true, (1, 0, 1)),
        (Mode::Fallback, ("moved", 2), false, (1, 0, 0)),
        (Mode::Fallback, ("moved", 2), true, (1, 0, 0)),
        (Mode::Mirror, ("moved", 1), false, (1, 0, 1)),
        (Mode::Mirror, ("moved", 1), true, (1, 0, 1)),
    ] {
        for bytes in [1_000, 6 << 20] {
            let place = Place::new(mode).await;
            place.s3.set(Switch::Away);
            let asset = place.publish(json!([{ "bytes": bytes }])).await.expect("published").remove(0);
            let expected = probe_mp4(bytes);
            place.s3.set(Switch::Here);
            place.journal.kill_at(edge, after);
            place.recover().await.expect_err("killed");
            let case = format!("{mode}, {bytes} bytes, {edge:?}, noted: {after}");
            assert!(place.journal.next_process(), "{case}: not killed");
            assert_eq!(place.stored().await, stored_then, "{case}");
            place.check_record(&expected, &case).await;

            place.recover().await.expect("the next run");
            let entry = place.check_record(&expected, &case).await;
            let recorded = entry.recorded.as_ref().expect("a record");
            let (durability, in_directory) =
                if mode == Mode::Mirror { (Durability::Both, 1) } else { (Durability::S3, 0) };
            assert_eq!((recorded.durability, &recorded.pending), (durability, &None), "{case}");
            place.check_catalogue(&entry, &case).await;
            assert_eq!((entry.publish, &recorded.key), (asset.publish, &asset.key), "{case}: another answer");
            assert_eq!(place.stored().await, (1, 0, in_directory), "{case}");
        }
    }
}

/// Whatever S3 did with the put, and wherever the publish was killed, there is one answer, and one object where it belongs.
#[tokio::test(flavor = "multi_thread")]
async fn m3_e1_a_fallback_that_is_killed_anywhere_has_one_answer() {
    for (edge, after) in [
        (("completing", 1), false),
        (("completing", 1), true),
        (("completing", 2), true),
        (("verified", 1), false),
        (("verified", 1), true),
        (("recorded", 1), false),
        (("recorded", 1), true),
        (("published", 1), false),
    ] {
        for (first, second) in [
            (Switch::Lost, Switch::Here),
            (Switch::Lost, Switch::Away),
            (Switch::Away, Switch::Here),
            (Switch::Away, Switch::Away),
        ] {
            let place = Place::new(Mode::Fallback).await;
            place.s3.set(first);
            place.journal.kill_at(edge, after);
            let answered = place.publish(json!([{ "bytes": 1_000 }])).await.is_ok();
            let killed = place.journal.next_process();
            let case = format!("{first:?}, then {second:?}, {edge:?}, noted: {after}, killed: {killed}");
            assert!(!answered || !killed || edge.0 == "published", "{case}: answered without a record");

            place.s3.set(second);
            let recovery = place.recover().await.expect("the next run");
            let case = format!("{case}: {:?}", outcomes(&recovery));
            let entry = place.check_record(&probe_mp4(1_000), &case).await;
            assert!(entry.state.is_published(), "{case}: {}", entry.state.name());

            place.s3.set(Switch::Here);
            place.recover().await.expect("a later run");
            let later = place.check_record(&probe_mp4(1_000), &case).await;
            assert_eq!(later.publish, entry.publish, "{case}: a second publish");
            place.check_catalogue(&later, &case).await;
            assert_eq!(later.recorded.expect("a record").durability, Durability::S3, "{case}");
            assert_eq!(place.stored().await, (1, 0, 0), "{case}");
            place.bench.assert_nothing_left();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_a_mirror_keeps_its_files_and_catches_up() {
    let place = Place::new(Mode::Mirror).await;
    let there = place.publish(json!([{ "bytes": 6 << 20 }])).await.expect("published").remove(0);
    assert_eq!((there.durability, there.url.kind), (Durability::Both, UrlKind::Presigned));
    assert_eq!(place.stored().await, (1, 0, 1));

    place.s3.set(Switch::Away);
    let missed = place.publish(json!([{ "bytes": 7 << 20 }])).await.expect("published without S3").remove(0);
    assert_eq!((missed.durability, missed.url.kind), (Durability::Local, UrlKind::File));
    place.bench.assert_nothing_left();
    assert_eq!(outcomes(&place.recover().await.expect("recover")), ["left"]);
    assert_eq!(place.stored().await, (1, 0, 2));

    place.s3.set(Switch::Here);
    let back = place.recover().await.expect("recover");
    let [(_, Recovered::Moved(asset))] = &back.publishes[..] else { panic!("{back:?}") };
    assert_eq!((asset.publish, asset.durability), (missed.publish, Durability::Both));
    assert_eq!(asset.url.kind, UrlKind::Presigned);
    assert!(fetched(&asset.url.url).await == probe_mp4(7 << 20));
    assert_eq!(place.stored().await, (2, 0, 2));
    for path in files(place.directory.path()) {
        let kept = std::fs::read(path).expect("read");
        assert!(kept == probe_mp4(6 << 20) || kept == probe_mp4(7 << 20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_e1_a_mirror_that_s3_refuses_fails_and_can_be_tried_again() {
    let place = Place::new(Mode::Mirror).await;
    place.s3.set(Switch::Refusing);
    let error = place.publish(json!([{}])).await.expect_err("refused");
    let filmgate::report::JobFault::Publish(PublishError::Storage { error, kept }) = &error.fault else {
        panic!("{error:?}")
    };
    assert_eq!(error.fault, StorageFault::Denied);
    assert_eq!(std::fs::read(kept).expect("the file is kept"), probe_mp4(1000));
    assert_eq!(place.stored().await, (0, 0, 0));
    place.s3.set(Switch::Here);
    let [failed] = &place.bench.host.failed(None, 10).await.expect("list")[..] else { panic!("one failed") };
    let (_, retried) = place.bench.host.retry(failed.publish, &CancellationToken::new()).await.expect("retry");
    assert!(matches!(&retried, Recovered::Published(asset) if asset.durability == Durability::Both), "{retried:?}");
    assert_eq!(place.stored().await, (1, 0, 1));
    place.bench.assert_nothing_left();
}

#[tokio::test(flavor = "multi_thread")]
async fn e4_what_is_deleted_while_it_waits_stays_deleted() {
    let place = Place::new(Mode::Fallback).await;
    place.s3.set(Switch::Away);
    let asset = place.publish(json!([{}])).await.expect("published").remove(0);
    place.both.delete(&asset.key).await.expect_err("S3 cannot be asked");
    place.s3.set(Switch::Here);
    place.both.delete(&asset.key).await.expect("deleted");
    let recovery = place.recover().await.expect("recover");
    assert_eq!(outcomes(&recovery), ["lost"], "told once");
    assert_eq!(outcomes(&place.recover().await.expect("recover")), [""; 0]);
    assert_eq!(place.stored().await, (0, 0, 0));
}

/// By the record, as `filmgate assets delete` does: in both stores, also while the file waits.
#[tokio::test(flavor = "multi_thread")]
async fn e4_an_asset_is_deleted_in_every_store() {
    for mode in [Mode::Fallback, Mode::Mirror] {
        for switch in [Switch::Here, Switch::Away, Switch::Lost] {
            let place = Place::new(mode).await;
            place.s3.set(switch);
            let asset = place.publish(json!([{}])).await.expect("published").remove(0);
            let archive = place.bench.host.archive();
            let deletion = Deletion { at: jiff::Timestamp::now(), by: "test".to_owned(), reason: "a test".to_owned() };
            let removal = archive.delete(asset.publish, &deletion).await.expect("deleted in the record");
            let case = format!("{mode}, {switch:?}");
            assert_eq!(removal.is_complete(), switch == Switch::Here, "{case}: {removal:?}");
            assert_eq!(place.stored().await.2, 0, "{case}: the directory needs no S3");
            place.s3.set(Switch::Here);
            if switch != Switch::Here {
                let removal = archive.delete(asset.publish, &deletion).await.expect("again");
                assert!(removal.is_complete(), "{case}: {removal:?}");
            }
            assert_eq!(outcomes(&place.recover().await.expect("recover")), [""; 0], "{case}: told as lost");
            assert_eq!(place.stored().await, (0, 0, 0), "{case}");
            archive.url(asset.publish, None, "test").await.expect_err("gone");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_a_waiting_file_that_was_changed_is_not_moved() {
    let place = Place::new(Mode::Fallback).await;
    place.s3.set(Switch::Away);
    place.publish(json!([{}])).await.expect("published");
    let path = files(place.directory.path()).remove(0);
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[500] ^= 1;
    std::fs::write(&path, bytes).expect("a bit is flipped");
    place.s3.set(Switch::Here);
    for _ in 0..2 {
        let recovery = place.recover().await.expect("recover");
        let [(_, Recovered::Failed(error))] = &recovery.publishes[..] else { panic!("{recovery:?}") };
        assert!(error.to_string().contains("on record is"), "{error}");
        assert_eq!(place.stored().await, (0, 0, 1));
    }
}

/// Another host took the key in S3 meanwhile: nothing is overwritten, and the file is served from where it is.
#[tokio::test(flavor = "multi_thread")]
async fn e1_a_key_that_another_host_took_keeps_the_file_where_it_is() {
    let place = Place::new(Mode::Fallback).await;
    place.s3.set(Switch::Away);
    let asset = place.publish(json!([{}])).await.expect("published").remove(0);
    let theirs = PutRequest {
        key: &asset.key,
        file: Arc::new(MemorySource(b"theirs".to_vec().into())),
        content_type: "video/mp4",
        user: None,
        publish_id: PublishId::generate(),
        metadata: &Default::default(),
        resume: None,
        observer: &Unobserved,
        cancel: &CancellationToken::new(),
    };
    place.s3.inner().put(theirs).await.expect("another host's");
    place.s3.set(Switch::Here);
    let recovery = place.recover().await.expect("recover");
    let [(_, Recovered::Failed(PublishError::Storage { error, kept }))] = &recovery.publishes[..] else {
        panic!("{recovery:?}")
    };
    assert_eq!(error.fault, StorageFault::Exists);
    assert_eq!(std::fs::read(kept).expect("named and there"), probe_mp4(1000));
    place.check_record(&probe_mp4(1000), "the key is taken").await;
    assert_eq!(place.stored().await, (1, 0, 1));
}
