//! What every journal promises, and what the one on disk promises beyond it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use filmgate::job::{IdempotencyKey, JobId, Refs};
use filmgate::key::ObjectKey;
use filmgate::media::MediaKind;
use filmgate::outbox::Claimed;
use filmgate::publish::{
    Begin, Identity, Intent, Journal, JournalError, KeyedJob, MemoryJournal, Pending, Plan, Recorded, SqliteJournal,
    State, Which,
};
use filmgate::storage::{Durability, Integrity, PublishId};
use filmgate::url::UrlClass;
use filmgate_tests::locks;
use tokio_util::sync::CancellationToken;

use crate::support::probe_mp4;

fn intent(folder: &Path) -> Intent {
    let film = folder.join("film.mp4");
    std::fs::write(&film, probe_mp4(1000)).expect("write a file");
    let claimed = Claimed::open(&film, &CancellationToken::new()).expect("open it");
    let plan = Plan {
        identity: identity(JobId::generate(), None),
        publish: PublishId::generate(),
        user: "ana".parse().expect("a user id"),
        accepted_at: jiff::Timestamp::now(),
        refs: Refs::new(),
        plugin: None,
        key: key(),
        kind: MediaKind::Mp4,
        facts: None,
        class: UrlClass::Final,
        metadata: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
    };
    plan.intent(&claimed, true)
}

fn key() -> ObjectKey {
    ObjectKey::try_from("videos/ana/film.mp4".to_owned()).expect("a key")
}

fn identity(job: JobId, sequence: Option<u32>) -> Identity {
    let sequence = sequence.map(|number| number.try_into().expect("a sequence"));
    Identity { job, slot: "video".parse().expect("a slot"), sequence }
}

fn recorded() -> Recorded {
    Recorded {
        key: key(),
        kind: MediaKind::Mp4,
        size: 1000,
        checksum: u64::MAX,
        integrity: Integrity::FullObject,
        durability: Durability::S3,
        place: Some("s3://videos".to_owned()),
        pending: None,
        version_id: Some("v1".to_owned()),
        facts: None,
    }
}

async fn ids(journal: &dyn Journal, which: Which) -> Vec<PublishId> {
    let entries = journal.entries(which, None, 100).await.expect("read the journal");
    entries.iter().map(|entry| entry.publish).collect()
}

/// The same for every journal.
async fn conforms(journal: &dyn Journal, intent: &Intent) {
    let (job, publish) = (JobId::generate(), PublishId::generate());
    let begun = journal.begin(identity(job, None), publish, intent.clone()).await.expect("begin");
    assert_eq!(begun, Begin::New);
    let again = journal.begin(identity(job, None), PublishId::generate(), intent.clone()).await.expect("begin again");
    let Begin::Known(known) = again else { panic!("begun twice") };
    assert_eq!((known.publish, &known.intent, &known.state), (publish, intent, &State::Intent));
    // Another sequence is another publish.
    let second = PublishId::generate();
    assert_eq!(journal.begin(identity(job, Some(0)), second, intent.clone()).await.expect("begin"), Begin::New);
    assert_eq!(ids(journal, Which::Unfinished).await, [publish, second]);

    let created = State::Created { upload_id: "u".to_owned(), part_bytes: 5 << 20 };
    journal.advance(publish, created).await.expect("created");
    journal.advance(publish, State::Completing).await.expect("completing");
    let entry = journal.entry(publish).await.expect("read").expect("an entry");
    assert_eq!(entry.upload.map(|upload| upload.upload_id), Some("u".to_owned()), "known until the object is there");
    let early = journal.advance(publish, State::Replied).await.expect_err("not recorded");
    assert!(matches!(early, JournalError::Order { from: "completing", to: "published", .. }), "{early}");
    journal.advance(publish, State::Verified).await.expect("verified");
    journal.advance(publish, State::Recorded(recorded())).await.expect("recorded");
    assert_eq!(ids(journal, Which::Uncatalogued).await, [publish]);
    let at_key = async |key: ObjectKey| {
        let noted = journal.at_key(&key).await.expect("read");
        noted.iter().map(|noted| (noted.entry.publish, noted.catalogued)).collect::<Vec<_>>()
    };
    assert_eq!(at_key(key()).await, [(publish, false), (second, false)]);
    assert_eq!(at_key(ObjectKey::try_from("videos/ana".to_owned()).expect("a key")).await, []);
    journal.advance(publish, State::Deleted).await.expect("deleted");
    journal.advance(publish, State::Replied).await.expect("replied");
    journal.catalogued(&[(publish, Durability::S3)]).await.expect("note");
    assert_eq!(ids(journal, Which::Uncatalogued).await, []);
    assert_eq!(at_key(key()).await, [(publish, true), (second, false)]);
    assert_eq!(ids(journal, Which::Unfinished).await, [second]);
    assert_eq!(ids(journal, Which::OfJob(job)).await, [publish, second]);
    let entry = journal.entry(publish).await.expect("read").expect("an entry");
    assert_eq!((entry.state, entry.recorded, entry.upload), (State::Replied, Some(recorded()), None));
    assert!(journal.forget(publish).await.is_err(), "only what failed is forgotten");

    journal.advance(second, State::Failed("no".to_owned())).await.expect("failed");
    assert_eq!((ids(journal, Which::Failed).await, ids(journal, Which::Unfinished).await), (vec![second], vec![]));
    journal.advance(second, State::Intent).await.expect("tried again");
    journal.advance(second, State::Failed("no".to_owned())).await.expect("failed again");
    journal.forget(second).await.expect("forget");
    assert_eq!(journal.entry(second).await.expect("read"), None);
    let unknown = journal.advance(second, State::Completing).await;
    assert!(unknown.is_err() || journal.entry(second).await.expect("read").is_none());

    let key: IdempotencyKey = "order-1".parse().expect("a key");
    let first = KeyedJob {
        job,
        accepted_at: "2026-11-25T00:00:00.123Z".parse().expect("a time"),
        refs: Refs::new(),
        request: "digest".to_owned(),
        summary: None,
    };
    let other = KeyedJob { job: JobId::generate(), ..first.clone() };
    assert_eq!(journal.keyed_job(&key, first.clone()).await.expect("the first"), first);
    assert_eq!(journal.keyed_job(&key, other.clone()).await.expect("the same"), first);
    journal.keyed_job_ended(&key, "{}").await.expect("note");
    assert_eq!(journal.keyed_job(&key, other).await.expect("the same").summary.as_deref(), Some("{}"));
}

