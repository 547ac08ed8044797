//! What is on record, by command: `assets`, `sessions`, `jobs`, `clean`.

use std::fs;

use filmgate_tests::cli::{Ended, Filmgate};
use filmgate_tests::sample;
use serde_json::Value;

fn mp4() -> Vec<u8> {
    sample::whole("mp4", 1000)
}

/// Publishes one video and answers what `--json` says.
fn publish(place: &Filmgate, more: &[&str]) -> Value {
    place.write("film.mp4", mp4());
    let arguments = ["publish", "film.mp4", "--user", "ana", "--json"].into_iter().chain(more.iter().copied());
    let ended = place.run(arguments);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.json()
}

fn json(place: &Filmgate, arguments: &[&str]) -> Value {
    let ended = place.run(arguments.iter().copied().chain(["--json"]));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.json()
}

fn assert_problem(ended: &Ended, exit: i32, code: &str) {
    assert_eq!(ended.code, Some(exit), "{ended:#?}");
    let problem = ended.json();
    assert_eq!((problem["code"].as_str(), problem["exit_code"].as_i64()), (Some(code), Some(exit.into())), "{problem}");
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}"))
}

#[test]
fn c1_c2_a_published_file_is_listed_shown_and_linked() {
    let place = Filmgate::new();
    let published = publish(&place, &["--ref", "session=s1", "--ref", "scene=a"]);
    let id = text(&published, "publish_id");
    let list = json(&place, &["assets", "list", "--user", "ana", "--session", "s1", "--slot", "video"]);
    assert_eq!(list["assets"].as_array().map(Vec::len), Some(1), "{list}");
    let record = &list["assets"][0];
    for field in ["key", "size", "content_type", "checksum", "integrity", "durability", "version_id", "facts", "slot"] {
        assert_eq!(record[field], published[field], "{field}");
    }
    assert_eq!((text(record, "id"), text(record, "state"), text(record, "session")), (id, "stored", "s1"));
    assert_eq!(json(&place, &["assets", "show", id]), *record);
    assert_eq!(json(&place, &["assets", "show", text(record, "key")]), *record);
    let url = place.run(["assets", "url", id]);
    assert_eq!((url.code, url.last_line()), (Some(0), text(&published, "url")));
    let elsewhere = place.run(["assets", "list", "--user", "ben"]);
    assert_eq!((elsewhere.code, elsewhere.stdout.lines().count()), (Some(0), 1), "{elsewhere:#?}");
    let table = place.run(["assets", "list"]);
    assert!(table.stdout.starts_with("ASSET ") && table.stdout.contains(id), "{table:#?}");
    let job = json(&place, &["jobs", "show", text(&published, "job")]);
    assert_eq!((text(&job, "state"), &job["asset_list"][0]), ("succeeded", record));
}

#[test]
fn c6_e4_a_deleted_asset_is_gone_with_a_code_of_its_own_and_an_unknown_one_is_not() {
    let place = Filmgate::new();
    let published = publish(&place, &[]);
    let (id, url) = (text(&published, "publish_id"), text(&published, "url"));
    let path = url.strip_prefix("file://").expect("a file URL");
    assert!(fs::exists(path).unwrap());
    let deleted = place.run(["assets", "delete", id]);
    assert_eq!((deleted.code, deleted.stdout.as_str()), (Some(0), format!("deleted {id}\n").as_str()), "{deleted:#?}");
    assert!(!fs::exists(path).unwrap(), "the object is left");
    assert_problem(&place.run(["assets", "url", id, "--json"]), 31, "gone");
    let shown = place.run(["assets", "show", id, "--json"]);
    assert_eq!((shown.code, text(&shown.json(), "state")), (Some(31), "gone"), "{shown:#?}");
    let reason = shown.json()["deletion"].clone();
    assert!(text(&reason, "by").starts_with("operator (uid ") && reason["gone_at"].is_string(), "{reason}");
    let again = place.run(["assets", "delete", id, "--json"]);
    assert_eq!((again.code, again.json()["assets"][0]["code"].as_str()), (Some(31), Some("gone")), "{again:#?}");
    let unknown = "01a210c0-474e-72fd-8f94-fd821f033553";
    assert_problem(&place.run(["assets", "url", unknown, "--json"]), 30, "not-found");
    assert_problem(&place.run(["assets", "show", "videos/no.mp4", "--json"]), 30, "not-found");
    assert_problem(&place.run(["jobs", "show", unknown, "--json"]), 30, "not-found");
    assert_problem(&place.run(["sessions", "show", "ana/none", "--json"]), 30, "not-found");
    assert_problem(&place.run(["sessions", "delete", "ana/none", "--json"]), 30, "not-found");
}

