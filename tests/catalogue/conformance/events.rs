use filmgate::catalogue::{
    AssetFilter, AuditAction, AuditEntry, Batch, CatalogueError, Cuts, EventKind, JobState, NewAsset,
};
use filmgate::job::JobId;
use filmgate::storage::Durability;

use super::deletion::deletion;
use crate::bench::{Bench, asset, end, head, moment, note};

fn cuts(events_before: i64) -> Cuts {
    Cuts { events: Some(moment(events_before)), ..Cuts::nothing(moment(0)) }
}

pub(super) async fn events_are_in_order_and_a_cursor_misses_none(bench: &Bench) {
    let (head, file) = (head(), asset());
    bench.writer.project(&note(&head, None)).await.expect("project");
    bench.store(&[&file]).await;
    bench.writer.project(&note(&head, Some(end(JobState::Failed, 30)))).await.expect("project");
    let all = bench.reader.events(None, 100).await.expect("events");
    let kinds: Vec<_> = all.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::JobAccepted, EventKind::JobAccepted, EventKind::AssetStored, EventKind::JobFailed]);
    assert_eq!((all[2].asset, all[2].job, all[2].at), (Some(file.id), Some(file.job), moment(10)));
    assert_eq!(all[2].data.as_ref().expect("more")["key"], file.key.as_str());
    assert_eq!(all[3].data.as_ref().expect("more")["code"], "trap");
    let mut read = Vec::new();
    let mut cursor = None;
    loop {
        let events = bench.reader.events(cursor.as_ref(), 1).await.expect("events");
        let Some(last) = events.last() else { break };
        cursor = Some(last.cursor.clone());
        read.extend(events);
    }
    assert_eq!(read, all);
    // A reader that waits at the end sees what comes, and only that.
    bench.store(&[&asset()]).await;
    let more: Vec<_> =
        bench.reader.events(cursor.as_ref(), 100).await.expect("events").iter().map(|e| e.kind).collect();
    assert_eq!(more, [EventKind::JobAccepted, EventKind::AssetStored]);
    assert_eq!(bench.reader.events_of_job(JobId::generate()).await.expect("events"), []);
}

pub(super) async fn a_cursor_that_retention_has_passed_is_refused(bench: &Bench) {
    bench.store(&[&asset()]).await;
    let all = bench.reader.events(None, 100).await.expect("events");
    let (first, last) = (&all[0].cursor, &all[1].cursor);
    assert_eq!(bench.writer.forget(&cuts(-1)).await.expect("forget").events, 0);
    assert_eq!(bench.reader.events(Some(first), 10).await.expect("events").len(), 1);
    assert_eq!(bench.writer.forget(&cuts(11)).await.expect("forget").events, 2);
    let passed = bench.reader.events(Some(first), 10).await.expect_err("an event after it is gone");
    assert!(matches!(passed, CatalogueError::CursorPassed), "{passed:?}");
    // Whoever has read everything has missed nothing.
    assert_eq!(bench.reader.events(Some(last), 10).await.expect("events"), []);
    bench.store(&[&asset()]).await;
    assert_eq!(bench.reader.events(Some(last), 10).await.expect("events").len(), 2);
    assert_eq!(bench.reader.events(None, 10).await.expect("events").len(), 2);
}

pub(super) async fn e1_a_move_is_one_event_when_the_url_changes(bench: &Bench) {
    let local = asset();
    bench.store(&[&local]).await;
    let place = "s3://videos".to_owned();
    let both = NewAsset { durability: Durability::Both, place: place.clone(), stored_at: moment(20), ..local.clone() };
    let moved = NewAsset { durability: Durability::S3, stored_at: moment(30), ..both.clone() };
    let tell = async |news: &NewAsset| {
        let batch = Batch { jobs: Vec::new(), assets: vec![news.clone()] };
        assert_eq!(bench.writer.project(&batch).await.expect("project").disagreements, []);
    };
    // Each may come more than once, and an old reading of the journal late.
    for news in [&local, &both, &both, &local, &moved, &both, &moved] {
        tell(news).await;
    }
    let events = bench.reader.events_of_job(local.job).await.expect("events");
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::JobAccepted, EventKind::AssetStored, EventKind::AssetMoved]);
    let event = &events[2];
    assert_eq!((event.asset, event.user.as_ref(), event.at), (Some(local.id), Some(&local.user), moment(20)));
    let expected = serde_json::json!({"from": "local", "place": place, "durability": "both", "key": local.key});
    assert_eq!(event.data, Some(expected));
    let record = bench.reader.asset(local.id).await.expect("read").expect("the asset").asset;
    assert_eq!((record.place, record.durability, record.stored_at), (place, Durability::S3, local.stored_at));
    // Steps that were missed are one move.
    let direct = asset();
    bench.store(&[&direct]).await;
    let there = NewAsset { durability: Durability::S3, place: "s3://videos".to_owned(), ..direct.clone() };
    tell(&there).await;
    let events = bench.reader.events_of_job(direct.job).await.expect("events");
    assert_eq!(events.last().map(|event| event.kind), Some(EventKind::AssetMoved));
}

pub(super) async fn what_is_no_cursor_is_refused(bench: &Bench) {
    bench.store(&[&asset()]).await;
    for text in ["", "1", "s1.", "s1.-1", "s1.x", "p1.7:8", "s1.99999999999999999999"] {
        let error = bench.reader.events(Some(&text.to_owned().into()), 10).await.expect_err(text);
        assert!(matches!(error, CatalogueError::NoCursor(_)), "{text}: {error:?}");
    }
}

pub(super) async fn the_audit_log_names_who_asked(bench: &Bench) {
    let file = asset();
    bench.store(&[&file]).await;
    let entry = |at: i64, granted: bool| AuditEntry {
        at: moment(at),
        actor: "ana".to_owned(),
        action: AuditAction::Url,
        subject: file.id.to_string(),
        granted,
        detail: (!granted).then(|| "it is gone".to_owned()),
    };
    bench.writer.audit(&entry(20, true)).await.expect("write");
    bench.writer.delete_assets(&AssetFilter::default(), &deletion(30), 10).await.expect("delete");
    bench.writer.audit(&entry(40, false)).await.expect("write");
    let log = bench.reader.audit_log(Some(&file.id.to_string()), 10).await.expect("read");
    assert_eq!((&log[0], &log[2]), (&entry(40, false), &entry(20, true)));
    let deleted = (log[1].actor.as_str(), log[1].action, log[1].detail.as_deref());
    assert_eq!(deleted, ("tester", AuditAction::Delete, Some("not wanted")));
    assert_eq!(bench.reader.audit_log(None, 2).await.expect("read").len(), 2);
    assert_eq!(bench.reader.audit_log(Some("another"), 2).await.expect("read"), []);
}
