//! `filmgate plugin test`: a plugin run as an operator would, for its author.

use filmgate_tests::cli::{Ended, Filmgate, probe};

const STORE: &str = r#"{"do": "store", "files": [{"kind": "mp4"}, {"kind": "jpeg", "slot": "thumbnail"}]}"#;

fn test(place: &Filmgate, params: &str, more: &[&str]) -> Ended {
    place.run(["plugin", "test", probe().to_str().expect("a path in UTF-8"), "--params", params].iter().chain(more))
}

/// The fields of the table's line about a limit.
fn row<'a>(ended: &'a Ended, limit: &str) -> Vec<&'a str> {
    let lines = ended.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.into_iter().find(|fields| fields.first() == Some(&limit)).unwrap_or_else(|| panic!("{limit}: {ended:#?}"))
}

#[test]
fn p2_what_was_used_stands_beside_what_was_granted() {
    let place = Filmgate::new().with("FILMGATE_BUDGET_MEMORY", "64 MiB");
    let ended = test(&place, STORE, &[]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(row(&ended, "published"), ["published", "2000", "B", "8", "GiB", "0", "%"]);
    assert_eq!(row(&ended, "store_calls"), ["store_calls", "2", "64", "3", "%"]);
    assert!(row(&ended, "memory").ends_with(&["%"]) && row(&ended, "memory").contains(&"64"), "{ended:#?}");
    assert!(ended.stdout.contains("file      video: video/mp4, 1000 bytes, crc64nvme "), "{ended:#?}");
    assert!(ended.stdout.contains("          1.000 s; h264 16x16 at 1 fps, 1 frames; fast start\n"), "{ended:#?}");
    assert!(ended.stdout.contains("          jpeg 16x16\n"), "{ended:#?}");
    assert_eq!(row(&ended, "stores_in_flight"), ["stores_in_flight", "1", "8", "12", "%"]);
    assert_eq!(row(&ended, "outbox_depth"), ["outbox_depth", "0", "16", "0", "%"]);
    for limit in ["table_elements", "hostcall", "handles"] {
        assert!(row(&ended, limit).ends_with(&["%"]) && row(&ended, limit)[1] != "0", "{limit}: {ended:#?}");
    }
    assert!(ended.stdout.contains("warning   there is no manifest"), "{ended:#?}");
    assert_eq!(ended.last_line(), "passed: 2 files, 1 warning", "{ended:#?}");
    // Nothing is left but the code, which the next test needs again.
    let data = place.folder().join("filmgate-data");
    let left: Vec<_> = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["components"]);
}

#[test]
fn p2_files_are_kept_where_the_author_wants_them() {
    let place = Filmgate::new();
    let files = r#"{"do": "store", "files": [{"kind": "mp4", "sequence": 3}, {"kind": "mp4"}]}"#;
    for _ in 0..2 {
        let ended = test(&place, files, &["--out", "rendered/here"]);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert!(ended.stdout.contains(", saved as rendered/here/video-003.mp4"), "{ended:#?}");
    }
    let mut names: Vec<_> = std::fs::read_dir(place.folder().join("rendered/here"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["video-003.mp4", "video.mp4"]);
    assert_eq!(std::fs::metadata(place.folder().join("rendered/here/video.mp4")).unwrap().len(), 1000);

    place.write("taken", "a file");
    let ended = test(&place, files, &["--out", "taken"]);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.stderr.contains("--out: write to taken: "), "{ended:#?}");
}

#[test]
fn p2_warnings_say_what_an_operator_would_stumble_over() {
    let place = Filmgate::new().with("FILMGATE_BUDGET_LOG", "4 KiB").with("FILMGATE_BUDGET_PUBLISHED", "1100 B");
    std::fs::copy(probe(), place.folder().join("probe.wasm")).unwrap();
    place.write("probe.toml", "id = \"probe\"\nversion = \"1\"\nworld = \"0.1.0\"\n[limits]\noutbox_entries = 1\n");
    let store = r#"{"do": "store", "files": [{"kind": "mp4"}]}"#;
    let ended = place.run(["plugin", "test", "probe.wasm", "--params", store, "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let json = ended.json();
    let warnings: Vec<_> = json["warnings"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert!(warnings.contains(&"90 % of the limit published are used up"), "{json}");
    assert!(warnings.contains(&"100 % of the limit outbox_entries are used up"), "{json}");
    assert!(warnings.contains(&"no thumbnail was stored: layout recap has a slot for one"), "{json}");
    assert!(!warnings.iter().any(|warning| warning.contains("no manifest")), "{json}");
    assert_eq!(json["budgets"]["outbox_entries"], serde_json::json!({"used": 1, "granted": 1}));
    assert_eq!((&json["files"][0]["size"], json["files"][0]["url"].is_null()), (&1000.into(), true), "{json}");

    let flood = test(&place, r#"{"do": "log-flood", "mib": 1}"#, &[]);
    assert!(flood.stdout.contains("bytes of log were dropped"), "{flood:#?}");
}

#[test]
fn p2_a_failure_ends_as_under_run_with_the_table() {
    let place = Filmgate::new().with("FILMGATE_BUDGET_CPU", "300ms");
    for (params, code, problem) in [
        (r#"{"do": "loop"}"#, 13, "cpu-exhausted"),
        (r#"{"do": "trap"}"#, 12, "trap"),
        (r#"{"do": "answer", "text": ""}"#, 11, "nothing-published"),
    ] {
        let ended = test(&place, params, &[]);
        assert_eq!(ended.code, Some(code), "{ended:#?}");
        assert!(row(&ended, "cpu").contains(&"300ms") && ended.stderr.contains("error: "), "{ended:#?}");
        let json = test(&place, params, &["--json"]);
        assert_eq!((json.code, json.json()["code"].as_str()), (Some(code), Some(problem)), "{json:#?}");
        assert_eq!(json.json()["budgets"]["cpu"]["granted"], 300, "{json:#?}");
    }
    let ended = place.run(["plugin", "test", "missing.wasm"]);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
}

#[test]
fn p2_no_bucket_is_touched() {
    // Nobody listens there: a request would fail.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = Filmgate::new()
        .with("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .with("AWS_SECRET_ACCESS_KEY", "secret")
        .with("AWS_REGION", "eu-central-1")
        .with("S3_BUCKET_NAME", "videos")
        .with("AWS_ENDPOINT_URL_S3", &format!("http://127.0.0.1:{port}"));
    assert_eq!(test(&place, STORE, &[]).code, Some(0));
}
