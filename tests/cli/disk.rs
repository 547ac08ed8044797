//! Too little free space where the data directory is: the reserve is set above what any disk has.

use std::fs;

use filmgate_tests::cli::{Ended, Filmgate, probe};
use filmgate_tests::sample;
use serde_json::Value;

/// The same command while less is free than is to stay free.
fn low<'a>(place: &Filmgate, arguments: impl IntoIterator<Item = &'a str>) -> Ended {
    let mut command = place.command(arguments);
    Ended::of(command.env("FILMGATE_DISK_RESERVE", "1000000 TiB").output().expect("start filmgate"))
}

fn assert_refused(ended: &Ended, place: &Filmgate) {
    assert_eq!(ended.code, Some(23), "{ended:#?}");
    let problem = ended.json();
    assert_eq!((&problem["code"], &problem["exit_code"]), (&"disk-low".into(), &23.into()), "{problem}");
    let directory = fs::canonicalize(place.folder().join("filmgate-data")).expect("a directory");
    assert_eq!(
        problem["directory"].as_str().map(fs::canonicalize).expect("a text").expect("a directory"),
        directory,
        "{problem}"
    );
    assert_eq!(problem["reserve_bytes"], 1_000_000_u64 << 40, "{problem}");
    let free = problem["free_bytes"].as_u64().expect("a number");
    let text = problem["detail"].as_str().expect("a text");
    let said = [problem["directory"].as_str().expect("a text"), &free.to_string(), &(1_000_000_u64 << 40).to_string()];
    assert!(said.iter().all(|said| text.contains(said)), "{problem}");
    let step = problem["next_step"].as_str().expect("a text");
    assert!(step.contains("filmgate clean") && step.contains("disk.reserve"), "{problem}");
}

fn is_empty(list: &Value) -> bool {
    list.as_array().expect("a list").is_empty()
}

#[test]
fn m3_while_space_is_low_nothing_new_is_started() {
    let place = Filmgate::new();
    fs::create_dir(place.folder().join("clips")).unwrap();
    for name in ["film.mp4", "clips/one.mp4", "clips/two.mp4"] {
        place.write(name, sample::whole("mp4", 1000));
    }
    let plugin = probe().to_str().unwrap();
    let params = r#"{"do": "store", "files": [{}]}"#;
    let job = ["run", plugin, "--user", "ana", "--params", params, "--json"];
    let runs = [
        job.to_vec(),
        job.iter().copied().chain(["--reuse"]).collect(),
        job.iter().copied().chain(["--idempotency-key", "k"]).collect(),
        vec!["publish", "film.mp4", "--user", "ana", "--move", "--json"],
    ];
    for arguments in runs {
        assert_refused(&low(&place, arguments), &place);
    }
    // Files of a directory may be published already: each is answered for.
    let clips = low(&place, ["publish", "clips", "--user", "ana", "--json"]);
    assert_eq!(clips.code, Some(23), "{clips:#?}");
    let clips = clips.json();
    let codes: Vec<_> = clips["files"].as_array().expect("a list").iter().map(|file| &file["code"]).collect();
    assert_eq!(codes, ["disk-low", "disk-low"], "{clips}");
    assert!(place.folder().join("film.mp4").exists());
    assert!(is_empty(&place.run(["jobs", "list", "--json"]).json()["jobs"]));
    assert!(is_empty(&place.run(["assets", "list", "--failed", "--json"]).json()["failed"]));
    for folder in ["jobs", "staging"] {
        let left = fs::read_dir(place.folder().join("filmgate-data").join(folder)).unwrap();
        assert_eq!(left.count(), 0, "{folder}");
    }
    assert_eq!(place.run(job).code, Some(0), "with space again");
}