/// What was stored while a store was away, and then moved.
async fn moves(journal: &dyn Journal, intent: &Intent) {
    let publish = PublishId::generate();
    let waiting = |durability| Recorded {
        durability,
        pending: Some(Pending { to: Durability::S3, from: "/kept".to_owned() }),
        ..recorded()
    };
    journal.begin(identity(JobId::generate(), None), publish, intent.clone()).await.expect("begin");
    let created = State::Created { upload_id: "u".to_owned(), part_bytes: 5 << 20 };
    let local = waiting(Durability::Local);
    for state in [created, State::Completing, State::Verified, State::Recorded(local.clone())] {
        journal.advance(publish, state).await.expect("advance");
    }
    assert_eq!(ids(journal, Which::Pending).await, [], "first it is to be finished");
    journal.advance(publish, State::Replied).await.expect("advance");
    assert_eq!(ids(journal, Which::Pending).await, [publish]);
    let entry = journal.entry(publish).await.expect("read").expect("an entry");
    assert!(entry.upload.is_some(), "what S3 may have of it is known until it has all");
    journal.catalogued(&[(publish, Durability::Local)]).await.expect("note");
    assert_eq!(ids(journal, Which::Uncatalogued).await, []);

    let both = waiting(Durability::Both);
    let other = Recorded { size: 7, ..both.clone() };
    for wrong in [local, other, Recorded { key: "other.mp4".to_owned().try_into().expect("a key"), ..both.clone() }] {
        let error = journal.advance(publish, State::Moved(wrong)).await.expect_err("another answer");
        assert!(matches!(error, JournalError::Order { .. }), "{error}");
    }
    journal.advance(publish, State::Moved(both.clone())).await.expect("in both");
    assert_eq!(ids(journal, Which::Uncatalogued).await, [publish], "the catalogue is to learn of it");
    journal.catalogued(&[(publish, Durability::Local)]).await.expect("a note that comes late");
    assert_eq!(ids(journal, Which::Uncatalogued).await, [publish], "what is in the catalogue is out of date");
    journal.advance(publish, State::Moved(both)).await.expect_err("somebody was faster");
    assert_eq!(ids(journal, Which::Pending).await, [publish]);
    journal.advance(publish, State::Moved(recorded())).await.expect("in S3");
    journal.catalogued(&[(publish, Durability::S3)]).await.expect("note");
    assert_eq!((ids(journal, Which::Pending).await, ids(journal, Which::Uncatalogued).await), (vec![], vec![]));
    let entry = journal.entry(publish).await.expect("read").expect("an entry");
    assert_eq!((entry.recorded, entry.upload, entry.state.name()), (Some(recorded()), None, "published"));
    journal.advance(publish, State::Moved(recorded())).await.expect_err("nothing is left to move");
    assert_eq!(ids(journal, Which::Unfinished).await, []);
}

