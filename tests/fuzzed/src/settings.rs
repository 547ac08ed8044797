use std::fs;
use std::sync::LazyLock;

use filmgate::config::{Config, Sources};
use tempfile::TempDir;

/// Stands for every secret: no message may hold it.
const CANARY: &str = "canarySECRETx1";

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary directory"));

/// Settings: what stands before the first empty line are variables, `NAME=VALUE` a line; the rest is `filmgate.toml`.
///
/// They are refused with a list of faults, or are in their bounds; no secret is shown either way.
pub fn settings(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (variables, file) = text.split_once("\n\n").unwrap_or(("", &text));
    let path = FOLDER.path().join(format!("{:?}.toml", std::thread::current().id()));
    fs::write(&path, file).expect("write the settings");
    let secrets =
        [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", CANARY), ("AWS_SESSION_TOKEN", CANARY)];
    let variables = variables.lines().filter_map(|line| line.split_once('=')).chain(secrets);
    let sources = Sources::of_variables(variables, FOLDER.path()).with_config_file(Some(path));
    match Config::load(&sources) {
        Ok(config) => {
            assert!(!format!("{config:?}").contains(CANARY));
            assert!(config.budget.hostcall_bytes > 0 && config.budget.handles >= 64 && config.published_bytes > 0);
            assert!(config.data_dir.is_absolute());
        }
        Err(error) => {
            assert!(!error.problems().is_empty());
            assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
        }
    }
}