#[test]
fn e4_several_assets_are_deleted_one_that_is_unknown_beside_them() {
    let place = Filmgate::new();
    let (first, last) = (publish(&place, &[]), publish(&place, &[]));
    let ids = [text(&first, "publish_id"), "videos/none.mp4", text(&last, "key")];
    let ended = place.run(["assets", "delete"].into_iter().chain(ids).chain(["--json"]));
    assert_eq!(ended.code, Some(30), "{ended:#?}");
    let answer = ended.json();
    let states: Vec<_> = answer["assets"].as_array().unwrap().iter().map(|one| one["state"].as_str()).collect();
    assert_eq!(states, [Some("gone"), None, Some("gone")], "{answer}");
    assert_eq!(json(&place, &["assets", "list", "--state", "stored"])["assets"].as_array().map(Vec::len), Some(0));
}

#[test]
fn c3_c6_a_session_shows_its_scenes_and_goes_with_its_files() {
    let place = Filmgate::new();
    for scene in ["scene=a", "scene=a", "scene=b"] {
        publish(&place, &["--ref", "session=s1", "--ref", scene]);
    }
    publish(&place, &["--ref", "session=s2"]);
    let sessions = json(&place, &["sessions", "list", "--user", "ana"]);
    let names: Vec<_> = sessions["sessions"].as_array().unwrap().iter().map(|one| text(one, "session")).collect();
    assert_eq!(names, ["s1", "s2"]);
    let shown = json(&place, &["sessions", "show", "ana/s1"]);
    assert_eq!((shown["assets"].as_i64(), shown["scenes"].as_i64()), (Some(3), Some(2)), "{shown}");
    let list = json(&place, &["assets", "list", "--session", "s1", "--scene", "a"]);
    let versions: Vec<_> = list["assets"].as_array().unwrap().iter().map(|one| one["version"].as_i64()).collect();
    assert_eq!(versions, [Some(2), Some(1)], "the latest first");
    let deleted = place.run(["sessions", "delete", "ana/s1"]);
    assert_eq!(deleted.stdout, "deleted ana/s1 and 3 of its assets\n", "{deleted:#?}");
    assert_eq!(place.run(["sessions", "show", "ana/s1"]).code, Some(31));
    let left = json(&place, &["assets", "list", "--state", "stored"]);
    assert_eq!(left["assets"].as_array().map(Vec::len), Some(1), "{left}");
}

#[test]
fn lists_go_on_page_by_page() {
    let place = Filmgate::new();
    let mut published: Vec<_> = (0..5).map(|_| text(&publish(&place, &[]), "publish_id").to_owned()).collect();
    published.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let mut arguments = vec!["assets".to_owned(), "list".to_owned(), "--limit".to_owned(), "2".to_owned()];
        arguments.extend(after.iter().flat_map(|after: &String| ["--after".to_owned(), after.clone()]));
        arguments.push("--json".to_owned());
        let page = place.run(arguments).json();
        seen.extend(page["assets"].as_array().unwrap().iter().map(|one| text(one, "id").to_owned()));
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, published);
    let more = place.run(["jobs", "list", "--limit", "2"]);
    assert!(more.stderr.contains("--after "), "{more:#?}");
    assert_eq!(more.stdout.lines().count(), 3);
}

#[test]
fn a_failed_job_is_on_record_with_its_cause() {
    let place = Filmgate::new();
    place.write("page.mp4", "<!doctype html>");
    assert_eq!(place.run(["publish", "page.mp4", "--user", "ana"]).code, Some(17));
    let jobs = json(&place, &["jobs", "list", "--state", "failed"]);
    let job = &jobs["jobs"][0];
    assert_eq!((text(job, "code"), text(job, "user"), job["assets"].as_i64()), ("file-refused", "ana", Some(0)));
    assert!(text(job, "message").contains("page.mp4"), "{job}");
}

#[test]
fn where_nothing_was_published_lists_are_empty_and_nothing_is_made() {
    let place = Filmgate::new();
    for list in ["assets", "sessions", "jobs"] {
        let ended = place.run([list, "list", "--json"]);
        assert_eq!((ended.code, ended.json()[list].as_array().map(Vec::len)), (Some(0), Some(0)), "{ended:#?}");
        assert!(ended.stderr.contains("nothing is on record yet"), "{ended:#?}");
    }
    assert!(!place.folder().join("filmgate-data").exists(), "a look made a data directory");
}

