//! A bucket and a directory together, while one of them fails (E1, E4).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use filmgate::storage::{
    BothStorage, Durability, GetOptions, LocalStorage, Mode, Presence, PublishId, Storage, StorageFault,
};
use filmgate_tests::garage::Garage;
use filmgate_tests::switched::{Switch, Switched};

use crate::bench::{PART, Put, connect, fetch, key, noise};

/// Both stores, S3 behind a switch.
struct Pair {
    both: BothStorage,
    s3: Arc<Switched>,
    folder: String,
    dir: tempfile::TempDir,
}

impl Pair {
    async fn new(mode: Mode) -> Self {
        let s3 = Switched::new(Arc::new(connect(&Garage::shared().bucket()).await));
        let dir = tempfile::tempdir().expect("a directory");
        let local = LocalStorage::open(dir.path()).expect("open");
        let both = BothStorage::new(local, Arc::<Switched>::clone(&s3), mode);
        Self { both, s3, folder: PublishId::generate().to_string(), dir }
    }

    fn key(&self, name: &str) -> filmgate::key::ObjectKey {
        key(&format!("{}/{name}", self.folder))
    }

    /// Whether S3 has the key, and whether the directory does.
    async fn has(&self, key: &filmgate::key::ObjectKey) -> (bool, bool) {
        let there = |presence: Presence| matches!(presence, Presence::Present(_));
        let s3 = self.s3.inner().head(key).await.expect("head");
        (there(s3), there(self.both.local().head(key).await.expect("head")))
    }
}

/// Objects of the directory, its own folder aside.
fn files(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).expect("read").map(|entry| entry.expect("an entry"));
    let visible = entries.filter(|entry| entry.file_name() != ".filmgate");
    visible.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_fallback_goes_to_the_directory_only_while_s3_is_away() {
    let pair = Pair::new(Mode::Fallback).await;
    for (size, switch, expected) in [
        (1000, Switch::Here, Durability::S3),
        (1000, Switch::Away, Durability::Local),
        (PART + 1, Switch::Here, Durability::S3),
        (PART + 1, Switch::Away, Durability::Local),
    ] {
        let key = pair.key(&format!("{size}-{expected}"));
        let bytes = noise(size);
        pair.s3.set(switch);
        let stored = Put::new(&key, &bytes).send(&pair.both).await.expect("stored somewhere");
        assert_eq!((stored.durability, stored.size), (expected, size));
        assert!(fetch(&pair.both, &key, None).await.expect("read while S3 is as it is") == bytes);
        let found = pair.both.head(&key).await.expect("head");
        assert!(matches!(found, Presence::Present(info) if info.size == size));
        let url = pair.both.presign_get(&key, Duration::from_secs(60), &GetOptions::default()).await.expect("a URL");
        assert_eq!(url.url.scheme(), if expected == Durability::S3 { "http" } else { "file" });
        pair.s3.set(Switch::Here);
        assert_eq!(pair.has(&key).await, (expected == Durability::S3, expected == Durability::Local));
    }
}

