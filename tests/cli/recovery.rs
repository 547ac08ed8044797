//! What is left when a process was killed, or an upload failed, and how an operator goes on from there.

use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use filmgate_tests::bucket::TestBucket;
use filmgate_tests::cli::{Ended, Filmgate, probe};
use filmgate_tests::fault_proxy::{Fault, FaultProxy, Operation, Rule};
use filmgate_tests::garage::Garage;
use filmgate_tests::sample;
use serde_json::json;
use tokio::runtime::Runtime;

const MIB: usize = 1 << 20;

/// Settings for a bucket, in prefixes of the test's own.
fn at(place: Filmgate, bucket: &TestBucket, endpoint: &str) -> Filmgate {
    place
        .with_bucket(bucket)
        .with("AWS_ENDPOINT_URL_S3", endpoint)
        .with("FILMGATE_S3_PART_SIZE", "5MiB")
        .with("FILMGATE_LOG", "info")
}

/// The parts that the bucket has of the open uploads of this user.
fn parts_of(runtime: &Runtime, bucket: &TestBucket, user: &str) -> Option<usize> {
    let (client, prefix) = (bucket.observer(), format!("videos/{user}/"));
    runtime.block_on(async {
        let uploads = client.list_multipart_uploads().bucket(&bucket.name).prefix(prefix).send().await;
        let uploads = uploads.expect("list uploads");
        let [upload] = uploads.uploads() else { return None };
        let (key, id) = (upload.key().expect("a key"), upload.upload_id().expect("an id"));
        let parts = client.list_parts().bucket(&bucket.name).key(key).upload_id(id).send().await.expect("list parts");
        Some(parts.parts().len())
    })
}

/// Kills the process as soon as what it does has come so far.
fn kill_when(process: &mut Child, is_so_far: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so_far() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not come so far");
        sleep(Duration::from_millis(20));
    }
    process.kill().expect("kill it");
    process.wait().expect("its end");
}

