//! What plugins logged, after their jobs: `jobs logs`.

use filmgate_tests::cli::{Ended, Filmgate, probe};
use serde_json::Value;

/// Runs a job of the component `probe`, and answers its id.
fn job(place: &Filmgate, params: &str, more: &[&str]) -> String {
    let plugin = probe().to_str().expect("a path in UTF-8");
    let arguments = ["run", plugin, "--user", "ana", "--params", params, "--json"];
    let ended = place.run(arguments.iter().chain(more));
    let answer = ended.json();
    answer["job"].as_str().unwrap_or_else(|| panic!("no job: {ended:#?}")).to_owned()
}

fn log(place: &Filmgate, job: &str) -> Value {
    let ended = place.run(["jobs", "logs", job, "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.json()
}

fn lines(log: &Value) -> Vec<(&str, &str)> {
    let all = log["lines"].as_array().expect("lines");
    assert!(all.iter().all(|one| one["at"].is_string()), "{log}");
    all.iter().map(|one| (one["stream"].as_str().expect("a stream"), one["text"].as_str().expect("a text"))).collect()
}

#[test]
fn c12_what_a_plugin_logged_is_read_after_its_job() {
    let place = Filmgate::new();
    let hostile = r"\u001b[2J\u202etxt\u009b31m";
    let params = format!(r#"{{"do": "log", "stdout": ["one", "{hostile}", ""], "stderr": ["two\nthree"]}}"#);
    let id = job(&place, &params, &[]);
    let log = log(&place, &id);
    let mut found = lines(&log);
    // Within a stream in order; which stream is heard first is not promised.
    found.sort_by_key(|(stream, _)| *stream);
    let harmless = r"\u{1b}[2J\u{202e}txt\u{9b}31m";
    let (two, three) = (("stderr", "two"), ("stderr", "three"));
    // The guest writes its summary last.
    let expected = [two, three, ("stdout", "one"), ("stdout", harmless), ("stdout", ""), ("stdout", "{}")];
    assert_eq!(found, expected, "{log}");
    assert_eq!((log["job"].as_str(), log["count"].as_u64()), (Some(id.as_str()), Some(6)), "{log}");
    assert_eq!(log["state"], "failed", "the plugin stored nothing");
    let text = place.run(["jobs", "logs", &id]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""), "{text:#?}");
    assert_eq!(text.stdout.lines().count(), 6, "{text:#?}");
    assert!(text.stdout.contains("Z  stdout  one\n") && text.stdout.contains("Z  stderr  two\n"), "{text:#?}");
    assert!(text.stdout.contains(harmless) && !text.stdout.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{text:#?}");
}

#[test]
fn c12_a_log_ends_at_its_budget_and_says_so() {
    let place = Filmgate::new().with("FILMGATE_BUDGET_LOG", "64 KiB");
    let flooded = log(&place, &job(&place, r#"{"do": "log-flood", "mib": 2}"#, &[]));
    let found = lines(&flooded);
    let (last, rest) = found.split_last().expect("lines");
    assert!(rest.iter().all(|line| *line == ("stdout", "the same line again, and again, and again")), "{rest:?}");
    let bytes: usize = rest.iter().map(|(_, text)| text.len()).sum();
    assert!((16 * 1024..=64 * 1024).contains(&bytes), "{bytes}");
    let dropped: u64 = last.1.split(' ').next().and_then(|word| word.parse().ok()).expect("a number");
    assert!(last.0 == "host" && last.1.contains("budget.log"), "{last:?}");
    // What is kept and what is told as missing are all of it: each line had an end.
    let line = rest[0].1.len() as u64 + 1;
    let block = (1 << 20) / line * line;
    let written = (2_u64 << 20).div_ceil(block) * block;
    let summary = format!("{{\"bytes\":{written},\"error\":null}}\n").len() as u64;
    assert_eq!(rest.len() as u64 * line + dropped, written + summary, "{last:?}");
}

#[test]
fn c12_jobs_without_a_log_say_why_and_unknown_ones_are_not_found() {
    let place = Filmgate::new();
    let silent = job(&place, r#"{"do": "error", "code": "no-data", "message": "nothing to show"}"#, &[]);
    place.write("notes.json", r#"{"title": "March"}"#);
    let published = place.run(["publish", "notes.json", "--user", "ana", "--slot", "metadata", "--json"]).json();
    let published = published["job"].as_str().expect("a job").to_owned();
    for (id, why) in [(&silent, "logged nothing"), (&published, "no plugin ran in it")] {
        let text = place.run(["jobs", "logs", id]);
        assert_eq!((text.code, text.stdout.as_str()), (Some(0), ""), "{text:#?}");
        assert!(text.stderr.contains(why) && text.stderr.contains(id.as_str()), "{text:#?}");
        assert_eq!(lines(&log(&place, id)), []);
    }
    let not_found = |ended: Ended| {
        assert_eq!((ended.code, ended.json()["code"].as_str()), (Some(30), Some("not-found")), "{ended:#?}");
    };
    let unknown = "01a210c0-474e-72fd-8f94-fd821f033553";
    not_found(place.run(["jobs", "logs", unknown, "--json"]));
    not_found(Filmgate::new().run(["jobs", "logs", unknown, "--json"]));
    let bad = place.run(["jobs", "logs", "x"]);
    assert_eq!(bad.code, Some(2), "{bad:#?}");
    assert!(bad.stderr.contains("job id \"x\""), "{bad:#?}");
}

#[test]
fn c12_a_job_that_runs_again_under_its_key_keeps_the_log_of_each_run() {
    let place = Filmgate::new();
    let params = r#"{"do": "log", "stdout": ["one", "two"]}"#;
    let [first, again] = [(); 2].map(|()| job(&place, params, &["--idempotency-key", "k"]));
    assert_eq!(first, again, "it failed and runs again as the same job");
    let found = log(&place, &first);
    // The guest writes its summary last.
    let run = [("stdout", "one"), ("stdout", "two"), ("stdout", "{}")];
    assert_eq!(lines(&found), [run, run].concat());
}
