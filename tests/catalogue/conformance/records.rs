use filmgate::catalogue::{AssetFilter, AssetState, Batch, EventKind, JobFilter, JobState, NewAsset, Page};
use filmgate::job::{JobId, RefName};
use filmgate::storage::{Durability, Integrity, PublishId};

use crate::bench::{self, Bench, asset, asset_in, end, facts, head, note};

pub(super) async fn c1_everything_of_an_asset_is_kept(bench: &Bench) {
    let mut full = asset_in("s1", Some("scene.1"));
    full.refs.insert(RefName::Generation, "gen_1".parse().expect("an id"));
    full.sequence = Some(7.try_into().expect("a sequence"));
    full.place = "s3://videos".to_owned();
    full.durability = Durability::S3;
    full.integrity = Integrity::SizeOnly;
    full.size = 48 << 40;
    full.version_id = Some("v'1\"".to_owned());
    full.encryption = Some("aws:kms arn:key".to_owned());
    full.facts = Some(facts());
    let bare = NewAsset { layout: None, plugin: None, ..asset() };
    bench.store(&[&full, &bare]).await;
    for asset in [&full, &bare] {
        let found = bench.reader.asset(asset.id).await.expect("read").expect("it is there");
        assert_eq!(found.asset, *asset);
        assert_eq!((found.version, found.state, &found.deletion), (1, AssetState::Stored, &None));
        let at_key = bench.reader.assets_at(&asset.key).await.expect("read");
        assert_eq!(at_key, [found]);
    }
}

pub(super) async fn c4_the_same_news_again_changes_nothing(bench: &Bench) {
    let (head, file) = (head(), asset_in("s1", None));
    let file = NewAsset { job: head.job, ..file };
    let mut batch = note(&head, Some(end(JobState::Succeeded, 20)));
    batch.assets = vec![file.clone(), file.clone()];
    let first = bench.writer.project(&batch).await.expect("project");
    assert_eq!(first.assets, 1);
    let state = async || {
        let events = bench.reader.events(None, 100).await.expect("events");
        let job = bench.reader.job(head.job).await.expect("read").expect("the job");
        let assets = bench.reader.assets(&AssetFilter::default(), Page::first(10)).await.expect("list");
        (events, job, assets)
    };
    let before = state().await;
    assert_eq!(before.0.len(), 3, "{:?}", before.0);
    for again in [batch.clone(), note(&head, None), Batch { jobs: Vec::new(), ..batch.clone() }] {
        let projected = bench.writer.project(&again).await.expect("project again");
        assert_eq!((projected.assets, projected.disagreements.len()), (0, 0));
        assert_eq!(state().await, before);
    }
}

pub(super) async fn c8_another_publish_of_an_identity_is_told_and_not_taken(bench: &Bench) {
    let first = asset();
    bench.store(&[&first]).await;
    let other = NewAsset { id: PublishId::generate(), size: 2, ..first.clone() };
    let batch = Batch { jobs: Vec::new(), assets: vec![other.clone(), asset()] };
    let projected = bench.writer.project(&batch).await.expect("project");
    assert_eq!((projected.assets, projected.disagreements), (1, vec![other.id]));
    assert_eq!(bench.reader.asset(other.id).await.expect("read"), None);
    assert_eq!(bench.reader.asset(first.id).await.expect("read").expect("the first").asset, first);
}

pub(super) async fn a_job_is_known_by_its_files_where_nobody_told_of_it(bench: &Bench) {
    let file = asset();
    bench.store(&[&file]).await;
    let job = bench.reader.job(file.job).await.expect("read").expect("the job");
    assert_eq!((job.state, &job.head.user, &job.head.plugin), (JobState::Running, &file.user, &file.plugin));
    assert_eq!((job.head.accepted_at, job.assets), (file.accepted_at, 1));
    assert!(job.head.lease_until.is_some_and(|lease| lease > file.accepted_at));
    // Its host tells of its end later.
    let head = filmgate::catalogue::JobHead { job: file.job, ..head() };
    bench.writer.project(&note(&head, Some(end(JobState::Succeeded, 50)))).await.expect("project");
    let job = bench.reader.job(file.job).await.expect("read").expect("the job");
    assert_eq!((job.state, job.ended_at), (JobState::Succeeded, Some(bench::moment(50))));
}

pub(super) async fn a_job_ends_once_unless_it_is_run_again(bench: &Bench) {
    let head = head();
    bench.writer.project(&note(&head, None)).await.expect("project");
    let read = async || bench.reader.job(head.job).await.expect("read").expect("the job");
    assert_eq!((read().await.state, read().await.ended_at), (JobState::Running, None));
    bench.writer.project(&note(&head, Some(end(JobState::Failed, 10)))).await.expect("project");
    let failed = read().await;
    assert_eq!((failed.state, failed.code.as_deref()), (JobState::Failed, Some("trap")));
    assert_eq!(failed.usage, end(JobState::Failed, 10).usage);
    // The same job again, by its caller's key.
    bench.writer.project(&note(&head, Some(end(JobState::Succeeded, 30)))).await.expect("project");
    bench.writer.project(&note(&head, Some(end(JobState::Failed, 10)))).await.expect("an old word");
    let done = read().await;
    assert_eq!((done.state, done.code, done.ended_at), (JobState::Succeeded, None, Some(bench::moment(30))));
    let kinds: Vec<_> = bench.reader.events_of_job(head.job).await.expect("events").iter().map(|e| e.kind).collect();
    assert_eq!(kinds, [EventKind::JobAccepted, EventKind::JobFailed, EventKind::JobSucceeded]);
}

pub(super) async fn an_empty_catalogue_knows_nothing(bench: &Bench) {
    bench.reader.check().await.expect("it can be used");
    assert_eq!(bench.reader.asset(PublishId::generate()).await.expect("read"), None);
    assert_eq!(bench.reader.job(JobId::generate()).await.expect("read"), None);
    assert_eq!(bench.reader.session(&"ana/s1".parse().expect("an id")).await.expect("read"), None);
    assert_eq!(bench.reader.jobs(&JobFilter::default(), Page::first(10)).await.expect("list"), []);
    assert_eq!(bench.reader.events(None, 10).await.expect("events"), []);
    let deletion = super::deletion::deletion(0);
    assert_eq!(bench.writer.delete_session(&"ana/s1".parse().expect("an id"), &deletion).await.expect("ask"), None);
}
