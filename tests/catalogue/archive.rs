//! Records and storage together: URLs, deletion, clean-up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use filmgate::archive::{Archive, ArchiveError, CleanOptions, RemoveError, RetentionPolicy};
use filmgate::catalogue::{AssetFilter, AssetState, Batch, Catalogue, Deletion, NewAsset, Page, SqliteCatalogue};
use filmgate::layout::Layouts;
use filmgate::storage::{LocalStorage, MemorySource, Presence, PublishId, PutRequest, Storage, Unobserved};
use filmgate::url::{UrlKind, UrlPolicy};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::bench::{asset, asset_in, days};
use crate::troubled::Troubled;
use filmgate_tests::wrapped::Wrapped;

/// An archive on local storage that can be troubled.
struct Place {
    catalogue: Arc<dyn Catalogue>,
    storage: Arc<Wrapped<Troubled>>,
    archive: Archive,
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self::with(UrlPolicy::default(), RetentionPolicy::default(), |_| {})
    }

    fn with(urls: UrlPolicy, retention: RetentionPolicy, trouble: impl FnOnce(&mut Troubled)) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let local = LocalStorage::open(folder.path().join("objects")).expect("open");
        let mut storage = Troubled::new(Arc::new(local));
        trouble(&mut storage);
        let storage = Arc::new(Wrapped(storage));
        let catalogue: Arc<dyn Catalogue> = Arc::new(SqliteCatalogue::new(folder.path().join("catalogue.db")));
        let (records, objects) = (Arc::clone(&catalogue), Arc::clone(&storage) as Arc<dyn Storage>);
        let archive = Archive::new(records, objects, urls, Layouts::shipped(), retention);
        Self { catalogue, storage, archive, folder }
    }

    /// Puts the object of an asset and its record.
    async fn store(&self, asset: NewAsset) -> NewAsset {
        self.put(&asset, asset.id).await;
        let batch = Batch { jobs: Vec::new(), assets: vec![asset.clone()] };
        self.catalogue.project(&batch).await.expect("project");
        asset
    }

    async fn put(&self, asset: &NewAsset, publish_id: PublishId) {
        let request = PutRequest {
            key: &asset.key,
            file: Arc::new(MemorySource(vec![7; 1000].into())),
            content_type: asset.kind.content_type(),
            user: None,
            publish_id,
            metadata: &BTreeMap::new(),
            resume: None,
            observer: &Unobserved,
            cancel: &CancellationToken::new(),
        };
        self.storage.inner.put(request).await.expect("put");
    }

    async fn is_there(&self, asset: &NewAsset) -> bool {
        matches!(self.storage.inner.head(&asset.key).await.expect("head"), Presence::Present(_))
    }

    async fn state(&self, asset: &NewAsset) -> AssetState {
        self.catalogue.asset(asset.id).await.expect("read").expect("it is there").state
    }
}

/// An asset that was stored now.
fn fresh(asset: NewAsset) -> NewAsset {
    let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).expect("now");
    NewAsset { accepted_at: now, stored_at: now, ..asset }
}

fn deletion() -> Deletion {
    Deletion { at: Timestamp::now(), by: "tester".to_owned(), reason: "not wanted".to_owned() }
}

fn after(age: i64) -> CleanOptions {
    CleanOptions { now: Timestamp::now() + days(age), retry_all: false }
}

#[tokio::test]
async fn e4_a_deleted_asset_is_gone_from_the_store_and_reads_as_gone() {
    let place = Place::new();
    let (file, other) = (place.store(fresh(asset())).await, place.store(fresh(asset())).await);
    let removal = place.archive.delete(file.id, &deletion()).await.expect("delete");
    assert!(removal.is_complete() && removal.removed == 1, "{removal:?}");
    assert_eq!((place.is_there(&file).await, place.is_there(&other).await), (false, true));
    assert_eq!(place.state(&file).await, AssetState::Gone);
    let url = place.archive.url(file.id, None, "tester").await.expect_err("it is gone");
    assert!(matches!(url, ArchiveError::Gone { id, .. } if id == file.id), "{url:?}");
    let again = place.archive.delete(file.id, &deletion()).await.expect_err("it is gone");
    assert!(matches!(again, ArchiveError::Gone { .. }), "{again:?}");
    let unknown = place.archive.delete(PublishId::generate(), &deletion()).await.expect_err("nobody knows it");
    assert!(matches!(unknown, ArchiveError::Unknown { .. }), "{unknown:?}");
}

