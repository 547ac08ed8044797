use filmgate::catalogue::{AssetFilter, AssetState, Deletion, EventKind, NewAsset, Page, SessionId};

use crate::bench::{Bench, asset, asset_in, moment};

pub(super) fn deletion(at: i64) -> Deletion {
    Deletion { at: moment(at), by: "tester".to_owned(), reason: "not wanted".to_owned() }
}

fn s1() -> SessionId {
    "ana/s1".parse().expect("an id")
}

async fn state(bench: &Bench, asset: &NewAsset) -> AssetState {
    bench.reader.asset(asset.id).await.expect("read").expect("it is there").state
}

pub(super) async fn c3_versions_count_on_in_their_scene(bench: &Bench) {
    let in_scene =
        |scene: &str, slot: &str| NewAsset { slot: slot.parse().expect("a slot"), ..asset_in("s1", Some(scene)) };
    let mut expected = Vec::new();
    for (scene, slot, version) in
        [("a", "video", 1), ("a", "video", 2), ("b", "video", 1), ("a", "thumbnail", 1), ("a", "video", 3)]
    {
        expected.push((in_scene(scene, slot), version));
    }
    expected.push((asset_in("s1", None), 1));
    expected.push((asset_in("s1", None), 2));
    expected.push((NewAsset { user: "ben".parse().expect("a user"), ..in_scene("a", "video") }, 1));
    expected.push((NewAsset { sequence: Some(1.try_into().expect("a number")), ..in_scene("a", "video") }, 1));
    bench.store(&expected.iter().map(|(asset, _)| asset).collect::<Vec<_>>()).await;
    // A deleted version's number is not given again.
    let third = AssetFilter { id: Some(expected[4].0.id), ..AssetFilter::default() };
    bench.writer.delete_assets(&third, &deletion(20), 1).await.expect("delete");
    let fourth = in_scene("a", "video");
    bench.store(&[&fourth]).await;
    expected.push((fourth, 4));
    for (asset, version) in expected {
        let found = bench.reader.asset(asset.id).await.expect("read").expect("it is there");
        assert_eq!(found.version, version, "{asset:?}");
    }
}

pub(super) async fn c6_a_deleted_session_marks_its_assets(bench: &Bench) {
    let (inside, beside) = ([asset_in("s1", None), asset_in("s1", Some("a"))], [asset_in("s2", None), asset()]);
    let of_ben = NewAsset { user: "ben".parse().expect("a user"), ..asset_in("s1", None) };
    bench.store(&[&inside[0], &inside[1], &beside[0], &beside[1], &of_ben]).await;
    let marked = bench.writer.delete_session(&s1(), &deletion(100)).await.expect("delete").expect("it was there");
    assert_eq!(marked, [inside[0].id, inside[1].id]);
    for asset in &inside {
        let found = bench.reader.asset(asset.id).await.expect("read").expect("it is there");
        let state = found.deletion.expect("a deletion");
        assert_eq!((found.state, state.asked, state.attempts), (AssetState::Deleting, deletion(100), 0));
    }
    for asset in beside.iter().chain([&of_ben]) {
        assert_eq!(state(bench, asset).await, AssetState::Stored);
    }
    let session = bench.reader.session(&s1()).await.expect("read").expect("it is there");
    assert_eq!((session.deleted_at, session.assets), (Some(moment(100)), 0));
    // Once more marks nothing.
    let again = bench.writer.delete_session(&s1(), &deletion(101)).await.expect("delete").expect("it was there");
    assert_eq!(again, []);
}

/// A file that was published before the deletion, but whose record comes after it; and one that begins the session anew.
pub(super) async fn c6_what_comes_late_into_a_deleted_session_is_deleted_too(bench: &Bench) {
    let (first, late) = (asset_in("s1", None), asset_in("s1", None));
    bench.store(&[&first]).await;
    bench.writer.delete_session(&s1(), &deletion(100)).await.expect("delete");
    bench.store(&[&late]).await;
    assert_eq!(state(bench, &late).await, AssetState::Deleting);
    let due = AssetFilter { due_at: Some(moment(100)), ..AssetFilter::default() };
    assert_eq!(bench.reader.assets(&due, Page::first(10)).await.expect("list").len(), 2);
    let anew = NewAsset { accepted_at: moment(150), stored_at: moment(200), ..asset_in("s1", None) };
    bench.store(&[&anew]).await;
    assert_eq!((state(bench, &anew).await, state(bench, &late).await), (AssetState::Stored, AssetState::Deleting));
    let session = bench.reader.session(&s1()).await.expect("read").expect("it is there");
    assert_eq!((session.deleted_at, session.assets), (None, 1));
}

pub(super) async fn c6_deletion_goes_from_stored_to_gone_once(bench: &Bench) {
    let (file, other) = (asset(), asset());
    bench.store(&[&file, &other]).await;
    // Gone is only what was to be deleted.
    bench.writer.deleted(&[file.id], moment(1)).await.expect("note");
    assert_eq!(state(bench, &file).await, AssetState::Stored);
    let filter = AssetFilter { id: Some(file.id), ..AssetFilter::default() };
    assert_eq!(bench.writer.delete_assets(&filter, &deletion(20), 10).await.expect("delete"), [file.id]);
    assert_eq!(bench.writer.delete_assets(&filter, &deletion(21), 10).await.expect("again"), []);
    bench.writer.deleted(&[file.id], moment(30)).await.expect("note");
    bench.writer.deleted(&[file.id], moment(31)).await.expect("note again");
    let found = bench.reader.asset(file.id).await.expect("read").expect("it stays on record");
    assert_eq!(found.state, AssetState::Gone);
    assert_eq!(found.deletion.expect("a deletion").gone_at, Some(moment(30)));
    let kinds: Vec<_> = bench.reader.events_of_job(file.job).await.expect("events").iter().map(|e| e.kind).collect();
    assert_eq!(kinds, [EventKind::JobAccepted, EventKind::AssetStored, EventKind::AssetDeleted, EventKind::AssetGone]);
    // A limit marks the oldest first.
    let (third, everything) = (asset(), AssetFilter::default());
    bench.store(&[&third]).await;
    assert_eq!(bench.writer.delete_assets(&everything, &deletion(40), 1).await.expect("delete"), [other.id]);
}

pub(super) async fn c6_a_failed_deletion_waits_and_is_due_again(bench: &Bench) {
    let file = asset();
    bench.store(&[&file]).await;
    bench.writer.delete_assets(&AssetFilter::default(), &deletion(20), 10).await.expect("delete");
    let due = async |at: i64| {
        let filter = AssetFilter { due_at: Some(moment(at)), ..AssetFilter::default() };
        bench.reader.assets(&filter, Page::first(10)).await.expect("list").len()
    };
    assert_eq!((due(19).await, due(20).await), (0, 1));
    bench.writer.delete_failed(file.id, "no connection", moment(60)).await.expect("note");
    bench.writer.delete_failed(file.id, "no connection, again", moment(90)).await.expect("note");
    assert_eq!((due(89).await, due(90).await), (0, 1));
    let state = bench.reader.asset(file.id).await.expect("read").expect("it is there").deletion.expect("a deletion");
    assert_eq!((state.attempts, state.next_try), (2, Some(moment(90))));
    assert_eq!(state.last_error.as_deref(), Some("no connection, again"));
}
