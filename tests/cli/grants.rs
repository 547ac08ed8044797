//! Manifests, grants and parameters (P1, P3): refused before anything runs, with the lines that let it run.

use std::path::PathBuf;

use filmgate_tests::cli::{Ended, Filmgate, probe};

const HEAD: &str = "id = \"probe\"\nversion = \"1.0.0\"\nworld = \"0.1.0\"\n";
/// Publishes a video.
const STORE: &str = r#"{"do": "store", "files": [{"kind": "mp4"}]}"#;

/// A place with the component `probe.wasm`, its manifest beside it, and settings.
fn place(manifest: &str, settings: &str) -> Filmgate {
    let place = Filmgate::new();
    std::fs::copy(probe(), place.folder().join("probe.wasm")).expect("copy the probe");
    place.write("probe.toml", format!("{HEAD}{manifest}"));
    place.write("filmgate.toml", settings);
    place
}

fn run(place: &Filmgate, params: &str, more: &[&str]) -> Ended {
    place.run(["run", "probe.wasm", "--user", "ana", "--params", params].iter().chain(more))
}

fn digest(place: &Filmgate) -> String {
    place.run(["plugin", "inspect", "probe.wasm", "--json"]).json()["digest"].as_str().expect("a digest").to_owned()
}

fn jobs(place: &Filmgate) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(place.folder().join("filmgate-data/jobs"));
    folder.into_iter().flatten().map(|entry| entry.expect("list the jobs").path()).collect()
}

/// What the message says to add to the settings, as a person would copy it.
fn lines_to_add(ended: &Ended) -> String {
    let (_, lines) =
        ended.stderr.split_once("add to the end of filmgate.toml:\n").unwrap_or_else(|| panic!("{ended:#?}"));
    lines.to_owned()
}

#[test]
fn p1_a_refused_plugin_runs_once_the_lines_of_the_message_are_added() {
    let cases = [
        ("[limits]\nmemory = \"1 GiB\"\nstore_calls = 65\n", "", "asks for the limit memory 1 GiB, granted is 512 MiB"),
        ("", "[plugins]\nunlisted = \"refuse\"\n", "is not listed, and plugins.unlisted is refuse"),
        ("[limits]\ncpu = \"6m\"\n", "[plugins]\nunlisted = \"refuse\"\n", "asks for the limit cpu 6m, granted is 5m"),
        ("[limits]\nwall = \"1m\"\n", "[budget]\nwall = \"30s\"\n", "asks for the limit wall 1m, granted is 30s"),
        (
            "[limits]\nwall = \"1m\"\n",
            "[plugins.probe]\nmedia = [\"mp4\"]\n[budget]\nwall = \"30s\"\n",
            "the limit wall",
        ),
    ];
    for (manifest, settings, expected) in cases {
        let place = place(manifest, settings);
        let ended = run(&place, STORE, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(10), ""), "{ended:#?}");
        assert!(ended.stderr.contains("plugin probe ") && ended.stderr.contains(expected), "{ended:#?}");
        let json = run(&place, STORE, &["--json"]);
        assert_eq!(json.json()["code"], "plugin-not-granted", "{json:#?}");
        assert!(json.json()["settings_to_write"][0]["table"].is_string(), "{json:#?}");
        assert_eq!(place.compiled(), <[PathBuf; 0]>::default(), "refused before it is compiled");

        place.write("filmgate.toml", format!("{settings}{}", lines_to_add(&ended)));
        let ended = run(&place, STORE, &[]);
        assert_eq!(ended.code, Some(0), "{settings}: {ended:#?}");
    }
}

#[test]
fn p1_without_a_manifest_an_unlisted_plugin_is_listed_by_its_digest() {
    let place = place("", "[plugins]\nunlisted = \"refuse\"\n");
    std::fs::remove_file(place.folder().join("probe.toml")).unwrap();
    let ended = run(&place, STORE, &[]);
    assert_eq!(ended.code, Some(10), "{ended:#?}");
    let lines = lines_to_add(&ended);
    assert_eq!(lines.trim(), format!("[plugins.\"{}\"]", digest(&place)));
    place.write("filmgate.toml", format!("[plugins]\nunlisted = \"refuse\"\n{lines}"));
    assert_eq!(run(&place, STORE, &[]).code, Some(0));
}