/// A6: what S3 refuses is no outage.
#[tokio::test(flavor = "multi_thread")]
async fn a6_e1_a_refusal_fails_and_leaves_nothing_in_either_store() {
    for mode in [Mode::Fallback, Mode::Mirror] {
        let pair = Pair::new(mode).await;
        pair.s3.set(Switch::Refusing);
        let key = pair.key("refused");
        let error = Put::new(&key, &noise(1000)).send(&pair.both).await.expect_err("refused");
        assert_eq!((error.fault, error.left_behind.as_ref()), (StorageFault::Denied, None), "{mode}: {error}");
        assert_eq!(pair.has(&key).await, (false, false), "{mode}");
        assert_eq!(files(pair.dir.path()), 0, "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_e1_a_file_that_neither_store_takes_is_told_with_both_reasons() {
    let pair = Pair::new(Mode::Fallback).await;
    pair.s3.set(Switch::Away);
    // A name of the directory's own, which S3 would take.
    let error = Put::new(&key(".filmgate/x"), &noise(10)).send(&pair.both).await.expect_err("neither takes it");
    assert_eq!(error.fault, StorageFault::Unreachable, "{error}");
    let told = error.to_string();
    assert!(told.contains("switched off") && told.contains("this program's own folder"), "{told}");
}

/// The put to S3 was carried out and its answer lost: the object is in both stores, and the same publish settles it.
#[tokio::test(flavor = "multi_thread")]
async fn e1_a_lost_answer_and_the_fallback_are_one_publish() {
    for size in [1000, PART + 1] {
        let pair = Pair::new(Mode::Fallback).await;
        let key = pair.key("lost");
        let put = Put::new(&key, &noise(size));
        pair.s3.set(Switch::Lost);
        let first = put.send(&pair.both).await.expect("in the directory");
        assert_eq!(first.durability, Durability::Local);
        assert_eq!(pair.has(&key).await, (true, true));
        pair.s3.set(Switch::Here);
        let again = put.send(&pair.both).await.expect("the same publish");
        assert_eq!((again.durability, again.checksum), (Durability::Both, first.checksum));
        let error = Put::new(&key, &noise(size)).send(&pair.both).await.expect_err("another publish");
        assert_eq!(error.fault, StorageFault::Exists, "{error}");
    }
}

/// What waits in the directory owns its key, also while S3 has none of it yet.
#[tokio::test(flavor = "multi_thread")]
async fn e1_a_key_that_waits_for_s3_is_not_given_to_another_publish() {
    let pair = Pair::new(Mode::Fallback).await;
    let key = pair.key("waiting");
    pair.s3.set(Switch::Away);
    Put::new(&key, &noise(1000)).send(&pair.both).await.expect("in the directory");
    pair.s3.set(Switch::Here);
    let puts = pair.s3.puts();
    let error = Put::new(&key, &noise(1000)).send(&pair.both).await.expect_err("another publish");
    assert_eq!((error.fault, pair.s3.puts()), (StorageFault::Exists, puts), "{error}");
    assert_eq!(pair.has(&key).await, (false, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_a_mirror_has_both_and_does_with_the_directory() {
    let pair = Pair::new(Mode::Mirror).await;
    for (size, switch, expected) in [
        (1000, Switch::Here, Durability::Both),
        (PART + 1, Switch::Here, Durability::Both),
        (1000, Switch::Away, Durability::Local),
        (1000, Switch::Lost, Durability::Local),
    ] {
        let key = pair.key(&format!("{size}-{switch:?}"));
        pair.s3.set(switch);
        let put = Put::new(&key, &noise(size));
        let stored = put.send(&pair.both).await.expect("stored");
        assert_eq!(stored.durability, expected, "{switch:?}");
        assert_eq!(put.watcher.sent().last(), Some(&size));
        assert!(fetch(&pair.both, &key, None).await.expect("read") == noise(size));
        pair.s3.set(Switch::Here);
        assert_eq!(pair.has(&key).await, (switch != Switch::Away, true), "{switch:?}");
        let again = put.send(&pair.both).await.expect("the same publish");
        assert_eq!(again.durability, Durability::Both);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e4_deleting_reaches_both_stores_and_says_what_is_left() {
    let pair = Pair::new(Mode::Mirror).await;
    let key = pair.key("deleted");
    Put::new(&key, &noise(1000)).send(&pair.both).await.expect("in both");
    pair.s3.set(Switch::Away);
    let error = pair.both.delete(&key).await.expect_err("S3 is away");
    assert_eq!(error.fault, StorageFault::Unreachable);
    let told = error.to_string();
    let place = pair.both.local().describe();
    assert!(told.contains("left here") && told.contains(&format!("deleted in {place}")), "{told}");
    assert_eq!(pair.has(&key).await, (true, false));
    assert!(pair.both.head(&key).await.is_err(), "absent is not known while S3 is away");
    pair.s3.set(Switch::Here);
    pair.both.delete(&key).await.expect("deleted");
    assert_eq!(pair.has(&key).await, (false, false));
    assert_eq!(pair.both.head(&key).await.expect("head"), Presence::Absent);
    pair.both.delete(&key).await.expect("what is not there");
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_listings_join_what_either_store_has() {
    let pair = Pair::new(Mode::Mirror).await;
    let mut expected = Vec::new();
    let bucket = Garage::shared().bucket();
    let observer = bucket.observer();
    // Long runs and short ones of either store, and some keys in both.
    for number in 0..1500_u32 {
        let key = pair.key(&format!("{number:04}"));
        let (in_s3, in_directory) = match number {
            0..100 => (true, true),
            100..600 => (false, true),
            600..1200 => (true, number.is_multiple_of(7)),
            _ => (number.is_multiple_of(2), !number.is_multiple_of(2)),
        };
        if in_directory {
            Put::new(&key, &noise(1)).send(pair.both.local()).await.expect("put");
        }
        if in_s3 {
            let put = observer.put_object().bucket(&bucket.name).key(key.as_str());
            put.body(bytes::Bytes::from_static(b"x").into()).send().await.expect("put");
        }
        expected.push(key);
    }
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = pair.both.list(&format!("{}/", pair.folder), after.as_deref()).await.expect("list");
        assert!(page.objects.len() <= 1000);
        listed.extend(page.objects.into_iter().map(|info| info.key));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(listed == expected, "{} of {}", listed.len(), expected.len());
    pair.s3.set(Switch::Away);
    assert!(pair.both.list("", None).await.is_err(), "half a listing is none");
}