#[test]
fn bad_names_and_filters_are_told_by_what_is_allowed() {
    let place = Filmgate::new();
    for (arguments, cause) in [
        (
            vec!["assets", "list", "--state", "lost"],
            "--state: state of an asset \"lost\" is unknown; allowed: stored, deleting, gone",
        ),
        (vec!["assets", "list", "--user", "a/b"], "--user: user id \"a/b\""),
        (vec!["assets", "list", "--after", "x"], "--after: publish id \"x\""),
        (vec!["jobs", "list", "--state", "done"], "allowed: queued, running, succeeded, failed, cancelled, lost"),
        (vec!["jobs", "show", "x"], "job id \"x\""),
        (vec!["sessions", "show", "s1"], "names no user; allowed: USER/SESSION"),
        (vec!["assets", "show", "a//b"], "no asset has this id or key"),
        (vec!["assets", "list", "--limit", "0"], "--limit"),
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, Some(2), "{cause}: {ended:#?}");
        assert!(ended.stderr.contains(cause), "{cause}: {ended:#?}");
    }
}

#[test]
fn c4_a_catalogue_that_cannot_be_used_is_named_and_no_publish_fails_for_it() {
    let place = Filmgate::new();
    let first = publish(&place, &[]);
    let database = place.folder().join("filmgate-data/catalogue.db");
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", database.display()));
    }
    fs::write(&database, vec![0x5a; 9000]).unwrap();
    assert_problem(&place.run(["assets", "list", "--json"]), 32, "catalogue-unusable");
    assert_problem(&place.run(["assets", "url", text(&first, "publish_id"), "--json"]), 32, "catalogue-unusable");
    assert_problem(&place.run(["clean", "--json"]), 32, "catalogue-unusable");
    let second = publish(&place, &[]);
    assert_eq!(fs::read(&database).unwrap(), vec![0x5a; 9000], "what is no catalogue is left alone");
    fs::remove_file(&database).unwrap();
    // The next command that publishes or recovers records what the journal still has to tell.
    assert_eq!(place.run(["recover"]).code, Some(0));
    let list = json(&place, &["assets", "list"]);
    let ids: Vec<_> = list["assets"].as_array().unwrap().iter().map(|one| text(one, "id")).collect();
    assert_eq!(ids, [text(&second, "publish_id")]);
}

#[test]
fn b4_clean_keeps_what_is_young_and_says_what_it_did() {
    let place = Filmgate::new();
    publish(&place, &["--layout", "pipeline"]);
    let report = json(&place, &["clean"]);
    assert_eq!((report["expired"].as_i64(), report["removal"]["removed"].as_i64()), (Some(0), Some(0)), "{report}");
    let told = place.run(["clean", "--retry-now"]);
    assert!(told.stdout.contains("objects deleted"), "{told:#?}");
    let settings = place.run(["check"]);
    assert!(settings.stdout.contains("retention.events") && settings.stdout.contains("30d"), "{settings:#?}");
}

#[test]
fn b4_retention_is_a_setting_and_nonsense_is_refused() {
    for (settings, cause) in [
        ("[retention]\nevents = \"soon\"", "retention"),
        ("[retention]\naudit = \"1s\"", "1s is too short; allowed: 1m or longer, or keep"),
        ("[retention.prefixes]\n\"nowhere/\" = \"7d\"", "no key of a layout begins with \"nowhere/\""),
        ("[retention]\nversions = -1", "no number of old versions; allowed: 0 or more, or \"keep\""),
        ("[retention]\nunknown = \"7d\"", "unknown"),
    ] {
        let place = Filmgate::new();
        place.write("filmgate.toml", settings);
        let ended = place.run(["check", "--json"]);
        assert_eq!(ended.code, Some(2), "{settings}: {ended:#?}");
        assert!(ended.json()["detail"].as_str().unwrap().contains(cause), "{settings}: {ended:#?}");
    }
    let place = Filmgate::new().with("FILMGATE_RETENTION_VERSIONS", "0").with("FILMGATE_RETENTION_EVENTS", "keep");
    place.write("filmgate.toml", "[retention]\nversions = \"keep\"\n[retention.prefixes]\n\"temp/\" = \"1d\"\n");
    for _ in 0..2 {
        publish(&place, &["--ref", "session=s1"]);
    }
    let report = json(&place, &["clean"]);
    assert_eq!((report["superseded"].as_i64(), report["removal"]["removed"].as_i64()), (Some(1), Some(1)), "{report}");
}
