//! Runs the real `filmgate` binary with an environment of the test's own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::bucket::TestBucket;

/// Builds the binary once and answers where it is.
///
/// # Panics
/// If it does not build.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        // The whole workspace is selected so that features are those of `cargo test --workspace`: nothing builds twice.
        let built = build(&["--workspace", "--bin", "filmgate"]);
        let executable = built.iter().find_map(|message| message.get("executable")?.as_str());
        executable.expect("cargo names the executable").into()
    })
}

/// Builds the program `rogue` once and answers where it is: a runner that a plugin has escaped into.
///
/// # Panics
/// If it does not build.
pub fn rogue() -> &'static Path {
    static ROGUE: OnceLock<PathBuf> = OnceLock::new();
    ROGUE.get_or_init(|| {
        let built = build(&["--workspace", "--bin", "rogue"]);
        let executable = built.iter().find_map(|message| message.get("executable")?.as_str());
        executable.expect("cargo names the executable").into()
    })
}

/// Builds the component `probe` of `tests/guests` once and answers where it is.
///
/// # Panics
/// If it does not build.
pub fn probe() -> &'static Path {
    static PROBE: OnceLock<PathBuf> = OnceLock::new();
    PROBE.get_or_init(|| {
        let built = build(&["--release", "--target", "wasm32-wasip2", "--package", "probe"]);
        let files = built.iter().filter_map(|message| message.get("filenames")?.as_array()).flatten();
        let component = files.filter_map(Value::as_str).find(|file| file.ends_with("/probe.wasm"));
        component.expect("cargo names the component").into()
    })
}

/// Runs `cargo build` and answers its messages: it says itself where things are, the target directory may be anywhere.
fn build(arguments: &[&str]) -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--message-format", "json"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("start cargo");
    assert!(built.status.success(), "cargo build {arguments:?} fails");
    let messages = String::from_utf8(built.stdout).expect("cargo writes UTF-8");
    messages.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// One run of the binary in a directory of its own.
pub struct Filmgate {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; absent where a signal killed it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Filmgate {
    /// An empty working directory and no variables.
    ///
    /// # Panics
    /// If there is no place for temporary files.
    #[expect(clippy::new_without_default, reason = "a place on disk is made")]
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("make a directory"), variables: Vec::new() }
    }

    /// The working directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file below the working directory.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::write(&path, content).expect("write a file");
        path
    }

    /// The compiled components in the data directory.
    ///
    /// # Panics
    /// If the folder cannot be listed.
    pub fn compiled(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.folder().join("filmgate-data/components")) else { return Vec::new() };
        let paths = entries.map(|entry| entry.expect("list the folder").path());
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "component")).collect()
    }

    /// Sets a variable; no other is set.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the variables of a bucket, its endpoint included. One that is set again later counts as set then.
    #[must_use]
    pub fn with_bucket(self, bucket: &TestBucket) -> Self {
        self.with("AWS_ACCESS_KEY_ID", &bucket.access_key_id)
            .with("AWS_SECRET_ACCESS_KEY", &bucket.secret_access_key)
            .with("AWS_REGION", &bucket.region)
            .with("S3_BUCKET_NAME", &bucket.name)
            .with("AWS_ENDPOINT_URL_S3", bucket.endpoint.as_str())
    }

    /// The command, ready to be started.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(self.folder()).env_clear().stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ended {
        Ended::of(self.command(arguments).output().expect("start filmgate"))
    }
}

impl Ended {
    /// Of a process that has ended.
    ///
    /// # Panics
    /// If it wrote something else than UTF-8.
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("filmgate writes UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The one object on standard output.
    ///
    /// # Panics
    /// If there is none, or more.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The last line of standard output.
    pub fn last_line(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }

    /// Everything it wrote.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}
