//! Bad input: one message with cause, place and next step, the right exit code, nothing half-published.

use filmgate_tests::cli::{Ended, Filmgate};

/// The smallest core module.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// The smallest component: no import, no export.
const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Runs a command line in text and in JSON; both must fail the same way. Answers the text run.
fn refused(place: &Filmgate, arguments: &[&str], code: i32, problem: &str, cause: &str) -> Ended {
    let as_text = place.run(arguments);
    assert_eq!(as_text.code, Some(code), "{arguments:?}: {as_text:#?}");
    assert_eq!(as_text.stdout, "", "no answer where there is none: {as_text:#?}");
    assert!(as_text.stderr.starts_with("error: ") && as_text.stderr.contains(cause), "{cause}: {as_text:#?}");
    assert!(as_text.stderr.contains("\nnext step: "), "{as_text:#?}");
    assert_eq!(as_text.stderr.matches("error: ").count(), 1, "one message: {as_text:#?}");
    assert!(as_text.stderr.len() < 4096, "{as_text:#?}");
    assert!(!as_text.stderr.contains("panicked"), "{as_text:#?}");

    let as_json = place.run(arguments.iter().copied().chain(["--json"]));
    assert_eq!(as_json.code, Some(code), "{as_json:#?}");
    let object = as_json.json();
    assert_eq!((object["code"].as_str(), object["exit_code"].as_i64()), (Some(problem), Some(code.into())), "{object}");
    assert_eq!(object["type"], format!("urn:filmgate:problem:{problem}"));
    assert!(object["detail"].as_str().is_some_and(|detail| detail.contains(cause)), "{cause}: {object}");
    assert!(object["next_step"].is_string() && object["title"].is_string(), "{object}");
    assert_nothing_published(place);
    as_text
}

/// No object, no claimed file, no job directory is left.
fn assert_nothing_published(place: &Filmgate) {
    let data = place.folder().join("filmgate-data");
    for folder in ["jobs", "staging", "storage"] {
        let left: Vec<_> = std::fs::read_dir(data.join(folder))
            .into_iter()
            .flatten()
            .map(|entry| entry.expect("list the folder").file_name())
            .filter(|name| name != ".filmgate")
            .collect();
        assert!(left.is_empty(), "{folder} holds {left:?}");
    }
}

#[test]
fn p1_a_plugin_that_is_none_is_refused_before_anything_runs() {
    let place = Filmgate::new();
    place.write("text.wasm", "not a plugin");
    place.write("core.wasm", CORE_MODULE);
    place.write("empty.wasm", EMPTY_COMPONENT);
    place.write("cut.wasm", &EMPTY_COMPONENT[..6]);
    let run = |plugin| ["run", plugin, "--user", "ana"];
    refused(&place, &run("missing.wasm"), 2, "invalid-input", "missing.wasm");
    refused(&place, &run("."), 2, "invalid-input", "read plugin");
    refused(&place, &run("text.wasm"), 10, "plugin-refused", "not WebAssembly");
    refused(&place, &run("core.wasm"), 10, "plugin-refused", "a core module, not a component");
    refused(&place, &run("empty.wasm"), 10, "plugin-refused", "no export");
    refused(&place, &run("cut.wasm"), 10, "plugin-refused", "malformed component");
    // Endless: read no further than a plugin may be long.
    refused(&place, &run("/dev/zero"), 10, "plugin-refused", "/dev/zero");
}

#[test]
fn p1_a_user_id_is_refused_with_what_is_allowed() {
    let place = Filmgate::new();
    place.write("core.wasm", CORE_MODULE);
    let two_kib = "x".repeat(2048);
    for user in ["", "a/b", "..", ".", "../../etc", "a%2fb", "a b", "é", "a\u{1b}[31mb", "a\u{202e}b", "a\nb", &two_kib]
    {
        let ended = refused(&place, &["run", "core.wasm", "--user", user], 2, "invalid-input", "--user: user id ");
        assert!(ended.stderr.contains("1 to 128 characters of A-Z a-z 0-9"), "{ended:#?}");
        assert!(!ended.stderr.contains(['\u{1b}', '\u{202e}']), "{ended:#?}");
        assert_eq!(ended.stderr.lines().count(), 2, "{ended:#?}");
    }
}