#[test]
fn p1_another_component_cannot_take_a_pinned_id() {
    let other = format!("sha256:{}", "00".repeat(32));
    let place = place("", &format!("[plugins.probe]\ndigests = [\"{other}\"]\n"));
    let ended = run(&place, STORE, &[]);
    assert_eq!(ended.code, Some(10), "{ended:#?}");
    let digest = digest(&place);
    assert!(ended.stderr.contains(&format!("plugin probe has the digest {digest}, pinned is {other}")), "{ended:#?}");
    let line = format!("digests = [\"{other}\", \"{digest}\"]");
    let ends_with_the_line =
        ended.stderr.contains(&format!("in the table [plugins.\"probe\"] of filmgate.toml:\n  {line}"));
    assert!(ends_with_the_line, "{ended:#?}");
    place.write("filmgate.toml", format!("[plugins.probe]\n{line}\n"));
    assert_eq!(run(&place, STORE, &[]).code, Some(0));
}

#[test]
fn p3_a_job_gets_no_more_than_its_manifest_asks_for() {
    let place = place("[limits]\noutbox = \"1 MiB\"\npublished = \"1500 B\"\n", "");
    let ended = run(&place, r#"{"do": "store", "files": [{"bytes": 4000000}]}"#, &["--json"]);
    assert_eq!((ended.code, ended.json()["code"].as_str()), (Some(16), Some("quota-exceeded")), "{ended:#?}");
    // Each file has 1,000 bytes.
    let two = r#"{"do": "store", "files": [{"kind": "jpeg", "slot": "thumbnail"}, {"kind": "mp4"}]}"#;
    let ended = run(&place, two, &["--json"]);
    assert_eq!((ended.code, ended.json()["refusal"].as_str()), (Some(17), Some("too-large")), "{ended:#?}");
}

#[test]
fn p3_the_operators_table_counts_instead_of_the_budget() {
    let place = place("", "[budget]\noutbox = \"1 MiB\"\n[plugins.probe.limits]\noutbox = \"8 MiB\"\n");
    let large = r#"{"do": "store", "files": [{"bytes": 4000000}]}"#;
    assert_eq!(run(&place, large, &[]).code, Some(0));
    place.write("filmgate.toml", "[plugins.probe.limits]\noutbox = \"1 MiB\"\n");
    assert_eq!(run(&place, large, &[]).code, Some(16));
}

#[test]
fn b10_a_plugin_hands_over_the_kinds_its_manifest_names() {
    let named = place("media = [\"mp4\"]\n", "");
    assert_eq!(run(&named, STORE, &[]).code, Some(0));
    let thumbnail = r#"{"do": "store", "files": [{"kind": "jpeg", "slot": "thumbnail"}]}"#;
    let ended = run(&named, thumbnail, &["--json"]);
    assert_eq!((ended.code, ended.json()["refusal"].as_str()), (Some(17), Some("unsupported-media")), "{ended:#?}");
    assert!(ended.stdout.contains("slot thumbnail takes nothing of this plugin"), "{ended:#?}");

    let granted = place("media = [\"mp4\", \"webm\"]\n", "[plugins.probe]\nmedia = [\"mp4\"]\n");
    let ended = run(&granted, STORE, &[]);
    assert_eq!(ended.code, Some(10), "{ended:#?}");
    assert!(ended.stderr.contains("asks for the media kinds mp4, webm, granted are mp4"), "{ended:#?}");

    let useless = place("media = [\"png\"]\n", "");
    let ended = run(&useless, STORE, &[]);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    let expected = "layout recap: its main slot video takes mp4, mov, webm, but the plugin hands over png only";
    assert!(ended.stderr.contains(expected), "{ended:#?}");
}

#[test]
fn p1_urls_are_kept_from_a_plugin_by_its_table() {
    let place = place("", "");
    let shown = run(&place, STORE, &["--json"]).json();
    assert!(shown["summary"].to_string().contains("file://"), "{shown}");
    place.write("filmgate.toml", "[plugins.probe]\nshow_urls = false\n");
    let kept = run(&place, STORE, &["--json"]).json();
    assert!(!kept["summary"].to_string().contains("file://") && kept["url"].is_string(), "{kept}");
}

#[test]
fn p3_parameters_are_checked_before_anything_starts() {
    let schema = "[params_schema]\ntype = \"object\"\n[params_schema.properties.do]\nenum = [\"store\", \"canary\"]\n\
                  [params_schema.properties.files.items.properties.bytes]\nmaximum = 2000\n";
    let place = place(schema, "");
    assert_eq!(run(&place, STORE, &[]).code, Some(0));
    for (params, expected) in [
        (r#"{"do": "trap"}"#, "params.do is none of the allowed values; allowed: \"store\", \"canary\""),
        (r#"{"do": "store", "files": [{"bytes": 2001}]}"#, "params.files[0].bytes is too large; allowed: at most 2000"),
        ("[]", "params is an array; allowed: object"),
    ] {
        let ended = run(&place, params, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:#?}");
        assert!(ended.stderr.contains(expected), "{ended:#?}");
        assert_eq!(jobs(&place), <[PathBuf; 0]>::default(), "nothing was started");
    }
}

#[test]
fn p3_a_schema_that_never_ends_ends_the_job_and_not_the_host() {
    let place = place("params_schema = \"endless.json\"\n", "");
    place.write("endless.json", "{\"$ref\": \"#\"}");
    let ended = run(&place, STORE, &["--json"]);
    assert_eq!((ended.code, ended.json()["code"].as_str()), (Some(2), Some("invalid-input")), "{ended:#?}");
    assert!(ended.stdout.contains("takes too much work"), "{ended:#?}");
}

#[test]
fn a_manifest_that_cannot_be_used_is_named() {
    let unknown = place("licence = \"MIT\"\n", "");
    for arguments in [&["run", "probe.wasm", "--user", "ana"][..], &["plugin", "inspect", "probe.wasm"]] {
        let ended = unknown.run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(10), ""), "{ended:#?}");
        assert!(
            ended.stderr.contains("manifest \"probe.toml\", line 4: unknown field `licence`, expected"),
            "{ended:#?}"
        );
    }
    assert_eq!(run(&unknown, STORE, &["--json"]).json()["code"], "manifest-invalid");

    let other = place("", "");
    other.write("other.toml", HEAD.replace("0.1.0", "0.9.0"));
    let ended = run(&other, STORE, &["--manifest", "other.toml"]);
    assert_eq!(ended.code, Some(10), "{ended:#?}");
    assert!(ended.stderr.contains("world: says 0.9.0, but the component was built for 0.1.0"), "{ended:#?}");

    let ended = run(&other, STORE, &["--manifest", "missing.toml", "--json"]);
    assert_eq!((ended.code, ended.json()["code"].as_str()), (Some(2), Some("invalid-input")), "{ended:#?}");
    // The one that is named counts, not the one beside.
    other.write("small.toml", format!("{HEAD}[limits]\noutbox = \"500 B\"\n"));
    assert_eq!(run(&other, STORE, &["--manifest", "small.toml"]).code, Some(16));
}

#[test]
fn inspecting_shows_the_manifest_and_what_is_granted() {
    let place = place("media = [\"mp4\"]\n[limits]\nmemory = \"64 MiB\"\n", "[plugins.probe]\nshow_urls = false\n");
    let ended = place.run(["plugin", "inspect", "probe.wasm"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    for line in [
        "manifest  probe 1.0.0, from probe.toml",
        "rule      plugins.\"probe\"",
        "media     mp4",
        "urls      kept from it",
        "limit     memory           gets 64 MiB, asks for 64 MiB",
        "limit     wall             gets 15m",
        "verdict   accepted",
    ] {
        assert!(ended.stdout.lines().any(|one| one == line), "{line}: {ended:#?}");
    }
    let json = place.run(["plugin", "inspect", "probe.wasm", "--json"]).json();
    assert_eq!((&json["manifest"]["id"], &json["grants"]["rule"]), (&"probe".into(), &"probe".into()), "{json}");
    assert_eq!(json["grants"]["limits"]["memory"], serde_json::json!({"asked": 67108864, "effective": 67108864}));

    place.write("probe.toml", format!("{HEAD}[limits]\nmemory = \"1 GiB\"\n"));
    let ended = place.run(["plugin", "inspect", "probe.wasm"]);
    assert_eq!(ended.code, Some(10), "{ended:#?}");
    assert!(ended.last_line().starts_with("verdict   refused: plugin probe asks for the limit memory"), "{ended:#?}");
    assert!(lines_to_add(&ended).contains("[plugins.\"probe\".limits]\nmemory = \"1 GiB\""), "{ended:#?}");
}

/// A stranger's manifest whose schema is missing must not pass for no manifest at all, which the operator's table by id does
/// not meet.
#[test]
fn p1_a_manifest_whose_schema_is_missing_is_no_missing_manifest() {
    let place = place("params_schema = \"none.json\"\n", "[plugins.probe]\nmedia = [\"jpeg\"]\n");
    for command in
        [&["plugin", "inspect", "probe.wasm", "--json"][..], &["run", "probe.wasm", "--user", "ana", "--json"]]
    {
        let ended = place.run(command);
        assert_eq!((ended.code, ended.json()["code"].as_str()), (Some(10), Some("manifest-invalid")), "{ended:#?}");
        assert!(ended.stdout.contains("params_schema: read \\\"none.json\\\": No such file"), "{ended:#?}");
    }
}
