//! `filmgate reconcile`: planted disagreements are found, left alone without `--fix`, and mended.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use filmgate::job::{JobId, Refs};
use filmgate::key::ObjectKey;
use filmgate::media::MediaKind;
use filmgate::outbox::Claimed;
use filmgate::publish::{Identity, Journal as _, Plan, SqliteJournal};
use filmgate::storage::{LocalStorage, MemorySource, PublishId, PutRequest, Storage as _, Unobserved};
use filmgate::url::UrlClass;
use filmgate_tests::garage::Garage;
use filmgate_tests::s3s::S3sServer;
use filmgate_tests::sample;
use futures::StreamExt as _;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::planted::{Bench, Saved, Store};

/// Kind and asset of every finding, in a fixed order, and the result of each.
fn findings(answer: &Value) -> Vec<(String, Option<String>, String)> {
    let list = answer["disagreements"].as_array().unwrap_or_else(|| panic!("no list in {answer}"));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut findings: Vec<_> = list
        .iter()
        .map(|one| {
            let result = text(&one["outcome"]["result"]).expect("a result");
            (text(&one["kind"]).expect("a kind"), text(&one["asset"]), result)
        })
        .collect();
    findings.sort();
    findings
}

/// A publish that its process has begun and left.
fn interrupt(bench: &Bench) -> PublishId {
    let film = bench.place.write("interrupted.mp4", sample::whole("mp4", 1000));
    let claimed = Claimed::open(&film, &CancellationToken::new()).expect("open it");
    let publish = PublishId::generate();
    let plan = Plan {
        identity: Identity { job: JobId::generate(), slot: "video".parse().expect("a slot"), sequence: None },
        publish,
        user: "ana".parse().expect("a user"),
        accepted_at: jiff::Timestamp::now(),
        refs: Refs::new(),
        plugin: None,
        key: ObjectKey::try_from(format!("{}videos/ana/interrupted.mp4", bench.prefix)).expect("a key"),
        kind: MediaKind::Mp4,
        facts: None,
        class: UrlClass::Final,
        metadata: BTreeMap::new(),
    };
    let intent = plan.intent(&claimed, true);
    drop(claimed);
    let journal =
        SqliteJournal::open(&bench.place.folder().join("filmgate-data/journal.db")).expect("open the journal");
    bench.runtime.block_on(journal.begin(plan.identity, publish, intent)).expect("begin");
    publish
}

