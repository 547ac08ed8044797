//! A bucket and a directory together, as an operator sees them (E1).

use filmgate_tests::bucket::TestBucket;
use filmgate_tests::cli::Filmgate;
use filmgate_tests::garage::Garage;
use filmgate_tests::sample;

const NOWHERE: &str = "http://127.0.0.1:1";

fn at(place: Filmgate, policy: &str, bucket: &TestBucket, endpoint: &str) -> Filmgate {
    place
        .with_bucket(bucket)
        .with("AWS_ENDPOINT_URL_S3", endpoint)
        .with("FILMGATE_S3_RETRIES", "0")
        .with("FILMGATE_STORAGE", policy)
}

fn published(place: &Filmgate, film: &[u8]) -> serde_json::Value {
    place.write("film.mp4", film);
    let ended = place.run(["publish", "film.mp4", "--user", "fallen", "--move", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.json()
}

#[test]
fn e1_what_fell_back_is_moved_by_the_command_and_named() {
    let bucket = Garage::shared().bucket();
    let away = at(Filmgate::new(), "s3-with-local-fallback", &bucket, NOWHERE);
    let film = sample::whole("mp4", 1000);
    let answer = published(&away, &film);
    assert_eq!((answer["durability"].as_str(), answer["url_kind"].as_str()), (Some("local"), Some("file")), "{answer}");
    assert!(!away.folder().join("film.mp4").exists(), "with --move the file goes");
    let kept = path_of(&answer);
    assert_eq!(std::fs::read(&kept).unwrap(), film);

    let still = away.run(["recover", "--json"]);
    assert_eq!(still.code, Some(19), "{still:#?}");
    assert_eq!(still.json()["publishes"][0]["outcome"], "left", "{still:#?}");
    let checked = away.run(["check"]);
    assert_eq!(checked.code, Some(19), "{checked:#?}");
    assert!(checked.stdout.contains("FAIL  S3: store an object"), "{checked:#?}");
    assert!(checked.stdout.contains("pass  local storage: store an object"), "{checked:#?}");

    let here = at(away, "s3-with-local-fallback", &bucket, bucket.endpoint.as_str()).with("FILMGATE_LOG", "info");
    let moved = here.run(["recover"]);
    assert_eq!(moved.code, Some(0), "{moved:#?}");
    let id = answer["publish_id"].as_str().unwrap();
    let line = moved.stdout.lines().next().unwrap();
    assert!(line.starts_with(&format!("moved      {id} videos/fallen/")), "{moved:#?}");
    assert!(line.contains("X-Amz-Signature") && !moved.stderr.contains("X-Amz-Signature"), "{moved:#?}");
    assert!(moved.stdout.contains("\n1 moved to another store; 0 others wait for it\n"), "{moved:#?}");
    assert!(!kept.exists());
    let checked = here.run(["check"]);
    assert_eq!(checked.code, Some(0), "{checked:#?}");
    assert!(checked.stdout.contains("pass  S3: read it back"), "{checked:#?}");
    let again = here.run(["recover", "--json"]).json();
    assert_eq!(
        (again["publishes"].as_array().map(Vec::len), again["waiting_to_be_moved"].as_u64()),
        (Some(0), Some(0))
    );
}

/// Every command that publishes brings with it what waits.
#[test]
fn e1_a_later_publish_moves_what_a_mirror_missed() {
    let bucket = Garage::shared().bucket();
    let away = at(Filmgate::new(), "mirror", &bucket, NOWHERE);
    let missed = published(&away, &sample::whole("mp4", 1000));
    assert_eq!(missed["durability"], "local", "{missed}");
    let here = at(away, "mirror", &bucket, bucket.endpoint.as_str()).with("FILMGATE_LOG", "info");
    here.write("other.mp4", sample::whole("mp4", 2000));
    let ended = here.run(["publish", "other.mp4", "--user", "fallen", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.json()["durability"], "both", "{ended:#?}");
    let told = ended.stderr.lines().find(|line| line.contains("moved ")).unwrap_or_default();
    assert!(told.contains(missed["publish_id"].as_str().unwrap()), "{ended:#?}");
    assert!(!ended.stderr.contains("X-Amz-Signature"), "a signature in the log: {ended:#?}");
    let again = here.run(["recover", "--json"]).json();
    assert_eq!(again["publishes"].as_array().map(Vec::len), Some(0), "{again}");
}

/// A6: credentials that S3 does not know are no outage.
#[test]
fn a6_e1_a_refusal_of_s3_ends_the_command() {
    let bucket = Garage::shared().bucket();
    let place = at(Filmgate::new(), "s3-with-local-fallback", &bucket, bucket.endpoint.as_str());
    let place = place.with("AWS_SECRET_ACCESS_KEY", "another-key-than-the-servers");
    place.write("film.mp4", sample::whole("mp4", 1000));
    let ended = place.run(["publish", "film.mp4", "--user", "fallen", "--move", "--json"]);
    assert_eq!(ended.code, Some(19), "{ended:#?}");
    assert!(place.folder().join("film.mp4").exists(), "the file is kept");
    assert!(!place.folder().join("filmgate-data/storage/videos").exists(), "nothing fell back");
}

/// Two stores are compared each by itself: what waits in the directory is no copy, and not less on record than what is in S3.
#[test]
fn c8_e1_reconcile_knows_what_waits_for_s3() {
    let bucket = Garage::shared().bucket();
    let prefix = format!("waiting/{}/", filmgate::storage::PublishId::generate());
    let away = at(Filmgate::new(), "s3-with-local-fallback", &bucket, NOWHERE).with("S3_KEY_PREFIX", &prefix);
    let [kept, lost] = [1000, 1001].map(|bytes| published(&away, &sample::whole("mp4", bytes)));
    let here = at(away, "s3-with-local-fallback", &bucket, bucket.endpoint.as_str());
    let before = here.run(["reconcile", "--json"]);
    assert_eq!((before.code, &before.json()["disagreements"]), (Some(0), &serde_json::json!([])), "{before:#?}");

    std::fs::remove_file(path_of(&lost)).unwrap();
    let found = here.run(["reconcile", "--json"]);
    assert_eq!(found.code, Some(20), "{found:#?}");
    let disagreements = found.json()["disagreements"].clone();
    let told = (&disagreements[0]["kind"], &disagreements[0]["asset"], disagreements.as_array().map(Vec::len));
    assert_eq!(told, (&"missing-object".into(), &lost["publish_id"], Some(1)), "{found:#?}");
    assert_eq!(here.run(["reconcile", "--fix"]).code, Some(0));
    assert_eq!(here.run(["assets", "url", lost["publish_id"].as_str().unwrap()]).code, Some(31), "no dead URL");
    assert_eq!(here.run(["assets", "url", kept["publish_id"].as_str().unwrap()]).code, Some(0));
    assert!(path_of(&kept).exists());

    assert_eq!(here.run(["recover"]).code, Some(0));
    let after = here.run(["reconcile", "--json"]);
    assert_eq!((after.code, &after.json()["disagreements"]), (Some(0), &serde_json::json!([])), "{after:#?}");
}

/// Each of a mirror's two copies is looked at, and neither is given up for the other.
#[test]
fn c8_e1_both_copies_of_a_mirror_are_compared_and_proven() {
    let bucket = Garage::shared().bucket();
    let prefix = format!("mirrored/{}/", filmgate::storage::PublishId::generate());
    let here = at(Filmgate::new(), "mirror", &bucket, bucket.endpoint.as_str()).with("S3_KEY_PREFIX", &prefix);
    let [in_s3, in_directory, changed, whole] =
        [1000, 1001, 1002, 1003].map(|bytes| published(&here, &sample::whole("mp4", bytes)));
    let before = here.run(["reconcile", "--json"]);
    assert_eq!((before.code, &before.json()["disagreements"]), (Some(0), &serde_json::json!([])), "{before:#?}");
    let local =
        |answer: &serde_json::Value| here.folder().join("filmgate-data/storage").join(answer["key"].as_str().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let delete = bucket.observer().delete_object().bucket(&bucket.name).key(in_s3["key"].as_str().unwrap()).send();
    runtime.block_on(delete).unwrap();
    std::fs::remove_file(local(&in_directory)).unwrap();
    let mut bytes = std::fs::read(local(&changed)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::remove_file(local(&changed)).unwrap();
    std::fs::write(local(&changed), bytes).unwrap();

    for fix in [None, Some("--fix")] {
        let found = here.run(["reconcile", "--json"].into_iter().chain(fix));
        assert_eq!(found.code, Some(20), "{found:#?}");
        let found = found.json();
        let told: Vec<_> =
            found["disagreements"].as_array().unwrap().iter().map(|one| (&one["kind"], &one["asset"])).collect();
        let missing = "missing-object".into();
        assert_eq!(told, [(&missing, &in_s3["publish_id"]), (&missing, &in_directory["publish_id"])], "{found}");
        assert_eq!(found["mended"].as_u64(), Some(0), "{found}");
    }
    let verified = here.run(["verify", "--all", "--json"]);
    assert_eq!(verified.code, Some(20), "{verified:#?}");
    let verified = verified.json();
    let mut told: Vec<_> = verified["assets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["asset"].as_str(), one["result"].as_str()))
        .collect();
    told.sort_unstable();
    let expected = [(&in_s3, "missing-object"), (&in_directory, "missing-object"), (&changed, "checksum-mismatch")];
    let mut expected = expected.map(|(answer, word)| (answer["publish_id"].as_str(), Some(word)));
    expected.sort_unstable();
    assert_eq!(told, expected, "{verified}");
    assert_eq!(verified["verified"].as_u64(), Some(1), "{verified}");
    assert_eq!(here.run(["verify", whole["publish_id"].as_str().unwrap()]).code, Some(0));
    let away = at(here, "mirror", &bucket, NOWHERE);
    assert_eq!(away.run(["verify", "--all"]).code, Some(19));
}

fn path_of(answer: &serde_json::Value) -> std::path::PathBuf {
    let url = url::Url::parse(answer["url"].as_str().expect("a URL")).expect("a URL");
    url.to_file_path().expect("of a file")
}