#[test]
fn m3_an_upload_whose_process_was_killed_is_resumed() {
    let (bucket, runtime) = (Garage::shared().bucket(), Runtime::new().unwrap());
    let place = at(Filmgate::new(), &bucket, bucket.endpoint.as_str());
    let film = sample::whole("mp4", 60 * MIB);
    place.write("film.mp4", &film);
    let mut killed = place.command(["publish", "film.mp4", "--user", "killed", "--move"]);
    let killed = killed.env("FILMGATE_S3_BANDWIDTH", "8MiB").stdout(Stdio::null()).stderr(Stdio::null());
    let mut killed = killed.spawn().unwrap();
    kill_when(&mut killed, || parts_of(&runtime, &bucket, "killed").is_some_and(|parts| parts >= 3));

    let recovered = place.run(["recover", "--json"]);
    assert_eq!(recovered.code, Some(0), "{recovered:#?}");
    let answer = recovered.json();
    let [publish] = answer["publishes"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    assert_eq!(publish["outcome"], "published", "{answer}");
    let resumed = recovered.stderr.lines().find(|line| line.contains("an upload is resumed"));
    let resumed = resumed.unwrap_or_else(|| panic!("not resumed: {recovered:#?}"));
    assert!(!resumed.contains("parts=0"), "{resumed}");
    assert!(!place.folder().join("film.mp4").exists(), "with --move the file goes");
    assert_eq!(parts_of(&runtime, &bucket, "killed"), None, "an upload is open");
    let stored = runtime.block_on(async {
        let key = publish["key"].as_str().unwrap();
        let object = bucket.observer().get_object().bucket(&bucket.name).key(key).send().await.unwrap();
        object.body.collect().await.unwrap().to_vec()
    });
    assert!(stored == film, "another file");

    let again = place.run(["recover"]);
    assert_eq!(again.code, Some(0), "{again:#?}");
    assert!(again.last_line().starts_with("0 published, 0 failed, 0 left"), "{again:#?}");
    let jobs = place.run(["jobs", "list", "--json"]).json();
    assert_eq!(jobs["jobs"][0]["state"], "succeeded", "its job is over: {jobs}");
}

#[test]
fn m3_two_interrupted_publishes_of_one_file_are_both_taken_up() {
    let (bucket, runtime) = (Garage::shared().bucket(), Runtime::new().unwrap());
    let place = at(Filmgate::new(), &bucket, bucket.endpoint.as_str());
    place.write("film.mp4", sample::whole("mp4", 24 * MIB));
    let mut killed = place.command(["publish", "film.mp4", "film.mp4", "--user", "twice"]);
    let killed = killed.env("FILMGATE_S3_BANDWIDTH", "2MiB").stdout(Stdio::null()).stderr(Stdio::null());
    let mut killed = killed.spawn().unwrap();
    let uploads = || {
        let uploads = bucket.observer().list_multipart_uploads().bucket(&bucket.name).prefix("videos/twice/").send();
        runtime.block_on(uploads).expect("list uploads").uploads().len()
    };
    kill_when(&mut killed, || uploads() >= 2);

    let recovered = place.run(["recover", "--json"]);
    assert_eq!(recovered.code, Some(0), "{recovered:#?}");
    let answer = recovered.json();
    let outcomes: Vec<_> = answer["publishes"].as_array().unwrap().iter().map(|publish| &publish["outcome"]).collect();
    assert_eq!(outcomes, ["published", "published"], "{answer}");
    assert_eq!(uploads(), 0, "an upload is open");
}

#[test]
fn a6_a_failed_publish_is_tried_again_or_given_up_by_the_operator() {
    let bucket = Garage::shared().bucket();
    let away = at(Filmgate::new(), &bucket, "http://127.0.0.1:1").with("FILMGATE_S3_RETRIES", "0");
    let film = sample::whole("mp4", 1000);
    for name in ["film.mp4", "other.mp4"] {
        away.write(name, &film);
        let failed = away.run(["publish", name, "--user", "later", "--move"]);
        assert_eq!(failed.code, Some(19), "{failed:#?}");
    }
    let still = away.run(["retry", "--all"]);
    assert_eq!(still.code, Some(19), "{still:#?}");
    assert_eq!(still.stdout.lines().filter(|line| line.starts_with("left ")).count(), 2, "{still:#?}");

    let here = at(away, &bucket, bucket.endpoint.as_str());
    let first = still.stdout.lines().next().unwrap().split_whitespace().nth(1).unwrap().to_owned();
    let retried = here.run(["retry", &first, "--json"]);
    assert_eq!(retried.code, Some(0), "{retried:#?}");
    let answer = retried.json();
    assert_eq!(answer["publishes"][0]["outcome"], "published", "{answer}");
    assert!(!here.folder().join("film.mp4").exists(), "with --move the file goes");
    let jobs = here.run(["jobs", "list", "--json"]).json();
    let mut states: Vec<_> =
        jobs["jobs"].as_array().unwrap().iter().map(|job| job["state"].as_str().unwrap()).collect();
    states.sort_unstable();
    assert_eq!(states, ["failed", "succeeded"], "{jobs}");
    let twice = here.run(["retry", &first]);
    assert_eq!(twice.code, Some(2), "{twice:#?}");
    assert!(twice.stderr.contains("is published, not failed"), "{twice:#?}");

    let discarded = here.run(["discard", "--all"]);
    assert_eq!(discarded.code, Some(0), "{discarded:#?}");
    assert!(here.folder().join("other.mp4").exists(), "an operator's own file stays");
    let unknown = here.run(["discard", &first]);
    assert_eq!(unknown.code, Some(2), "{unknown:#?}");
}

/// The store is away when the command begins and back a moment later: the command has not run through everything by then.
#[test]
fn a6_retrying_all_outlasts_a_short_outage() {
    let (bucket, runtime) = (Garage::shared().bucket(), Runtime::new().unwrap());
    let away = at(Filmgate::new(), &bucket, "http://127.0.0.1:1").with("FILMGATE_S3_RETRIES", "0");
    let names: Vec<_> = (0..9).map(|number| format!("film-{number}.mp4")).collect();
    for name in &names {
        away.write(name, sample::whole("mp4", 1000));
    }
    let mut publish = vec!["publish", "--user", "outage"];
    publish.extend(names.iter().map(String::as_str));
    let failed = away.run(publish);
    assert_eq!(failed.code, Some(19), "{failed:#?}");

    let proxy = runtime.block_on(FaultProxy::start(bucket.clone()));
    let place = at(away, &bucket, proxy.bucket().endpoint.as_str());
    let fault = Fault::Error(503, "ServiceUnavailable");
    // As many as say that it is away; the last of them hears when to come back, and does.
    proxy.set(Some(Rule { operation: Operation::HeadObject, fault, after_commit: false, times: 5 }));
    let retried = place.run(["retry", "--all"]);
    let count = |word: &str| retried.stdout.lines().filter(|line| line.starts_with(word)).count();
    assert_eq!((count("left "), count("published ")), (4, 5), "{retried:#?}");
    assert_eq!(retried.code, Some(18), "{retried:#?}");
    for part in ["considered away and left alone", "the store is back"] {
        assert!(retried.stderr.contains(part), "{part} is not in the log: {retried:#?}");
    }
    let rest = place.run(["retry", "--all"]);
    assert_eq!((rest.code, rest.stdout.lines().count()), (Some(0), 4), "{rest:#?}");
}

#[test]
fn m3_a_job_with_a_key_succeeds_once() {
    let place = Filmgate::new();
    let params = json!({ "do": "store", "files": [{}, { "sequence": 1 }] }).to_string();
    let run = |key: &str, params: &str| {
        let plugin = probe().to_str().unwrap();
        place.run(["run", plugin, "--user", "ana", "--params", params, "--idempotency-key", key, "--json"])
    };
    let first = run("order-1", &params);
    assert_eq!(first.code, Some(0), "{first:#?}");
    let again = run("order-1", &params);
    assert_eq!(again.code, Some(0), "{again:#?}");
    let (first, again) = (first.json(), again.json());
    for name in ["job", "url", "key", "checksum", "summary"] {
        assert_eq!(first[name], again[name], "{name}");
    }
    assert_eq!(again["assets"].as_array().map(Vec::len), Some(2));
    assert_eq!(again["usage"]["cpu_seconds"], 0.0, "it ran again");

    let other = run("order-1", &json!({ "do": "store", "files": [{}] }).to_string());
    assert_eq!(other.code, Some(2), "{other:#?}");
    assert!(other.all().contains("belongs to another request"), "{other:#?}");
    let second = run("order-2", &params);
    assert_eq!(second.code, Some(0), "{second:#?}");
    assert_ne!(second.json()["job"], first["job"]);
    let bad = run("two words", &params);
    assert_eq!(bad.code, Some(2), "{bad:#?}");
}

#[test]
fn b11_an_equal_job_is_not_run_again_while_its_asset_is_there() {
    let place = Filmgate::new();
    place.write("photo.jpg", "one");
    let run = |params: &str, user: &str| {
        let plugin = probe().to_str().unwrap();
        let input = ["--input", "photo=photo.jpg"];
        let arguments = ["run", plugin, "--user", user, "--params", params, "--reuse", "--json"];
        let ended = place.run(arguments.into_iter().chain(input));
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        ended.json()
    };
    let params = r#"{ "do": "store", "files": [{}] }"#;
    let first = run(params, "ana");
    // The same JSON, written otherwise.
    let same = run(r#"{"files":[{}],"do":"store"}"#, "ana");
    assert_eq!((&same["publish_id"], &same["url"]), (&first["publish_id"], &first["url"]));
    assert_eq!(same["usage"]["cpu_seconds"], 0.0, "it ran again");
    let other = [run(params, "ben"), run(r#"{ "do": "store", "files": [{ "sequence": 1 }, {}] }"#, "ana")];
    assert!(other.iter().all(|other| other["publish_id"] != first["publish_id"]), "{other:#?}");
    place.write("photo.jpg", "two");
    let changed = run(params, "ana");
    assert_ne!(changed["publish_id"], first["publish_id"], "another input");

    let id = changed["publish_id"].as_str().unwrap();
    assert_eq!(place.run(["assets", "delete", id]).code, Some(0));
    let anew = run(params, "ana");
    assert_ne!(anew["publish_id"], changed["publish_id"], "it was deleted");
    assert_eq!(run(params, "ana")["publish_id"], anew["publish_id"]);
}

#[test]
fn b11_of_equal_jobs_at_once_one_runs() {
    let place = Filmgate::new();
    let plugin = probe().to_str().unwrap();
    assert_eq!(place.run(["plugin", "precompile", plugin]).code, Some(0));
    let params = json!({ "do": "store", "files": [{ "bytes": 4_000_000 }] }).to_string();
    let start = |_| {
        let mut command = place.command(["run", plugin, "--user", "ana", "--params", &params, "--reuse", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = (0..4).map(start).collect();
    let ended = running.into_iter().map(|process| Ended::of(process.wait_with_output().unwrap()));
    let answers: Vec<_> = ended
        .map(|ended| {
            assert_eq!(ended.code, Some(0), "{ended:#?}");
            ended.json()
        })
        .collect();
    assert!(answers.iter().all(|answer| answer["publish_id"] == answers[0]["publish_id"]), "{answers:#?}");
}

#[test]
fn a_job_whose_process_was_killed_leaves_nothing_and_runs_again_under_its_key() {
    let place = Filmgate::new();
    let plugin = probe().to_str().unwrap();
    let arguments = |params: &str| {
        ["run", plugin, "--user", "ana", "--params", params, "--idempotency-key", "k"].map(str::to_owned)
    };
    let wait = json!({ "do": "sleep-forever" }).to_string();
    let mut command = place.command(arguments(&wait));
    let mut killed = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let jobs = place.folder().join("filmgate-data/jobs");
    let begun = Instant::now();
    while fs::read_dir(&jobs).map_or(0, Iterator::count) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no job");
        sleep(Duration::from_millis(5));
    }
    let meanwhile = place.run(arguments(&wait));
    assert_eq!(meanwhile.code, Some(22), "{meanwhile:#?}");
    killed.kill().unwrap();
    killed.wait().unwrap();
    // Its runner ends with it; the lock is free a moment later.
    let begun = Instant::now();
    while fs::read_dir(&jobs).unwrap().count() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the outbox stays");
        assert_eq!(place.run(["recover"]).code, Some(0));
    }
}
