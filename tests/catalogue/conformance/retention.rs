use filmgate::catalogue::{AssetFilter, AssetState, AuditAction, AuditEntry, Cuts, EventKind, Forgotten, JobState};

use super::deletion::deletion;
use crate::bench::{Bench, asset, asset_in, end, head, moment, note};

const NOTHING: Cuts = Cuts::nothing(jiff::Timestamp::UNIX_EPOCH);

pub(super) async fn c6_old_versions_beyond_those_kept_are_marked(bench: &Bench) {
    let versions: Vec<_> = (0..5).map(|_| asset_in("s1", Some("a"))).collect();
    let alone = asset();
    bench.store(&versions.iter().chain([&alone]).collect::<Vec<_>>()).await;
    let marked = bench.writer.delete_versions(2, &deletion(20), 2).await.expect("mark");
    assert_eq!(marked, [versions[0].id, versions[1].id], "the oldest first, at most two");
    let marked = bench.writer.delete_versions(2, &deletion(20), 100).await.expect("mark");
    assert_eq!(marked, [versions[2].id]);
    assert_eq!(bench.writer.delete_versions(2, &deletion(20), 100).await.expect("mark"), []);
    for (index, state) in [(2, AssetState::Deleting), (3, AssetState::Stored), (4, AssetState::Stored)] {
        assert_eq!(bench.reader.asset(versions[index].id).await.expect("read").expect("it is there").state, state);
    }
}

pub(super) async fn old_records_go_and_young_ones_stay(bench: &Bench) {
    assert_eq!(bench.writer.forget(&NOTHING).await.expect("forget"), Forgotten::default());
    let (old, young, kept) = (asset(), asset(), asset());
    bench.store(&[&old, &young, &kept]).await;
    for asset in [&old, &young, &kept] {
        let head = filmgate::catalogue::JobHead { job: asset.job, ..head() };
        bench.writer.project(&note(&head, Some(end(JobState::Succeeded, 20)))).await.expect("project");
    }
    for (asset, gone_at) in [(&old, 100), (&young, 200)] {
        let filter = AssetFilter { id: Some(asset.id), ..AssetFilter::default() };
        bench.writer.delete_assets(&filter, &deletion(50), 1).await.expect("delete");
        bench.writer.deleted(&[asset.id], moment(gone_at)).await.expect("note");
    }
    let cut = |at: i64| Some(moment(at));
    let forgotten = bench.writer.forget(&Cuts { gone: cut(150), ..NOTHING }).await.expect("forget");
    assert_eq!(forgotten, Forgotten { gone: 1, ..Forgotten::default() });
    assert_eq!(bench.reader.asset(old.id).await.expect("read"), None);
    assert!(bench.reader.asset(young.id).await.expect("read").is_some());
    // A job goes when it is old and nothing of it is left.
    let forgotten = bench.writer.forget(&Cuts { jobs: cut(20), ..NOTHING }).await.expect("forget");
    assert_eq!(forgotten.jobs, 0, "they ended at this very moment");
    let forgotten = bench.writer.forget(&Cuts { jobs: cut(30), ..NOTHING }).await.expect("forget");
    assert_eq!(forgotten.jobs, 2);
    assert!(bench.reader.job(kept.job).await.expect("read").is_some());
    for at in [10, 20, 30] {
        let entry = AuditEntry {
            at: moment(at),
            actor: "ana".to_owned(),
            action: AuditAction::Url,
            subject: "x".to_owned(),
            granted: true,
            detail: None,
        };
        bench.writer.audit(&entry).await.expect("write");
    }
    // Two deletions are in the log before, from moment 50.
    let forgotten = bench.writer.forget(&Cuts { audit: cut(60), ..NOTHING }).await.expect("forget");
    assert_eq!((forgotten.audit, forgotten.events), (5, 0));
}

pub(super) async fn a_job_whose_host_is_gone_is_given_up(bench: &Bench) {
    let (lost, ended) = (head(), head());
    bench.writer.project(&note(&lost, None)).await.expect("project");
    bench.writer.project(&note(&ended, Some(end(JobState::Succeeded, 20)))).await.expect("project");
    assert_eq!(bench.writer.forget(&Cuts { now: moment(1000), ..NOTHING }).await.expect("forget").lost, 0);
    assert_eq!(bench.writer.forget(&Cuts { now: moment(1001), ..NOTHING }).await.expect("forget").lost, 1);
    let read = async |id| bench.reader.job(id).await.expect("read").expect("the job");
    assert_eq!((read(lost.job).await.state, read(ended.job).await.state), (JobState::Lost, JobState::Succeeded));
    let events = bench.reader.events_of_job(lost.job).await.expect("events");
    assert_eq!(events.last().expect("an event").kind, EventKind::JobLost);
    // Its host was only slow.
    bench.writer.project(&note(&lost, Some(end(JobState::Succeeded, 2000)))).await.expect("project");
    assert_eq!(read(lost.job).await.state, JobState::Succeeded);
}