/// Plants one of everything, finds it, sees that nothing was changed, mends it, and finds nothing any more.
fn every_disagreement(bench: &Bench) {
    let [missing, size, checksum, deleted, orphan, unknown, stale, healthy] = std::array::from_fn(|_| bench.publish());
    bench.remove(&missing.1);

    let mut saved = bench.save(&size.1);
    saved.bytes.push(0);
    bench.put(&size.1, &saved);

    // Other bytes, or, where the bytes are not looked at, another checksum beside them.
    let mut saved = bench.save(&checksum.1);
    *saved.bytes.last_mut().expect("a byte") ^= 1;
    let known = bench.show(&checksum.0)["checksum"]["crc64nvme"].as_str().expect("a checksum").to_owned();
    saved.sidecar = String::from_utf8(saved.sidecar).expect("text").replace(&known, "0123456789abcdef").into();
    bench.put(&checksum.1, &saved);

    let saved = bench.save(&deleted.1);
    assert_eq!(bench.place.run(["assets", "delete", &deleted.0]).code, Some(0));
    bench.put(&deleted.1, &saved);

    let known: Vec<_> = [&orphan, &unknown, &stale].iter().map(|(id, _)| bench.show(id)).collect();
    for (id, _) in [&orphan, &unknown, &stale] {
        bench.forget_record(id);
    }
    bench.sql("journal.db", &format!("DELETE FROM publishes WHERE publish = '{}'", unknown.0));
    bench.sql("journal.db", &format!("UPDATE publishes SET catalogued = 0 WHERE publish = '{}'", stale.0));

    let foreign = Saved { bytes: b"x".to_vec(), content_type: None, metadata: None, sidecar: Vec::new() };
    bench.put(&format!("{}other/thing.bin", bench.prefix), &foreign);

    let data = bench.place.folder().join("filmgate-data");
    let staged = PublishId::generate();
    fs::write(data.join("staging").join(staged.to_string()), "x").expect("stage a file");
    fs::create_dir_all(data.join("jobs/dead/out")).expect("make a job's directory");
    fs::write(data.join("jobs/dead/out/film.mp4"), "x").expect("write a file");
    let interrupted = interrupt(bench).to_string();

    let mut expected = vec![
        ("missing-object", Some(missing.0.clone()), "mended"),
        ("size-mismatch", Some(size.0.clone()), "found"),
        ("checksum-mismatch", Some(checksum.0.clone()), "found"),
        ("deleted-object", Some(deleted.0.clone()), "mended"),
        ("orphan-object", Some(orphan.0.clone()), "mended"),
        ("orphan-object", Some(unknown.0.clone()), "mended"),
        ("stale-record", Some(stale.0.clone()), "mended"),
        ("foreign-object", None, "found"),
        ("orphan-file", Some(staged.to_string()), "mended"),
        ("orphan-file", None, "mended"),
        ("interrupted", Some(interrupted.clone()), "mended"),
    ];
    if let Store::Bucket(bucket, client) = &bench.store {
        let open = |key: String| {
            let create = client.create_multipart_upload().bucket(&bucket.name).key(key);
            bench.runtime.block_on(create.send()).expect("begin an upload");
        };
        open(healthy.1.clone());
        open(format!("{}other/upload.bin", bench.prefix));
        expected.push(("orphan-upload", Some(healthy.0.clone()), "mended"));
        expected.push(("foreign-upload", None, "found"));
    }
    let expected = |result: Option<&str>, with_checksum: bool| {
        let kinds = expected.iter().filter(|(kind, ..)| with_checksum || *kind != "checksum-mismatch");
        let mut all: Vec<_> =
            kinds.map(|(kind, id, then)| (kind.to_string(), id.clone(), result.unwrap_or(then).to_owned())).collect();
        all.sort();
        all
    };

    let before = bench.snapshot();
    let seen = bench.reconcile(&[], 20);
    assert_eq!(findings(&seen), expected(Some("found"), false), "{seen:#}");
    let seen = bench.reconcile(&["--checksums"], 20);
    assert_eq!(findings(&seen), expected(Some("found"), true), "{seen:#}");
    assert_eq!(bench.snapshot(), before, "a look changes something");
    let told = bench.place.run(["reconcile"]);
    let line = told.stdout.lines().find(|line| line.starts_with("missing-object")).expect("a line of it").to_owned();
    for part in [missing.0.as_str(), missing.1.as_str(), "recorded: stored, ", "--fix: the asset is marked gone"] {
        assert!(line.contains(part), "{part}: {line}");
    }

    let mended = bench.reconcile(&["--fix", "--checksums"], 20);
    assert_eq!(findings(&mended), expected(None, true), "{mended:#}");
    assert_eq!(mended["left"], 2, "{mended:#}");
    for (id, _) in [&size, &checksum] {
        assert_eq!(bench.place.run(["verify", id]).code, Some(20));
        assert_eq!(bench.place.run(["assets", "delete", id]).code, Some(0));
    }
    let again = bench.reconcile(&["--checksums"], 0);
    let left: Vec<_> = findings(&again).into_iter().map(|(kind, ..)| kind).collect();
    assert!(left.iter().all(|kind| kind.starts_with("foreign-")), "{again:#}");

    let gone = bench.show(&missing.0);
    assert_eq!((gone["state"].as_str(), gone["deletion"]["by"].as_str()), (Some("gone"), Some("reconcile")));
    for (before, (id, _)) in known.iter().zip([&orphan, &unknown, &stale]) {
        let now = bench.show(id);
        let fields = ["state", "user", "job", "session", "slot", "key", "place", "size", "content_type", "checksum"];
        for field in fields.into_iter().chain(["integrity", "durability", "class", "layout", "metadata"]) {
            assert_eq!(now[field], before[field], "{field} of {id}");
        }
    }
    assert_eq!(bench.show(&interrupted)["state"], "stored");
    assert!(!bench.place.folder().join("interrupted.mp4").exists(), "it was to go");
    assert_eq!(bench.place.run(["verify", "--all"]).code, Some(0));
    assert_eq!(fs::read_dir(data.join("staging")).expect("list").count(), 0);
    assert_eq!(fs::read_dir(data.join("jobs")).expect("list").count(), 0);
}

#[test]
fn c8_every_disagreement_is_found_and_mended_on_local_storage() {
    every_disagreement(&Bench::local());
}

