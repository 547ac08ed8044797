//! The bench itself works: the sink answers what a client can prove, with and without TLS, and a comparison has figures.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The real binary, built as `cargo test --workspace` builds it: nothing builds twice.
fn filmgate() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--workspace", "--bin", "filmgate", "--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("start cargo");
    assert!(built.status.success(), "filmgate does not build");
    let messages = String::from_utf8(built.stdout).expect("cargo writes UTF-8");
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next();
    executable.expect("cargo names the executable")
}

/// Runs the bench; answers its figures, and what it said.
fn measure(arguments: &[&str]) -> (Value, String) {
    let folder = tempfile::tempdir().expect("a directory");
    let json = folder.path().join("figures.json");
    let ended = Command::new(env!("CARGO_BIN_EXE_filmgate-bench"))
        .args(arguments)
        .arg("--filmgate")
        .arg(filmgate())
        .arg("--files")
        .arg(folder.path())
        .arg("--json")
        .arg(&json)
        .output()
        .expect("start the bench");
    let said = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{said}");
    (serde_json::from_slice(&std::fs::read(&json).expect("figures")).expect("JSON"), said)
}

#[test]
fn a_comparison_of_one_has_figures_for_both_schemes_and_sizes() {
    let (figures, said) = measure(&["--contender", "filmgate", "--rounds", "1", "--workload", "1x20MiB,3x1MiB"]);
    let comparisons = figures["figures"].as_array().expect("a list");
    let named: Vec<_> = comparisons.iter().map(|one| (one["server"].as_str(), one["workload"].as_str())).collect();
    let (http, https) = (Some("sink http"), Some("sink https"));
    let (large, small) = (Some("1x20MiB"), Some("3x1MiB"));
    assert_eq!(named, [(http, large), (http, small), (https, large), (https, small)], "{said}");
    for one in comparisons {
        let run = &one["contenders"][0]["runs"][0];
        assert!(run["cpu_seconds"].as_f64() > Some(0.0) && run["rss_bytes"].as_u64() > Some(0), "{one}");
    }
}

#[test]
fn the_catalogue_is_measured() {
    let (figures, said) = measure(&["catalogue", "--assets", "1200"]);
    let measured = &figures["figures"][0];
    assert!(measured["assets"] == 1200 && measured["file_bytes"].as_u64() > Some(0), "{measured}");
    let parts = measured["figures"].as_array().expect("a list");
    assert!(parts.len() > 8 && said.contains("URL of one asset"), "{said}");
}

#[test]
fn interrupted_publishes_are_recovered() {
    let (figures, said) = measure(&["recovery", "--publishes", "5"]);
    let lines: Vec<_> =
        figures["figures"].as_array().expect("a list").iter().map(|one| &one["first_byte_ms"]).collect();
    assert_eq!(lines, [0, 30], "{said}");
}
