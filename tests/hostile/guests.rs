//! The list of guests, made of their files by `tests/build.rs`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One hostile guest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guest {
    /// Its folder, and the module of its test.
    pub(crate) area: &'static str,
    /// Its file's name without extension, and its test's name.
    pub(crate) name: &'static str,
    /// What it does: its file's first line.
    pub(crate) attack: &'static str,
    /// Whether it is written as text.
    pub(crate) is_text: bool,
}

/// A constant for each guest. One that no test uses is an error: write its test.
mod all {
    #![deny(dead_code, reason = "this guest has no test: write one of its name in the module of its folder")]

    use super::Guest;

    include!(concat!(env!("OUT_DIR"), "/hostile_guests.rs"));
}
pub(crate) use all::*;

impl Guest {
    /// The name of its test.
    pub(crate) fn test(&self) -> String {
        format!("{}::{}", self.area, self.name)
    }

    /// The component: built by [`build`] into `folder`, or assembled.
    pub(crate) fn component(&self, folder: &Path) -> Vec<u8> {
        if self.is_text {
            let path = home().join(self.area).join(self.name).with_extension("wat");
            return crate::text::assemble(&std::fs::read_to_string(path).unwrap());
        }
        built(folder, &format!("{}_{}", self.area, self.name))
    }
}

/// The honest neighbour's component.
pub(crate) fn honest(folder: &Path) -> Vec<u8> {
    built(folder, "honest")
}

fn built(folder: &Path, name: &str) -> Vec<u8> {
    let path = folder.join(name).with_extension("wasm");
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{path:?}: {error}; is it in the table of {:?}?", home().join("Cargo.toml")))
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/hostile-plugins")
}

/// Builds every guest that is written in Rust and answers the folder they are in.
pub(crate) fn build() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2", "--message-format", "json"])
        .args(["--package", "hostile-plugins", "--examples", "--features", "guests"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(built.status.success(), "the hostile guests could not be built");
    let messages = built.stdout.split(|byte| *byte == b'\n');
    let messages = messages.filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok());
    let files: Vec<_> = messages.filter_map(|message| message["filenames"].as_array().cloned()).flatten().collect();
    let honest = files.iter().filter_map(|file| file.as_str()).find(|file| file.ends_with("/honest.wasm"));
    Path::new(honest.unwrap()).parent().unwrap().to_owned()
}