#[test]
fn m3_while_space_is_low_what_frees_some_still_works() {
    let place = Filmgate::new();
    let film = || place.write("film.mp4", sample::whole("mp4", 1000));
    film();
    let published = place.run(["publish", "film.mp4", "--user", "ana", "--layout", "jobs", "--json"]).json();
    let id = published["publish_id"].as_str().unwrap();
    // A file is where the directory of the user's keys should be.
    let folder = place.folder().join("filmgate-data/storage/ana");
    fs::rename(&folder, place.folder().join("aside")).unwrap();
    fs::write(&folder, "in the way").unwrap();
    film();
    let failed = place.run(["publish", "film.mp4", "--user", "ana", "--layout", "jobs", "--move"]);
    assert!(matches!(failed.code, Some(18 | 19)), "{failed:#?}");
    fs::remove_file(&folder).unwrap();
    fs::rename(place.folder().join("aside"), &folder).unwrap();
    let recovered = low(&place, ["recover"]);
    assert_eq!(recovered.code, Some(0), "{recovered:#?}");
    let retried = low(&place, ["retry", "--all", "--json"]);
    assert_eq!(retried.code, Some(0), "{retried:#?}");
    assert_eq!(retried.json()["publishes"][0]["outcome"], "published", "{retried:#?}");
    assert!(!place.folder().join("film.mp4").exists());
    for arguments in [
        vec!["verify", "--all"],
        vec!["assets", "url", id],
        vec!["assets", "delete", id],
        vec!["clean"],
        vec!["reconcile", "--fix"],
    ] {
        let ended = low(&place, arguments.iter().copied());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:#?}");
    }
    assert!(!fs::exists(published["url"].as_str().unwrap().strip_prefix("file://").unwrap()).unwrap());
}

#[test]
fn m3_while_space_is_low_a_directory_that_is_published_answers() {
    let place = Filmgate::new();
    fs::create_dir(place.folder().join("clips")).unwrap();
    place.write("clips/one.mp4", sample::whole("mp4", 1000));
    let publish = ["publish", "clips", "--user", "ana", "--json"];
    let first = place.run(publish).json();
    let again = low(&place, publish);
    assert_eq!(again.code, Some(0), "{again:#?}");
    assert_eq!(again.json()["files"][0]["publish_id"], first["files"][0]["publish_id"], "{again:#?}");
}

#[test]
fn m3_while_space_is_low_a_job_that_is_done_answers() {
    let place = Filmgate::new();
    let plugin = probe().to_str().unwrap();
    let job = |key: &'static str, low_on_space: bool| {
        let params = r#"{"do": "store", "files": [{}]}"#;
        let arguments = ["run", plugin, "--user", "ana", "--params", params, "--json", "--idempotency-key", key];
        if low_on_space { low(&place, arguments) } else { place.run(arguments) }
    };
    let first = job("k", false);
    assert_eq!(first.code, Some(0), "{first:#?}");
    let again = job("k", true);
    assert_eq!((again.code, &again.json()["url"]), (Some(0), &first.json()["url"]), "{again:#?}");
    assert_refused(&job("another", true), &place);
}

#[test]
fn check_shows_the_free_space_and_what_is_to_stay_free() {
    let place = Filmgate::new();
    let passed = place.run(["check"]);
    assert_eq!(passed.code, Some(0), "{passed:#?}");
    let line = passed.stdout.lines().find(|line| line.starts_with("pass  free space")).expect("a line");
    assert!(line.contains("disk.reserve = automatic"), "{line}");
    let failed = low(&place, ["check"]);
    assert_eq!(failed.code, Some(20), "{failed:#?}");
    assert!(failed.stdout.contains("FAIL  free space") && failed.stdout.contains("filmgate clean"), "{failed:#?}");
    assert!(failed.stdout.contains("pass  catalogue"), "{failed:#?}");
    for (text, code) in [("90%", None), ("0 B", Some(0)), ("91%", Some(2)), ("a lot", Some(2))] {
        place.write("filmgate.toml", format!("[disk]\nreserve = {text:?}\n"));
        let ended = place.run(["check"]);
        assert!(code.is_none_or(|code| ended.code == Some(code)), "{text}: {ended:#?}");
        assert_eq!(ended.code == Some(2), ended.all().contains("0% to 90%"), "{text}: {ended:#?}");
    }
}