#[tokio::test]
async fn c6_what_the_store_does_not_delete_is_gone_for_everybody_and_tried_again() {
    let place = Place::new();
    let file = place.store(fresh(asset_in("s1", None))).await;
    place.storage.is_away.store(true, Ordering::SeqCst);
    let removal = place.archive.delete_session(&"ana/s1".parse().expect("an id"), &deletion()).await.expect("marked");
    assert_eq!((removal.removed, removal.failed, removal.is_complete()), (0, 1, false));
    assert!(
        matches!(&removal.failures[0].error, RemoveError::Storage(error) if error.is_storage_away()),
        "{removal:?}"
    );
    assert_eq!(place.state(&file).await, AssetState::Deleting);
    let url = place.archive.url(file.id, None, "tester").await.expect_err("it reads as gone");
    assert!(matches!(url, ArchiveError::Gone { .. }), "{url:?}");
    place.storage.is_away.store(false, Ordering::SeqCst);
    // Its wait is not over.
    let report = place.archive.clean(CleanOptions::default()).await.expect("clean");
    assert_eq!((report.removal.removed, report.waiting, place.is_there(&file).await), (0, 1, true));
    let report = place.archive.clean(CleanOptions { retry_all: true, ..CleanOptions::default() }).await.expect("clean");
    assert_eq!((report.removal.removed, report.waiting, place.is_there(&file).await), (1, 0, false));
    assert_eq!(place.state(&file).await, AssetState::Gone);
}

#[tokio::test]
async fn c6_one_object_that_cannot_be_deleted_does_not_keep_the_others() {
    let place = Place::with(UrlPolicy::default(), RetentionPolicy::default(), |storage| storage.deny = "stubborn");
    let mut files = Vec::new();
    for number in 0..20 {
        let name = if number == 7 { "stubborn" } else { "file" };
        let key = format!("videos/ana/{name}-{number}.mp4").try_into().expect("a key");
        files.push(place.store(fresh(NewAsset { key, ..asset_in("s1", None) })).await);
    }
    let removal = place.archive.delete_session(&"ana/s1".parse().expect("an id"), &deletion()).await.expect("marked");
    assert_eq!((removal.removed, removal.failed, removal.left), (19, 1, 0));
    assert_eq!(removal.failures[0].id, files[7].id);
    assert_eq!(place.state(&files[7]).await, AssetState::Deleting);
    let state = place.catalogue.asset(files[7].id).await.expect("read").expect("it is there").deletion;
    let state = state.expect("a deletion");
    assert!(state.attempts == 1 && state.last_error.expect("why").contains("not allowed"));
    assert!(state.next_try.expect("a wait") > Timestamp::now());
    // Its wait is over within a day, whatever the number of tries.
    let report = place.archive.clean(after(1)).await.expect("clean");
    assert_eq!((report.removal.failed, report.waiting), (1, 0));
}

#[tokio::test]
async fn c6_a_store_that_is_away_is_not_asked_for_every_object() {
    let place = Place::new();
    let assets: Vec<_> = (0..500).map(|_| fresh(asset_in("s1", None))).collect();
    place.catalogue.project(&Batch { jobs: Vec::new(), assets }).await.expect("project");
    place.storage.is_away.store(true, Ordering::SeqCst);
    let removal = place.archive.delete_session(&"ana/s1".parse().expect("an id"), &deletion()).await.expect("marked");
    assert_eq!(removal.failed + removal.left, 500, "{removal:?}");
    let calls = place.storage.calls.load(Ordering::SeqCst);
    assert!(calls < 50, "{calls} requests to a store that does not answer");
}

#[tokio::test]
async fn c8_an_object_of_another_publish_is_left_alone() {
    let place = Place::new();
    let file = fresh(asset());
    place.put(&file, PublishId::generate()).await;
    place.catalogue.project(&Batch { jobs: Vec::new(), assets: vec![file.clone()] }).await.expect("project");
    let removal = place.archive.delete(file.id, &deletion()).await.expect("delete");
    assert!(removal.is_complete(), "{removal:?}");
    assert!(place.is_there(&file).await, "somebody else's object was deleted");
}

/// Somebody put it there without Filmgate.
#[tokio::test]
async fn c8_an_object_that_names_no_publish_is_left_alone() {
    let place = Place::new();
    let file = place.store(fresh(asset())).await;
    let objects = place.folder.path().join("objects");
    std::fs::remove_file(objects.join(".filmgate/meta").join(file.key.as_str())).expect("forget whose it is");
    let removal = place.archive.delete(file.id, &deletion()).await.expect("delete");
    assert!(removal.is_complete(), "{removal:?}");
    assert!(objects.join(file.key.as_str()).exists(), "somebody else's object was deleted");
}

#[tokio::test]
async fn c8_an_asset_whose_object_is_gone_already_is_gone() {
    let place = Place::new();
    let file = place.store(fresh(asset())).await;
    place.storage.inner.delete(&file.key).await.expect("delete");
    assert!(place.archive.delete(file.id, &deletion()).await.expect("delete").is_complete());
    assert_eq!(place.state(&file).await, AssetState::Gone);
}

