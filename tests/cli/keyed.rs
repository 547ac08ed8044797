//! Jobs that are asked for again by their key after what they published was deleted.

use std::fs;
use std::path::PathBuf;

use filmgate_tests::cli::{Ended, Filmgate, probe};
use filmgate_tests::garage::Garage;
use filmgate_tests::sample;
use serde_json::Value;

const TWO_FILES: &str = r#"{"do": "store", "files": [{"kind": "jpeg", "slot": "thumbnail"}, {}]}"#;

fn run(place: &Filmgate, params: &str, more: &[&str]) -> Ended {
    let plugin = probe().to_str().expect("a path");
    place.run(["run", plugin, "--user", "ana", "--params", params, "--json"].iter().chain(more))
}

fn keyed(place: &Filmgate, params: &str) -> Ended {
    run(place, params, &["--idempotency-key", "order-1"])
}

/// The id of the asset in a slot.
fn asset(answer: &Value, slot: &str) -> String {
    let assets = answer["assets"].as_array().unwrap_or_else(|| panic!("no assets: {answer}"));
    let found = assets.iter().find(|asset| asset["slot"] == slot).unwrap_or_else(|| panic!("no {slot}: {answer}"));
    found["publish_id"].as_str().expect("an id").to_owned()
}

fn delete(place: &Filmgate, id: &str) {
    let deleted = place.run(["assets", "delete", id]);
    assert_eq!(deleted.code, Some(0), "{deleted:#?}");
}

fn file_of(answer: &Value) -> PathBuf {
    answer["url"].as_str().expect("a URL").strip_prefix("file://").expect("a file URL").into()
}

#[track_caller]
fn assert_gone(ended: &Ended, job: &Value, slot: &str) -> Value {
    assert_eq!(ended.code, Some(31), "{ended:#?}");
    let problem = ended.json();
    assert_eq!((&problem["code"], &problem["job"]), (&"gone".into(), job), "{problem}");
    assert!(problem["url"].is_null() && problem["gone"][0]["slot"] == slot, "{problem}");
    assert!(problem["next_step"].as_str().expect("a text").contains("another one"), "{problem}");
    problem
}

#[test]
fn m3_c6_a_job_with_a_key_whose_file_was_deleted_says_that_it_is_gone() {
    let place = Filmgate::new();
    let first = keyed(&place, TWO_FILES).json();
    assert_eq!(first["gone"].as_array().map(Vec::len), Some(0), "{first}");
    // What is beside the file that the job is about is left out of the answer, and named.
    let thumbnail = asset(&first, "thumbnail");
    delete(&place, &thumbnail);
    let again = keyed(&place, TWO_FILES);
    assert_eq!(again.code, Some(0), "{again:#?}");
    let answer = again.json();
    assert_eq!((&answer["url"], answer["assets"].as_array().map(Vec::len)), (&first["url"], Some(1)), "{answer}");
    let gone = &answer["gone"][0];
    assert_eq!((&gone["publish_id"], &gone["slot"]), (&thumbnail.into(), &"thumbnail".into()), "{answer}");
    assert!(gone["deleted_at"].is_string(), "{answer}");
    let text = place.run([
        "run",
        probe().to_str().unwrap(),
        "--user",
        "ana",
        "--params",
        TWO_FILES,
        "--idempotency-key",
        "order-1",
    ]);
    assert!(text.stderr.contains("thumbnail is gone") && !text.stdout.contains("thumbnail"), "{text:#?}");

    delete(&place, &asset(&first, "video"));
    for _ in 0..2 {
        let problem = assert_gone(&keyed(&place, TWO_FILES), &first["job"], "video");
        assert!(problem["deleted_at"].is_string() && problem["detail"].as_str().unwrap().contains("deleted at"));
    }
    let jobs = place.run(["jobs", "list", "--json"]).json();
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(1), "nothing was rendered a second time");
    let other = keyed(&place, r#"{"do": "store", "files": [{}]}"#);
    assert_eq!(other.code, Some(2), "the key still belongs to its request: {other:#?}");
    let anew = run(&place, TWO_FILES, &["--idempotency-key", "order-2"]);
    assert_eq!(anew.code, Some(0), "{anew:#?}");
    assert_ne!(anew.json()["job"], first["job"]);
}

