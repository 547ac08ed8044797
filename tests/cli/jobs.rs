//! Jobs of the component `probe`: the exit code of each cause, what is shown of hostile text, and signals.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use filmgate_tests::cli::{Ended, Filmgate, probe};

fn run(place: &Filmgate, params: &str, more: &[&str]) -> Ended {
    let plugin = probe().to_str().expect("a path in UTF-8");
    place.run(["run", plugin, "--user", "ana", "--params", params].iter().chain(more))
}

/// Names in the job and staging directories: none may be left when a job has ended.
fn left_behind(place: &Filmgate) -> Vec<PathBuf> {
    let folders = ["jobs", "staging"].map(|name| place.folder().join("filmgate-data").join(name));
    folders
        .iter()
        .flat_map(|folder| {
            std::fs::read_dir(folder).expect("open the folder").map(|entry| entry.expect("list the folder").path())
        })
        .collect()
}

#[test]
fn a1_a5_every_file_is_published_and_the_last_line_is_the_videos_url() {
    let place = Filmgate::new();
    let files = r#"{"do": "store", "files": [{"kind": "jpeg", "slot": "thumbnail"}, {"kind": "mp4"}]}"#;
    let ended = run(&place, files, &["--period", "2026-03"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{ended:#?}");
    assert!(lines[0].starts_with("thumbnail: file:///") && lines[0].ends_with("-thumbnail.jpg"), "{ended:#?}");
    assert!(lines[1].contains("/videos/ana/2026/03/recap-2026-03-") && lines[1].ends_with("Z.mp4"), "{ended:#?}");
    assert!(PathBuf::from(lines[1].strip_prefix("file://").unwrap()).exists());
    assert!(ended.stderr.contains("stored video (1000 bytes) as videos/ana/2026/03/"), "{ended:#?}");
    assert_eq!(left_behind(&place), <[PathBuf; 0]>::default());

    let ended = run(&place, files, &["--json"]);
    let answer = ended.json();
    assert_eq!((answer["slot"].as_str(), answer["assets"].as_array().map(Vec::len)), (Some("video"), Some(2)));
    assert!(answer["summary"]["files"].is_array() && answer["usage"]["wall_seconds"].is_number(), "{answer}");
}

#[test]
fn p3_each_cause_has_its_exit_code() {
    let cases: [(&str, (&str, &str), i32, &str); 10] = [
        (r#"{"do": "error", "code": "no-data", "message": "nothing to show"}"#, ("", ""), 11, "plugin-error"),
        (r#"{"do": "answer", "text": ""}"#, ("", ""), 11, "nothing-published"),
        (r#"{"do": "trap"}"#, ("", ""), 12, "trap"),
        (r#"{"do": "panic", "message": "oh"}"#, ("", ""), 12, "trap"),
        (r#"{"do": "exit", "code": 3}"#, ("", ""), 12, "plugin-exited"),
        (r#"{"do": "loop"}"#, ("FILMGATE_BUDGET_CPU", "300ms"), 13, "cpu-exhausted"),
        (r#"{"do": "sleep-forever"}"#, ("FILMGATE_BUDGET_WALL", "1s"), 14, "wall-time-exhausted"),
        (
            r#"{"do": "huge-string", "at": "summary", "kib": 65536}"#,
            ("FILMGATE_BUDGET_MEMORY", "32 MiB"),
            15,
            "memory-exhausted",
        ),
        (
            r#"{"do": "store", "files": [{"bytes": 4000000}]}"#,
            ("FILMGATE_BUDGET_OUTBOX", "1 MiB"),
            16,
            "quota-exceeded",
        ),
        (r#"{"do": "copy", "name": "page", "path": "video.mp4"}"#, ("", ""), 17, "file-refused"),
    ];
    for (params, (name, value), code, problem) in cases {
        let place = Filmgate::new().with(if name.is_empty() { "UNRELATED" } else { name }, value);
        place.write("page.html", "<!doctype html><script>alert(1)</script>");
        let ended = run(&place, params, &["--input", "page=page.html", "--json"]);
        assert_eq!(ended.code, Some(code), "{params}: {ended:#?}");
        let object = ended.json();
        assert_eq!(
            (object["code"].as_str(), object["exit_code"].as_i64()),
            (Some(problem), Some(code.into())),
            "{object}"
        );
        assert!(object["job"].is_string() && object["next_step"].is_string(), "{object}");
        assert_eq!(left_behind(&place), <[PathBuf; 0]>::default(), "{params}");
    }
}

#[test]
fn p3_a_failed_job_says_what_it_used() {
    let place = Filmgate::new().with("FILMGATE_BUDGET_OUTBOX", "1 MiB");
    let ended = run(&place, r#"{"do": "store", "files": [{"bytes": 4000000}]}"#, &["--json"]);
    let usage = &ended.json()["usage"];
    let written = usage["outbox_bytes_written"].as_u64();
    assert!(written.is_some_and(|bytes| bytes > 1 << 19 && bytes <= 1 << 20), "{usage}");
    assert!(usage["cpu_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{usage}");
    assert!(usage["memory_bytes_peak"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{usage}");
}

/// However a host ends, its runners end with it.
#[test]
fn p3_a_host_that_is_killed_takes_its_runner_along() {
    let place = Filmgate::new();
    let plugin = probe().to_str().expect("a path in UTF-8");
    let arguments = ["run", plugin, "--user", "ana", "--params", r#"{"do": "loop"}"#];
    let mut host = place.command(arguments).stderr(Stdio::null()).spawn().expect("start filmgate");
    let runner = until(|| child_of(host.id()));
    host.kill().expect("kill the host");
    host.wait().expect("wait for the host");
    until(|| (!is_running(runner)).then_some(()));
}

fn until<T>(found: impl Fn() -> Option<T>) -> T {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        match found() {
            Some(found) => return found,
            None => assert!(Instant::now() < patience, "it did not happen"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// State and parent of a process.
fn stat(id: u32) -> Option<(String, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

fn child_of(parent: u32) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").expect("list processes").flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.find(|id| stat(*id).is_some_and(|(_, of)| of == parent))
}

/// A process that has ended but that nobody waits for is not running.
fn is_running(id: u32) -> bool {
    stat(id).is_some_and(|(state, _)| state != "Z")
}

#[test]
fn p3_text_of_a_plugin_cannot_steer_the_terminal() {
    let place = Filmgate::new();
    let hostile = r"\u001b[2J\u001b]0;owned\u0007\u202etxt\u009b31m";
    let params = [
        format!(r#"{{"do": "error", "code": "x", "message": "{hostile}"}}"#),
        format!(r#"{{"do": "log", "stdout": ["{hostile}"], "stderr": ["{hostile}"]}}"#),
        format!(r#"{{"do": "progress", "steps": 2, "stage": "{hostile}", "odd": true}}"#),
        format!(r#"{{"do": "panic", "message": "{hostile}"}}"#),
    ];
    for params in params {
        for more in [&[][..], &["--json"]] {
            let ended = run(&place, &params, more);
            let steering = ['\u{1b}', '\u{7}', '\u{202e}', '\u{9b}'];
            assert!(!ended.all().contains(steering), "{params}: {ended:#?}");
            assert!(ended.all().contains("[2J"), "the text itself is shown: {ended:#?}");
        }
    }
}

#[test]
fn p3_a_flood_of_log_is_shown_bounded() {
    let place = Filmgate::new().with("FILMGATE_BUDGET_LOG", "64 KiB");
    let ended = run(&place, r#"{"do": "log-flood", "mib": 16}"#, &[]);
    assert!(ended.stderr.len() < 512 * 1024, "{} bytes", ended.stderr.len());
}

/// Starts a job and waits until it is under way.
fn start(place: &Filmgate, params: &str) -> Child {
    let plugin = probe().to_str().expect("a path in UTF-8");
    let mut command = place.command(["run", plugin, "--user", "ana", "--params", params, "--json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start filmgate");
    let jobs = place.folder().join("filmgate-data/jobs");
    let patience = Instant::now() + Duration::from_secs(60);
    while std::fs::read_dir(&jobs).map_or(0, Iterator::count) == 0 {
        assert!(Instant::now() < patience, "the job does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

#[test]
fn the_first_signal_cancels_the_job_in_order() {
    let signals = [(rustix::process::Signal::INT, 130), (rustix::process::Signal::TERM, 143)];
    for (signal, code) in signals {
        for params in [r#"{"do": "loop"}"#, r#"{"do": "sleep-forever"}"#] {
            let place = Filmgate::new();
            let child = start(&place, params);
            let process = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(process, signal).unwrap();
            let ended = Ended::of(child.wait_with_output().unwrap());
            assert_eq!(ended.code, Some(code), "{params}: {ended:#?}");
            let problem = ended.json();
            assert_eq!(
                (problem["code"].as_str(), problem["exit_code"].as_i64()),
                (Some("cancelled"), Some(code.into()))
            );
            assert!(ended.stderr.contains("stopping; once more ends at once"), "{ended:#?}");
            assert_eq!(left_behind(&place), <[PathBuf; 0]>::default());
        }
    }
}

/// Both signals are there before the process can do anything about the first.
#[test]
fn the_second_signal_ends_at_once_and_says_so() {
    use rustix::process::{Pid, Signal, kill_process};
    let place = Filmgate::new();
    let child = start(&place, r#"{"do": "sleep-forever"}"#);
    for signal in [Signal::STOP, Signal::INT, Signal::TERM, Signal::CONT] {
        kill_process(Pid::from_child(&child), signal).unwrap();
    }
    let ended = Ended::of(child.wait_with_output().unwrap());
    assert!(matches!(ended.code, Some(130 | 143)), "{ended:#?}");
    let problem = ended.json();
    assert_eq!(
        (problem["code"].as_str(), problem["exit_code"].as_i64()),
        (Some("cancelled"), ended.code.map(i64::from))
    );
    assert!(problem["detail"].as_str().unwrap().contains("by a second signal"), "{problem}");
}

#[test]
fn p3_a_limit_that_the_plugin_met_is_named() {
    let place = Filmgate::new().with("FILMGATE_BUDGET_PUBLISHED", "500 B");
    let ended = run(&place, r#"{"do": "store", "files": [{"kind": "mp4"}]}"#, &[]);
    assert_eq!(ended.code, Some(17), "{ended:#?}");
    assert!(ended.stderr.contains("next step: raise budget.published"), "{ended:#?}");
    let ended = run(&place, r#"{"do": "error", "code": "quota-exceeded", "message": "no more calls"}"#, &[]);
    assert!(ended.stderr.contains("raise budget.store_calls"), "{ended:#?}");
}