#[tokio::test]
async fn c2_urls_are_made_anew_by_the_policy_and_written_down() {
    let urls = UrlPolicy { base: Some("https://cdn.example/v".parse().expect("a base")), ..UrlPolicy::default() };
    let place = Place::with(urls, RetentionPolicy::default(), |_| {});
    let file = place.store(fresh(asset())).await;
    let url = place.archive.url(file.id, None, "tester").await.expect("a URL");
    assert_eq!((url.kind, url.url.as_str()), (UrlKind::Base, format!("https://cdn.example/v/{}", file.key).as_str()));
    let plain = Place::new();
    let file = plain.store(fresh(asset())).await;
    let url = plain.archive.url(file.id, None, "tester").await.expect("a URL");
    assert_eq!(url.kind, UrlKind::File);
    let log = plain.catalogue.audit_log(Some(&file.id.to_string()), 10).await.expect("read");
    assert_eq!((log.len(), log[0].granted, log[0].actor.as_str()), (1, true, "tester"));
    plain.archive.delete(file.id, &deletion()).await.expect("delete");
    plain.archive.url(file.id, None, "ana").await.expect_err("it is gone");
    let log = plain.catalogue.audit_log(Some(&file.id.to_string()), 10).await.expect("read");
    assert_eq!((log[0].granted, log[0].actor.as_str()), (false, "ana"));
}

/// Settings that name another store than the one an asset is in: no URL that leads nowhere, no deletion that does nothing.
#[tokio::test]
async fn c2_an_asset_of_another_store_is_named_and_left() {
    let place = Place::new();
    let file = place.store(fresh(NewAsset { place: "s3://old".to_owned(), ..asset() })).await;
    let url = place.archive.url(file.id, None, "tester").await.expect_err("it is elsewhere");
    assert!(matches!(&url, ArchiveError::Elsewhere { place, .. } if place == "s3://old"), "{url:?}");
    let removal = place.archive.delete(file.id, &deletion()).await.expect("marked");
    assert!(matches!(removal.failures[0].error, RemoveError::Elsewhere { .. }), "{removal:?}");
    assert_eq!(place.state(&file).await, AssetState::Deleting);
}

#[tokio::test]
async fn b4_each_slot_keeps_its_files_as_long_as_its_layout_says() {
    let place = Place::new();
    let of = |layout: &str, slot: &str, key: &str| {
        fresh(NewAsset {
            layout: Some(layout.parse().expect("a layout")),
            slot: slot.parse().expect("a slot"),
            key: key.to_owned().try_into().expect("a key"),
            ..asset()
        })
    };
    let cases = [
        (of("pipeline", "processing", "temp/j/processing/a.mp4"), Some(7)),
        (of("pipeline", "clip", "generations/g/clips/clip_001.mp4"), Some(30)),
        (of("pipeline", "generation-metadata", "generations/g/metadata.json"), Some(30)),
        (of("pipeline", "final", "compositions/c/final.mp4"), Some(90)),
        (of("pipeline", "upload", "uploads/ana/u/original.png"), None),
        (of("recap", "video", "videos/ana/2026/03/recap.mp4"), None),
        // A user who happens to be called like a prefix.
        (of("jobs", "video", "temp/j/video.mp4"), None),
    ];
    for (asset, _) in &cases {
        place.store(asset.clone()).await;
    }
    for age in [6, 8, 29, 31, 89, 91, 4000] {
        place.archive.clean(after(age)).await.expect("clean");
        for (asset, kept_days) in &cases {
            let is_kept = kept_days.is_none_or(|days| days > age);
            assert_eq!(place.is_there(asset).await, is_kept, "{} after {age} days", asset.key);
        }
    }
    let mut layouts = Layouts::shipped();
    assert!(layouts.keep("uploads/", Some(std::time::Duration::from_secs(60))));
    assert!(!layouts.keep("nothing/", None) && !layouts.keep("temp/j", None));
}

#[tokio::test]
async fn c6_old_versions_go_and_the_latest_stay() {
    let policy = RetentionPolicy { versions: Some(1), ..RetentionPolicy::default() };
    let place = Place::with(UrlPolicy::default(), policy, |_| {});
    let mut versions = Vec::new();
    for _ in 0..4 {
        versions.push(place.store(fresh(asset_in("s1", Some("a")))).await);
    }
    let report = place.archive.clean(CleanOptions::default()).await.expect("clean");
    assert_eq!((report.superseded, report.removal.removed), (2, 2));
    for (version, is_kept) in versions.iter().zip([false, false, true, true]) {
        assert_eq!(place.is_there(version).await, is_kept);
    }
    let stored = AssetFilter { state: Some(AssetState::Stored), ..AssetFilter::default() };
    assert_eq!(place.catalogue.assets(&stored, Page::first(10)).await.expect("list").len(), 2);
}