#[test]
fn c8_every_disagreement_is_found_and_mended_on_s3() {
    every_disagreement(&Bench::bucket(Garage::shared().bucket(), "reconciled/"));
}

#[test]
fn c8_a_store_that_cannot_list_uploads_is_compared_all_the_same() {
    let serving = Runtime::new().expect("a runtime");
    let server = serving.block_on(S3sServer::start());
    let bench = Bench::bucket(server.bucket(), "reconciled/");
    let (id, key) = bench.publish();
    let clean = bench.reconcile(&[], 0);
    assert!(clean["uploads_unlisted"].as_str().is_some_and(|why| why.contains("list multipart uploads")), "{clean}");
    assert_eq!((&clean["compared"]["objects"], &clean["compared"]["records"]), (&1.into(), &1.into()), "{clean}");
    bench.remove(&key);
    let seen = bench.reconcile(&[], 20);
    assert_eq!(findings(&seen), [("missing-object".to_owned(), Some(id), "found".to_owned())]);
}

#[test]
fn c8_an_empty_store_costs_no_record() {
    let bench = Bench::local();
    let (id, key) = bench.publish();
    bench.remove(&key);
    let left = bench.reconcile(&["--fix"], 20);
    assert!(left["disagreements"][0]["outcome"]["detail"].as_str().expect("why").contains("mounted"), "{left}");
    assert_eq!(bench.show(&id)["state"], "stored");
}

#[test]
fn d6_a_catalogue_that_is_lost_is_made_anew_from_the_bucket() {
    let bucket = Garage::shared().bucket();
    let bench = Bench::bucket(bucket.clone(), "rebuilt/");
    let published: Vec<_> = (0..3).map(|_| bench.publish()).collect();
    let before: Vec<_> = published.iter().map(|(id, _)| bench.show(id)).collect();
    let other = Bench::bucket(bucket, "rebuilt/");
    let mended = other.reconcile(&["--fix"], 0);
    assert_eq!(mended["mended"], 3, "{mended}");
    for (before, (id, _)) in before.iter().zip(&published) {
        let now = other.show(id);
        for field in ["state", "user", "job", "session", "slot", "version", "key", "size", "checksum", "layout"] {
            assert_eq!(now[field], before[field], "{field}");
        }
    }
    let url = other.place.run(["assets", "url", &published[0].0]);
    assert!(url.last_line().contains("X-Amz-Signature"), "{url:#?}");
    other.reconcile(&[], 0);
}

#[test]
fn c8_two_thousand_objects_are_compared_page_by_page() {
    const COUNT: u64 = 2_000;
    let bench = Bench::local();
    let Store::Local(root) = &bench.store else { unreachable!("local") };
    let storage = LocalStorage::open(root).expect("open");
    let put = async |number: u64| {
        let key = ObjectKey::try_from(format!("videos/ana/{number:05}.mp4")).expect("a key");
        let metadata = [("job", JobId::generate().to_string()), ("user", "ana".into()), ("slot", "video".into())];
        let metadata = metadata.into_iter().map(|(name, value)| (format!("filmgate-{name}"), value)).collect();
        let request = PutRequest {
            key: &key,
            file: Arc::new(MemorySource(b"film".as_slice().into())),
            content_type: "video/mp4",
            user: None,
            publish_id: PublishId::generate(),
            metadata: &metadata,
            resume: None,
            observer: &Unobserved,
            cancel: &CancellationToken::new(),
        };
        storage.put(request).await.expect("put");
    };
    bench.runtime.block_on(futures::stream::iter(0..COUNT).for_each_concurrent(32, put));
    let seen = bench.reconcile(&[], 20);
    assert_eq!((&seen["left"], &seen["found"]["orphan-object"]), (&COUNT.into(), &COUNT.into()));
    let mended = bench.reconcile(&["--fix"], 0);
    assert_eq!((&mended["mended"], &mended["compared"]["records"]), (&COUNT.into(), &0.into()));
    let clean = bench.reconcile(&["--checksums"], 0);
    assert_eq!((&clean["compared"]["objects"], &clean["compared"]["records"]), (&COUNT.into(), &COUNT.into()));
    assert!(findings(&clean).is_empty(), "{clean}");
    let verified = bench.place.run(["verify", "--all", "--json"]);
    assert_eq!((verified.code, &verified.json()["verified"]), (Some(0), &COUNT.into()), "{:?}", verified.stderr);
}
