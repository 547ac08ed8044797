use filmgate::catalogue::{AssetFilter, AssetState, Batch, JobFilter, JobState, NewAsset, Page, SessionFilter};
use filmgate::storage::PublishId;

use super::deletion::deletion;
use crate::bench::{Bench, asset, asset_in, end, head, moment, note};

/// Every id a filter names, page by page.
async fn all(bench: &Bench, filter: &AssetFilter, limit: u32) -> Vec<PublishId> {
    let (mut ids, mut page) = (Vec::new(), Page::first(limit));
    loop {
        let records = bench.reader.assets(filter, page).await.expect("list");
        assert!(records.len() <= limit as usize);
        let Some(last) = records.last() else { return ids };
        page = Page::after(last.asset.id, limit);
        ids.extend(records.iter().map(|record| record.asset.id));
    }
}

pub(super) async fn filters_narrow_and_pages_continue(bench: &Bench) {
    let clip = |number: u32| NewAsset {
        slot: "clip".parse().expect("a slot"),
        sequence: Some(number.try_into().expect("a sequence")),
        layout: Some("pipeline".parse().expect("a layout")),
        ..asset_in("s1", Some("a"))
    };
    let of_ben =
        || NewAsset { user: "ben".parse().expect("a user"), stored_at: moment(99), ..asset_in("s1", Some("b")) };
    let job = asset().job;
    let assets =
        [NewAsset { job, ..clip(1) }, NewAsset { job, ..clip(2) }, clip(3), asset(), of_ben(), asset_in("s2", None)];
    bench.store(&assets.iter().collect::<Vec<_>>()).await;
    let id = |index: usize| assets[index].id;
    bench
        .writer
        .delete_assets(&AssetFilter { id: Some(id(2)), ..AssetFilter::default() }, &deletion(5), 10)
        .await
        .expect("mark");
    let text = |name: &str| Some(name.parse().expect("an id"));
    let cases: Vec<(AssetFilter, Vec<usize>)> = vec![
        (AssetFilter::default(), vec![5, 4, 3, 2, 1, 0]),
        (AssetFilter { user: Some("ben".parse().expect("a user")), ..AssetFilter::default() }, vec![4]),
        (AssetFilter { job: Some(job), ..AssetFilter::default() }, vec![1, 0]),
        (AssetFilter { session: text("s1"), ..AssetFilter::default() }, vec![4, 2, 1, 0]),
        (AssetFilter { session: text("s1"), scene: text("a"), ..AssetFilter::default() }, vec![2, 1, 0]),
        (AssetFilter { slot: Some("video".parse().expect("a slot")), ..AssetFilter::default() }, vec![5, 4, 3]),
        (AssetFilter { layout: Some("pipeline".parse().expect("a layout")), ..AssetFilter::default() }, vec![2, 1, 0]),
        (AssetFilter { state: Some(AssetState::Deleting), ..AssetFilter::default() }, vec![2]),
        (AssetFilter { state: Some(AssetState::Gone), ..AssetFilter::default() }, vec![]),
        (AssetFilter { state: Some(AssetState::Stored), session: text("s1"), ..AssetFilter::default() }, vec![4, 1, 0]),
        (AssetFilter { stored_before: Some(moment(50)), ..AssetFilter::default() }, vec![5, 3, 2, 1, 0]),
        (AssetFilter { id: Some(id(3)), ..AssetFilter::default() }, vec![3]),
        (AssetFilter { user: Some("nobody".parse().expect("a user")), ..AssetFilter::default() }, vec![]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<_> = expected.into_iter().map(id).collect();
        for limit in [1, 2, 100] {
            assert_eq!(all(bench, &filter, limit).await, expected, "{filter:?} by {limit}");
        }
    }
}

pub(super) async fn jobs_are_listed_by_user_and_state(bench: &Bench) {
    let heads: Vec<_> = (0..4).map(|_| head()).collect();
    let mut batch = Batch::default();
    for (number, head) in heads.iter().enumerate() {
        let end = (number % 2 == 0).then(|| end(JobState::Succeeded, 10));
        batch.jobs.extend(note(head, end).jobs);
    }
    batch.jobs[3].head.user = "ben".parse().expect("a user");
    bench.writer.project(&batch).await.expect("project");
    let list = async |filter: JobFilter, page| {
        let jobs = bench.reader.jobs(&filter, page).await.expect("list");
        jobs.iter()
            .map(|job| heads.iter().position(|head| head.job == job.head.job).expect("one of ours"))
            .collect::<Vec<_>>()
    };
    assert_eq!(list(JobFilter::default(), Page::first(10)).await, [3, 2, 1, 0]);
    assert_eq!(list(JobFilter::default(), Page::after(heads[3].job, 2)).await, [2, 1]);
    let ana = JobFilter { user: Some("ana".parse().expect("a user")), state: None };
    assert_eq!(list(ana.clone(), Page::first(10)).await, [2, 1, 0]);
    assert_eq!(list(JobFilter { state: Some(JobState::Running), ..ana }, Page::first(10)).await, [1]);
    assert_eq!(list(JobFilter { user: None, state: Some(JobState::Succeeded) }, Page::first(1)).await, [2]);
}

pub(super) async fn sessions_are_listed_in_order(bench: &Bench) {
    let of = |user: &str, session: &str, scene: Option<&str>| NewAsset {
        user: user.parse().expect("a user"),
        ..asset_in(session, scene)
    };
    let assets =
        [of("ben", "s1", None), of("ana", "s2", Some("x")), of("ana", "s1", Some("x")), of("ana", "s1", Some("y"))];
    bench.store(&assets.iter().collect::<Vec<_>>()).await;
    let list = async |filter: SessionFilter, page| {
        let sessions = bench.reader.sessions(&filter, page).await.expect("list");
        sessions.iter().map(|session| session.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(list(SessionFilter::default(), Page::first(10)).await, ["ana/s1", "ana/s2", "ben/s1"]);
    let after = Page::after("ana/s1".parse().expect("an id"), 1);
    assert_eq!(list(SessionFilter::default(), after).await, ["ana/s2"]);
    let of_ben = SessionFilter { user: Some("ben".parse().expect("a user")), with_deleted: false };
    assert_eq!(list(of_ben, Page::first(10)).await, ["ben/s1"]);
    let one = bench.reader.session(&"ana/s1".parse().expect("an id")).await.expect("read").expect("it is there");
    assert_eq!((one.scenes, one.assets, one.bytes), (2, 2, 2000));
    assert_eq!((one.created_at, one.updated_at, one.deleted_at), (moment(0), moment(10), None));
    let scenes = bench.reader.scenes(&one.id).await.expect("scenes");
    let scenes: Vec<_> = scenes.iter().map(|scene| (scene.scene.as_str(), scene.assets, scene.bytes)).collect();
    assert_eq!(scenes, [("x", 1, 1000), ("y", 1, 1000)]);

    bench.writer.delete_session(&one.id, &deletion(100)).await.expect("delete");
    assert_eq!(list(SessionFilter::default(), Page::first(10)).await, ["ana/s2", "ben/s1"]);
    let with_deleted = SessionFilter { with_deleted: true, user: None };
    assert_eq!(list(with_deleted, Page::first(10)).await, ["ana/s1", "ana/s2", "ben/s1"]);
}
