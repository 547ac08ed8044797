//! The project's own files.

use std::path::{Path, PathBuf};

/// A text file.
pub(crate) struct Source {
    /// From the project's root.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Path and number of each line, from 1, that `wanted` picks.
    pub(crate) fn lines_with(&self, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = String> {
        let numbered = self.text.lines().enumerate().filter(move |(_, line)| wanted(line));
        numbered.map(|(number, line)| format!("{}:{}: {}", self.path, number + 1, line.trim()))
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project").to_owned()
}

/// Every text file below the project's root, but for what is built, generated or not the project's.
pub(crate) fn all() -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    assert!(found.len() > 100, "only {} files", found.len());
    found
}

/// Every Rust file below one of these folders.
pub(crate) fn rust_below(folders: &[&str]) -> Vec<Source> {
    let below = |path: &str| folders.iter().any(|folder| path.starts_with(folder));
    all().into_iter().filter(|source| source.path.ends_with(".rs") && below(&source.path)).collect()
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    const NOT_OURS: [&str; 6] = [".git", "target", "filmgate-data", "out", "Cargo.lock", "deps"];
    for entry in std::fs::read_dir(folder).expect("read a folder") {
        let path = entry.expect("an entry").path();
        if path.file_name().and_then(|name| name.to_str()).is_some_and(|name| NOT_OURS.contains(&name)) {
            continue;
        }
        if path.is_dir() {
            collect(&path, found);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let path = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
            found.push(Source { path, text });
        }
    }
}