#[test]
fn m3_c6_without_the_records_the_store_says_whether_a_file_is_gone() {
    let place = Filmgate::new();
    let first = keyed(&place, TWO_FILES).json();
    let database = place.folder().join("filmgate-data/catalogue.db");
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", database.display()));
    }
    fs::write(&database, vec![0x5a; 9000]).unwrap();
    let again = keyed(&place, TWO_FILES);
    assert_eq!((again.code, &again.json()["url"]), (Some(0), &first["url"]), "{again:#?}");
    fs::remove_file(file_of(&first)).unwrap();
    let problem = assert_gone(&keyed(&place, TWO_FILES), &first["job"], "video");
    assert!(problem["deleted_at"].is_null() && problem["detail"].as_str().unwrap().contains("not in the store"));
    assert_eq!(problem["assets"].as_array().map(Vec::len), Some(1), "the thumbnail is there: {problem}");
}

#[test]
fn m3_c6_a_job_that_failed_does_not_run_again_once_its_file_was_deleted() {
    let place = Filmgate::new();
    let params = r#"{"do": "trap-after-store", "files": [{}]}"#;
    let trapped = keyed(&place, params);
    assert_eq!(trapped.code, Some(12), "{trapped:#?}");
    let problem = trapped.json();
    delete(&place, &asset(&problem, "video"));
    assert_gone(&keyed(&place, params), &problem["job"], "video");
}

#[test]
fn c7_c6_a_directory_is_published_without_what_was_deleted_until_a_file_is_named() {
    let place = Filmgate::new();
    fs::create_dir(place.folder().join("clips")).unwrap();
    for (name, size) in [("clips/one.mp4", 1000), ("clips/two.mp4", 1100)] {
        place.write(name, sample::whole("mp4", size));
    }
    let publish = |name: &str| place.run(["publish", name, "--user", "ana", "--json"]);
    let first = publish("clips").json();
    delete(&place, first["files"][0]["publish_id"].as_str().unwrap());
    let again = publish("clips");
    assert_eq!(again.code, Some(31), "{again:#?}");
    let answer = again.json();
    assert_eq!(answer["files"][0]["code"], "gone", "{answer}");
    assert_eq!(answer["files"][1]["url"], first["files"][1]["url"], "{answer}");
    let list = place.run(["assets", "list", "--state", "stored", "--json"]).json();
    assert_eq!(list["assets"].as_array().map(Vec::len), Some(1), "nothing went up: {list}");
    let named = publish("clips/one.mp4");
    assert_eq!(named.code, Some(0), "{named:#?}");
    assert!(file_of(&named.json()).exists());
}

#[test]
fn m3_a_job_whose_files_are_in_another_store_gets_no_url_of_this_one() {
    let bucket = Garage::shared().bucket();
    let place = Filmgate::new();
    let reuse = |place: &Filmgate| run(place, TWO_FILES, &["--reuse"]);
    let (first, reused) = (keyed(&place, TWO_FILES), reuse(&place).json());
    assert_eq!(first.code, Some(0), "{first:#?}");
    let moved = place.with_bucket(&bucket).with("S3_KEY_PREFIX", "elsewhere/");
    let again = keyed(&moved, TWO_FILES);
    assert_eq!(again.code, Some(2), "{again:#?}");
    assert!(again.json()["detail"].as_str().unwrap().contains("the settings name s3://"), "{again:#?}");
    // Whoever asks for an equal job gets one that is there.
    let anew = reuse(&moved);
    assert_eq!(anew.code, Some(0), "{anew:#?}");
    assert_ne!(anew.json()["publish_id"], reused["publish_id"]);
}
