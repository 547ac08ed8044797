//! Which part may know of which.

use std::process::Command;

use crate::sources::{Source, all, root, rust_below};

/// A module of its own file also has a folder of its own.
fn is_in(source: &Source, modules: &[&str]) -> bool {
    modules.iter().any(|module| source.path == format!("{module}.rs") || source.path.starts_with(&format!("{module}/")))
}

/// Lines of host code outside of `allowed` that `wanted` picks. Comments do not count.
fn strays(allowed: &[&str], wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let code = |line: &str| !line.trim_start().starts_with("//") && wanted(line);
    let sources = rust_below(&["host/filmgate/src", "host/runner/src", "host/protocol/src"]);
    sources.iter().filter(|source| !is_in(source, allowed)).flat_map(|source| source.lines_with(code)).collect()
}

const NONE: [String; 0] = [];

#[test]
fn only_the_s3_backend_knows_the_aws_sdk() {
    let sdk = |line: &str| {
        ["aws_sdk_", "aws_config", "aws_smithy_", "aws_credential_types", "aws_types"]
            .iter()
            .any(|name| line.contains(name))
    };
    assert_eq!(strays(&["host/filmgate/src/storage/s3"], sdk), NONE);
}

#[test]
fn only_configuration_and_the_command_line_read_the_environment() {
    let reads = |line: &str| line.contains("env::var") || line.contains("env::args") || line.contains("std::env;");
    // A child reads how it was started, and has no environment.
    let allowed =
        ["host/filmgate/src/config", "host/filmgate/src/cli", "host/filmgate/src/main", "host/runner/src/child"];
    assert_eq!(strays(&allowed, reads), NONE);
}

#[test]
fn only_the_command_line_has_untyped_errors() {
    let allowed = ["host/filmgate/src/cli", "host/filmgate/src/main"];
    assert_eq!(strays(&allowed, |line| line.contains("anyhow")), NONE);
}

/// M2: the crate that runs plugins cannot reach a key, a database or a network: nothing it is made of can.
#[test]
fn m2_the_runner_is_built_without_storage_database_and_network() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "filmgate-runner",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--offline",
            "--locked",
        ])
        .current_dir(root())
        .output()
        .expect("run cargo");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8_lossy(&tree.stdout);
    let crates: Vec<_> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains(&"wasmtime") && crates.contains(&"filmgate-protocol"), "{crates:?}");
    let banned = |name: &str| {
        ["aws-", "sqlx", "hyper", "reqwest", "rustls", "openssl", "rusqlite", "postgres"]
            .iter()
            .any(|ban| name.starts_with(ban))
            || name == "filmgate"
    };
    assert_eq!(crates.iter().filter(|name| banned(name)).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn modules_are_named_files() {
    let named_mod: Vec<_> = all().into_iter().filter(|source| source.path.ends_with("/mod.rs")).collect();
    assert!(named_mod.is_empty(), "{}", named_mod[0].path);
}

#[test]
fn files_are_short() {
    for source in rust_below(&["host", "guest"]) {
        let lines = source.text.lines().count();
        assert!(lines <= 600, "{} has {lines} lines", source.path);
    }
}

/// Paths of one machine, and notes of work that is not done.
#[test]
fn nothing_of_a_workplace_is_left_in_the_sources() {
    // Put together here, so that this file does not find itself.
    let marks = [["/ro", "ot/"], ["/wo", "rk/"], ["/ho", "me/"], ["TO", "DO"], ["FIX", "ME"], ["XX", "X:"]]
        .map(|pair| pair.concat());
    let marked = |line: &str| {
        // A folder of the proc file system that a hostile guest looks for.
        let line = line.replace("/proc/self/root/", "");
        marks.iter().any(|mark| line.contains(mark.as_str()))
    };
    let found: Vec<_> = all().iter().flat_map(|source| source.lines_with(marked)).collect();
    assert_eq!(found, NONE);
}