#[test]
fn options_of_a_job_are_refused_by_name() {
    let place = Filmgate::new();
    place.write("core.wasm", CORE_MODULE);
    place.write("params.json", "{\"token\": canary}");
    place.write("nul.json", "{\"a\": \"\0\"}");
    place.write("long.json", format!("\"{}\"", "x".repeat(64 * 1024)));
    place.write("latin1.json", b"\"\xe9\"");
    place.write("photo.jpg", "x");
    let cases: [(&[&str], &str); 19] = [
        (&["--period", "2026-13"], "--period: period \"2026-13\" has an impossible month; allowed: YYYY-MM"),
        (&["--period", "March"], "--period: period \"March\" is not written as a year and a month"),
        (&["--params", "{"], "--params: params are not JSON: EOF while parsing an object at line 1 column 1"),
        (&["--params", "@params.json"], "--params: params are not JSON"),
        (&["--params", "@nul.json"], "--params: params are not JSON: control character"),
        (&["--params", "@long.json"], "--params: long.json is longer than 64 KiB"),
        (&["--params", "@latin1.json"], "--params: latin1.json is not UTF-8"),
        (&["--params", "@missing.json"], "--params: read missing.json: No such file"),
        (&["--params", "@-"], "--params: params are not JSON"),
        (&["--input", "photo.jpg"], "--input: \"photo.jpg\" is not written as NAME=PATH"),
        (&["--input", "a/b=photo.jpg"], "--input: input name \"a/b\" has the character '/'"),
        (&["--input", "..=photo.jpg"], "--input: input name \"..\" is a relative path"),
        (&["--input", "photo=missing.jpg"], "--input: missing.jpg does not exist"),
        (&["--input", "photo=."], "--input: . is not a file"),
        (&["--input", "a=photo.jpg", "--input", "a=photo.jpg"], "--input: input name \"a\" is given twice"),
        (&["--ref", "gen=1"], "--ref: reference name \"gen\" is unknown; allowed: generation, composition"),
        (&["--ref", "scene=a/b"], "--ref: reference id \"a/b\" has the character '/'"),
        (&["--ref", "scene=1", "--ref", "scene=2"], "--ref: reference name \"scene\" is given twice"),
        (&["--layout", "Recap"], "--layout: layout name \"Recap\" has the character 'R'"),
    ];
    for (options, cause) in cases {
        let arguments: Vec<_> = ["run", "core.wasm", "--user", "ana"].iter().chain(options).copied().collect();
        let ended = refused(&place, &arguments, 2, "invalid-input", cause);
        assert!(!ended.stderr.contains("canary"), "parameters are nobody's business: {ended:#?}");
    }
}

#[test]
fn a_data_directory_that_cannot_be_used_is_named() {
    // A file in place of the directory: root may write where the mode says no.
    let place = Filmgate::new();
    place.write("core.wasm", CORE_MODULE);
    place.write("taken", "a file");
    for directory in ["taken", "taken/below"] {
        let arguments = ["run", "core.wasm", "--user", "ana", "--data-dir", directory];
        let ended = place.run(arguments);
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(
            ended.stderr.contains("taken") && ended.stderr.contains("next step: a file is in its place"),
            "{ended:#?}"
        );
        assert!(!ended.stderr.contains("write access"), "{ended:#?}");
        let check = place.run(["check", "--data-dir", directory]);
        assert_ne!(check.code, Some(0), "{check:#?}");
        assert!(check.stdout.contains("FAIL  data directory"), "{check:#?}");
    }
    let place = Filmgate::new().with("LOCAL_STORAGE_PATH", "taken");
    place.write("core.wasm", CORE_MODULE);
    place.write("taken", "a file");
    let ended = place.run(["run", "core.wasm", "--user", "ana"]);
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.stderr.contains("taken") && ended.stderr.contains("LOCAL_STORAGE_PATH"), "{ended:#?}");
}
