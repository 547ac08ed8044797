//! The workspace's guests, built once per process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The guests that end-to-end tests run.
const PACKAGES: [&str; 2] = ["probe", "recap"];

/// The plugin with many behaviours.
pub fn probe() -> &'static Path {
    &built()[0]
}

/// The reference plugin.
pub fn recap() -> &'static Path {
    &built()[1]
}

/// The components in the order of [`PACKAGES`]. Cargo says itself where it put them: its target directory can be anywhere.
fn built() -> &'static [PathBuf] {
    static BUILT: OnceLock<Vec<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--release", "--target", "wasm32-wasip2", "--message-format", "json"]);
        for package in PACKAGES {
            build.args(["--package", package]);
        }
        let output =
            build.current_dir(env!("CARGO_MANIFEST_DIR")).stderr(Stdio::inherit()).output().expect("run cargo");
        assert!(output.status.success(), "the guests could not be built");
        let messages: Vec<Value> =
            output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        PACKAGES.map(|package| component(&messages, package)).to_vec()
    })
}

fn component(messages: &[Value], package: &str) -> PathBuf {
    let named = format!("/{package}.wasm");
    let mut files = messages.iter().filter_map(|message| message["filenames"].as_array()).flatten();
    let path = files.find_map(|file| file.as_str().filter(|file| file.ends_with(&named)));
    PathBuf::from(path.unwrap_or_else(|| panic!("cargo built no {package}.wasm")))
}