#[tokio::test]
async fn e1_every_journal_notes_moves_once_and_for_the_catalogue() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let intent = intent(folder.path());
    moves(&MemoryJournal::default(), &intent).await;
    moves(&SqliteJournal::open(&folder.path().join("journal.db")).expect("open"), &intent).await;
}

#[tokio::test]
async fn every_journal_keeps_its_promises() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let intent = intent(folder.path());
    conforms(&MemoryJournal::default(), &intent).await;
    conforms(&SqliteJournal::open(&folder.path().join("journal.db")).expect("open"), &intent).await;
}

#[tokio::test]
async fn m3_what_was_noted_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (intent, file) = (intent(folder.path()), folder.path().join("journal.db"));
    let (job, publish) = (JobId::generate(), PublishId::generate());
    let journal = SqliteJournal::open(&file).expect("open");
    journal.begin(identity(job, None), publish, intent.clone()).await.expect("begin");
    // Not waited for, but written before what follows and before the end.
    journal.advance(publish, State::Created { upload_id: "u".to_owned(), part_bytes: 5 << 20 }).await.expect("created");
    drop(journal);
    let mode = std::fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "keys and metadata are nobody else's");
    let journal = SqliteJournal::open(&file).expect("open again");
    let [entry] = &*journal.unfinished().await.expect("read") else { panic!("one entry") };
    assert_eq!((entry.publish, &entry.intent), (publish, &intent));
    assert_eq!(entry.upload.as_ref().map(|upload| upload.part_bytes), Some(5 << 20));
}

/// Making the log takes a lock that SQLite does not wait for.
#[test]
fn of_processes_that_begin_at_once_each_gets_the_journal() {
    for _ in 0..60 {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = folder.path().join("journal.db");
        let all_at_once = std::sync::Barrier::new(8);
        let journals = std::thread::scope(|scope| {
            let open = || {
                all_at_once.wait();
                SqliteJournal::open(&file)
            };
            let opened: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            opened.into_iter().map(|opened| opened.join().expect("a thread")).collect::<Vec<_>>()
        });
        for journal in journals {
            journal.unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

/// The system drops a process's locks of a file when it closes any descriptor of it; without them, another process takes the
/// log away under this one.
#[tokio::test]
async fn a_journal_keeps_its_locks_while_its_process_opens_it_again() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("journal.db");
    let _first = SqliteJournal::open(&file).expect("open");
    let before = locks::own(&file);
    assert!(before > 0, "an open journal is locked against its end");
    let again = SqliteJournal::open(&file).expect("open again");
    assert!(locks::own(&file) >= before);
    drop(again);
    assert!(locks::own(&file) >= before);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_publishes_and_processes_share_a_journal() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (intent, file) = (intent(folder.path()), folder.path().join("journal.db"));
    // Two journals on one file stand for two processes.
    let journals = [(); 2].map(|()| Arc::new(SqliteJournal::open(&file).expect("open")));
    let job = JobId::generate();
    let tasks = (0..50).map(|number: u32| {
        let (journal, intent) = (Arc::clone(&journals[number as usize % 2]), intent.clone());
        tokio::spawn(async move {
            let publish = PublishId::generate();
            let begun = journal.begin(identity(job, Some(number)), publish, intent).await.expect("begin");
            assert_eq!(begun, Begin::New);
            for state in [State::Completing, State::Verified, State::Recorded(recorded()), State::Replied] {
                journal.advance(publish, state).await.expect("advance");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("a publish");
    }
    assert_eq!(journals[0].unfinished().await.expect("read"), []);
    assert_eq!(ids(&*journals[1], Which::Uncatalogued).await.len(), 50);
}

#[test]
fn a_journal_that_cannot_be_used_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let missing = SqliteJournal::open(&folder.path().join("nowhere/journal.db")).expect_err("no folder");
    assert!(missing.to_string().contains("nowhere/journal.db"), "{missing}");
    let foreign = folder.path().join("foreign.db");
    std::fs::write(&foreign, "this is no database, whatever its name says").expect("write");
    assert!(matches!(SqliteJournal::open(&foreign), Err(JournalError::File { .. })));
    assert_eq!(std::fs::read(&foreign).expect("read"), b"this is no database, whatever its name says");
}
